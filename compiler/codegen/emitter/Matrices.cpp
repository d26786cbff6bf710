//===- Matrices.cpp - tensor cores of a GPU -------------------------------===//
#include "compiler/codegen/emitter/Matrices.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace dlc::emit {

Value callIntrinsic(ElementBuilder &e, StringRef name, Type result,
                    ValueRange arguments) {
  StringAttr full = e.b.getStringAttr("llvm.nvvm." + name);
  if (!result) {
    LLVM::CallIntrinsicOp::create(e.b, e.loc, full, arguments);
    return nullptr;
  }
  return LLVM::CallIntrinsicOp::create(e.b, e.loc, result, full, arguments)
      .getResult(0);
}

static Type fourOf(ElementBuilder &e, Type type) {
  return LLVM::LLVMStructType::getLiteral(e.b.getContext(),
                                          {type, type, type, type});
}

SmallVector<Value> loadMatrices(ElementBuilder &e, Value address,
                                bool isTransposed) {
  Value loaded =
      callIntrinsic(e,
                    isTransposed ? "ldmatrix.sync.aligned.m8n8.x4.trans.b16"
                                 : "ldmatrix.sync.aligned.m8n8.x4.b16",
                    fourOf(e, e.b.getI32Type()), address);
  SmallVector<Value> words;
  for (int64_t i = 0; i < 4; ++i)
    words.push_back(LLVM::ExtractValueOp::create(e.b, e.loc, loaded, i));
  return words;
}

void multiplyMatrices(ElementBuilder &e, Type element,
                      MutableArrayRef<Value> sums, ValueRange left,
                      ValueRange right) {
  SmallVector<Value> arguments;
  for (ValueRange words : {left, right})
    for (Value word : words)
      arguments.push_back(
          element.isF16()
              ? Value(LLVM::BitcastOp::create(
                    e.b, e.loc, VectorType::get({2}, element), word))
              : word);
  arguments.append(sums.begin(), sums.end());
  Value product =
      callIntrinsic(e,
                    element.isF32()    ? "mma.m16n8k8.row.col.tf32"
                    : element.isBF16() ? "mma.m16n8k16.row.col.bf16"
                                       : "mma.m16n8k16.row.col.f32.f32",
                    fourOf(e, e.b.getF32Type()), arguments);
  for (int64_t i = 0; i < 4; ++i)
    sums[i] = LLVM::ExtractValueOp::create(e.b, e.loc, product, i);
}

} // namespace dlc::emit
