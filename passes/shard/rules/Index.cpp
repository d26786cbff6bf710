//===- Index.cpp - sharding of the index family ---------------------------===//
//
// The dim that is indexed stays whole: an index may name any of its elements.
// Split indices of a scatter give partial sums.
//
//===----------------------------------------------------------------------===//
#include "passes/shard/ShardingRules.h"

using namespace mlir;

namespace dlc {
namespace {

using B = ShardingRuleBuilder;

void gather(GatherOp op, B &b) {
  auto whole = shapeOf(op.getOperand()), indices = shapeOf(op.getIndices());
  int64_t dim = op.getDim(), to = 0;
  for (int64_t i = 0; i < int64_t(whole.size()); ++i) {
    if (i != dim) {
      unsigned factor = b.factor(whole[i]);
      b.operand(0, i, factor).result(0, to++, factor);
      continue;
    }
    b.wholeOperandDim(0, i);
    for (auto [j, size] : llvm::enumerate(indices)) {
      unsigned factor = b.factor(size);
      b.operand(1, j, factor).result(0, to++, factor);
    }
  }
}

void scatterAdd(ScatterAddOp op, B &b) {
  auto whole = op.getType().getShape(), indices = shapeOf(op.getIndices());
  int64_t dim = op.getDim(), from = 0;
  for (int64_t i = 0; i < int64_t(whole.size()); ++i) {
    if (i != dim) {
      unsigned factor = b.factor(whole[i]);
      b.operand(1, from++, factor).result(0, i, factor);
      continue;
    }
    b.wholeResultDim(0, i);
    for (auto [j, size] : llvm::enumerate(indices)) {
      unsigned factor = b.factor(size);
      b.operand(0, j, factor).operand(1, from++, factor);
    }
  }
}

void gatherElements(GatherElementsOp op, B &b) {
  for (auto [i, size] : llvm::enumerate(op.getType().getShape())) {
    unsigned factor = b.factor(size);
    b.operand(1, i, factor).result(0, i, factor);
    if (i == op.getDim())
      b.wholeOperandDim(0, i);
    else
      b.operand(0, i, factor);
  }
}

void scatterElementsAdd(ScatterElementsAddOp op, B &b) {
  for (auto [i, size] : llvm::enumerate(shapeOf(op.getUpdates()))) {
    unsigned factor = b.factor(size);
    b.operand(0, i, factor).operand(1, i, factor);
    if (i == op.getDim())
      b.wholeResultDim(0, i);
    else
      b.result(0, i, factor);
  }
}

} // namespace

void addIndexSharding(ShardingTable &table) {
  addSharding<GatherOp>(table, gather);
  addSharding<ScatterAddOp>(table, scatterAdd);
  addSharding<GatherElementsOp>(table, gatherElements);
  addSharding<ScatterElementsAddOp>(table, scatterElementsAdd);
}

} // namespace dlc
