//===- Normalization.cpp - reference evaluation of the normalizations -----===//
//
// Every op gathers the elements it normalizes together into a vector of
// doubles, in row-major order, and works on that.
//
//===----------------------------------------------------------------------===//
#include "dialects/dlc/reference/ops/Families.h"

#include "dialects/dlc/IR/Builders.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace dlc::reference {
namespace {

/// The positions of the elements that agree in all dims but `dims`: one list
/// per index of the other dims, in row-major order.
std::vector<std::vector<int64_t>> groupsOver(ArrayRef<int64_t> shape,
                                             ArrayRef<int64_t> dims) {
  SmallVector<int64_t> kept = otherDims(shape.size(), dims), keptShape;
  for (int64_t dim : kept)
    keptShape.push_back(shape[dim]);
  SmallVector<int64_t> strides(shape.size());
  for (auto [dim, stride] : llvm::zip_equal(kept, rowMajorStrides(keptShape)))
    strides[dim] = stride;
  std::vector<std::vector<int64_t>> groups(elementCount(keptShape));
  int64_t position = 0;
  forEachIndex(shape, [&](ArrayRef<int64_t> index) {
    groups[linearIndex(index, strides)].push_back(position++);
  });
  return groups;
}

double largest(const Tensor &x, ArrayRef<int64_t> group) {
  double most = -std::numeric_limits<double>::infinity();
  for (int64_t i : group)
    most = std::isnan(x.number(i)) ? x.number(i) : std::max(most, x.number(i));
  return most;
}

void softmax(SoftmaxOp op, Operands in, Results out) {
  const Tensor &x = *in[0];
  for (const auto &group : groupsOver(x.getShape(), {int64_t(op.getDim())})) {
    double most = largest(x, group), sum = 0;
    for (int64_t i : group)
      sum += std::exp(x.number(i) - most);
    for (int64_t i : group)
      out[0].setNumber(i, std::exp(x.number(i) - most) / sum);
  }
}

void logSoftmax(LogSoftmaxOp op, Operands in, Results out) {
  const Tensor &x = *in[0];
  for (const auto &group : groupsOver(x.getShape(), {int64_t(op.getDim())})) {
    double most = largest(x, group), sum = 0;
    for (int64_t i : group)
      sum += std::exp(x.number(i) - most);
    for (int64_t i : group)
      out[0].setNumber(i, x.number(i) - most - std::log(sum));
  }
}

struct Moments {
  double mean = 0;
  /// Biased: the mean of the squared distances from the mean.
  double variance = 0;
};

Moments momentsOf(const Tensor &x, ArrayRef<int64_t> group) {
  Moments m;
  for (int64_t i : group)
    m.mean += x.number(i);
  m.mean /= double(group.size());
  for (int64_t i : group)
    m.variance += (x.number(i) - m.mean) * (x.number(i) - m.mean);
  m.variance /= double(group.size());
  return m;
}

void layerNorm(LayerNormOp op, Operands in, Results out) {
  const Tensor &x = *in[0], &scale = *in[1], &bias = *in[2];
  SmallVector<int64_t> dims =
      llvm::to_vector(llvm::seq<int64_t>(op.getAxis(), x.getRank()));
  double epsilon = op.getEpsilon().convertToDouble();
  for (auto [row, group] : llvm::enumerate(groupsOver(x.getShape(), dims))) {
    Moments m = momentsOf(x, group);
    double rstd = 1 / std::sqrt(m.variance + epsilon);
    out[1].setNumber(row, m.mean);
    out[2].setNumber(row, rstd);
    for (auto [col, i] : llvm::enumerate(group))
      out[0].setNumber(i, (x.number(i) - m.mean) * rstd * scale.number(col) +
                              bias.number(col));
  }
}

void batchNorm(BatchNormOp op, Operands in, Results out) {
  const Tensor &x = *in[0], &scale = *in[1], &bias = *in[2];
  SmallVector<int64_t> dims =
      otherDims(x.getRank(), {int64_t(op.getChannel())});
  double epsilon = op.getEpsilon().convertToDouble();
  for (auto [c, group] : llvm::enumerate(groupsOver(x.getShape(), dims))) {
    Moments m = momentsOf(x, group);
    out[1].setNumber(c, m.mean);
    out[2].setNumber(c, m.variance);
    for (int64_t i : group)
      out[0].setNumber(i, (x.number(i) - m.mean) /
                                  std::sqrt(m.variance + epsilon) *
                                  scale.number(c) +
                              bias.number(c));
  }
}

} // namespace

void addNormalizationEvaluators(EvaluatorTable &table) {
  addEvaluator<SoftmaxOp>(table, softmax);
  addEvaluator<LogSoftmaxOp>(table, logSoftmax);
  addEvaluator<LayerNormOp>(table, layerNorm);
  addEvaluator<BatchNormOp>(table, batchNorm);
}

} // namespace dlc::reference
