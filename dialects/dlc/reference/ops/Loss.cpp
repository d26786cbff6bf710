//===- Loss.cpp - reference evaluation of the losses ----------------------===//
#include "dialects/dlc/reference/ops/Families.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace dlc::reference {
namespace {

void crossEntropy(CrossEntropyOp op, Operands in, Results out) {
  const Tensor &logits = *in[0], &targets = *in[1];
  int64_t classes = logits.getShape().back();
  for (int64_t row = 0; row < targets.size(); ++row) {
    double most = -std::numeric_limits<double>::infinity(), sum = 0;
    for (int64_t c = 0; c < classes; ++c)
      most = std::fmax(most, logits.number(row * classes + c));
    for (int64_t c = 0; c < classes; ++c)
      sum += std::exp(logits.number(row * classes + c) - most);
    double logsumexp = most + std::log(sum);
    int64_t target = targets.integer(row);
    double loss = 0;
    if (target != int64_t(op.getIgnore()))
      loss = target < 0 || target >= classes
                 ? std::nan("")
                 : logsumexp - logits.number(row * classes + target);
    out[0].setNumber(row, loss);
    out[1].setNumber(row, logsumexp);
  }
}

} // namespace

void addLossEvaluators(EvaluatorTable &table) {
  addEvaluator<CrossEntropyOp>(table, crossEntropy);
}

} // namespace dlc::reference
