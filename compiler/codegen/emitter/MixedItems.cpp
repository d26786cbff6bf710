//===- MixedItems.cpp - rows walked along and across at once --------------===//
//
// A mixed region (dialects/dlc/indexing/Region.h) reduces rows, and sums over
// the rows of a group. A workgroup has a group, which it walks in tiles of rows:
//
//   for each tile of rows
//     along    a warp per row: lane l walks the elements l, l + 32, …; partial
//              sums meet by shuffles, the row's scalars go to workgroup memory
//     -- all threads meet --
//     across   a thread has the same columns in all rows: it reads the row's
//              elements again (they are in the cache), stores what is computed
//              of them, and adds to the column sums, which it keeps in registers
//     -- all threads meet --
//   teams of threads, which had different rows, add up in workgroup memory; one
//   partial sum per group and column goes to memory
//
// Lanes along a row are the partial sums of its order, which is the CPU's, and
// so are one element apart. Across, accesses are 16 bytes of f32 where columns
// allow it. A row's elements need not stay in registers between the two, and
// column sums not in each lane of each warp, which no thread has room for.
//
//===----------------------------------------------------------------------===//
#include "compiler/codegen/emitter/RegionEmitter.h"
#include "compiler/codegen/emitter/Threads.h"
#include "compiler/codegen/emitter/elements/Sum.h"
#include "dialects/dlc/IR/Builders.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

#include <numeric>

using namespace mlir;

