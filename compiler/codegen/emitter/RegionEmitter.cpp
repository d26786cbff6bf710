//===- RegionEmitter.cpp - the loops of one region ------------------------===//
#include "compiler/codegen/emitter/RegionEmitter.h"

#include "dialects/dlc/IR/Builders.h"
#include "dialects/dlc/IR/Traced.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace dlc::emit {

RegionEmitter::RegionEmitter(OpBuilder &b, Location loc, RegionPlan &plan,
                             ArrayRef<Operation *> ops,
                             const Target &target)
    : ElementBuilder(b, loc, 0), plan(plan), members(llvm::from_range, ops),
      isGpu(target.isGpu),
      mixed(plan.isMixed() ? std::optional(chooseMixedWalk(plan))
                           : std::nullopt),
      checks(*this) {
  walk = mixed          ? mixed->along
         : target.isGpu ? chooseGpuWalk(plan, ops, target)
                        : chooseWalk(plan, ops, target);
  // Where lanes are threads, what a thread computes is scalar.
  lanes = walk.areLanesThreads ? 0 : walk.lanes;
}

void RegionEmitter::bindBuffers(KernelFunction &function,
                                ValueRange inputValues,
                                ValueRange outputValues) {
  int64_t position = 0;
  auto bind = [&](Value value) {
    return Buffer{function.pointer(b, position++), elementTypeOf(value),
                  SmallVector<int64_t>(shapeOf(value))};
  };
  for (Value value : inputValues)
    inputs[value] = bind(value);
  for (Value value : outputValues)
    outputs.push_back(bind(value));
}

//===- Grid and kept dims -------------------------------------------------===//

void RegionEmitter::emit(KernelFunction &function) {
  // A domain without elements has nothing to do, unless an empty reduction
  // still gives each kept element the neutral one.
  if (plan.keptCount() == 0)
    return;
  if (mixed)
    return emitMixed();
  if (walk.tile)
    return emitContraction();
  if (isGpu)
    return emitThreadItem();
  Value first = function.firstGroup(), end = function.endGroup();
  Value size = i64(walk.itemsPerGroup), items = i64(walk.items);
  Value lower = arith::MulIOp::create(b, loc, first, size);
  Value upper = arith::MulIOp::create(b, loc, end, size);
  upper = arith::MinSIOp::create(b, loc, upper, items);
  auto loop = scf::ForOp::create(b, loc, lower, upper, i64(1));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  emitItem(loop.getInductionVar());
}

/// Splits the item's number into the kept dims (and the tile, if tiles are
/// grid work).
void RegionEmitter::emitItem(Value item) {
  scopes.clear();
  heldValues.clear();
  reductionResults.clear();
  Scope &scope = scopes.emplace_back();
  scope.dims.resize(plan.space.getDims().size());
  int64_t size = walk.isVectorDimKept ? plan.kept[walk.vectorDim] : 1;
  int64_t tiles = llvm::divideCeil(size, walk.lanes);
  Value rest = item, tile;
  auto split = [&](int64_t count) -> Value {
    Value divisor = i64(count);
    Value part = arith::RemUIOp::create(b, loc, rest, divisor);
    rest = arith::DivUIOp::create(b, loc, rest, divisor);
    return part;
  };
  if (walk.isVectorDimKept && !walk.hasTileLoop)
    tile = tiles == 1 ? i64(0)
           : walk.items == tiles ? rest
                                 : split(tiles);
  SmallVector<unsigned> rows;
  for (unsigned dim = 0; dim < plan.kept.size(); ++dim)
    if (plan.kept[dim] != 1 && !(walk.isVectorDimKept && dim == walk.vectorDim))
      rows.push_back(dim);
  for (unsigned dim : llvm::reverse(rows))
    scope.dims[dim] = dim == rows.front() ? rest : split(plan.kept[dim]);

  if (!walk.isVectorDimKept) {
    emitRow();
    return;
  }
  if (!walk.hasTileLoop) {
    emitTiles([&] { emitRow(); }, tile);
    return;
  }
  auto loop = scf::ForOp::create(b, loc, i64(0), i64(tiles), i64(1));
  scopes.front().before = loop;
  SmallVector<Value> known = scopes.front().dims;
  scopes.emplace_back().dims = std::move(known);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  emitTiles([&] { emitRow(); }, loop.getInductionVar());
}

