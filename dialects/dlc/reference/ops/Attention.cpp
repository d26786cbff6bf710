//===- Attention.cpp - reference evaluation of attention ------------------===//
//
// One row of scores at a time, in double.
//
//===----------------------------------------------------------------------===//
#include "dialects/dlc/reference/ops/Families.h"

#include "dialects/dlc/IR/Attention.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace dlc::reference {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// The operands that scores are computed from.
struct Scores {
  AttentionSizes sizes;
  const Tensor *q, *k, *mask;
  double scale;
  bool isCausal;

  template <typename OpTy>
  Scores(OpTy op, const Tensor *q, const Tensor *k, const Tensor *mask)
      : sizes(sizesOf(op)), q(q), k(k), mask(mask),
        scale(op.getScale().convertToDouble()), isCausal(op.getCausal()) {}

  /// Of row `index` (batch…, row), the number `row` in memory.
  std::vector<double> ofRow(ArrayRef<int64_t> index, int64_t row) const {
    std::vector<double> scores(sizes.keys);
    int64_t batch = row / sizes.rows;
    for (int64_t key = 0; key < sizes.keys; ++key) {
      double sum = 0;
      for (int64_t d = 0; d < sizes.depth; ++d)
        sum += q->number(row * sizes.depth + d) *
               k->number((batch * sizes.keys + key) * sizes.depth + d);
      scores[key] = isCausal && key > index.back()
                        ? -infinity
                        : masked(sum * scale, index, key);
    }
    return scores;
  }

private:
  double masked(double score, ArrayRef<int64_t> index, int64_t key) const {
    if (!mask)
      return score;
    SmallVector<int64_t> at(index);
    at.push_back(key);
    SmallVector<int64_t> strides = rowMajorStrides(mask->getShape());
    for (auto [dim, size] : llvm::enumerate(mask->getShape()))
      if (size == 1)
        strides[dim] = 0;
    int64_t i = linearIndex(at, strides);
    if (mask->isFloat())
      return score + mask->number(i);
    return mask->integer(i) ? score : -infinity;
  }
};

void attention(AttentionOp op, Operands in, Results out) {
  Scores scores(op, in[0], in[1], in.size() > 3 ? in[3] : nullptr);
  const AttentionSizes &s = scores.sizes;
  int64_t row = 0;
  forEachIndex(s.shape({s.rows}), [&](ArrayRef<int64_t> index) {
    std::vector<double> e = scores.ofRow(index, row);
    double most = -infinity, sum = 0;
    for (double score : e)
      most = std::isnan(score) ? score : std::max(most, score);
    for (double &score : e)
      sum += score = most == -infinity ? 0 : std::exp(score - most);
    out[1].setNumber(row, most + std::log(sum));
    for (int64_t c = 0; c < s.width; ++c) {
      double total = 0;
      for (int64_t key = 0; key < s.keys; ++key)
        total += e[key] * in[2]->number(
                              (row / s.rows * s.keys + key) * s.width + c);
      out[0].setNumber(row * s.width + c, sum == 0 ? 0 : total / sum);
    }
    ++row;
  });
}

void attentionGrad(AttentionGradOp op, Operands in, Results out) {
  const Tensor &grad = *in[0], &q = *in[1], &k = *in[2], &v = *in[3];
  Scores scores(op, &q, &k, in.size() > 6 ? in[6] : nullptr);
  const AttentionSizes &s = scores.sizes;
  std::vector<double> dq(q.size()), dk(k.size()), dv(v.size());
  int64_t row = 0;
  forEachIndex(s.shape({s.rows}), [&](ArrayRef<int64_t> index) {
    std::vector<double> score = scores.ofRow(index, row);
    double delta = 0;
    for (int64_t c = row * s.width; c < (row + 1) * s.width; ++c)
      delta += grad.number(c) * in[4]->number(c);
    for (int64_t key = 0; key < s.keys; ++key) {
      if (score[key] == -infinity)
        continue;
      int64_t other = row / s.rows * s.keys + key;
      double p = std::exp(score[key] - in[5]->number(row)), dp = 0;
      for (int64_t c = 0; c < s.width; ++c) {
        dp += grad.number(row * s.width + c) * v.number(other * s.width + c);
        dv[other * s.width + c] += p * grad.number(row * s.width + c);
      }
      double ds = scores.scale * p * (dp - delta);
      for (int64_t d = 0; d < s.depth; ++d) {
        dq[row * s.depth + d] += ds * k.number(other * s.depth + d);
        dk[other * s.depth + d] += ds * q.number(row * s.depth + d);
      }
    }
    ++row;
  });
  for (auto [i, sums] : llvm::enumerate(std::array{&dq, &dk, &dv}))
    for (auto [at, sum] : llvm::enumerate(*sums))
      out[i].setNumber(at, sum);
}

} // namespace

void addAttentionEvaluators(EvaluatorTable &table) {
  addEvaluator<AttentionOp>(table, attention);
  addEvaluator<AttentionGradOp>(table, attentionGrad);
}

} // namespace dlc::reference
