//===- Loss.cpp - ONNX losses ---------------------------------------------===//
//
// Scores are [N, classes, d1, …] and labels [N, d1, …]. The loss of a label is
// the negative log probability of its class times the class's weight; labels
// equal to `ignore_index` count for nothing.
//
//===----------------------------------------------------------------------===//
#include "frontends/onnx/NodeContext.h"

using namespace mlir;

namespace dlc::frontend {

namespace {

LogicalResult checkScores(NodeContext &c) {
  ArrayRef<int64_t> scores = c.shape(0), labels = c.shape(1);
  bool fits = scores.size() >= 2 && labels.size() + 1 == scores.size() &&
              scores[0] == labels[0] &&
              scores.drop_front(2) == labels.drop_front(1) && scores[1] > 0;
  Type element = elementTypeOf(c.in(1));
  if (!fits || !(element.isInteger(32) || element.isInteger(64)) ||
      !isa<FloatType>(elementTypeOf(c.in(0))))
    return c.invalid("scores must be floats [N, classes, …] and labels "
                     "integers [N, …], but got shapes " +
                     shapeText(scores) + " and " + shapeText(labels));
  if (c.has(2) && (c.shape(2) != ArrayRef<int64_t>(scores[1]) ||
                   elementTypeOf(c.in(2)) != elementTypeOf(c.in(0))))
    return c.invalid("weights must have shape " + Twine(scores[1]) +
                     ", but got " + shapeText(c.shape(2)));
  return success();
}

/// The loss over log probabilities.
LogicalResult negativeLogLikelihood(NodeContext &c, Value logs) {
  Value labels = c.in(1);
  SmallVector<int64_t> shape(shapeOf(labels)), column(shape);
  column.insert(column.begin() + 1, 1);
  c.noteRange(labels, shapeOf(logs)[1]);
  Value picked = GatherElementsOp::create(
      c.b, c.loc, RankedTensorType::get(column, elementTypeOf(logs)), logs,
      reshapeTo(c.b, c.loc, labels, column), 1);
  Value loss = NegOp::create(c.b, c.loc,
                             reshapeTo(c.b, c.loc, picked, shape));
  Value weight = c.has(2)
                     ? Value(GatherOp::create(c.b, c.loc, c.in(2), labels, 0))
                     : splatLike(c.b, c.loc, loss, 1);
  if (c.hasAttr("ignore_index")) {
    Value ignored = CompareOp::create(
        c.b, c.loc, ComparePredicate::EQ, labels,
        splatLike(c.b, c.loc, labels, double(c.attr("ignore_index", 0))));
    Value zero = splatLike(c.b, c.loc, weight, 0);
    weight = SelectOp::create(c.b, c.loc, ignored, zero, weight);
    loss = SelectOp::create(c.b, c.loc, ignored, zero, loss);
  }
  loss = MulOp::create(c.b, c.loc, loss, weight);
  StringRef reduction = c.attrText("reduction", "mean");
  if (reduction == "none")
    return c.out(loss);
  SmallVector<int64_t> all = iotaDims(rankOf(loss));
  Value sum = ReduceSumOp::create(c.b, c.loc, loss, all);
  if (reduction == "sum")
    return c.out(sum);
  if (reduction != "mean")
    return c.fail("DLC1012", "reduction must be 'none', 'sum' or 'mean', but "
                             "got '" +
                                 reduction + "'");
  Value total = ReduceSumOp::create(c.b, c.loc, weight, all);
  return c.out(DivOp::create(c.b, c.loc, sum, total));
}

LogicalResult softmaxCrossEntropy(NodeContext &c) {
  if (failed(checkScores(c)))
    return failure();
  Value logs = LogSoftmaxOp::create(c.b, c.loc, c.in(0).getType(), c.in(0), 1);
  (void)c.out(1, logs);
  return negativeLogLikelihood(c, logs);
}

LogicalResult negativeLogLikelihoodNode(NodeContext &c) {
  if (failed(checkScores(c)))
    return failure();
  return negativeLogLikelihood(c, c.in(0));
}

} // namespace

void registerLossOps(OpTable &table) {
  table.add({
      {"NegativeLogLikelihoodLoss", 12, latest, "dll?",
       negativeLogLikelihoodNode},
      {"SoftmaxCrossEntropyLoss", 12, latest, "dll?", softmaxCrossEntropy},
  });
}

} // namespace dlc::frontend