/// Runs `body` for tile `tile` of the kept vector dim: with all lanes, or with
/// the lanes of the last, shorter tile masked.
void RegionEmitter::emitTiles(function_ref<void()> body, Value tile) {
  int64_t size = plan.kept[walk.vectorDim];
  int64_t full = size / walk.lanes, rest = size % walk.lanes;
  Value width = i64(walk.lanes);
  Scope &scope = scopes.back();
  scope.dims[walk.vectorDim] = arith::MulIOp::create(b, loc, tile, width);
  auto withTail = [&] {
    tailMask = arith::CmpIOp::create(
        b, loc, arith::CmpIPredicate::ult,
        laneNumbers(), splat(i64(rest)));
    body();
    tailMask = nullptr;
  };
  if (rest == 0)
    return body();
  if (full == 0)
    return withTail();
  Value isFull = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, tile,
                                       i64(full));
  auto choice = scf::IfOp::create(b, loc, TypeRange(), isFull, true);
  auto saved = scopes;
  auto savedResults = reductionResults;
  for (bool isTail : {false, true}) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(isTail ? choice.elseBlock()
                                      : choice.thenBlock());
    if (isTail)
      withTail();
    else
      body();
    scopes = saved;
    reductionResults = savedResults;
  }
}

/// All sweeps over the reduced dims, then what is stored once per row.
void RegionEmitter::emitRow() {
  unsigned sweeps = plan.levels;
  for (const RegionOutput &output : plan.outputs)
    if (!output.isPerRow && !plan.reductions.empty())
      sweeps = std::max(sweeps, output.level + 1);
  for (unsigned sweep = 1; sweep <= sweeps; ++sweep)
    emitSweep(sweep);
  SmallVector<const RegionOutput *> stored;
  for (const RegionOutput &output : plan.outputs)
    if (output.isPerRow || plan.reductions.empty())
      stored.push_back(&output);
  storeAll(stored);
}

/// All values before the first store: an output may lie over an operand that
/// another output is computed from.
void RegionEmitter::storeAll(ArrayRef<const RegionOutput *> stored) {
  Values values = storedValues(stored);
  if (llvm::any_of(stored, [](const RegionOutput *o) { return o->isPerRow; }))
    awaitLanes();
  storeValues(stored, values);
}

RegionEmitter::Values
RegionEmitter::storedValues(ArrayRef<const RegionOutput *> stored) {
  Values values;
  for (const RegionOutput *output : stored)
    values.push_back(emitValue(output->value, output->at, nullptr));
  return values;
}

void RegionEmitter::storeValues(ArrayRef<const RegionOutput *> stored,
                                Values values) {
  for (auto [output, value] : llvm::zip_equal(stored, values))
    store(outputs[output - plan.outputs.data()], output->at, value);
}

//===- Sweeps -------------------------------------------------------------===//

