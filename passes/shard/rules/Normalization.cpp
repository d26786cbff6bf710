//===- Normalization.cpp - sharding of the normalizations -----------------===//
//
// What is normalized together stays together; decomposed into reductions, it
// may be split with a collective per statistic.
//
//===----------------------------------------------------------------------===//
#include "passes/shard/ShardingRules.h"

namespace dlc {
namespace {

using B = ShardingRuleBuilder;

template <typename OpTy> void addSoftmax(ShardingTable &table) {
  addSharding<OpTy>(table, [](OpTy op, B &b) {
    for (auto [dim, size] : llvm::enumerate(op.getType().getShape())) {
      unsigned factor = b.factor(size, /*isWhole=*/dim == op.getDim());
      b.operand(0, dim, factor).result(0, dim, factor);
    }
  });
}

void layerNorm(LayerNormOp op, B &b) {
  int64_t axis = op.getAxis();
  for (auto [i, size] : llvm::enumerate(shapeOf(op.getOperand()))) {
    int64_t dim = i;
    unsigned factor = b.factor(size, /*isWhole=*/dim >= axis);
    b.operand(0, dim, factor).result(0, dim, factor);
    if (dim >= axis)
      b.operand(1, dim - axis, factor).operand(2, dim - axis, factor);
    else
      b.result(1, dim, factor).result(2, dim, factor);
  }
}

void batchNorm(BatchNormOp op, B &b) {
  for (auto [dim, size] : llvm::enumerate(shapeOf(op.getOperand()))) {
    bool isChannel = dim == op.getChannel();
    unsigned factor = b.factor(size, /*isWhole=*/!isChannel);
    b.operand(0, dim, factor).result(0, dim, factor);
    if (isChannel)
      b.operand(1, 0, factor)
          .operand(2, 0, factor)
          .result(1, 0, factor)
          .result(2, 0, factor);
  }
}

} // namespace

void addNormalizationSharding(ShardingTable &table) {
  addSoftmax<SoftmaxOp>(table);
  addSoftmax<LogSoftmaxOp>(table);
  addSharding<LayerNormOp>(table, layerNorm);
  addSharding<BatchNormOp>(table, batchNorm);
}

} // namespace dlc
