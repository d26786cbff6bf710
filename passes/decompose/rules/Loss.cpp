//===- Loss.cpp - cross-entropy in primitive ops --------------------------===//
#include "passes/decompose/Decompositions.h"

#include <limits>

using namespace mlir;

namespace dlc {
namespace {

/// `targets` compared with one number.
Value compareTargets(OpBuilder &b, Location loc, ComparePredicate predicate,
                     Value targets, int64_t number) {
  return CompareOp::create(b, loc, predicate, targets,
                           splatLike(b, loc, targets, double(number)));
}

/// logits[target] per row, as a sum over the row in which every other class is
/// 0: no gather breaks the row kernel.
Value targetLogit(OpBuilder &b, Location loc, Value logits, Value targets) {
  ArrayRef<int64_t> shape = shapeOf(logits);
  int64_t dim = rankOf(logits) - 1;
  auto indexType = RankedTensorType::get(shape, elementTypeOf(targets));
  // One statement each, here and below: compilers differ in which argument
  // they evaluate first.
  Value position = IotaOp::create(b, loc, indexType, dim);
  Value wide = expandReduced(b, loc, targets, shape, {dim});
  Value isTarget =
      CompareOp::create(b, loc, ComparePredicate::EQ, position, wide);
  Value chosen =
      SelectOp::create(b, loc, isTarget, logits, splatLike(b, loc, logits, 0));
  return ReduceSumOp::create(b, loc, chosen, ArrayRef<int64_t>{dim});
}

/// max + ln sum e^(x - max)
Value logSumExp(OpBuilder &b, Location loc, Value logits) {
  int64_t dim = rankOf(logits) - 1;
  Value max = ReduceMaxOp::create(b, loc, logits, ArrayRef<int64_t>{dim});
  Value low = SubOp::create(b, loc, logits,
                            expandReduced(b, loc, max, shapeOf(logits), {dim}));
  Value sum = ReduceSumOp::create(b, loc, ExpOp::create(b, loc, low),
                                  ArrayRef<int64_t>{dim});
  return AddOp::create(b, loc, max, LogOp::create(b, loc, sum));
}

/// A target that is no class would read 0 as its logit; it gives NaN instead.
SmallVector<Value> decomposeCrossEntropy(OpBuilder &b, CrossEntropyOp op) {
  Location loc = op.getLoc();
  Value logits = toComputeType(b, loc, op.getLogits());
  Value targets = op.getTargets();
  Value lse = logSumExp(b, loc, logits);
  Value loss = SubOp::create(b, loc, lse, targetLogit(b, loc, logits, targets));
  int64_t classes = shapeOf(logits).back();
  Value isBelow = compareTargets(b, loc, ComparePredicate::LT, targets, 0);
  Value isAbove =
      compareTargets(b, loc, ComparePredicate::GE, targets, classes);
  Value isOutside = OrOp::create(b, loc, isBelow, isAbove);
  Value nan = splatLike(b, loc, loss, std::numeric_limits<double>::quiet_NaN());
  loss = SelectOp::create(b, loc, isOutside, nan, loss);
  Value isIgnored =
      compareTargets(b, loc, ComparePredicate::EQ, targets, op.getIgnore());
  loss = SelectOp::create(b, loc, isIgnored, splatLike(b, loc, loss, 0), loss);
  return {loss, lse};
}

} // namespace

void addLossDecompositions(DecompositionTable &table) {
  addDecomposition<CrossEntropyOp>(table, decomposeCrossEntropy);
}

} // namespace dlc
