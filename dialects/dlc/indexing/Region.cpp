//===- Region.cpp - how a set of ops walks as one kernel ------------------===//
#include "dialects/dlc/indexing/Region.h"

#include "dialects/dlc/IR/Builders.h"
#include "llvm/ADT/STLExtras.h"

#include <map>
#include <set>

using namespace mlir;

namespace dlc {

namespace {

/// Follows accesses from the outputs and the reductions' steps back to the
/// values that come from outside.
class Walker {
public:
  Walker(ArrayRef<Operation *> ops, RegionPlan &plan, std::string *why,
         ArrayRef<Operation *> columnSums = {})
      : members(llvm::from_range, ops),
        columnSums(llvm::from_range, columnSums), plan(plan), why(why) {}

  LogicalResult run(ArrayRef<Operation *> ops, ArrayRef<Value> outputs,
                    std::optional<ArrayRef<int64_t>> kept,
                    std::optional<ArrayRef<int64_t>> reduced);

private:
  LogicalResult fail(StringRef reason) {
    if (why)
      *why = reason.str();
    return failure();
  }
  LogicalResult chooseDomain(ArrayRef<Operation *> ops,
                             ArrayRef<Value> outputs,
                             std::optional<ArrayRef<int64_t>> kept,
                             std::optional<ArrayRef<int64_t>> reduced);
  LogicalResult addReduction(Operation *op);
  LogicalResult addColumnSum(Operation *op);
  double evaluationsOf(Operation *reduction) const;
  LogicalResult addOrder(Operation *op);
  LogicalResult addOutput(Value value);
  /// Level of element `at` of `value`; `sweep` as in RegionLeaf.
  FailureOr<unsigned> visit(Value value, const Index &at, unsigned sweep);
  FailureOr<unsigned> visitOperands(Operation *op, const Index &at,
                                    const Index &step, unsigned sweep);
  bool usesReducedDims(const Index &at) const;
  double timesWalked(const Index &at) const;