namespace dlc::emit {

//===- Walk ---------------------------------------------------------------===//

/// Threads of a workgroup: several workgroups share a processor, so that some
/// read while others meet.
constexpr int64_t mixedThreads = 256;
/// Steps along a row without a loop, and registers that they may hold if several
/// sweeps read the same.
constexpr int64_t mostSteps = 64, mostHeldValues = 96;

/// Elements that a thread accesses at once: 16 bytes of the type that most is
/// computed in, less where rows would not stay aligned.
static unsigned acrossLanes(const RegionPlan &plan) {
  unsigned lanes = 4;
  auto look = [&](Value value) {
    if (elementTypeOf(value).isF64())
      lanes = std::min(lanes, 2u);
  };
  for (const RegionLeaf &leaf : plan.leaves)
    look(leaf.value);
  for (const RegionOutput &output : plan.outputs)
    look(output.value);
  while (plan.reduced[0] % lanes != 0)
    lanes /= 2;
  return lanes;
}

/// Whether the steps along a row are straight code: so many loads are under way
/// at once. Sweeps after the first find what it has read in registers.
static bool isStraight(const RegionPlan &plan) {
  int64_t steps = llvm::divideCeil(plan.reduced[0], int64_t(warpLanes));
  llvm::SmallDenseSet<AffineExpr> seen;
  int64_t reads = 0;
  for (const RegionLeaf &leaf : plan.leaves)
    reads += leaf.sweep > 0 && leaf.sweep <= plan.levels &&
             seen.insert(leaf.offset).second;
  return steps <= mostSteps &&
         (plan.levels == 1 || steps * reads <= mostHeldValues);
}

MixedWalk chooseMixedWalk(const RegionPlan &plan) {
  MixedWalk mixed;
  int64_t columns = plan.reduced[0], rows = plan.kept[1];
  unsigned lanes = acrossLanes(plan);
  int64_t vectors = columns / lanes;
  mixed.vectors = llvm::divideCeil(vectors, mixedThreads);
  mixed.teamThreads = llvm::divideCeil(vectors, mixed.vectors);
  mixed.teams = std::clamp<int64_t>(mixedThreads / mixed.teamThreads, 1, rows);
  unsigned threads =
      llvm::alignTo(mixed.teamThreads * mixed.teams, int64_t(warpLanes));
  int64_t warps = threads / warpLanes;
  mixed.rowsAtOnce = rows % (2 * mixed.teams) == 0 ? 2 : 1;
  // All rows that a team begins with are of the tile.
  mixed.tileRows = mixed.rowsAtOnce > 1
                       ? std::lcm(warps, 2 * mixed.teams)
                       : llvm::alignTo(mixed.teams, warps);

  Walk &along = mixed.along;
  along.vectorDim = plan.kept.size();
  along.lanes = warpLanes;
  along.isVectorDimKept = false;
  along.areLanesThreads = true;
  along.isRowHeld = isStraight(plan);
  along.threads = threads;
  along.hasTileLoop = false;
  along.items = along.groups = plan.kept[0];
  along.itemsPerGroup = 1;
  // Straight code, too: what is the same for all rows comes before the tiles.
  mixed.across = along;
  mixed.across.lanes = lanes;
  mixed.across.isVectorDimKept = true;
  mixed.across.areLanesThreads = false;
  mixed.across.isRowHeld = true;
  return mixed;
}

//===- Tiles --------------------------------------------------------------===//

/// The reductions along rows that outputs per element and column sums need.
static SmallVector<Value>
readAcross(const RegionPlan &plan,
           const llvm::DenseSet<Operation *> &members) {
  llvm::DenseSet<Value> reductions, seen;
  for (const RegionReduction &reduction : plan.reductions)
    reductions.insert_range(reduction.op->getResults());
  SmallVector<Value> pending, found;
  for (const RegionOutput &output : plan.outputs)
    if (!output.isPerRow && !output.isPerColumn)
      pending.push_back(output.value);
  for (const RegionColumnSum &sum : plan.columnSums)
    pending.push_back(sum.op->getOperand(0));
  while (!pending.empty()) {
    Value value = pending.pop_back_val();
    if (!seen.insert(value).second)
      continue;
    Operation *op = value.getDefiningOp();
    if (reductions.contains(value))
      found.push_back(value);
    else if (op && members.contains(op))
      llvm::append_range(pending, op->getOperands());
  }
  return found;
}

void RegionEmitter::emitMixed() {
  Value thread = threadNumber(*this), block = blockNumber(*this);
  auto quotient = [&](int64_t count) -> Value {
    return arith::DivUIOp::create(b, loc, thread, i64(count));
  };
  auto rest = [&](int64_t count) -> Value {
    return arith::RemUIOp::create(b, loc, thread, i64(count));
  };
  lane = rest(warpLanes);
  warp = quotient(warpLanes);
  team = quotient(mixed->teamThreads);
  place = rest(mixed->teamThreads);
  rowScalars = readAcross(plan, members);
  for (unsigned i = 0; i < rowScalars.size(); ++i)
    slotAddress(i, i64(0));

  // Vectors beyond the last read it again, and store nothing.
  int64_t width = mixed->across.lanes, count = plan.reduced[0] / width;
  for (int64_t vector = 0; vector < mixed->vectors; ++vector) {
    Value number = arith::AddIOp::create(b, loc, place,
                                         i64(vector * mixed->teamThreads));
    number = arith::MinUIOp::create(b, loc, number, i64(count - 1));
    Scope &scope = columnScopes.emplace_back();
    scope.dims = {block, Value(),
                  arith::MulIOp::create(b, loc, number, i64(width))};
  }
  Values sums;
  lanes = width;
  for (int64_t vector = 0; vector < mixed->vectors; ++vector)
    for (const RegionColumnSum &sum : plan.columnSums)
      sums.push_back(splat(initSum(*this, sum.op).front()));

  int64_t tiles = llvm::divideCeil(plan.kept[1], mixed->tileRows);
  auto loop = scf::ForOp::create(b, loc, i64(0), i64(tiles), i64(1), sums);
  for (Scope &scope : columnScopes)
    scope.before = loop;
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value first = arith::MulIOp::create(b, loc, loop.getInductionVar(),
                                        i64(mixed->tileRows));
    emitTileAlong(first);
    NVVM::Barrier0Op::create(b, loc);
    sums = emitTileAcross(first, Values(loop.getRegionIterArgs()));
    // The scalars have been read.
    NVVM::Barrier0Op::create(b, loc);
    scf::YieldOp::create(b, loc, sums);
  }
  for (Scope &scope : columnScopes)
    scope.before = nullptr;
  emitColumnSums(Values(loop.getResults()));
}

/// Where row scalar `number` of the row at `place` in the tile is kept.
Value RegionEmitter::slotAddress(unsigned number, Value place) {
  Value scalar = rowScalars[number];
  Type type = computeType(elementTypeOf(scalar));
  Value slots = sharedArray(type, number, mixed->tileRows);
  return LLVM::GEPOp::create(b, loc, slots.getType(), type, slots,
                             ArrayRef<LLVM::GEPArg>{place});
}

//===- Along rows ---------------------------------------------------------===//

/// Each warp has the tile's rows warp, warp + warps, …
void RegionEmitter::emitTileAlong(Value firstRow) {
  walk = mixed->along;
  lanes = 0;
  int64_t warps = walk.threads / warpLanes, rows = plan.kept[1];
  auto emitRowAt = [&](Value place) {
    Value row = arith::AddIOp::create(b, loc, firstRow, place);
    OpBuilder::InsertionGuard guard(b);
    if (rows % mixed->tileRows != 0) {
      // Whole warps do or do not have a row.
      Value exists = arith::CmpIOp::create(
          b, loc, arith::CmpIPredicate::ult, row, i64(rows));
      auto choice = scf::IfOp::create(b, loc, TypeRange(), exists, false);
      b.setInsertionPointToStart(choice.thenBlock());
    }
    emitRowAlong(row, place);
  };
  if (mixed->tileRows == warps)
    return emitRowAt(warp);
  auto loop = scf::ForOp::create(b, loc, warp, i64(mixed->tileRows),
                                 i64(warps));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  emitRowAt(loop.getInductionVar());
}

