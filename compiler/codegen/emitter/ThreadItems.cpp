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
// Where a long sequential reduction has few items, threads of different warps
// share the steps of one, and partial results meet in workgroup memory. Long
// rows, which a workgroup shares, are in LongRows.cpp.
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

/// NVPTX's number for it.
constexpr unsigned workgroupMemory = 3;

void RegionEmitter::emitThreadItem() {
  if (walk.isRowShared)
    return emitSharedItem();
  Value thread = threadNumber(*this), block = blockNumber(*this);
  auto split = [&](int64_t count) -> Value {
    Value part = arith::RemUIOp::create(b, loc, thread, i64(count));
    thread = arith::DivUIOp::create(b, loc, thread, i64(count));
    return part;
  };
  if (walk.areLanesThreads)
    lane = split(walk.lanes);
  if (walk.rowThreads > 1) {
    column = split(walk.itemsPerGroup);
    group = thread;
    thread = column;
  }
  Value item =
      arith::MulIOp::create(b, loc, block, i64(walk.itemsPerGroup));
  item = arith::AddIOp::create(b, loc, item, thread);
  bool areAllActive = walk.items % walk.itemsPerGroup == 0;
  Value exists;
  if (!areAllActive)
    exists = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, item,
                                   i64(walk.items));
  bool meetsOthers =
      walk.areLanesThreads &&
      (walk.rowThreads > 1 || (walk.lanes > 1 && walk.lanes < warpLanes));
  if (meetsOthers) {
    // Threads without an item meet the others all the same.
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
  accumulators = meetLanes(op, accumulators, walk.lanes);
  return walk.rowThreads > 1 ? joinGroups(op, accumulators) : accumulators;
}

/// Joins the results of `count` neighbouring lanes.
RegionEmitter::Values RegionEmitter::meetLanes(Operation *op,
                                               Values accumulators,
                                               unsigned count) {
  const ReduceFunction *function = reduceFunctions().lookup(op);
  for (unsigned half = count / 2; half > 0; half /= 2) {
    Values others;
    for (Value value : accumulators)
      others.push_back(shuffleXor(*this, value, half));
    accumulators = function->merge(*this, op, accumulators, others);
  }
  return accumulators;
}

/// Array `number` of `element` in workgroup memory, of `size` elements.
Value RegionEmitter::sharedArray(Type element, unsigned number, int64_t size) {
  Value &slots = shared[{element, number}];
  if (slots)
    return slots;
  Operation *parent = b.getInsertionBlock()->getParentOp();
  auto kernel = dyn_cast<func::FuncOp>(parent);
  if (!kernel)
    kernel = parent->getParentOfType<func::FuncOp>();
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(kernel);
  auto array = LLVM::LLVMArrayType::get(element, size);
  std::string name =
      (kernel.getSymName() + "_shared_" + std::to_string(shared.size())).str();
  auto global = LLVM::GlobalOp::create(
      b, loc, array, /*isConstant=*/false, LLVM::Linkage::Internal, name,
      Attribute(), /*alignment=*/16, workgroupMemory);
  b.setInsertionPointToStart(&kernel.getBody().front());
  return slots = LLVM::AddressOfOp::create(b, loc, global);
}

/// The partial results of an item's threads in a balanced tree, as joinLanes.
/// Every thread has the result in the end.
RegionEmitter::Values RegionEmitter::joinGroups(Operation *op,
                                                Values accumulators) {
  const ReduceFunction *function = reduceFunctions().lookup(op);
  auto barrier = [&] { NVVM::Barrier0Op::create(b, loc); };
  Values slots;
  llvm::SmallDenseMap<Type, unsigned> count;
  for (Value value : accumulators)
    slots.push_back(sharedArray(value.getType(), count[value.getType()]++,
                                walk.threads));
  auto place = [&](unsigned i, Value row) -> Value {
    Value position =
        arith::MulIOp::create(b, loc, row, i64(walk.itemsPerGroup));
    position = arith::AddIOp::create(b, loc, position, column);
    return LLVM::GEPOp::create(b, loc, slots[i].getType(),
                               accumulators[i].getType(), slots[i],
                               ArrayRef<LLVM::GEPArg>{position});
  };
  auto loadAll = [&](Value row) {
    Values loaded;
    for (auto [i, value] : llvm::enumerate(accumulators))
      loaded.push_back(
          LLVM::LoadOp::create(b, loc, value.getType(), place(i, row)));
    return loaded;
  };
  auto storeAll = [&](ArrayRef<Value> values) {
    for (auto [i, value] : llvm::enumerate(values))
      LLVM::StoreOp::create(b, loc, value, place(i, group));
  };
  // What the slots held before has been read.
  barrier();
  storeAll(accumulators);
  for (unsigned half = walk.rowThreads / 2; half > 0; half /= 2) {
    barrier();
    Value isLower = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult,
                                          group, i64(half));
    auto choice = scf::IfOp::create(b, loc, TypeRange(), isLower, false);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(choice.thenBlock());
    Value other = arith::AddIOp::create(b, loc, group, i64(half));
    storeAll(function->merge(*this, op, loadAll(group), loadAll(other)));
  }
  barrier();
  return loadAll(i64(0));
}

/// What a row's scalars are computed from may lie where they are stored: all
/// lanes have read before one stores.
void RegionEmitter::awaitLanes() {
  if (walk.rowThreads > 1 || walk.isRowShared)
    NVVM::Barrier0Op::create(b, loc);
  else if (walk.areLanesThreads && walk.lanes > 1)
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

/// Of those that have an item together; null if it has one thread.
Value RegionEmitter::isFirstThread() {
  Value number = walk.isRowShared      ? firstElement
                 : walk.rowThreads > 1 ? group
                                       : lane;
  if (!walk.isRowShared && walk.rowThreads == 1 && walk.lanes == 1)
    return nullptr;
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, number,
                               i64(0));
}

void RegionEmitter::storeByThread(const Buffer &buffer, AffineExpr offset,
                                  Value value) {
  Value condition = isActive;
  if (dependsOnLane(offset))
    condition = joinMasks(condition, tailMask);
  else
    condition = joinMasks(condition, isFirstThread());
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