  llvm::DenseSet<Operation *> members, columnSums;
  RegionPlan &plan;
  std::string *why;
  Operation *primary = nullptr;
  Index keptIndex, reducedIndex;
  AffineExpr row;
  llvm::DenseMap<Operation *, unsigned> reductionLevels;
  /// Level of each visited (value, index), per sweep.
  std::map<std::pair<const void *, std::vector<const void *>>, unsigned>
      visited;
};

} // namespace

static SmallVector<int64_t> resultShape(Operation *op) {
  return SmallVector<int64_t>(shapeOf(op->getResult(0)));
}

LogicalResult Walker::chooseDomain(ArrayRef<Operation *> ops,
                                   ArrayRef<Value> outputs,
                                   std::optional<ArrayRef<int64_t>> kept,
                                   std::optional<ArrayRef<int64_t>> reduced) {
  size_t mostDims = 0;
  for (Operation *op : ops) {
    if (!isReduction(op) || columnSums.contains(op))
      continue;
    size_t dims =
        resultShape(op).size() + accessRules().lookup(op)->reduced(op).size();
    if (!primary || dims > mostDims) {
      primary = op;
      mostDims = dims;
    }
  }
  if (primary) {
    plan.kept = resultShape(primary);
    plan.reduced = accessRules().lookup(primary)->reduced(primary);
  } else {
    Value widest = outputs.front();
    for (Value output : outputs)
      if (rankOf(output) > rankOf(widest))
        widest = output;
    plan.kept.assign(shapeOf(widest).begin(), shapeOf(widest).end());
  }
  if (kept)
    plan.kept.assign(kept->begin(), kept->end());
  if (reduced)
    plan.reduced.assign(reduced->begin(), reduced->end());
  SmallVector<int64_t> dims = plan.kept;
  llvm::append_range(dims, plan.reduced);
  plan.space = IndexSpace(outputs.front().getContext(), dims);
  Index all = plan.space.identity();
  keptIndex = Index(ArrayRef<AffineExpr>(all).take_front(plan.kept.size()));
  reducedIndex = Index(ArrayRef<AffineExpr>(all).drop_front(plan.kept.size()));
  row = plan.space.linearize(keptIndex, plan.kept);
  return success();
}

bool Walker::usesReducedDims(const Index &at) const {
  for (AffineExpr expr : at)
    for (size_t i = 0; i < plan.reduced.size(); ++i)
      if (expr.isFunctionOfDim(plan.kept.size() + i))
        return true;
  return false;
}

/// How often an element is computed that depends on the dims of `at` alone.
double Walker::timesWalked(const Index &at) const {
  double times = 1;
  for (auto [i, size] : llvm::enumerate(plan.space.getDims()))
    if (llvm::any_of(at, [&, i = i](AffineExpr expr) {
          return expr.isFunctionOfDim(i);
        }))
      times *= double(size);
  return times;
}

FailureOr<unsigned> Walker::visitOperands(Operation *op, const Index &at,
                                          const Index &step, unsigned sweep) {
  SmallVector<Access> accesses;
  accessRules().lookup(op)->accesses(op, plan.space, at, step, accesses);
  unsigned level = 0;
  for (const Access &access : accesses) {
    FailureOr<unsigned> operand =
        visit(op->getOperand(access.operand), access.index, sweep);
    if (failed(operand))
      return failure();
    level = std::max(level, *operand);
    for (const Guard &guard : access.guards)
      plan.exprs.push_back(guard.expr);
  }
  if (auto iota = dyn_cast<IotaOp>(op))
    plan.exprs.push_back(at[iota.getDim()]);
  return level;
}

FailureOr<unsigned> Walker::visit(Value value, const Index &at,
                                  unsigned sweep) {
  if (!usesReducedDims(at))
    sweep = 0;
  std::vector<const void *> key = {reinterpret_cast<const void *>(
      uintptr_t(sweep))};
  for (AffineExpr expr : at)
    key.push_back(expr.getAsOpaquePointer());
  auto [it, isNew] = visited.try_emplace({value.getAsOpaquePointer(), key}, 0);
  if (!isNew)
    return it->second;

  // Indices that were read from memory are reads too.
  unsigned level = 0;
  WalkResult symbols = WalkResult::advance();
  for (AffineExpr expr : at)
    expr.walk([&](AffineExpr e) {
      auto symbol = dyn_cast<AffineSymbolExpr>(e);
      if (!symbol || symbols.wasInterrupted())
        return;
      IndexSpace::Symbol read = plan.space.getSymbol(symbol.getPosition());
      FailureOr<unsigned> inner = visit(read.indices, read.at, sweep);
      if (failed(inner))
        symbols = WalkResult::interrupt();
      else
        level = std::max(level, *inner);
    });
  if (symbols.wasInterrupted())
    return failure();

  Operation *op = value.getDefiningOp();
  if (!op || !members.contains(op)) {
    plan.leaves.push_back(
        {value, plan.space.linearize(at, shapeOf(value)), sweep});
    return visited[{value.getAsOpaquePointer(), key}] = level;
  }
  if (columnSums.contains(op))
    return fail("column-sum-read: a sum across the rows is read by what walks "
                "them");
  if (isReduction(op)) {
    if (plan.space.linearize(at, shapeOf(value)) != row)
      return fail("reduction-read-elsewhere: a reduction's result is read at "
                  "another element than the one being walked");
    return visited[{value.getAsOpaquePointer(), key}] =
               std::max(level, reductionLevels.lookup(op));
  }
  plan.operations += timesWalked(at) * elementCost(op);
  FailureOr<unsigned> operands = visitOperands(op, at, {}, sweep);
  if (failed(operands))
    return failure();
  return visited[{value.getAsOpaquePointer(), key}] =
             std::max(level, *operands);
}

LogicalResult Walker::addOrder(Operation *op) {
  std::optional<SumOrder> order = sumOrder(op);
  if (!order)
    return success();
  if (!plan.order)
    plan.order = std::move(order);
  else if (!haveSameOrder(*plan.order, *order))
    return fail("other-order: its sums add along different dims, or in pieces "
                "of different sizes");
  return success();
}

/// A scatter adds each update once, whatever the size of its result.
double Walker::evaluationsOf(Operation *reduction) const {
  if (auto scatter = dyn_cast<ScatterAddOp>(reduction))
    return double(elementCount(shapeOf(scatter.getUpdates())));
  return double(plan.keptCount()) * double(plan.reducedCount());
}

LogicalResult Walker::addReduction(Operation *op) {
  SmallVector<int64_t> shape = resultShape(op);
  SmallVector<int64_t> box = accessRules().lookup(op)->reduced(op);
  if (elementCount(shape) != plan.keptCount() ||
      elementCount(box) != plan.reducedCount())
    return fail("other-domain: its reductions keep or reduce different numbers "
                "of elements");
  if (failed(addOrder(op)))
    return failure();
  RegionReduction reduction = {
      op, 1, plan.space.reshape(keptIndex, plan.kept, shape),
      plan.space.reshape(reducedIndex, plan.reduced, box)};
  // Which sweep a reduction belongs to is known only when its operands' levels
  // are; reads are priced at the sweep they would first happen in.
  FailureOr<unsigned> level =
      visitOperands(op, reduction.at, reduction.step, 1);
  if (failed(level))
    return failure();
  reduction.level = *level + 1;
  plan.levels = std::max(plan.levels, reduction.level);
  plan.operations += evaluationsOf(op) * elementCost(op);
  reductionLevels[op] = reduction.level;
  plan.reductions.push_back(std::move(reduction));
  return success();
}

/// One result per group and column: its terms are like an output, read when all
/// that they need is known.
LogicalResult Walker::addColumnSum(Operation *op) {
  SmallVector<int64_t> box = {plan.kept[0]};
  llvm::append_range(box, plan.reduced);
  Index place = {keptIndex[0]};
  llvm::append_range(place, reducedIndex);
  RegionColumnSum sum = {op, 0,
                         plan.space.reshape(place, box, resultShape(op)),
                         {keptIndex[1]}};
  FailureOr<unsigned> level =
      visitOperands(op, sum.at, sum.step, plan.levels + 1);
  if (failed(level))
    return failure();
  sum.level = *level;
  plan.operations += evaluationsOf(op) * elementCost(op);
  plan.columnSums.push_back(std::move(sum));
  return success();
}

LogicalResult Walker::addOutput(Value value) {
  int64_t count = elementCount(shapeOf(value));
  Operation *op = value.getDefiningOp();
  RegionOutput output = {value, {}, 0, false};
  if (columnSums.contains(op)) {
    const RegionColumnSum &sum = *llvm::find_if(
        plan.columnSums, [&](const RegionColumnSum &s) { return s.op == op; });
    output.at = sum.at;
    output.level = sum.level;
    output.isPerColumn = true;
    plan.outputs.push_back(std::move(output));
    return success();
  }
  if (count == plan.keptCount() && (primary || !plan.reduced.empty())) {
    output.isPerRow = true;
    output.at = plan.space.reshape(keptIndex, plan.kept, shapeOf(value));
  } else if (!primary) {
    if (count != plan.keptCount())
      return fail("other-domain: its outputs have different numbers of "
                  "elements");
    output.at = plan.space.reshape(keptIndex, plan.kept, shapeOf(value));
  } else {
    // The whole domain in the order of the reduced tensor.
    if (!isa<ReduceSumOp, ReduceMaxOp, ReduceMinOp, ReduceProdOp>(primary) ||
        count != plan.keptCount() * plan.reducedCount())
      return fail("other-domain: an output is neither one element per kept "
                  "element nor one per reduced one");
    SmallVector<Access> accesses;
    accessRules().lookup(primary)->accesses(
        primary, plan.space,
        plan.space.reshape(keptIndex, plan.kept, resultShape(primary)),
        plan.space.reshape(reducedIndex, plan.reduced,
                           accessRules().lookup(primary)->reduced(primary)),
        accesses);
    output.at = plan.space.reshape(accesses[0].index,
                                   shapeOf(primary->getOperand(0)),
                                   shapeOf(value));
  }
  if (op && members.contains(op) && isReduction(op)) {
    if (!output.isPerRow)
      return fail("other-domain: a reduction's result is no row output");
    output.level = reductionLevels.lookup(op);
  } else {
    FailureOr<unsigned> level =
        visit(value, output.at, output.isPerRow ? 0 : plan.levels + 1);
    if (failed(level))
      return failure();
    output.level = *level;
  }
  plan.outputs.push_back(std::move(output));
  return success();
}

LogicalResult Walker::run(ArrayRef<Operation *> ops, ArrayRef<Value> outputs,
                          std::optional<ArrayRef<int64_t>> kept,
                          std::optional<ArrayRef<int64_t>> reduced) {
  for (Operation *op : ops)
    if (!accessRules().lookup(op))
      return fail("no-element-function: '" + op->getName().getStringRef().str() +
                  "' is no kernel op");
  if (failed(chooseDomain(ops, outputs, kept, reduced)))
    return failure();
  for (Operation *op : ops)
    if (isReduction(op) && !columnSums.contains(op) &&
        failed(addReduction(op)))
      return failure();
  for (Operation *op : ops)
    if (columnSums.contains(op) && failed(addColumnSum(op)))
      return failure();
  for (Value output : outputs)
    if (failed(addOutput(output)))
      return failure();
  return success();
}

FailureOr<RegionPlan> planRegion(ArrayRef<Operation *> ops,
                                 ArrayRef<Value> outputs, std::string *why,
                                 std::optional<ArrayRef<int64_t>> kept,
                                 std::optional<ArrayRef<int64_t>> reduced) {
  RegionPlan plan(outputs.front().getContext());
  Walker walker(ops, plan, why);
  if (failed(walker.run(ops, outputs, kept, reduced)))
    return failure();
  return plan;
}

/// Every expression of `plan` is linear in dim `dim`.
static bool isLinearIn(const RegionPlan &plan, unsigned dim) {
  auto isLinear = [&](AffineExpr expr) {
    return linearCoefficient(expr, dim).has_value();
  };
  for (const RegionOutput &output : plan.outputs)
    if (!isLinear(plan.space.linearize(output.at, shapeOf(output.value))))
      return false;
  return llvm::all_of(plan.exprs, isLinear) &&
         llvm::all_of(plan.leaves, [&](const RegionLeaf &leaf) {
           return isLinear(leaf.offset);
         });
}

static bool isInOrder(const RegionPlan &plan) {
  return !plan.order || isInOrder(*plan.order, plan.reduced,
                                  orderedDim(*plan.order, plan.reduced));
}

FailureOr<RegionPlan> planCollapsedRegion(ArrayRef<Operation *> ops,
                                          ArrayRef<Value> outputs,
                                          std::string *why) {
  FailureOr<RegionPlan> best = planRegion(ops, outputs, why);
  if (failed(best))
    return failure();
  // Merge neighbours, innermost first, as long as nothing needs them apart.
  for (bool isKept : {false, true}) {
    size_t size = isKept ? best->kept.size() : best->reduced.size();
    for (size_t i = size; i-- > 1;) {
      SmallVector<int64_t> kept = best->kept, reduced = best->reduced;
      SmallVector<int64_t> &dims = isKept ? kept : reduced;
      dims[i - 1] *= dims[i];
      dims.erase(dims.begin() + i);
      FailureOr<RegionPlan> merged =
          planRegion(ops, outputs, nullptr, ArrayRef<int64_t>(kept),
                     ArrayRef<int64_t>(reduced));
      unsigned dim = isKept ? i - 1 : kept.size() + i - 1;
      if (succeeded(merged) && isLinearIn(*merged, dim) &&
          (isInOrder(*merged) || !isInOrder(*best)))
        best = std::move(merged);
    }
  }
  if (isInOrder(*best))
    return best;
  return planRegion(ops, outputs, why, ArrayRef<int64_t>(best->kept),
                    ArrayRef<int64_t>(best->order->box));
}

//===- Mixed regions ------------------------------------------------------===//

/// As many workgroups as fill a large GPU a few times over, and rows that make
/// one worth it.
constexpr int64_t mostMixedGroups = 512, leastMixedRows = 16;
/// Bytes of a row that are read along it and again across: a workgroup's rows
/// are in the processor's cache the second time.
constexpr int64_t mostMixedRowBytes = 16 << 10;
/// Sums of 1024 columns that the threads of a workgroup can keep.
constexpr int64_t mostMixedSums = 12;

int64_t mixedGroups(int64_t rows) {
  int64_t wanted = std::min(mostMixedGroups, rows / leastMixedRows);
  int64_t groups = 0;
  for (int64_t count = 2; count <= wanted; ++count)
    if (rows % count == 0)
      groups = count;
  return groups * 4 >= wanted ? groups : 0;
}

static bool isRowReduction(Operation *op) {
  return isa<ReduceSumOp, ReduceMaxOp, ReduceMinOp, ReduceProdOp, ArgMaxOp,
             ArgMinOp>(op);
}

/// The first stage of a sum across rows.
static bool isColumnSum(Operation *op) {
  auto sum = dyn_cast<ReduceSumOp>(op);
  return sum && sum.getDims() == ArrayRef<int64_t>{1} &&
         rankOf(sum.getOperand()) >= 3;
}

/// [groups, rows per group, columns], if all column sums agree about it.
static std::optional<std::array<int64_t, 3>>
mixedDomain(ArrayRef<Operation *> columnSums) {
  std::optional<std::array<int64_t, 3>> domain;
  for (Operation *op : columnSums) {
    ArrayRef<int64_t> shape = shapeOf(op->getOperand(0));
    std::array<int64_t, 3> own = {shape[0], shape[1],
                                  elementCount(shape.drop_front(2))};
    if (domain && *domain != own)
      return std::nullopt;
    domain = own;
  }
  return domain;
}

/// Why threads of a GPU cannot walk `plan` along and across its rows; empty if
/// they can.
static std::string mixedRefusal(const RegionPlan &plan) {
  int64_t columns = plan.reduced[0];
  if (plan.order &&
      !isInOrder(*plan.order, plan.reduced,
                 orderedDim(*plan.order, plan.reduced)))
    return "other-order: the sums along its rows add in pieces";
  // A workgroup has a warp for each row, and warps have no lanes to spare.
  if (columns < leastMixedColumns || columns > mostMixedColumns)
    return "row-length: its rows are too short for a warp, or too long for a "
           "workgroup";
  AffineExpr row = plan.space.linearize(
      ArrayRef<AffineExpr>(plan.space.identity()).take_front(2), plan.kept);
  for (const RegionReduction &reduction : plan.reductions) {
    if (!isRowReduction(reduction.op))
      return "own-schedule: rows are walked for sums and extremes only";
    SmallVector<Access> accesses;
    IndexSpace space = plan.space;
    accessRules()
        .lookup(reduction.op)
        ->accesses(reduction.op, space, reduction.at, reduction.step, accesses);
    AffineExpr read = space.linearize(
        accesses[0].index, shapeOf(reduction.op->getOperand(0)));
    if (read != space.simplify(row * columns + space.dim(2)))
      return "other-rows: what one reduction takes for rows are columns of "
             "another";
  }
  llvm::SmallDenseMap<Value, int64_t> widths;
  for (const RegionLeaf &leaf : plan.leaves)
    if (leaf.sweep > 0 && leaf.sweep <= plan.levels &&
        elementCount(shapeOf(leaf.value)) > columns)
      widths[leaf.value] =
          elementTypeOf(leaf.value).getIntOrFloatBitWidth() / 8;
  int64_t rowBytes = 0;
  for (auto [value, width] : widths)
    rowBytes += width * columns;
  int64_t sums = plan.columnSums.size();
  if (rowBytes > mostMixedRowBytes ||
      sums * int64_t(llvm::divideCeil(columns, 1024)) > mostMixedSums)
    return "row-length: its rows and sums are too many for a workgroup";
  return "";
}

FailureOr<RegionPlan> planMixedRegion(ArrayRef<Operation *> ops,
                                      ArrayRef<Value> outputs,
                                      std::string *why) {
  SmallVector<Operation *> columnSums;
  bool hasRows = false;
  for (Operation *op : ops)
    if (isColumnSum(op))
      columnSums.push_back(op);
    else
      hasRows |= isReduction(op);
  if (columnSums.empty() || !hasRows)
    return failure();
  auto refuse = [&](StringRef reason) {
    if (why)
      *why = reason.str();
    return failure();
  };
  auto domain = mixedDomain(columnSums);
  if (!domain || mixedGroups((*domain)[0] * (*domain)[1]) != (*domain)[0])
    return refuse("other-domain: its sums across rows are of other groups of "
                  "rows than kernels along them walk");
  RegionPlan plan(outputs.front().getContext());
  Walker walker(ops, plan, why, columnSums);
  int64_t kept[] = {(*domain)[0], (*domain)[1]}, reduced[] = {(*domain)[2]};
  if (failed(walker.run(ops, outputs, ArrayRef<int64_t>(kept),
                        ArrayRef<int64_t>(reduced))))
    return failure();
  if (std::string reason = mixedRefusal(plan); !reason.empty())
    return refuse(reason);
  return plan;
}

FailureOr<RegionPlan> planKernel(KernelOp kernel) {
  Block &body = kernel.getBody().front();
  SmallVector<Operation *> ops;
  for (Operation &op : body.without_terminator())
    ops.push_back(&op);
  SmallVector<Value> outputs(body.getTerminator()->getOperands());
  if (kernel.getSchedule().getKind() == ScheduleKind::Mixed)
    return planMixedRegion(ops, outputs);
  return planRegion(ops, outputs);
}

double elementCost(Operation *op) {
  if (isIndexOnly(op))
    return 0;
  if (isa<ExpOp, Expm1Op, SigmoidOp, LogOp, Log1pOp>(op))
    return 14;
  if (isa<TanhOp, ErfOp, SinOp, CosOp, TanOp, AsinOp, AcosOp, AtanOp, SinhOp,
          CoshOp, AsinhOp, AcoshOp, AtanhOp>(op))
    return 22;
  if (isa<PowOp>(op))
    return 60;
  if (isa<RandomUniformOp>(op))
    return 80;
  if (isa<DivOp, SqrtOp, RsqrtOp>(op))
    return 6;
  return 1;
}

} // namespace dlc
