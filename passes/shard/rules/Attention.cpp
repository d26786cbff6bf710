//===- Attention.cpp - sharding of attention ------------------------------===//
//
// Batches and heads are independent. Rows are too, but a causal mask counts
// them from the first, and gradients of keys sum over them while those of
// queries do not; so only rows of plain forward attention may be split.
//
//===----------------------------------------------------------------------===//
#include "passes/shard/ShardingRules.h"

#include "dialects/dlc/IR/Attention.h"

using namespace mlir;

namespace dlc {
namespace {

using B = ShardingRuleBuilder;

/// Factors for rows, keys, depth and width, and where each tensor has them.
class Rule {
public:
  template <typename OpTy>
  Rule(OpTy op, B &b, bool mayCutRows, bool mayCutWidth)
      : b(b), op(op) {
    AttentionSizes s = sizesOf(op);
    for (int64_t size : s.batch)
      batch.push_back(b.factor(size));
    rows = b.factor(s.rows, !mayCutRows);
    keys = b.factor(s.keys, true);
    depth = b.factor(s.depth, true);
    width = b.factor(s.width, !mayCutWidth);
  }
  void operand(unsigned index, ArrayRef<unsigned> dims) {
    put(dims, [&](int64_t dim, unsigned f) { b.operand(index, dim, f); });
  }
  void result(unsigned index, ArrayRef<unsigned> dims) {
    put(dims, [&](int64_t dim, unsigned f) { b.result(index, dim, f); });
  }
  /// Dims of size 1 are repeated.
  void mask(unsigned index) {
    if (index >= op->getNumOperands())
      return;
    ArrayRef<int64_t> shape = shapeOf(op->getOperand(index));
    put({rows, keys}, [&](int64_t dim, unsigned f) {
      if (shape[dim] == b.rule.factors[f].size)
        b.operand(index, dim, f);
    });
  }
  unsigned rows, keys, depth, width;

private:
  template <typename Put> void put(ArrayRef<unsigned> dims, Put put) {
    int64_t dim = 0;
    for (unsigned factor : batch)
      put(dim++, factor);
    for (unsigned factor : dims)
      put(dim++, factor);
  }
  B &b;
  Operation *op;
  SmallVector<unsigned> batch;
};

void attention(AttentionOp op, B &b) {
  Rule rule(op, b, /*mayCutRows=*/!op.getCausal(), /*mayCutWidth=*/true);
  rule.operand(0, {rule.rows, rule.depth});
  rule.operand(1, {rule.keys, rule.depth});
  rule.operand(2, {rule.keys, rule.width});
  rule.mask(3);
  rule.result(0, {rule.rows, rule.width});
  rule.result(1, {rule.rows});
}

void attentionGrad(AttentionGradOp op, B &b) {
  Rule rule(op, b, false, false);
  rule.operand(0, {rule.rows, rule.width});
  rule.operand(1, {rule.rows, rule.depth});
  rule.operand(2, {rule.keys, rule.depth});
  rule.operand(3, {rule.keys, rule.width});
  rule.operand(4, {rule.rows, rule.width});
  rule.operand(5, {rule.rows});
  rule.mask(6);
  rule.result(0, {rule.rows, rule.depth});
  rule.result(1, {rule.keys, rule.depth});
  rule.result(2, {rule.keys, rule.width});
}

} // namespace

void addAttentionSharding(ShardingTable &table) {
  addSharding<AttentionOp>(table, attention);
  addSharding<AttentionGradOp>(table, attentionGrad);
}

} // namespace dlc
