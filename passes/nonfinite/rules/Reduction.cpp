//===- Reduction.cpp - infinities through the reductions ------------------===//
#include "dialects/dlc/IR/Dlc.h"
#include "passes/nonfinite/Infinities.h"

using namespace mlir;
using namespace dlc;

void dlc::addReductionInfinities(OpTable<InfinityRule> &table) {
  // The maximum of a row that is masked as a whole is -inf; subtracting it is
  // the fault then, which gives NaN.
  table.add<ReduceMaxOp, ReduceMinOp, ReduceSumOp, CumSumOp, PoolMaxOp>(
      unionOfOperands);
}
