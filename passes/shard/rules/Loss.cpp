//===- Loss.cpp - sharding of the losses ----------------------------------===//
#include "passes/shard/ShardingRules.h"

namespace dlc {

/// Rows may be split; the classes of a row stay together.
void addLossSharding(ShardingTable &table) {
  addSharding<CrossEntropyOp>(
      table, [](CrossEntropyOp op, ShardingRuleBuilder &b) {
        auto shape = shapeOf(op.getLogits());
        for (int64_t dim = 0; dim + 1 < int64_t(shape.size()); ++dim) {
          unsigned factor = b.factor(shape[dim]);
          b.operand(0, dim, factor).operand(1, dim, factor);
          b.result(0, dim, factor).result(1, dim, factor);
        }
        b.wholeOperandDim(0, shape.size() - 1);
      });
}

} // namespace dlc
