//===- Window.cpp - reference evaluation of the window family -------------===//
//
// All four ops walk the same pairs of a window and an element in it.
//
//===----------------------------------------------------------------------===//
#include "dialects/dlc/reference/ops/Families.h"

#include <cmath>

using namespace mlir;

namespace dlc::reference {
namespace {

/// Calls visit(position of the window, index within the window, position of
/// the element) for every element of `operand` that a window holds, windows
/// and then their elements in row-major order.
template <typename OpTy>
void forEachInWindow(OpTy op, ArrayRef<int64_t> operand,
                     ArrayRef<int64_t> windows,
                     function_ref<void(int64_t, int64_t, int64_t)> visit) {
  SmallVector<int64_t> strides = rowMajorStrides(operand);
  int64_t window = 0;
  forEachIndex(windows, [&](ArrayRef<int64_t> out) {
    int64_t tap = 0;
    forEachIndex(op.getWindow(), [&](ArrayRef<int64_t> offset) {
      int64_t element = 0;
      bool inside = true;
      for (size_t i = 0; i < operand.size(); ++i) {
        int64_t at = out[i] * op.getStrides()[i] - op.getPadsBegin()[i] +
                     offset[i] * op.getDilations()[i];
        inside &= at >= 0 && at < operand[i];
        element += at * strides[i];
      }
      if (inside)
        visit(window, tap, element);
      ++tap;
    });
    ++window;
  });
}

void poolMax(PoolMaxOp op, Operands in, Results out) {
  const Tensor &x = *in[0];
  Tensor &largest = out[0], &position = out[1];
  std::vector<bool> seen(largest.size());
  auto beats = [&](int64_t element, int64_t window) {
    if (!x.isFloat())
      return x.integer(element) > largest.integer(window);
    double a = x.number(element), b = largest.number(window);
    return !std::isnan(b) && (std::isnan(a) || a > b);
  };
  forEachInWindow(op, x.getShape(), largest.getShape(),
                  [&](int64_t window, int64_t tap, int64_t element) {
                    if (seen[window] && !beats(element, window))
                      return;
                    seen[window] = true;
                    largest.copyElement(window, x, element);
                    position.setInteger(window, tap);
                  });
}

void poolMaxGrad(PoolMaxGradOp op, Operands in, Results out) {
  std::vector<double> sums(out[0].size());
  forEachInWindow(op, out[0].getShape(), in[0]->getShape(),
                  [&](int64_t window, int64_t tap, int64_t element) {
                    if (in[1]->integer(window) == tap)
                      sums[element] += in[0]->number(window);
                  });
  for (int64_t i = 0; i < out[0].size(); ++i)
    out[0].setNumber(i, sums[i]);
}

void poolSum(PoolSumOp op, Operands in, Results out) {
  std::vector<double> sums(out[0].size());
  std::vector<uint64_t> intSums(out[0].size());
  forEachInWindow(op, in[0]->getShape(), out[0].getShape(),
                  [&](int64_t window, int64_t, int64_t element) {
                    if (out[0].isFloat())
                      sums[window] += in[0]->number(element);
                    else
                      intSums[window] += uint64_t(in[0]->integer(element));
                  });
  for (int64_t i = 0; i < out[0].size(); ++i)
    if (out[0].isFloat())
      out[0].setNumber(i, sums[i]);
    else
      out[0].setInteger(i, int64_t(intSums[i]));
}

void poolSumGrad(PoolSumGradOp op, Operands in, Results out) {
  std::vector<double> sums(out[0].size());
  forEachInWindow(op, out[0].getShape(), in[0]->getShape(),
                  [&](int64_t window, int64_t, int64_t element) {
                    sums[element] += in[0]->number(window);
                  });
  for (int64_t i = 0; i < out[0].size(); ++i)
    out[0].setNumber(i, sums[i]);
}

} // namespace

void addWindowEvaluators(EvaluatorTable &table) {
  addEvaluator<PoolMaxOp>(table, poolMax);
  addEvaluator<PoolMaxGradOp>(table, poolMaxGrad);
  addEvaluator<PoolSumOp>(table, poolSum);
  addEvaluator<PoolSumGradOp>(table, poolSumGrad);
}

} // namespace dlc::reference
