//===- Loss.cpp - gradients of the losses ---------------------------------===//
#include "passes/autodiff/GradientRules.h"

using namespace mlir;

namespace dlc {
namespace {

using G = GradientBuilder;

/// With p = softmax(logits) = exp(logits - logsumexp):
///   dlogits = p (dloss + dlogsumexp) - onehot(target) dloss
/// where dloss counts as 0 in the rows that are ignored.
void crossEntropyGradient(CrossEntropyOp op, G &g) {
  Value logits = op.getLogits(), targets = op.getTargets();
  int64_t last = rankOf(logits) - 1;
  auto spread = [&](Value row) { return g.expand(row, logits, {last}); };
  Value dLoss = g.gradient(0);
  if (dLoss) {
    Value isIgnored =
        g.compare(ComparePredicate::EQ, targets,
                  g.number(targets, double(int64_t(op.getIgnore()))));
    dLoss = g.select(isIgnored, g.number(dLoss, 0), dLoss);
  }
  Value weight = dLoss;
  if (Value dSum = g.gradient(1))
    weight = weight ? g.add(weight, dSum) : dSum;
  Value probability =
      ExpOp::create(g.b, g.loc, g.sub(logits, spread(op.getLogsumexp())));
  Value dLogits = g.mul(probability, spread(weight));
  if (dLoss) {
    auto classType = tensorType(logits).clone(elementTypeOf(targets));
    Value isTarget =
        g.compare(ComparePredicate::EQ,
                  IotaOp::create(g.b, g.loc, classType, last), spread(targets));
    Value hit = g.select(isTarget, spread(dLoss), g.number(logits, 0));
    dLogits = g.sub(dLogits, hit);
  }
  g.set(0, dLogits);
}

} // namespace

void addLossGradients(GradientTable &table) {
  addGradient<CrossEntropyOp>(table, crossEntropyGradient);
}

} // namespace dlc