void RegionEmitter::emitSweep(unsigned sweep) {
  sweepReductions.clear();
  sweepOutputs.clear();
  for (const RegionOutput &output : plan.outputs)
    if (!output.isPerRow && output.level + 1 == sweep && !mixed)
      sweepOutputs.push_back(&output);
  bool hasPicked = false;
  for (const RegionReduction &reduction : plan.reductions) {
    if (reduction.level != sweep)
      continue;
    if (Value picked = emitPick(reduction)) {
      reductionResults[reduction.op->getResult(0)] =
          watched(reduction.op, picked, reduction.at, nullptr);
      hasPicked = true;
      continue;
    }
    sweepReductions.push_back(&reduction);
  }
  // Nothing is stored before all have read, here or where sums meet.
  if (hasPicked && (!walk.isRowShared || sweepReductions.empty() ||
                    !sweepOutputs.empty()))
    awaitLanes();
  if (sweepReductions.empty() && sweepOutputs.empty())
    return;

  Values accumulators;
  for (const RegionReduction *reduction : sweepReductions)
    for (Value start :
         reduceFunctions().lookup(reduction->op)->init(*this, reduction->op))
      accumulators.push_back(splat(start));
  SmallVector<unsigned> loops;
  for (unsigned i = 0; i < plan.reduced.size(); ++i) {
    unsigned dim = plan.kept.size() + i;
    if (dim != walk.vectorDim && plan.reduced[i] != 1)
      loops.push_back(dim);
  }
  SmallVector<Value> known = scopes.back().dims;
  scopes.emplace_back().dims = std::move(known);
  accumulators = emitReducedLoops(0, loops, accumulators, [&](Values values) {
    return sweepStep(values);
  });
  scopes.pop_back();
  scopes.back().before = nullptr;
  if (walk.isRowShared)
    accumulators = joinShared(accumulators);

  size_t position = 0;
  for (const RegionReduction *reduction : sweepReductions) {
    size_t count = reduceFunctions()
                       .lookup(reduction->op)
                       ->init(*this, reduction->op)
                       .size();
    Values own(accumulators.begin() + position,
               accumulators.begin() + position + count);
    position += count;
    if (!walk.isVectorDimKept && !walk.isRowShared)
      own = joinLanes(reduction->op, own);
    for (auto [result, value] : llvm::zip(reduction->op->getResults(), own))
      reductionResults[result] =
          watched(reduction->op, value, reduction->at, nullptr);
  }
}

/// Loops over `dims` from `position` on, and over the vector dim innermost if
/// it is reduced.
RegionEmitter::Values
RegionEmitter::emitReducedLoops(unsigned position, ArrayRef<unsigned> dims,
                                Values accumulators,
                                function_ref<Values(Values)> body) {
  if (position == dims.size()) {
    if (walk.isVectorDimKept) {
      scopes.back().values.clear();
      return body(accumulators);
    }
    return emitVectorLoop(accumulators, body);
  }
  unsigned dim = dims[position];
  auto loop = scf::ForOp::create(b, loc, i64(0),
                                 i64(plan.space.getDims()[dim]), i64(1),
                                 accumulators);
  if (!scopes[scopes.size() - 2].before)
    scopes[scopes.size() - 2].before = loop;
  scopes.back().dims[dim] = loop.getInductionVar();
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Values results = emitReducedLoops(
      position + 1, dims, Values(loop.getRegionIterArgs()), body);
  if (!results.empty())
    scf::YieldOp::create(b, loc, results);
  return Values(loop.getResults());
}

/// The full vectors in a loop, then the lanes that are left under a mask.
RegionEmitter::Values
RegionEmitter::emitVectorLoop(Values accumulators,
                              function_ref<Values(Values)> body) {
  if (walk.isRowHeld)
    return emitHeldRow(accumulators, body);
  if (walk.isRowShared)
    return emitSharedRow(accumulators);
  int64_t size = plan.space.getDims()[walk.vectorDim];
  int64_t full = size / walk.lanes, rest = size % walk.lanes;
  Scope &outer = scopes[scopes.size() - 2];
  if (full > 0) {
    auto loop = scf::ForOp::create(
        b, loc, group ? group : i64(0), i64(full * walk.lanes),
        i64(int64_t(walk.lanes) * walk.rowThreads), accumulators);
    if (!outer.before)
      outer.before = loop;
    scopes.back().dims[walk.vectorDim] = loop.getInductionVar();
    scopes.back().values.clear();
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Values results = body(Values(loop.getRegionIterArgs()));
    // Without results the loop came with its terminator.
    if (!results.empty())
      scf::YieldOp::create(b, loc, results);
    accumulators = Values(loop.getResults());
  }
  if (rest > 0) {
    scopes.back().values.clear();
    scopes.back().dims[walk.vectorDim] = i64(full * walk.lanes);
    tailMask = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult,
                                     laneNumbers(), splat(i64(rest)));
    Values updated = body(accumulators);
    for (auto [value, old] : llvm::zip_equal(updated, accumulators))
      value = select(tailMask, value, old);
    accumulators = updated;
    tailMask = nullptr;
  }
  return accumulators;
}

