//===- Contraction.cpp - reference evaluation of the contractions ---------===//
//
// The three convolution ops share one enumeration of the products that make
// up a convolution, so that they are each other's adjoints by construction.
//
//===----------------------------------------------------------------------===//
#include "dialects/dlc/reference/ops/Families.h"

#include "dialects/dlc/IR/Builders.h"

using namespace mlir;

namespace dlc::reference {
namespace {

/// For each index of the dims `dims` of a tensor, its offset.
std::vector<int64_t> offsets(ArrayRef<int64_t> shape, ArrayRef<int64_t> dims) {
  SmallVector<int64_t> strides = rowMajorStrides(shape), sizes, picked;
  for (int64_t dim : dims) {
    sizes.push_back(shape[dim]);
    picked.push_back(strides[dim]);
  }
  std::vector<int64_t> result;
  forEachIndex(sizes, [&](ArrayRef<int64_t> index) {
    result.push_back(linearIndex(index, picked));
  });
  return result;
}

/// One sum of products, in double or modulo 2^64.
void storeDot(Tensor &out, int64_t at, const Tensor &lhs, const Tensor &rhs,
              int64_t lhsStart, int64_t rhsStart, ArrayRef<int64_t> lhsOffsets,
              ArrayRef<int64_t> rhsOffsets) {
  double sum = 0;
  uint64_t intSum = 0;
  for (auto [i, j] : llvm::zip_equal(lhsOffsets, rhsOffsets))
    if (out.isFloat())
      sum += lhs.number(lhsStart + i) * rhs.number(rhsStart + j);
    else
      intSum += uint64_t(lhs.integer(lhsStart + i)) *
                uint64_t(rhs.integer(rhsStart + j));
  if (out.isFloat())
    out.setNumber(at, sum);
  else
    out.setInteger(at, int64_t(intSum));
}

void dotGeneral(DotGeneralOp op, Operands in, Results out) {
  const Tensor &lhs = *in[0], &rhs = *in[1];
  auto freeDims = [](const Tensor &x, ArrayRef<int64_t> batch,
                     ArrayRef<int64_t> contract) {
    SmallVector<int64_t> used(batch);
    llvm::append_range(used, contract);
    return offsets(x.getShape(), otherDims(x.getRank(), used));
  };
  auto lhsBatch = offsets(lhs.getShape(), op.getLhsBatch());
  auto rhsBatch = offsets(rhs.getShape(), op.getRhsBatch());
  auto lhsSum = offsets(lhs.getShape(), op.getLhsContract());
  auto rhsSum = offsets(rhs.getShape(), op.getRhsContract());
  auto lhsFree = freeDims(lhs, op.getLhsBatch(), op.getLhsContract());
  auto rhsFree = freeDims(rhs, op.getRhsBatch(), op.getRhsContract());
  int64_t at = 0;
  for (auto [lhsStart, rhsStart] : llvm::zip_equal(lhsBatch, rhsBatch))
    for (int64_t row : lhsFree)
      for (int64_t col : rhsFree)
        storeDot(out[0], at++, lhs, rhs, lhsStart + row, rhsStart + col, lhsSum,
                 rhsSum);
}

/// Calls visit(source, weight, destination) with the row-major positions of
/// every product of a convolution, `dst[...] += src[...] * weights[...]`.
template <typename OpTy>
void forEachProduct(OpTy op, ArrayRef<int64_t> src, ArrayRef<int64_t> weights,
                    ArrayRef<int64_t> dst,
                    function_ref<void(int64_t, int64_t, int64_t)> visit) {
  size_t spatial = src.size() - 2;
  int64_t groupIn = weights[1], groupOut = weights[0] / op.getGroups();
  SmallVector<int64_t> srcStrides = rowMajorStrides(src);
  ArrayRef<int64_t> kernel = weights.drop_front(2);
  int64_t taps = elementCount(kernel);
  int64_t dstStart = 0;
  forEachIndex(dst.drop_back(), [&](ArrayRef<int64_t> out) {
    int64_t tap = 0;
    forEachIndex(kernel, [&](ArrayRef<int64_t> offset) {
      int64_t srcStart = out[0] * srcStrides[0];
      bool inside = true;
      for (size_t i = 0; i < spatial; ++i) {
        int64_t at = out[i + 1] * op.getStrides()[i] - op.getPadsBegin()[i] +
                     offset[i] * op.getDilations()[i];
        inside &= at >= 0 && at < src[i + 1];
        srcStart += at * srcStrides[i + 1];
      }
      for (int64_t o = 0; inside && o < weights[0]; ++o)
        for (int64_t c = 0; c < groupIn; ++c)
          visit(srcStart + o / groupOut * groupIn + c,
                (o * groupIn + c) * taps + tap, dstStart + o);
      ++tap;
    });
    dstStart += dst.back();
  });
}

/// Rounds `sums` into `out`.
void store(ArrayRef<double> sums, Tensor &out) {
  for (auto [i, sum] : llvm::enumerate(sums))
    out.setNumber(i, sum);
}

void conv(ConvOp op, Operands in, Results out) {
  std::vector<double> src = in[0]->toDoubles(), weights = in[1]->toDoubles();
  std::vector<double> sums(out[0].size());
  forEachProduct(
      op, in[0]->getShape(), in[1]->getShape(), out[0].getShape(),
      [&](int64_t s, int64_t w, int64_t d) { sums[d] += src[s] * weights[w]; });
  store(sums, out[0]);
}

void convGradData(ConvGradDataOp op, Operands in, Results out) {
  std::vector<double> grad = in[0]->toDoubles(), weights = in[1]->toDoubles();
  std::vector<double> sums(out[0].size());
  forEachProduct(op, out[0].getShape(), in[1]->getShape(), in[0]->getShape(),
                 [&](int64_t s, int64_t w, int64_t d) {
                   sums[s] += grad[d] * weights[w];
                 });
  store(sums, out[0]);
}

void convGradWeights(ConvGradWeightsOp op, Operands in, Results out) {
  std::vector<double> src = in[0]->toDoubles(), grad = in[1]->toDoubles();
  std::vector<double> sums(out[0].size());
  forEachProduct(
      op, in[0]->getShape(), out[0].getShape(), in[1]->getShape(),
      [&](int64_t s, int64_t w, int64_t d) { sums[w] += src[s] * grad[d]; });
  store(sums, out[0]);
}

} // namespace

void addContractionEvaluators(EvaluatorTable &table) {
  addEvaluator<DotGeneralOp>(table, dotGeneral);
  addEvaluator<ConvOp>(table, conv);
  addEvaluator<ConvGradDataOp>(table, convGradData);
  addEvaluator<ConvGradWeightsOp>(table, convGradWeights);
}

} // namespace dlc::reference