void RegionEmitter::emitRowAlong(Value row, Value place) {
  scopes.clear();
  heldValues.clear();
  reductionResults.clear();
  scopes.emplace_back().dims = {columnScopes.front().dims[0], row, Value()};
  for (unsigned sweep = 1; sweep <= plan.levels; ++sweep)
    emitSweep(sweep);
  SmallVector<const RegionOutput *> stored;
  for (const RegionOutput &output : plan.outputs)
    if (output.isPerRow)
      stored.push_back(&output);
  if (!stored.empty())
    storeAll(stored);
  if (rowScalars.empty())
    return;
  auto choice =
      scf::IfOp::create(b, loc, TypeRange(), isFirstThread(), false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(choice.thenBlock());
  for (auto [i, scalar] : llvm::enumerate(rowScalars))
    LLVM::StoreOp::create(b, loc, reductionResults.lookup(scalar),
                          slotAddress(i, place));
}

//===- Across rows --------------------------------------------------------===//

/// Whether the thread has this one of its vectors; null if all threads do.
Value RegionEmitter::hasVector(unsigned vector) {
  int64_t count = plan.reduced[0] / mixed->across.lanes;
  int64_t first = vector * mixed->teamThreads;
  if (first + mixed->teamThreads <= count)
    return nullptr;
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, place,
                               i64(count - first));
}

/// Each team has the tile's rows team, team + teams, …
RegionEmitter::Values RegionEmitter::emitTileAcross(Value firstRow,
                                                    Values sums) {
  walk = mixed->across;
  lanes = walk.lanes;
  int64_t rows = plan.kept[1];
  Value lower = team, upper = i64(mixed->tileRows);
  if (rows % mixed->tileRows != 0) {
    Value left = arith::SubIOp::create(b, loc, i64(rows), firstRow);
    upper = arith::MinUIOp::create(b, loc, upper, left);
  }
  if (mixed->teams * mixed->teamThreads != walk.threads) {
    // Threads beyond the last team have no rows.
    Value isMember = arith::CmpIOp::create(
        b, loc, arith::CmpIPredicate::ult, team, i64(mixed->teams));
    lower = arith::SelectOp::create(b, loc, isMember, lower, upper);
  }
  auto loop = scf::ForOp::create(b, loc, lower, upper,
                                 i64(mixed->teams * mixed->rowsAtOnce), sums);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Values rowNumbers, places, updated;
  for (int64_t i = 0; i < mixed->rowsAtOnce; ++i) {
    places.push_back(arith::AddIOp::create(b, loc, loop.getInductionVar(),
                                           i64(i * mixed->teams)));
    rowNumbers.push_back(
        arith::AddIOp::create(b, loc, firstRow, places.back()));
  }
  size_t perVector = plan.columnSums.size();
  for (unsigned vector = 0; vector < columnScopes.size(); ++vector) {
    Values own(loop.getRegionIterArgs().slice(vector * perVector, perVector));
    OpBuilder::InsertionGuard guard(b);
    scf::IfOp choice;
    if (Value exists = hasVector(vector)) {
      choice = scf::IfOp::create(b, loc, TypeRange(ValueRange(own)), exists,
                                 true);
      b.setInsertionPointToStart(choice.elseBlock());
      scf::YieldOp::create(b, loc, own);
      b.setInsertionPointToStart(choice.thenBlock());
    }
    own = emitRowsAcross(vector, rowNumbers, places, own);
    if (choice) {
      scf::YieldOp::create(b, loc, own);
      own = Values(choice.getResults());
    }
    llvm::append_range(updated, own);
  }
  b.setInsertionPointToEnd(loop.getBody());
  scf::YieldOp::create(b, loc, updated);
  return Values(loop.getResults());
}