RegionEmitter::Values RegionEmitter::sweepStep(Values accumulators) {
  Values results = combineAll(std::move(accumulators));
  storeAll(sweepOutputs);
  return results;
}

RegionEmitter::Values RegionEmitter::combineAll(Values accumulators) {
  Values results;
  size_t position = 0;
  for (const RegionReduction *reduction : sweepReductions) {
    const ReduceFunction *function = reduceFunctions().lookup(reduction->op);
    SmallVector<Element> elements =
        emitAccesses(reduction->op, reduction->at, reduction->step, nullptr);
    size_t count = function->init(*this, reduction->op).size();
    ArrayRef<Value> own =
        ArrayRef<Value>(accumulators).slice(position, count);
    position += count;
    for (Value value : function->combine(*this, reduction->op, own,
                                         reduction->at, reduction->step,
                                         elements))
      results.push_back(splat(value));
  }
  return results;
}

/// Joins the lanes of partial results in a fixed tree.
RegionEmitter::Values RegionEmitter::joinLanes(Operation *op,
                                               Values accumulators) {
  if (walk.areLanesThreads)
    return joinThreads(op, accumulators);
  const ReduceFunction *function = reduceFunctions().lookup(op);
  for (int64_t width = walk.lanes; width > 1; width /= 2) {
    Values low, high;
    for (Value value : accumulators) {
      auto half = [&](int64_t start) {
        return vector::ExtractStridedSliceOp::create(
            b, loc, value, ArrayRef<int64_t>{start},
            ArrayRef<int64_t>{width / 2}, ArrayRef<int64_t>{1});
      };
      low.push_back(half(0));
      high.push_back(half(width / 2));
    }
    accumulators = function->merge(*this, op, low, high);
  }
  for (Value &value : accumulators)
    value = vector::ExtractOp::create(b, loc, value, ArrayRef<int64_t>{0});
  return accumulators;
}

//===- Values -------------------------------------------------------------===//

/// All dims that `at` depends on are known in `scope`.
bool RegionEmitter::isKnownIn(const Scope &scope, ArrayRef<AffineExpr> at) {
  bool isKnown = true;
  for (AffineExpr expr : at)
    expr.walk([&](AffineExpr e) {
      if (auto dim = dyn_cast<AffineDimExpr>(e))
        isKnown &= bool(scope.dims[dim.getPosition()]);
      if (auto symbol = dyn_cast<AffineSymbolExpr>(e))
        isKnown &= isKnownIn(scope, plan.space.getSymbol(symbol.getPosition())
                                        .at);
    });
  return isKnown;
}

Value RegionEmitter::emitValue(Value value, const Index &at, Value mask) {
  std::vector<const void *> key = {value.getAsOpaquePointer(),
                                   mask ? mask.getAsOpaquePointer() : nullptr};
  for (AffineExpr expr : at)
    key.push_back(expr.getAsOpaquePointer());
  // The outermost scope that knows the index: work there is shared.
  if (!mask && scopes.size() > 1 &&
      (scopes[scopes.size() - 2].before || walk.isRowHeld) &&
      isKnownIn(scopes[scopes.size() - 2], at)) {
    Scope inner = std::move(scopes.back());
    scopes.pop_back();
    Value result;
    {
      OpBuilder::InsertionGuard guard(b);
      // A held row is straight code: everything so far comes before.
      Operation *before = scopes.back().before;
      if (before)
        b.setInsertionPoint(before);
      scopes.back().before = nullptr;
      Value savedTail = walk.isVectorDimKept && !walk.hasTileLoop ? tailMask
                                                                 : Value();
      std::swap(savedTail, tailMask);
      result = emitValue(value, at, mask);
      std::swap(savedTail, tailMask);
      scopes.back().before = before;
    }
    scopes.push_back(std::move(inner));
    return result;
  }
  Scope &scope = scopes.back();
  if (auto it = scope.values.find(key); it != scope.values.end())
    return it->second;
  Value result = computeValue(value, at, mask);
  scopes.back().values[key] = result;
  return result;
}

