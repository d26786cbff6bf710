//===- Reduction.cpp - reference evaluation of the reduction family -------===//
//
// Elements are visited in row-major order. Sums and products of floats run in
// double, of integers modulo 2^64.
//
//===----------------------------------------------------------------------===//
#include "dialects/dlc/reference/ops/Families.h"

#include "dialects/dlc/IR/Builders.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace dlc::reference {
namespace {

/// Calls visit(position in the operand, position in the result) for every
/// element of `shape` reduced over `dims`.
void forEachReduced(ArrayRef<int64_t> shape, ArrayRef<int64_t> dims,
                    function_ref<void(int64_t, int64_t)> visit) {
  SmallVector<int64_t> kept = otherDims(shape.size(), dims), keptShape;
  for (int64_t dim : kept)
    keptShape.push_back(shape[dim]);
  SmallVector<int64_t> strides(shape.size());
  for (auto [dim, stride] : llvm::zip_equal(kept, rowMajorStrides(keptShape)))
    strides[dim] = stride;
  int64_t position = 0;
  forEachIndex(shape, [&](ArrayRef<int64_t> index) {
    visit(position++, linearIndex(index, strides));
  });
}

template <typename OpTy>
void addReduce(EvaluatorTable &table, double floatStart, int64_t intStart,
               double (*f)(double, double), int64_t (*g)(int64_t, int64_t)) {
  addEvaluator<OpTy>(table, [=](OpTy op, Operands in, Results out) {
    const Tensor &x = *in[0];
    std::vector<double> sums(out[0].size(), floatStart);
    std::vector<int64_t> intSums(out[0].size(), intStart);
    forEachReduced(x.getShape(), op.getDims(), [&](int64_t from, int64_t to) {
      if (x.isFloat())
        sums[to] = f(sums[to], x.number(from));
      else
        intSums[to] = g(intSums[to], x.integer(from));
    });
    for (int64_t i = 0; i < out[0].size(); ++i)
      if (x.isFloat())
        out[0].setNumber(i, sums[i]);
      else
        out[0].setInteger(i, intSums[i]);
  });
}

/// The greatest (`sign` 1) or least (-1) finite or infinite value of `type`.
double extremeOf(Type type, int sign) {
  auto floatType = cast<FloatType>(type);
  const llvm::fltSemantics &semantics = floatType.getFloatSemantics();
  llvm::APFloat value = llvm::APFloatBase::semanticsHasInf(semantics)
                            ? llvm::APFloat::getInf(semantics, sign < 0)
                            : llvm::APFloat::getLargest(semantics, sign < 0);
  bool losesInfo;
  value.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven,
                &losesInfo);
  return value.convertToDouble();
}

/// The greatest or least value of an integer type.
int64_t extremeOf(IntegerType type, int sign) {
  unsigned width = type.getWidth();
  if (type.isUnsigned())
    return sign < 0 ? 0
                    : int64_t(llvm::APInt::getMaxValue(width).getZExtValue());
  return sign < 0 ? llvm::APInt::getSignedMinValue(width).getSExtValue()
                  : llvm::APInt::getSignedMaxValue(width).getSExtValue();
}

/// `sign` 1: the largest element; -1: the smallest.
template <typename OpTy> void addExtreme(EvaluatorTable &table, int sign) {
  addEvaluator<OpTy>(table, [=](OpTy op, Operands in, Results out) {
    const Tensor &x = *in[0];
    for (int64_t i = 0; i < out[0].size(); ++i)
      if (x.isFloat())
        out[0].setNumber(i, extremeOf(x.getElementType(), -sign));
      else
        out[0].setInteger(
            i, extremeOf(cast<IntegerType>(x.getElementType()), -sign));
    forEachReduced(x.getShape(), op.getDims(), [&](int64_t from, int64_t to) {
      bool better = x.isFloat()
                        ? std::isnan(x.number(from)) ||
                              sign * x.number(from) > sign * out[0].number(to)
                        : (sign > 0 ? x.integer(from) > out[0].integer(to)
                                    : x.integer(from) < out[0].integer(to));
      if (better)
        out[0].copyElement(to, x, from);
    });
  });
}

/// Whether element `i` counts as more extreme than element `j`.
bool beats(const Tensor &x, int64_t i, int64_t j, int sign, bool last) {
  if (!x.isFloat()) {
    int64_t a = x.integer(i), b = x.integer(j);
    return a == b ? last : (sign > 0 ? a > b : a < b);
  }
  double a = x.number(i), b = x.number(j);
  if (std::isnan(a) || std::isnan(b))
    return std::isnan(a) && (!std::isnan(b) || last);
  return a == b ? last : sign * a > sign * b;
}

template <typename OpTy> void addArgExtreme(EvaluatorTable &table, int sign) {
  addEvaluator<OpTy>(table, [=](OpTy op, Operands in, Results out) {
    const Tensor &x = *in[0];
    int64_t dim = op.getDim(), size = x.getShape()[dim];
    int64_t stride = rowMajorStrides(x.getShape())[dim];
    std::vector<int64_t> best(out[0].size(), -1);
    forEachReduced(x.getShape(), {dim}, [&](int64_t from, int64_t to) {
      if (best[to] < 0 || beats(x, from, best[to], sign, op.getLast()))
        best[to] = from;
    });
    for (int64_t i = 0; i < out[0].size(); ++i)
      out[0].setInteger(i, best[i] / stride % size);
  });
}

void cumsum(CumSumOp op, Operands in, Results out) {
  const Tensor &x = *in[0];
  int64_t dim = op.getDim(), size = x.getShape()[dim];
  int64_t stride = rowMajorStrides(x.getShape())[dim];
  SmallVector<int64_t> starts(x.getShape());
  starts[dim] = 1;
  if (x.size() == 0)
    return;
  forEachIndex(starts, [&](ArrayRef<int64_t> index) {
    int64_t start = linearIndex(index, rowMajorStrides(x.getShape()));
    double sum = 0;
    uint64_t intSum = 0;
    for (int64_t step = 0; step < size; ++step) {
      int64_t i = start + (op.getReverse() ? size - 1 - step : step) * stride;
      double before = sum;
      uint64_t intBefore = intSum;
      if (x.isFloat()) {
        sum += x.number(i);
        out[0].setNumber(i, op.getExclusive() ? before : sum);
      } else {
        intSum += uint64_t(x.integer(i));
        out[0].setInteger(i, int64_t(op.getExclusive() ? intBefore : intSum));
      }
    }
  });
}

} // namespace

void addReductionEvaluators(EvaluatorTable &table) {
  addReduce<ReduceSumOp>(
      table, 0, 0, [](double x, double y) { return x + y; },
      [](int64_t x, int64_t y) { return int64_t(uint64_t(x) + uint64_t(y)); });
  addReduce<ReduceProdOp>(
      table, 1, 1, [](double x, double y) { return x * y; },
      [](int64_t x, int64_t y) { return int64_t(uint64_t(x) * uint64_t(y)); });
  addExtreme<ReduceMaxOp>(table, 1);
  addExtreme<ReduceMinOp>(table, -1);
  addArgExtreme<ArgMaxOp>(table, 1);
  addArgExtreme<ArgMinOp>(table, -1);
  addEvaluator<CumSumOp>(table, cumsum);
}

} // namespace dlc::reference