/// The rows' elements in one vector of columns. All rows are read before
/// anything is stored: the loads are under way together.
RegionEmitter::Values
RegionEmitter::emitRowsAcross(unsigned vector, ArrayRef<Value> rows,
                              ArrayRef<Value> places, Values sums) {
  SmallVector<const RegionOutput *> stored;
  for (const RegionOutput &output : plan.outputs)
    if (!output.isPerRow && !output.isPerColumn)
      stored.push_back(&output);
  SmallVector<SmallVector<Scope, 2>> saved;
  SmallVector<Values> values;
  for (auto [row, place] : llvm::zip_equal(rows, places)) {
    reductionResults.clear();
    for (auto [i, scalar] : llvm::enumerate(rowScalars))
      reductionResults[scalar] = LLVM::LoadOp::create(
          b, loc, computeType(elementTypeOf(scalar)), slotAddress(i, place));
    scopes.clear();
    scopes.push_back(std::move(columnScopes[vector]));
    scopes.emplace_back().dims = scopes.front().dims;
    scopes.back().dims[1] = row;
    Values &own = values.emplace_back();
    for (const RegionOutput *output : stored)
      own.push_back(emitValue(output->value, output->at, nullptr));
    for (auto [sum, total] : llvm::zip_equal(plan.columnSums, sums)) {
      const ReduceFunction *function = reduceFunctions().lookup(sum.op);
      SmallVector<Element> elements =
          emitAccesses(sum.op, sum.at, sum.step, nullptr);
      total = splat(function
                        ->combine(*this, sum.op, {total}, sum.at, sum.step,
                                  elements)
                        .front());
    }
    columnScopes[vector] = scopes.front();
    saved.push_back(scopes);
  }
  for (auto [row, own] : llvm::zip_equal(saved, values)) {
    scopes = row;
    for (auto [output, value] : llvm::zip_equal(stored, own))
      store(outputs[output - plan.outputs.data()], output->at, value);
  }
  return sums;
}

//===- Sums of groups -----------------------------------------------------===//

/// What the teams have summed, as a tree: the upper half of them is added to the
/// lower one, until the first team has it all.
RegionEmitter::Values RegionEmitter::joinTeams(Values sums) {
  Value thread = threadNumber(*this);
  for (auto [i, sum] : llvm::enumerate(plan.columnSums)) {
    Type type = sums[i].getType();
    Value slots = sharedArray(type, 0, walk.threads);
    auto at = [&](Value number) -> Value {
      return LLVM::GEPOp::create(b, loc, slots.getType(), type, slots,
                                 ArrayRef<LLVM::GEPArg>{number});
    };
    int64_t half;
    for (int64_t count = mixed->teams; count > 1; count = half) {
      half = llvm::divideCeil(count, 2);
      LLVM::StoreOp::create(b, loc, sums[i], at(thread));
      NVVM::Barrier0Op::create(b, loc);
      Value hasOther = arith::CmpIOp::create(
          b, loc, arith::CmpIPredicate::ult, team, i64(count - half));
      // The others add what is theirs, and do not keep it.
      Value other = arith::AddIOp::create(b, loc, thread,
                                          i64(half * mixed->teamThreads));
      other = arith::SelectOp::create(b, loc, hasOther, other, thread);
      Value partial = LLVM::LoadOp::create(b, loc, type, at(other));
      Value total = mergeSum(*this, sum.op, {sums[i]}, {partial}).front();
      sums[i] = arith::SelectOp::create(b, loc, hasOther, total, sums[i]);
      // The slots have been read.
      NVVM::Barrier0Op::create(b, loc);
    }
  }
  return sums;
}

void RegionEmitter::emitColumnSums(Values sums) {
  walk = mixed->across;
  lanes = walk.lanes;
  // Teams have one vector each.
  if (mixed->teams > 1)
    sums = joinTeams(std::move(sums));
  size_t perVector = plan.columnSums.size();
  for (unsigned vector = 0; vector < columnScopes.size(); ++vector) {
    Value exists = hasVector(vector);
    if (mixed->teamThreads != walk.threads) {
      Value isFirst = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                            team, i64(0));
      exists = exists ? arith::AndIOp::create(b, loc, exists, isFirst) : isFirst;
    }
    OpBuilder::InsertionGuard guard(b);
    if (exists) {
      auto choice = scf::IfOp::create(b, loc, TypeRange(), exists, false);
      b.setInsertionPointToStart(choice.thenBlock());
    }
    scopes.clear();
    scopes.emplace_back().dims = columnScopes[vector].dims;
    for (const RegionOutput &output : plan.outputs) {
      auto *sum = llvm::find_if(plan.columnSums, [&](const RegionColumnSum &s) {
        return s.op->getResult(0) == output.value;
      });
      if (sum == plan.columnSums.end())
        continue;
      size_t number = sum - plan.columnSums.begin();
      Value total = sums[vector * perVector + number];
      store(outputs[&output - plan.outputs.data()], output.at,
            watched(sum->op, total, output.at, nullptr));
    }
  }
}

} // namespace dlc::emit