Value RegionEmitter::computeValue(Value value, const Index &at, Value mask) {
  if (auto it = reductionResults.find(value); it != reductionResults.end())
    return it->second;
  Operation *op = value.getDefiningOp();
  if (!op || !members.contains(op))
    return load(inputs.find(value)->second, at, mask);
  if (Value isHere = mask ? Value() : emitPositionCheck(op, at))
    return isHere;
  SmallVector<Element> elements = emitAccesses(op, at, {}, mask);
  return watched(op, (*elementFunctions().lookup(op))(*this, op, at, elements),
                 at, mask);
}

/// Element `at` of the result of `op`, checked in a traced kernel.
Value RegionEmitter::watched(Operation *op, Value value, const Index &at,
                             Value mask) {
  if (injectedInto(op))
    value = withFault(*this, op, value, isFirst(at));
  if (isIndexOnly(op))
    return value;
  // Threads without an item or a column compute what does not exist.
  Value exists = mask;
  if (walk.areLanesThreads || isa<VectorType>(value.getType()))
    exists = joinMasks(exists, tailMask);
  if (walk.areLanesThreads)
    exists = joinMasks(exists, isActive);
  checks.check(op, value, exists);
  return value;
}

/// Whether all of `at` is 0; null if it has no dims.
Value RegionEmitter::isFirst(const Index &at) {
  Value all;
  for (AffineExpr expr : at) {
    Value position = emitExpr(expr);
    all = joinMasks(all, arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                               position,
                                               numberLike(position, 0)));
  }
  return all;
}

SmallVector<Element> RegionEmitter::emitAccesses(Operation *op, const Index &at,
                                                 const Index &step,
                                                 Value mask) {
  SmallVector<Access> accesses;
  accessRules().lookup(op)->accesses(op, plan.space, at, step, accesses);
  SmallVector<Element> elements;
  for (const Access &access : accesses) {
    Value condition = emitGuards(access.guards);
    Value value = emitValue(op->getOperand(access.operand), access.index,
                            joinMasks(mask, condition));
    elements.push_back({value, condition});
  }
  // What is computed (not loaded) where a guard fails may be anything: zero it.
  for (Element &element : elements)
    if (element.condition &&
        !element.value.getDefiningOp<LLVM::MaskedLoadOp>())
      element.value = select(element.condition, element.value,
                             numberLike(element.value, 0));
  return elements;
}

Value RegionEmitter::emitGuards(ArrayRef<Guard> guards) {
  Value all;
  for (const Guard &guard : guards) {
    std::vector<const void *> key = {
        guard.expr.getAsOpaquePointer(),
        reinterpret_cast<const void *>(uintptr_t(guard.size)),
        reinterpret_cast<const void *>(uintptr_t(guard.multiple)), nullptr};
    Value &condition = scopes.back().values[key];
    if (!condition) {
      // 0 <= e < size as one unsigned comparison, and of one lane if all lanes
      // of a tile are inside or none is.
      bool isUniform = guard.multiple == 1 && guard.size % walk.lanes == 0 &&
                       laneCoefficient(guard.expr) == 1 &&
                       startsAtTile(guard.expr);
      Value position =
          isUniform ? emitStart(guard.expr) : emitExpr(guard.expr);
      condition = arith::CmpIOp::create(
          b, loc, arith::CmpIPredicate::ult, position,
          match(i64(guard.size), position));
      if (guard.multiple != 1) {
        Value rest = arith::RemUIOp::create(
            b, loc, position, match(i64(guard.multiple), position));
        Value isMultiple =
            arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, rest,
                                  match(i64(0), rest));
        condition = arith::AndIOp::create(b, loc, condition, isMultiple);
      }
    }
    all = joinMasks(all, condition);
  }
  return all;
}

Value RegionEmitter::joinMasks(Value a, Value other) {
  if (!a || !other)
    return a ? a : other;
  if (a == other)
    return a;
  std::vector<const void *> key = {a.getAsOpaquePointer(),
                                   other.getAsOpaquePointer(), nullptr};
  Value &joined = scopes.back().values[key];
  if (!joined) {
    SmallVector<Value> values = unify({a, other});
    joined = arith::AndIOp::create(b, loc, values[0], values[1]);
  }
  return joined;
}

} // namespace dlc::emit
