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
#include "compiler/codegen/emitter/Threads.h"
#include "dialects/dlc/IR/Builders.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace dlc::emit {

/// 16 bytes of f32, which is what optimizers compute in.
constexpr unsigned gpuListLanes = 4;

void RegionEmitter::emitList(KernelFunction &function, ValueRange inputValues,
                             ValueRange outputValues, const List &list) {
  walk.vectorDim = 0;
  walk.isVectorDimKept = true;
  walk.areLanesThreads = false;
  walk.hasTileLoop = true;
  if (isGpu) {
    // Every slice is cut at multiples of a vector.
    walk.lanes = lanes = gpuListLanes;
    return emitListGroup(function, blockNumber(*this), inputValues,
                         outputValues, list);
  }
  auto loop = scf::ForOp::create(b, loc, function.firstGroup(),
                                 function.endGroup(), i64(1));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  emitListGroup(function, loop.getInductionVar(), inputValues, outputValues,
                list);
}

void RegionEmitter::emitListGroup(KernelFunction &function, Value group,
                                  ValueRange inputValues,
                                  ValueRange outputValues, const List &list) {
  auto dim = [&](int64_t which) -> Value {
    Value base = arith::MulIOp::create(b, loc, group, i64(3));
    return function.dim(b, arith::AddIOp::create(b, loc, base, i64(which)));
  };
  Value slice = dim(0), start = dim(1), count = dim(2);
  int64_t numInputs = int64_t(inputValues.size()) - list.shared;
  int64_t numOutputs = outputValues.size();
  auto inSlice = [&](int64_t first, int64_t perSlice, int64_t i) -> Value {
    Value offset = arith::MulIOp::create(b, loc, slice, i64(perSlice));
    Value position = arith::AddIOp::create(b, loc, offset, i64(first + i));
    return function.pointer(b, position);
  };
  for (auto [i, value] : llvm::enumerate(inputValues)) {
    int64_t position = i;
    Value base = position < list.shared
                     ? function.pointer(b, i64(position))
                     : inSlice(list.shared, numInputs, position - list.shared);
    inputs[value] = {base, elementTypeOf(value),
                     SmallVector<int64_t>(shapeOf(value))};
  }
  int64_t firstOutput = list.shared + list.slices * numInputs;
  for (auto [i, value] : llvm::enumerate(outputValues))
    outputs.push_back({inSlice(firstOutput, numOutputs, i),
                       elementTypeOf(value),
                       SmallVector<int64_t>(shapeOf(value))});
  emitRange(start, count, list.threads);
}

/// The body for elements [start, start + count) of the only dim. On a GPU each
/// of the group's threads does every `threads`-th vector, and the first thread
/// the rest.
void RegionEmitter::emitRange(Value start, Value count, unsigned threads) {
  // On CPUs the slice that gave the walk may have other lanes than this one.
  areTilesAligned = isGpu;
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
  Value first = start, step = width, thread;
  if (isGpu) {
    thread = threadNumber(*this);
    first = arith::AddIOp::create(
        b, loc, start, arith::MulIOp::create(b, loc, thread, width));
    step = i64(int64_t(walk.lanes) * threads);
  }
  auto vectors = scf::ForOp::create(b, loc, first, limit, step);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(vectors.getBody());
    body(vectors, vectors.getInductionVar());
  }
  Value hasRest = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, rest,
                                        i64(0));
  if (isGpu)
    hasRest = arith::AndIOp::create(
        b, loc, hasRest,
        arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, thread,
                              i64(0)));
  auto tail = scf::IfOp::create(b, loc, TypeRange(), hasRest, false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(tail.thenBlock());
  tailMask = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult,
                                   laneNumbers(), splat(rest));
  body(nullptr, limit);
  tailMask = nullptr;
}

} // namespace dlc::emit
