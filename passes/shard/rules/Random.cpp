//===- Random.cpp - sharding of the random family -------------------------===//
#include "passes/shard/ShardingRules.h"

namespace dlc {

/// Numbers are a function of the global index, so any part may be drawn alone.
void addRandomSharding(ShardingTable &table) {
  addSharding<RandomUniformOp>(
      table, [](RandomUniformOp op, ShardingRuleBuilder &b) {
        b.wholeOperandDim(0, 0);
        for (auto [dim, size] : llvm::enumerate(op.getType().getShape()))
          b.result(0, dim, b.factor(size));
        b.rule.needsOffset = true;
      });
}

} // namespace dlc
