//===- ThreadItems.cpp - regions on the threads of a GPU ------------------===//
//
// An item of the grid belongs to one thread, whose vector is what it accesses
// at once, or, where a reduction has lanes, to as many threads of a warp as
// there are lanes:
//
//   item of a thread (map, column)      item of L threads (row)
//     vectors of kept elements            lane l walks the elements l, l + L, …
//     sequential reductions               partial results meet by shuffles
//     stores its vectors                  each stores its elements, lane 0 rows
//
//===----------------------------------------------------------------------===//
#include "compiler/codegen/emitter/RegionEmitter.h"
#include "compiler/codegen/emitter/Threads.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace dlc::emit {

void RegionEmitter::emitThreadItem() {
  Value thread = threadNumber(*this), block = blockNumber(*this);
  if (walk.areLanesThreads) {
    Value perItem = i64(walk.lanes);
    lane = arith::RemUIOp::create(b, loc, thread, perItem);
    thread = arith::DivUIOp::create(b, loc, thread, perItem);
  }
  Value item =
      arith::MulIOp::create(b, loc, block, i64(walk.itemsPerGroup));
  item = arith::AddIOp::create(b, loc, item, thread);
  bool areAllActive = walk.items % walk.itemsPerGroup == 0;
  Value exists;
  if (!areAllActive)
    exists = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, item,
                                   i64(walk.items));
  if (walk.areLanesThreads && walk.lanes < warpLanes) {
    // All threads of a warp have to take part in its shuffles.
    isActive = exists;
    if (exists)
      item = arith::SelectOp::create(b, loc, exists, item, i64(0));
    return emitItem(item);
  }
  if (!exists)
    return emitItem(item);
  auto choice = scf::IfOp::create(b, loc, TypeRange(), exists, false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(choice.thenBlock());
  emitItem(item);
}

/// As joinLanes: lane l of the lower half meets lane l of the upper one. Both
/// compute the same, so every lane has the result in the end.
RegionEmitter::Values RegionEmitter::joinThreads(Operation *op,
                                                 Values accumulators) {
  const ReduceFunction *function = reduceFunctions().lookup(op);
  for (unsigned half = walk.lanes / 2; half > 0; half /= 2) {
    Values others;
    for (Value value : accumulators)
      others.push_back(shuffleXor(*this, value, half));
    accumulators = function->merge(*this, op, accumulators, others);
  }
  return accumulators;
}

/// What a row's scalars are computed from may lie where they are stored: all
/// lanes have read before one stores.
void RegionEmitter::awaitLanes() {
  if (walk.areLanesThreads && walk.lanes > 1)
    NVVM::SyncWarpOp::create(b, loc, integer(b.getI32Type(), -1));
}

/// The steps along the row one after the other, without a loop. What one sweep
/// has read and computed at a step, the next sweep finds there.
RegionEmitter::Values
RegionEmitter::emitHeldRow(Values accumulators,
                           function_ref<Values(Values)> body) {
  int64_t size = plan.space.getDims()[walk.vectorDim];
  heldValues.resize(llvm::divideCeil(size, walk.lanes));
  for (auto [step, held] : llvm::enumerate(heldValues)) {
    int64_t start = int64_t(step) * walk.lanes;
    scopes.back().values = std::move(held);
    scopes.back().dims[walk.vectorDim] = i64(start);
    bool isTail = start + walk.lanes > size;
    if (isTail)
      tailMask = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, lane,
                                       i64(size - start));
    Values updated = body(accumulators);
    if (isTail)
      for (auto [value, old] : llvm::zip_equal(updated, accumulators))
        value = select(tailMask, value, old);
    tailMask = nullptr;
    accumulators = std::move(updated);
    held = std::move(scopes.back().values);
  }
  return accumulators;
}

void RegionEmitter::storeByThread(const Buffer &buffer, AffineExpr offset,
                                  Value value) {
  Value condition = isActive;
  if (dependsOnLane(offset))
    condition = joinMasks(condition, tailMask);
  else
    condition = joinMasks(condition,
                          arith::CmpIOp::create(b, loc,
                                                arith::CmpIPredicate::eq, lane,
                                                i64(0)));
  Value stored = toMemory(value, buffer.storage);
  Value place = address(buffer, emitExpr(offset));
  unsigned alignment = buffer.storage.getIntOrFloatBitWidth() / 8;
  OpBuilder::InsertionGuard guard(b);
  if (condition) {
    auto choice = scf::IfOp::create(b, loc, TypeRange(), condition, false);
    b.setInsertionPointToStart(choice.thenBlock());
  }
  LLVM::StoreOp::create(b, loc, stored, place,
                        std::max(alignment, 1u));
}

} // namespace dlc::emit
