//===- LongRows.cpp - rows that a workgroup shares ------------------------===//
//
// The order of its sums is dialects/dlc/indexing/LongRows.h's: a thread walks
// vectors of neighbouring elements, a workgroup apart. Several of them make a
// tile, in which nothing waits for what it need not:
//
//   for each sweep:
//     for each tile:
//       load the vectors of all steps
//       compute and accumulate them, step by step
//       store the vectors of all steps
//     steps that no whole tile has, one by one
//     join: vector, shuffles, one element per warp in workgroup memory
//   thread 0 stores the row's scalars
//
// A kernel may store over what it reads. Loads of a tile stand before its
// stores, and no thread reads an element of the row that another one stores.
//
//===----------------------------------------------------------------------===//
#include "compiler/codegen/emitter/RegionEmitter.h"
#include "compiler/codegen/emitter/Threads.h"
#include "dialects/dlc/IR/Builders.h"
#include "dialects/dlc/indexing/LongRows.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace dlc::emit {

/// Registers of a thread for partial sums and what a tile has in flight; with
/// as many for addresses and the computation, two workgroups have 1024 threads.
constexpr int64_t mostRegisters = 32;
constexpr int64_t addressRegisters = 2;
constexpr unsigned mostSteps = 8;
constexpr int64_t residentThreads = 1024;

namespace {

/// What a sweep keeps in registers, for all steps of a tile and for each.
struct SweepRegisters {
  int64_t held = 0, read = 0, written = 0;
  int64_t perStep() const { return std::max({read, written, int64_t(1)}); }
};

} // namespace

static int64_t registersOf(Type element, int64_t lanes) {
  return llvm::divideCeil(element.getIntOrFloatBitWidth() * lanes, 32);
}

static SmallVector<SweepRegisters> countRegisters(const RegionPlan &plan,
                                                  const Walk &walk) {
  SmallVector<SweepRegisters> sweeps(plan.levels + 2);
  llvm::DenseSet<std::tuple<Value, AffineExpr, unsigned>> seen;
  for (const RegionLeaf &leaf : plan.leaves) {
    if (!leaf.sweep ||
        !seen.insert({leaf.value, leaf.offset, leaf.sweep}).second)
      continue;
    int64_t &read = sweeps[leaf.sweep].read;
    read += registersOf(elementTypeOf(leaf.value), walk.lanes);
    // Each element has an address of its own, such as one modulo a width.
    if (!linearCoefficient(leaf.offset, walk.vectorDim))
      read += addressRegisters * walk.lanes;
  }
  for (const RegionReduction &reduction : plan.reductions) {
    // Positions of extremes have the extreme beside them.
    SmallVector<Type> kinds(reduction.op->getResultTypes());
    if (isa<ArgMaxOp, ArgMinOp>(reduction.op))
      kinds.push_back(reduction.op->getOperand(0).getType());
    for (Type type : kinds)
      sweeps[reduction.level].held += registersOf(
          computeType(cast<RankedTensorType>(type).getElementType()),
          walk.lanes);
  }
  for (const RegionOutput &output : plan.outputs)
    if (!output.isPerRow)
      sweeps[output.level + 1].written +=
          registersOf(elementTypeOf(output.value), walk.lanes);
  return sweeps;
}

/// Steps of a tile: as few rounds of memory accesses as registers allow.
static void chooseSteps(const RegionPlan &plan, Walk &walk, int64_t size) {
  int64_t most = mostSteps;
  for (const SweepRegisters &sweep : countRegisters(plan, walk)) {
    int64_t left = mostRegisters - sweep.held;
    if (left <= sweep.perStep()) {
      // It gets twice as many instead.
      walk.residentGroups = 1;
      left += mostRegisters;
    }
    most = std::clamp<int64_t>(left / sweep.perStep(), 1, most);
  }
  int64_t all = size / (int64_t(walk.lanes) * walk.threads), least = all;
  for (unsigned steps = 2; steps <= most; ++steps)
    if (int64_t rounds = all / steps + all % steps; rounds < least) {
      walk.tileSteps = steps;
      least = rounds;
    }
}

