//===- Attention.cpp - infinities through attention -----------------------===//
#include "passes/nonfinite/Infinities.h"

#include "dialects/dlc/IR/Builders.h"

using namespace mlir;

namespace dlc {

/// Minus infinity comes in as a mask, and its exponential is 0. The logsumexp
/// of a row that is hidden entirely is not looked at.
void addAttentionInfinities(OpTable<InfinityRule> &table) {
  table.add<AttentionOp, AttentionGradOp>(
      [](Operation *, ArrayRef<unsigned>) -> unsigned { return NoInfinity; });
}

} // namespace dlc
