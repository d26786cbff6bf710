//===- ListEmitter.cpp - one kernel over a list of slices -----------------===//
//
//   for g in [first, end):
//     slice, start, count = dims[3 g], dims[3 g + 1], dims[3 g + 2]
//     the slice's pointers from the buffer table
//     for full vectors in the range: body
//     the rest under a mask
//
//===----------------------------------------------------------------------===//
#include "compiler/codegen/emitter/RegionEmitter.h"
#include "dialects/dlc/IR/Builders.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace dlc::emit {

Value RegionEmitter::loadPointer(Value buffers, Value position) {
  Type pointer = LLVM::LLVMPointerType::get(b.getContext());
  Value slot = LLVM::GEPOp::create(b, loc, pointer, pointer, buffers,
                                   ArrayRef<LLVM::GEPArg>{position});
  return LLVM::LoadOp::create(b, loc, pointer, slot);
}

void RegionEmitter::emitList(const Call &call, ValueRange inputValues,
                             ValueRange outputValues, int64_t shared,
                             int64_t numSlices) {
  walk.vectorDim = 0;
  walk.isVectorDimKept = true;
  walk.hasTileLoop = true;
  auto loop = scf::ForOp::create(b, loc, call.first, call.end, i64(1));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  auto dim = [&](int64_t which) -> Value {
    Value base =
        arith::MulIOp::create(b, loc, loop.getInductionVar(), i64(3));
    Value position = arith::AddIOp::create(b, loc, base, i64(which));
    Value slot = LLVM::GEPOp::create(
        b, loc, call.dims.getType(), b.getI64Type(), call.dims,
        ArrayRef<LLVM::GEPArg>{position});
    return LLVM::LoadOp::create(b, loc, b.getI64Type(), slot);
  };
  Value slice = dim(0), start = dim(1), count = dim(2);
  int64_t numInputs = int64_t(inputValues.size()) - shared;
  int64_t numOutputs = outputValues.size();
  auto inSlice = [&](int64_t first, int64_t perSlice, int64_t i) -> Value {
    Value offset = arith::MulIOp::create(b, loc, slice, i64(perSlice));
    return loadPointer(call.buffers,
                       arith::AddIOp::create(b, loc, offset, i64(first + i)));
  };
  for (auto [i, value] : llvm::enumerate(inputValues)) {
    int64_t position = i;
    Value base = position < shared
                     ? loadPointer(call.buffers, i64(position))
                     : inSlice(shared, numInputs, position - shared);
    inputs[value] = {base, elementTypeOf(value),
                     SmallVector<int64_t>(shapeOf(value))};
  }
  int64_t firstOutput = shared + numSlices * numInputs;
  for (auto [i, value] : llvm::enumerate(outputValues))
    outputs.push_back({inSlice(firstOutput, numOutputs, i),
                       elementTypeOf(value),
                       SmallVector<int64_t>(shapeOf(value))});
  emitRange(start, count);
}

/// The body for elements [start, start + count) of the only dim.
void RegionEmitter::emitRange(Value start, Value count) {
  areTilesAligned = false;
  Value width = i64(walk.lanes);
  Value rest = arith::RemUIOp::create(b, loc, count, width);
  Value full = arith::SubIOp::create(b, loc, count, rest);
  Value limit = arith::AddIOp::create(b, loc, start, full);
  scopes.clear();
  reductionResults.clear();
  scopes.emplace_back().dims.resize(1);
  auto body = [&](Operation *before, Value at) {
    scopes.front().before = before;
    scopes.resize(1);
    scopes.emplace_back().dims = {at};
    emitRow();
  };
  auto vectors = scf::ForOp::create(b, loc, start, limit, width);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(vectors.getBody());
    body(vectors, vectors.getInductionVar());
  }
  Value hasRest = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, rest,
                                        i64(0));
  auto tail = scf::IfOp::create(b, loc, TypeRange(), hasRest, false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(tail.thenBlock());
  tailMask = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult,
                                   laneNumbers(), splat(rest));
  body(nullptr, limit);
  tailMask = nullptr;
}

} // namespace dlc::emit