bool shareRow(const RegionPlan &plan, Walk &walk) {
  if (walk.isVectorDimKept || plan.reduced.empty())
    return false;
  unsigned dim = walk.vectorDim - plan.kept.size();
  int64_t size = plan.reduced[dim];
  // The sums' own length decides, in whatever box a kernel walks them.
  if (plan.order &&
      (!plan.order->dim || plan.order->box[*plan.order->dim] != size))
    return false;
  SharedRow row = sharedRow(size);
  if (!row.threads)
    return false;
  walk.isRowShared = true;
  walk.lanes = row.elements;
  walk.threads = row.threads;
  walk.hasTileLoop = false;
  walk.items = walk.groups = plan.keptCount();
  walk.itemsPerGroup = 1;
  walk.residentGroups = std::max<int64_t>(residentThreads / row.threads, 1);
  chooseSteps(plan, walk, size);
  return true;
}

void RegionEmitter::emitSharedItem() {
  firstElement =
      arith::MulIOp::create(b, loc, threadNumber(*this), i64(walk.lanes));
  emitItem(blockNumber(*this));
}

//===- Tiles --------------------------------------------------------------===//

RegionEmitter::Values RegionEmitter::emitSharedRow(Values accumulators) {
  int64_t size = plan.space.getDims()[walk.vectorDim];
  int64_t step = int64_t(walk.lanes) * walk.threads;
  int64_t tile = step * walk.tileSteps, end = size / tile * tile;
  if (end > 0)
    accumulators = emitTileLoop(0, end, walk.tileSteps, accumulators);
  if (end < size)
    accumulators = emitTileLoop(end, size, 1, accumulators);
  return accumulators;
}

/// The elements [start, end), of which every thread has whole tiles of `steps`
/// vectors, if not as many.
RegionEmitter::Values RegionEmitter::emitTileLoop(int64_t start, int64_t end,
                                                  unsigned steps,
                                                  Values accumulators) {
  Scope &outer = scopes[scopes.size() - 2];
  Value first = arith::AddIOp::create(b, loc, firstElement, i64(start));
  auto loop = scf::ForOp::create(
      b, loc, first, i64(end), i64(int64_t(walk.lanes) * walk.threads * steps),
      accumulators);
  if (!outer.before)
    outer.before = loop;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Values results =
      emitTile(loop.getInductionVar(), steps, Values(loop.getRegionIterArgs()));
  // Without results the loop came with its terminator.
  if (!results.empty())
    scf::YieldOp::create(b, loc, results);
  return Values(loop.getResults());
}

RegionEmitter::Values RegionEmitter::emitTile(Value start, unsigned steps,
                                              Values accumulators) {
  Values positions;
  for (unsigned i = 0; i < steps; ++i)
    positions.push_back(arith::AddIOp::create(
        b, loc, start, i64(int64_t(walk.lanes) * walk.threads * i)));
  // What is known at each step.
  std::vector<std::map<std::vector<const void *>, Value>> known(steps);
  auto forEachStep = [&](function_ref<void(unsigned)> body) {
    for (unsigned i = 0; i < steps; ++i) {
      scopes.back().values = std::move(known[i]);
      scopes.back().dims[walk.vectorDim] = positions[i];
      body(i);
      known[i] = std::move(scopes.back().values);
    }
  };
  std::vector<Values> values(steps);
  forEachStep([&](unsigned) { fetchSweep(); });
  forEachStep([&](unsigned i) {
    accumulators = combineAll(std::move(accumulators));
    values[i] = storedValues(sweepOutputs);
    // As narrow as they get: they wait for the tile's end.
    for (auto [output, value] : llvm::zip_equal(sweepOutputs, values[i])) {
      Type storage = elementTypeOf(output->value);
      if (isa<BFloat16Type, Float16Type>(storage))
        value = toMemory(splat(value), storage);
    }
  });
  forEachStep([&](unsigned i) { storeValues(sweepOutputs, values[i]); });
  return accumulators;
}

//===- Loads before everything else ---------------------------------------===//

