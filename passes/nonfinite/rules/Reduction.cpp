//===- Reduction.cpp - infinities through the reductions ------------------===//
#include "dialects/dlc/IR/Dlc.h"
#include "passes/nonfinite/Infinities.h"

using namespace mlir;
using namespace dlc;

/// A row has an element that is not masked: the maximum of one that is masked
/// as a whole is the fault, since what subtracts it gives NaN.
static unsigned max(Operation *, ArrayRef<unsigned> operands) {
  return operands[0] & PlusInfinity;
}

static unsigned min(Operation *, ArrayRef<unsigned> operands) {
  return operands[0] & MinusInfinity;
}

void dlc::addReductionInfinities(OpTable<InfinityRule> &table) {
  table.add<ReduceMaxOp, PoolMaxOp>(::max);
  table.add<ReduceMinOp>(::min);
  table.add<ReduceSumOp, CumSumOp>(unionOfOperands);
}
