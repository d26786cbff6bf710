//===- Reduction.cpp - sharding of the reduction family -------------------===//
#include "passes/shard/ShardingRules.h"

namespace dlc {
namespace {

using B = ShardingRuleBuilder;

/// `ij->i`: partial results are combined by what the op reduces with.
template <typename OpTy> void addReduce(ShardingTable &table, Combine combine) {
  addSharding<OpTy>(table, [combine](OpTy op, B &b) {
    b.rule.combine = combine;
    int64_t to = 0;
    for (auto [dim, size] : llvm::enumerate(shapeOf(op.getOperand()))) {
      unsigned factor = b.factor(size);
      b.operand(0, dim, factor);
      if (!llvm::is_contained(op.getDims(), int64_t(dim)))
        b.result(0, to++, factor);
    }
  });
}

/// The index is one of the whole dim.
template <typename OpTy> void addArgReduce(ShardingTable &table) {
  addSharding<OpTy>(table, [](OpTy op, B &b) {
    int64_t to = 0;
    for (auto [dim, size] : llvm::enumerate(shapeOf(op.getOperand()))) {
      if (dim == op.getDim()) {
        b.wholeOperandDim(0, dim);
        continue;
      }
      unsigned factor = b.factor(size);
      b.operand(0, dim, factor).result(0, to++, factor);
    }
  });
}

void cumsum(CumSumOp op, B &b) {
  for (auto [dim, size] : llvm::enumerate(op.getType().getShape())) {
    unsigned factor = b.factor(size, /*isWhole=*/dim == op.getDim());
    b.operand(0, dim, factor).result(0, dim, factor);
  }
}

} // namespace

void addReductionSharding(ShardingTable &table) {
  addReduce<ReduceSumOp>(table, Combine::Sum);
  addReduce<ReduceProdOp>(table, Combine::Product);
  addReduce<ReduceMaxOp>(table, Combine::Max);
  addReduce<ReduceMinOp>(table, Combine::Min);
  addArgReduce<ArgMaxOp>(table);
  addArgReduce<ArgMinOp>(table);
  addSharding<CumSumOp>(table, cumsum);
}

} // namespace dlc
