//===- Normalization.cpp - gradients of the normalizations ----------------===//
//
// With h = (x - mean) rstd and u = dy * scale, both norms have
//   dx = rstd (u - mean(u) - h mean(u h))
// where means run over what is normalized together. The statistics are results
// too; what their own gradients add is spelled out below.
//
//===----------------------------------------------------------------------===//
#include "passes/autodiff/GradientRules.h"

using namespace mlir;

namespace dlc {
namespace {

using G = GradientBuilder;

void softmaxGradient(SoftmaxOp op, G &g) {
  Value y = op.getResult();
  int64_t dim = op.getDim();
  Value dot = g.sum(g.mul(g.gradient(), y), dim);
  g.set(0, g.mul(y, g.sub(g.gradient(), g.expand(dot, y, dim))));
}

void logSoftmaxGradient(LogSoftmaxOp op, G &g) {
  Value y = op.getResult();
  int64_t dim = op.getDim();
  Value probability = ExpOp::create(g.b, g.loc, y);
  Value total = g.expand(g.sum(g.gradient(), dim), y, dim);
  g.set(0, g.sub(g.gradient(), g.mul(probability, total)));
}

/// The pieces of a normalization: `reduced` are the dims that statistics are
/// taken over, `rest` the others; `scale` has the dims `scaleDims` of x.
struct Norm {
  Value x, scale, mean, rstd;
  SmallVector<int64_t> reduced, scaleDims;

  /// A statistic repeated to the shape of x.
  Value spread(G &g, Value statistic) const {
    return g.expand(statistic, x, reduced);
  }
  Value average(G &g, Value value) const {
    return meanOver(g.b, g.loc, value, reduced);
  }
  /// Sums away the dims of x that `scale` lacks.
  Value sumToScale(G &g, Value value) const {
    return g.sum(value, otherDims(rankOf(x), scaleDims));
  }
  double count() const {
    double n = 1;
    for (int64_t dim : reduced)
      n *= double(shapeOf(x)[dim]);
    return n;
  }
};

/// Sets the gradients of scale and bias, and returns what the result's
/// gradient gives x.
Value normGradient(G &g, const Norm &n, Value normalized) {
  Value dy = g.gradient(0);
  if (g.wants(1))
    g.set(1, n.sumToScale(g, g.mul(dy, normalized)));
  if (g.wants(2))
    g.set(2, n.sumToScale(g, dy));
  if (!g.wants(0))
    return nullptr;
  Value scale = broadcastInDim(g.b, g.loc, n.scale, shapeOf(n.x), n.scaleDims);
  Value u = g.mul(dy, scale);
  Value centered = g.sub(u, n.spread(g, n.average(g, u)));
  Value along = n.spread(g, n.average(g, g.mul(u, normalized)));
  return g.mul(n.spread(g, n.rstd), g.sub(centered, g.mul(normalized, along)));
}

/// Adds `more`, which may be null, to `sum`, which may be null.
void accumulate(G &g, Value &sum, Value more) {
  sum = sum && more ? g.add(sum, more) : (sum ? sum : more);
}

/// dmean/dx_i = 1 / n.
Value meanGradient(G &g, const Norm &n, Value dMean) {
  return dMean ? n.spread(g, g.scale(dMean, 1 / n.count())) : nullptr;
}

/// drstd/dx_i = -rstd^2 h_i / n.
void layerNormGradient(LayerNormOp op, G &g) {
  int64_t rank = rankOf(op.getOperand());
  Norm n{op.getOperand(),
         op.getScale(),
         op.getMean(),
         op.getRstd(),
         llvm::to_vector(llvm::seq<int64_t>(op.getAxis(), rank)),
         llvm::to_vector(llvm::seq<int64_t>(op.getAxis(), rank))};
  Value normalized =
      g.mul(g.sub(n.x, n.spread(g, n.mean)), n.spread(g, n.rstd));
  Value dx = g.gradient(0) ? normGradient(g, n, normalized) : nullptr;
  if (!g.wants(0))
    return;
  accumulate(g, dx, meanGradient(g, n, g.gradient(1)));
  if (Value dRstd = g.gradient(2)) {
    Value factor = g.mul(dRstd, g.mul(n.rstd, n.rstd));
    Value spread = n.spread(g, g.scale(factor, -1 / n.count()));
    accumulate(g, dx, g.mul(normalized, spread));
  }
  g.set(0, dx);
}

/// dvariance/dx_i = 2 (x_i - mean) / n.
void batchNormGradient(BatchNormOp op, G &g) {
  int64_t channel = op.getChannel();
  Value shifted = g.plus(op.getVariance(), op.getEpsilon().convertToDouble());
  Norm n{op.getOperand(),
         op.getScale(),
         op.getMean(),
         RsqrtOp::create(g.b, g.loc, shifted),
         otherDims(rankOf(op.getOperand()), channel),
         {channel}};
  Value centered = g.sub(n.x, n.spread(g, n.mean));
  Value dx;
  if (g.gradient(0))
    dx = normGradient(g, n, g.mul(centered, n.spread(g, n.rstd)));
  if (!g.wants(0))
    return;
  accumulate(g, dx, meanGradient(g, n, g.gradient(1)));
  if (Value dVariance = g.gradient(2))
    accumulate(g, dx,
               g.mul(centered, n.spread(g, g.scale(dVariance, 2 / n.count()))));
  g.set(0, dx);
}

} // namespace

void addNormalizationGradients(GradientTable &table) {
  addGradient<SoftmaxOp>(table, softmaxGradient);
  addGradient<LogSoftmaxOp>(table, logSoftmaxGradient);
  addGradient<LayerNormOp>(table, layerNormGradient);
  addGradient<BatchNormOp>(table, batchNormGradient);
}

} // namespace dlc
