//===- Contraction.cpp - sharding of the contractions ---------------------===//
//
// dot_general is an einsum. A convolution is one over batch, channels and, with
// groups, the group; its spatial dims need their neighbours and stay whole.
//
//===----------------------------------------------------------------------===//
#include "passes/shard/ShardingRules.h"

using namespace mlir;

namespace dlc {
namespace {

using B = ShardingRuleBuilder;

void dotGeneral(DotGeneralOp op, B &b) {
  auto lhs = shapeOf(op.getLhs()), rhs = shapeOf(op.getRhs());
  int64_t to = 0;
  for (auto [i, j] : llvm::zip_equal(op.getLhsBatch(), op.getRhsBatch())) {
    unsigned factor = b.factor(lhs[i]);
    b.operand(0, i, factor).operand(1, j, factor).result(0, to++, factor);
  }
  for (auto [i, j] :
       llvm::zip_equal(op.getLhsContract(), op.getRhsContract())) {
    unsigned factor = b.factor(lhs[i]);
    b.operand(0, i, factor).operand(1, j, factor);
  }
  auto addFree = [&](unsigned side, ArrayRef<int64_t> shape,
                     ArrayRef<int64_t> batch, ArrayRef<int64_t> contract) {
    for (int64_t dim = 0; dim < int64_t(shape.size()); ++dim) {
      if (llvm::is_contained(batch, dim) || llvm::is_contained(contract, dim))
        continue;
      unsigned factor = b.factor(shape[dim]);
      b.operand(side, dim, factor).result(0, to++, factor);
    }
  };
  addFree(0, lhs, op.getLhsBatch(), op.getLhsContract());
  addFree(1, rhs, op.getRhsBatch(), op.getRhsContract());
}

/// Where the three tensors of a convolution are among operands and results.
struct Place {
  bool isResult;
  unsigned index;
  Value value;
};

void put(B &b, const Place &place, int64_t dim, unsigned factor) {
  if (place.isResult)
    b.result(place.index, dim, factor);
  else
    b.operand(place.index, dim, factor);
}

void convolution(B &b, int64_t groups, const Place &src, const Place &weights,
                 const Place &dst) {
  ArrayRef<int64_t> s = shapeOf(src.value), w = shapeOf(weights.value);
  int64_t last = s.size() - 1;
  unsigned batch = b.factor(s[0]);
  put(b, src, 0, batch);
  put(b, dst, 0, batch);
  // The group count is an attribute, which a split would have to change.
  unsigned group = b.factor(groups, /*isWhole=*/true);
  unsigned in = b.factor(w[1]), out = b.factor(w[0] / groups);
  put(b, src, last, group);
  put(b, src, last, in);
  put(b, dst, last, group);
  put(b, dst, last, out);
  put(b, weights, 0, group);
  put(b, weights, 0, out);
  put(b, weights, 1, in);
  for (int64_t i = 1; i < last; ++i) {
    put(b, src, i, b.factor(s[i], true));
    put(b, dst, i, b.factor(shapeOf(dst.value)[i], true));
    put(b, weights, i + 1, b.factor(w[i + 1], true));
  }
}

} // namespace

void addContractionSharding(ShardingTable &table) {
  addSharding<DotGeneralOp>(table, dotGeneral);
  addSharding<ConvOp>(table, [](ConvOp op, B &b) {
    convolution(b, op.getGroups(), {false, 0, op.getSrc()},
                {false, 1, op.getWeights()}, {true, 0, op.getResult()});
  });
  addSharding<ConvGradDataOp>(table, [](ConvGradDataOp op, B &b) {
    convolution(b, op.getGroups(), {true, 0, op.getResult()},
                {false, 1, op.getWeights()}, {false, 0, op.getGrad()});
  });
  addSharding<ConvGradWeightsOp>(table, [](ConvGradWeightsOp op, B &b) {
    convolution(b, op.getGroups(), {false, 0, op.getSrc()},
                {true, 0, op.getResult()}, {false, 1, op.getGrad()});
  });
}

} // namespace dlc
