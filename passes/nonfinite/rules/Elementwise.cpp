//===- Elementwise.cpp - infinities through the elementwise family --------===//
#include "dialects/dlc/IR/Dlc.h"
#include "passes/nonfinite/Infinities.h"

using namespace mlir;
using namespace dlc;

static unsigned neg(Operation *, ArrayRef<unsigned> operands) {
  return flipped(operands[0]);
}

static unsigned sub(Operation *, ArrayRef<unsigned> operands) {
  return operands[0] | flipped(operands[1]);
}

/// e^-inf is 0, relu(-inf) too: only +inf stays one.
static unsigned onlyPlus(Operation *, ArrayRef<unsigned> operands) {
  return operands[0] & PlusInfinity;
}

static unsigned abs(Operation *, ArrayRef<unsigned>) { return PlusInfinity; }

/// Bounded functions: tanh, erf, sigmoid, sign, …
static unsigned none(Operation *, ArrayRef<unsigned>) { return NoInfinity; }

/// x / inf is 0.
static unsigned div(Operation *, ArrayRef<unsigned> operands) {
  return operands[0] ? BothInfinities : NoInfinity;
}

/// -inf is left only where both operands have it.
static unsigned max(Operation *, ArrayRef<unsigned> operands) {
  return ((operands[0] | operands[1]) & PlusInfinity) |
         (operands[0] & operands[1] & MinusInfinity);
}

static unsigned min(Operation *, ArrayRef<unsigned> operands) {
  return ((operands[0] | operands[1]) & MinusInfinity) |
         (operands[0] & operands[1] & PlusInfinity);
}

void dlc::addElementwiseInfinities(OpTable<InfinityRule> &table) {
  table.add<NegOp>(neg);
  table.add<SubOp>(sub);
  table.add<AddOp, SelectOp, CastOp, FloorOp, CeilOp, RoundOp>(unionOfOperands);
  table.add<ExpOp, Expm1Op, ReluOp>(onlyPlus);
  table.add<AbsOp>(::abs);
  table.add<TanhOp, ErfOp, SigmoidOp, AtanOp, SignOp>(none);
  table.add<DivOp>(::div);
  table.add<MaxOp>(::max);
  table.add<MinOp>(::min);
}
