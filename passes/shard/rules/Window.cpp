//===- Window.cpp - sharding of the window family -------------------------===//
//
// Dims that the window does not move in may be split; in the others windows
// need their neighbours.
//
//===----------------------------------------------------------------------===//
#include "passes/shard/ShardingRules.h"

namespace dlc {

template <typename OpTy> static void addWindow(ShardingTable &table) {
  addSharding<OpTy>(table, [](OpTy op, ShardingRuleBuilder &b) {
    int64_t rank = op.getWindow().size();
    for (int64_t dim = 0; dim < rank; ++dim) {
      int64_t from = shapeOf(op->getOperand(0))[dim];
      int64_t to = shapeOf(op->getResult(0))[dim];
      bool passes = op.getWindow()[dim] == 1 && op.getStrides()[dim] == 1 &&
                    op.getPadsBegin()[dim] == 0 && from == to;
      unsigned source = b.factor(from, !passes);
      unsigned target = passes ? source : b.factor(to, true);
      for (unsigned i = 0; i < op->getNumOperands(); ++i)
        b.operand(i, dim, source);
      for (unsigned i = 0; i < op->getNumResults(); ++i)
        b.result(i, dim, target);
    }
  });
}

void addWindowSharding(ShardingTable &table) {
  addWindow<PoolMaxOp>(table);
  addWindow<PoolMaxGradOp>(table);
  addWindow<PoolSumOp>(table);
  addWindow<PoolSumGradOp>(table);
}

} // namespace dlc