/// Loads the vectors that the sweep reads here.
void RegionEmitter::fetchSweep() {
  Fetched fetched;
  for (const RegionReduction *reduction : sweepReductions)
    fetchOperands(reduction->op, reduction->at, reduction->step, nullptr,
                  fetched);
  for (const RegionOutput *output : sweepOutputs)
    fetch(output->value, output->at, nullptr, fetched);
}

/// As emitAccesses goes.
void RegionEmitter::fetchOperands(Operation *op, const Index &at,
                                  const Index &step, Value mask,
                                  Fetched &fetched) {
  SmallVector<Access> accesses;
  accessRules().lookup(op)->accesses(op, plan.space, at, step, accesses);
  for (const Access &access : accesses)
    fetch(op->getOperand(access.operand), access.index,
          joinMasks(mask, emitGuards(access.guards)), fetched);
}

void RegionEmitter::fetch(Value value, const Index &at, Value mask,
                          Fetched &fetched) {
  if (reductionResults.contains(value) ||
      llvm::none_of(at, [&](AffineExpr e) { return dependsOnLane(e); }))
    return;
  std::vector<const void *> key = {value.getAsOpaquePointer(),
                                   mask ? mask.getAsOpaquePointer() : nullptr};
  for (AffineExpr expr : at)
    key.push_back(expr.getAsOpaquePointer());
  if (!fetched.insert(std::move(key)).second)
    return;
  Operation *op = value.getDefiningOp();
  if (op && members.contains(op))
    return fetchOperands(op, at, {}, mask, fetched);
  const Buffer &buffer = inputs.find(value)->second;
  AffineExpr offset = plan.space.linearize(at, buffer.shape);
  if (dependsOnLane(offset))
    loadRaw(buffer, offset, mask);
}

//===- Where threads meet -------------------------------------------------===//

/// The sweep's partial sums: of a vector, of a warp, of the workgroup. Every
/// thread has the results in the end, after one barrier for all of them.
RegionEmitter::Values RegionEmitter::joinShared(Values accumulators) {
  if (accumulators.empty())
    return accumulators;
  Value thread = arith::DivUIOp::create(b, loc, firstElement, i64(walk.lanes));
  Value inWarp = arith::RemUIOp::create(b, loc, thread, i64(warpLanes));
  Value warp = arith::DivUIOp::create(b, loc, thread, i64(warpLanes));
  int64_t warps = walk.threads / warpLanes;
  auto place = [&](Value slots, Type type, Value position) -> Value {
    return LLVM::GEPOp::create(b, loc, slots.getType(), type, slots,
                               ArrayRef<LLVM::GEPArg>{position});
  };
  Values joined, slots;
  size_t position = 0;
  SmallVector<std::pair<Operation *, unsigned>> counts;
  for (const RegionReduction *reduction : sweepReductions) {
    Operation *op = reduction->op;
    unsigned count = reduceFunctions().lookup(op)->init(*this, op).size();
    counts.push_back({op, count});
    Values own(accumulators.begin() + position,
               accumulators.begin() + position + count);
    position += count;
    for (Value value : meetLanes(op, joinLanes(op, own), warpLanes)) {
      joined.push_back(value);
      // Its own for each sum: what one sweep reads no other writes.
      slots.push_back(sharedArray(value.getType(), shared.size(), warps));
    }
  }
  Value isFirst =
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, inWarp, i64(0));
  auto choice = scf::IfOp::create(b, loc, TypeRange(), isFirst, false);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(choice.thenBlock());
    for (auto [value, slot] : llvm::zip_equal(joined, slots))
      LLVM::StoreOp::create(b, loc, value, place(slot, value.getType(), warp));
  }
  NVVM::Barrier0Op::create(b, loc);
  Value part = arith::RemUIOp::create(b, loc, inWarp, i64(warps));
  for (auto [value, slot] : llvm::zip_equal(joined, slots))
    value = LLVM::LoadOp::create(b, loc, value.getType(),
                                 place(slot, value.getType(), part));
  Values results;
  position = 0;
  for (auto [op, count] : counts) {
    Values own(joined.begin() + position, joined.begin() + position + count);
    position += count;
    llvm::append_range(results, meetLanes(op, own, unsigned(warps)));
  }
  return results;
}

} // namespace dlc::emit
