//===- KernelFunction.cpp - a kernel's function and arguments -------------===//
#include "compiler/codegen/emitter/KernelFunction.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;

namespace dlc::emit {

/// NVPTX's number for global memory.
constexpr unsigned globalMemory = 1;

KernelFunction::KernelFunction(ModuleOp module, Location loc, StringRef symbol,
                               const Target &target, size_t numBuffers,
                               bool isTable)
    : loc(loc), hasTable(!target.isGpu || isTable) {
  OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
  pointerType = LLVM::LLVMPointerType::get(module.getContext(),
                                           target.isGpu ? globalMemory : 0);
  SmallVector<Type> arguments;
  if (target.isGpu)
    arguments.assign(isTable ? 2 : numBuffers, pointerType);
  else
    arguments = {pointerType, pointerType, b.getI64Type(), b.getI64Type()};
  function = func::FuncOp::create(b, loc, symbol,
                                  b.getFunctionType(arguments, {}));
  if (target.isGpu)
    function->setAttr(NVVM::NVVMDialect::getKernelFuncAttrName(),
                      b.getUnitAttr());
  function.addEntryBlock();
}

Value KernelFunction::pointer(OpBuilder &b, int64_t position) {
  if (!hasTable)
    return function.getArgument(position);
  Value slot = LLVM::GEPOp::create(b, loc, pointerType, pointerType,
                                   function.getArgument(0),
                                   ArrayRef<LLVM::GEPArg>{int32_t(position)});
  return LLVM::LoadOp::create(b, loc, pointerType, slot);
}

Value KernelFunction::pointer(OpBuilder &b, Value position) {
  assert(hasTable && "a position to compute needs a table");
  Value slot = LLVM::GEPOp::create(b, loc, pointerType, pointerType,
                                   function.getArgument(0),
                                   ArrayRef<LLVM::GEPArg>{position});
  return LLVM::LoadOp::create(b, loc, pointerType, slot);
}

Value KernelFunction::dim(OpBuilder &b, Value position) {
  assert(hasTable && "dims come with a table");
  Value slot = LLVM::GEPOp::create(b, loc, pointerType, b.getI64Type(),
                                   function.getArgument(1),
                                   ArrayRef<LLVM::GEPArg>{position});
  return LLVM::LoadOp::create(b, loc, b.getI64Type(), slot);
}

void KernelFunction::finish(OpBuilder &b) {
  b.setInsertionPointToEnd(&entry());
  func::ReturnOp::create(b, loc);
}

} // namespace dlc::emit
