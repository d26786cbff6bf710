//===- Reduction.cpp - gradients of the reduction family ------------------===//
#include "passes/autodiff/GradientRules.h"

using namespace mlir;

namespace dlc {
namespace {

using G = GradientBuilder;

void sumGradient(ReduceSumOp op, G &g) {
  g.set(0, g.expand(g.gradient(), op.getOperand(), op.getDims()));
}

/// y / x_i, and right where elements are zero: with p the product of the
/// elements that are not zero, and n the number of those that are,
///   n = 0:  p / x_i       n = 1:  p for the zero, 0 elsewhere       n > 1:  0
void prodGradient(ReduceProdOp op, G &g) {
  Value x = op.getOperand(), zero = g.number(x, 0), one = g.number(x, 1);
  Value isZero = g.compare(ComparePredicate::EQ, x, zero);
  Value safe = g.select(isZero, one, x);
  Value product = ReduceProdOp::create(g.b, g.loc, safe, op.getDims());
  Value zeros =
      g.sum(castTo(g.b, g.loc, isZero, elementTypeOf(x)), op.getDims());
  Value none = g.number(product, 0);
  auto whenZerosAre = [&](double count) {
    Value is = g.compare(ComparePredicate::EQ, zeros, g.number(zeros, count));
    Value kept = g.select(is, g.mul(g.gradient(), product), none);
    return g.expand(kept, x, op.getDims());
  };
  g.set(0, g.select(isZero, whenZerosAre(1), g.div(whenZerosAre(0), safe)));
}

/// In equal parts to all elements that equal the result.
template <typename OpTy> void addExtreme(GradientTable &table) {
  addGradient<OpTy>(table, [](OpTy op, G &g) {
    Value x = op.getOperand();
    Value isIt = g.compare(ComparePredicate::EQ, x,
                           g.expand(op.getResult(), x, op.getDims()));
    Value count =
        g.sum(castTo(g.b, g.loc, isIt, elementTypeOf(x)), op.getDims());
    Value share = g.expand(g.div(g.gradient(), count), x, op.getDims());
    g.set(0, g.select(isIt, share, g.number(x, 0)));
  });
}

/// Element i adds to every later sum: the running sum from the other end.
void cumSumGradient(CumSumOp op, G &g) {
  g.set(0, CumSumOp::create(g.b, g.loc, g.gradient(), op.getDim(),
                            op.getExclusive(), !op.getReverse()));
}

} // namespace

void addReductionGradients(GradientTable &table) {
  addGradient<ReduceSumOp>(table, sumGradient);
  addGradient<ReduceProdOp>(table, prodGradient);
  addExtreme<ReduceMaxOp>(table);
  addExtreme<ReduceMinOp>(table);
  addGradient<CumSumOp>(table, cumSumGradient);
  table.add<ArgMaxOp, ArgMinOp>(zeroGradient("its result is an index"));
}

} // namespace dlc
