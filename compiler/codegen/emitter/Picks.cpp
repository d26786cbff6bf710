//===- Picks.cpp - sums of one term, on GPUs ------------------------------===//
//
// The logit of a row's own class is written as a sum over the row in which
// every other term is zero, so that no gather breaks a row kernel. Threads need
// not add zeros:
//
//   sum over i of (i == t ? x[i] : 0)   ->   x[t], or 0 where t is no index
//
// The bits are the same. x[t] is read before anything is stored, as the result
// may lie over x. Where i == t is needed for its own sake, it is compared once
// for a vector of neighbours in 32 bits.
//
//===----------------------------------------------------------------------===//
#include "compiler/codegen/emitter/RegionEmitter.h"
#include "compiler/codegen/emitter/elements/Sum.h"
#include "dialects/dlc/IR/Builders.h"
#include "dialects/dlc/IR/Traced.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <numeric>

using namespace mlir;

namespace dlc::emit {

static SmallVector<Access> accessesOf(Operation *op, IndexSpace &space,
                                      const Index &at, const Index &step = {}) {
  SmallVector<Access> accesses;
  accessRules().lookup(op)->accesses(op, space, at, step, accesses);
  return accesses;
}

/// Follows ops that only rename elements, to a constant or the value that `at`
/// does not walk along any more. False if there is none.
bool RegionEmitter::followToRow(Value &value, Index &at) {
  auto isOfRow = [&] {
    return llvm::none_of(at, [&](AffineExpr e) { return dependsOnLane(e); });
  };
  while (!isOfRow()) {
    Operation *op = value.getDefiningOp();
    if (!op || !members.contains(op) || !isIndexOnly(op))
      return false;
    SmallVector<Access> accesses = accessesOf(op, plan.space, at);
    if (accesses.size() != 1 || !accesses[0].guards.empty())
      return false;
    value = op->getOperand(accesses[0].operand);
    at = accesses[0].index;
  }
  return true;
}

/// Where `op` compares the position in the row with a number of the row's.
std::optional<RegionEmitter::RowElement>
RegionEmitter::comparedPosition(Operation *op, const Index &at) {
  auto compare = dyn_cast_or_null<CompareOp>(op);
  if (!compare || !members.contains(op) ||
      compare.getPredicate() != ComparePredicate::EQ ||
      !elementTypeOf(op->getOperand(0)).isSignlessInteger())
    return std::nullopt;
  SmallVector<Access> accesses = accessesOf(op, plan.space, at);
  for (unsigned side : {0, 1}) {
    auto iota = op->getOperand(side).getDefiningOp<IotaOp>();
    if (!iota || !members.contains(iota) ||
        plan.space.simplify(accesses[side].index[iota.getDim()]) !=
            plan.space.dim(walk.vectorDim))
      continue;
    RowElement element = {op->getOperand(1 - side), accesses[1 - side].index};
    if (followToRow(element.value, element.at))
      return element;
  }
  return std::nullopt;
}

static bool isZero(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (auto constant = dyn_cast<ConstantOp>(op)) {
      auto splat = dyn_cast<SplatElementsAttr>(constant.getValue());
      return splat && isa<FloatType>(splat.getElementType()) &&
             splat.getSplatValue<APFloat>().isPosZero();
    }
    if (!isa<BroadcastOp, ReshapeOp>(op))
      return false;
    value = op->getOperand(0);
  }
  return false;
}

/// The sum as one element, or null if it has more terms.
Value RegionEmitter::emitPick(const RegionReduction &reduction) {
  auto sum = dyn_cast<ReduceSumOp>(reduction.op);
  bool isAlongRow =
      walk.isRowShared || (walk.areLanesThreads && walk.rowThreads == 1);
  if (!isGpu || mixed || !sum || !isAlongRow || walk.isVectorDimKept ||
      llvm::count_if(plan.reduced, [](int64_t size) { return size != 1; }) != 1)
    return nullptr;
  auto select = sum.getOperand().getDefiningOp<SelectOp>();
  if (!select || !members.contains(select) || injectedInto(sum) ||
      injectedInto(select) || !isZero(select->getOperand(2)))
    return nullptr;
  Index at = accessesOf(sum, plan.space, reduction.at, reduction.step)[0].index;
  SmallVector<Access> accesses = accessesOf(select, plan.space, at);
  if (accesses.size() != 3)
    return nullptr;
  std::optional<RowElement> wanted = comparedPosition(
      select->getOperand(0).getDefiningOp(), accesses[0].index);
  if (!wanted)
    return nullptr;
  int64_t size = plan.space.getDims()[walk.vectorDim];
  AffineExpr found = plan.space.dynamic(wanted->value, wanted->at, size);
  Index chosenAt;
  for (AffineExpr expr : accesses[1].index)
    chosenAt.push_back(plan.space.simplify(
        expr.replace(plan.space.dim(walk.vectorDim), found)));
  Value isInside = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult,
                                         emitRowNumber(*wanted), i64(size));
  Value chosen = emitValue(select->getOperand(1), chosenAt, nullptr);
  Value zero = numberLike(chosen, 0);
  // The sum of -0 and 0 is 0.
  return add(*this, this->select(isInside, chosen, zero), zero);
}

/// The row's number as i64.
Value RegionEmitter::emitRowNumber(const RowElement &element) {
  Value number = emitValue(element.value, element.at, nullptr);
  if (number.getType() != b.getI64Type())
    number = arith::ExtSIOp::create(b, loc, b.getI64Type(), number);
  return number;
}

/// i == t for the elements of a vector; null if `op` is no such comparison.
Value RegionEmitter::emitPositionCheck(Operation *op, const Index &at) {
  if (!walk.isRowShared)
    return nullptr;
  std::optional<RowElement> wanted = comparedPosition(op, at);
  if (!wanted)
    return nullptr;
  Type i32 = b.getI32Type();
  Value ahead = arith::SubIOp::create(b, loc, emitRowNumber(*wanted),
                                      scopes.back().dims[walk.vectorDim]);
  Value isHere = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, ahead,
                                       i64(walk.lanes));
  Value place = arith::SelectOp::create(
      b, loc, isHere, arith::TruncIOp::create(b, loc, i32, ahead),
      integer(i32, -1));
  SmallVector<int32_t> numbers(walk.lanes);
  std::iota(numbers.begin(), numbers.end(), 0);
  auto type = VectorType::get({int64_t(walk.lanes)}, i32);
  Value lanes = arith::ConstantOp::create(
      b, loc, DenseIntElementsAttr::get(type, ArrayRef<int32_t>(numbers)));
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, splat(place),
                               lanes);
}

} // namespace dlc::emit
