//===- Normalization.cpp - softmax and norms in primitive ops -------------===//
#include "passes/decompose/Decompositions.h"

using namespace mlir;

namespace dlc {
namespace {

/// x - max over `dim`.
Value shifted(OpBuilder &b, Location loc, Value x, int64_t dim) {
  Value max = ReduceMaxOp::create(b, loc, x, ArrayRef<int64_t>{dim});
  return SubOp::create(b, loc, x,
                       expandReduced(b, loc, max, shapeOf(x), {dim}));
}

SmallVector<Value> decomposeSoftmax(OpBuilder &b, SoftmaxOp op) {
  Location loc = op.getLoc();
  int64_t dim = op.getDim();
  Value x = toComputeType(b, loc, op.getOperand());
  Value e = ExpOp::create(b, loc, shifted(b, loc, x, dim));
  Value sum = ReduceSumOp::create(b, loc, e, ArrayRef<int64_t>{dim});
  Value scale = DivOp::create(b, loc, splatLike(b, loc, sum, 1), sum);
  return {MulOp::create(b, loc, e,
                        expandReduced(b, loc, scale, shapeOf(x), {dim}))};
}

SmallVector<Value> decomposeLogSoftmax(OpBuilder &b, LogSoftmaxOp op) {
  Location loc = op.getLoc();
  int64_t dim = op.getDim();
  Value x = toComputeType(b, loc, op.getOperand());
  Value low = shifted(b, loc, x, dim);
  Value sum = ReduceSumOp::create(b, loc, ExpOp::create(b, loc, low),
                                  ArrayRef<int64_t>{dim});
  Value log = LogOp::create(b, loc, sum);
  return {SubOp::create(b, loc, low,
                        expandReduced(b, loc, log, shapeOf(x), {dim}))};
}

struct Moments {
  Value mean, centered, variance;
};

/// Mean, x - mean, and the mean of its square, over `dims`.
Moments momentsOver(OpBuilder &b, Location loc, Value x,
                    ArrayRef<int64_t> dims) {
  Moments moments;
  moments.mean = meanOver(b, loc, x, dims);
  moments.centered = SubOp::create(
      b, loc, x, expandReduced(b, loc, moments.mean, shapeOf(x), dims));
  Value square = MulOp::create(b, loc, moments.centered, moments.centered);
  moments.variance = meanOver(b, loc, square, dims);
  return moments;
}

Value rsqrtOf(OpBuilder &b, Location loc, Value variance, double epsilon) {
  return RsqrtOp::create(b, loc, addNumber(b, loc, variance, epsilon));
}

SmallVector<Value> decomposeLayerNorm(OpBuilder &b, LayerNormOp op) {
  Location loc = op.getLoc();
  Value x = toComputeType(b, loc, op.getOperand());
  ArrayRef<int64_t> shape = shapeOf(x);
  SmallVector<int64_t> cols;
  for (int64_t dim = op.getAxis(); dim < rankOf(x); ++dim)
    cols.push_back(dim);
  Moments moments = momentsOver(b, loc, x, cols);
  Value rstd =
      rsqrtOf(b, loc, moments.variance, op.getEpsilon().convertToDouble());
  Value normal = MulOp::create(b, loc, moments.centered,
                               expandReduced(b, loc, rstd, shape, cols));
  auto perColumn = [&](Value value) {
    return broadcastInDim(b, loc, toComputeType(b, loc, value), shape, cols);
  };
  Value scaled = MulOp::create(b, loc, normal, perColumn(op.getScale()));
  Value result = AddOp::create(b, loc, scaled, perColumn(op.getBias()));
  return {result, moments.mean, rstd};
}

/// The scale joins 1 / sqrt(variance + epsilon) per channel, before either is
/// repeated: one product less per element.
SmallVector<Value> decomposeBatchNorm(OpBuilder &b, BatchNormOp op) {
  Location loc = op.getLoc();
  Value x = toComputeType(b, loc, op.getOperand());
  ArrayRef<int64_t> shape = shapeOf(x);
  int64_t channel = op.getChannel();
  SmallVector<int64_t> dims = otherDims(rankOf(x), {channel});
  Moments moments = momentsOver(b, loc, x, dims);
  Value rstd =
      rsqrtOf(b, loc, moments.variance, op.getEpsilon().convertToDouble());
  auto perChannel = [&](Value value) {
    return broadcastInDim(b, loc, value, shape, {channel});
  };
  Value factor =
      MulOp::create(b, loc, rstd, toComputeType(b, loc, op.getScale()));
  Value scaled = MulOp::create(b, loc, moments.centered, perChannel(factor));
  Value result = AddOp::create(b, loc, scaled,
                               perChannel(toComputeType(b, loc, op.getBias())));
  return {result, moments.mean, moments.variance};
}

} // namespace

void addNormalizationDecompositions(DecompositionTable &table) {
  addDecomposition<SoftmaxOp>(table, decomposeSoftmax);
  addDecomposition<LogSoftmaxOp>(table, decomposeLogSoftmax);
  addDecomposition<LayerNormOp>(table, decomposeLayerNorm);
  addDecomposition<BatchNormOp>(table, decomposeBatchNorm);
}

} // namespace dlc
