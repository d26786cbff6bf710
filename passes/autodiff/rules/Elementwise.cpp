//===- Elementwise.cpp - gradients of the elementwise family --------------===//
//
// Most unary ops multiply the result's gradient by a derivative that is
// cheapest from the op's result y where that is possible: y is often kept
// anyway, and x can then be freed.
//
//===----------------------------------------------------------------------===//
#include "passes/autodiff/GradientRules.h"

#include <cmath>
#include <numbers>

using namespace mlir;

namespace dlc {
namespace {

using G = GradientBuilder;

/// gradient * derivative(g, x, y).
template <typename OpTy, typename Derivative>
void addUnary(GradientTable &table, Derivative derivative) {
  addGradient<OpTy>(table, [derivative](OpTy op, G &g) {
    g.set(0,
          g.mul(g.gradient(), derivative(g, op.getOperand(), op.getResult())));
  });
}

Value square(G &g, Value x) { return g.mul(x, x); }
Value oneMinus(G &g, Value x) { return g.sub(g.number(x, 1), x); }
Value reciprocal(G &g, Value x) { return g.div(g.number(x, 1), x); }
Value rsqrt(G &g, Value x) { return RsqrtOp::create(g.b, g.loc, x); }

void addExponentials(GradientTable &table) {
  addUnary<ExpOp>(table, [](G &, Value, Value y) { return y; });
  addUnary<Expm1Op>(table, [](G &g, Value, Value y) { return g.plus(y, 1); });
  addGradient<LogOp>(table, [](LogOp op, G &g) {
    g.set(0, g.div(g.gradient(), op.getOperand()));
  });
  addGradient<Log1pOp>(table, [](Log1pOp op, G &g) {
    g.set(0, g.div(g.gradient(), g.plus(op.getOperand(), 1)));
  });
  addGradient<SqrtOp>(table, [](SqrtOp op, G &g) {
    g.set(0, g.div(g.gradient(), g.scale(op.getResult(), 2)));
  });
  addUnary<RsqrtOp>(table, [](G &g, Value, Value y) {
    return g.scale(g.mul(square(g, y), y), -0.5);
  });
  addUnary<TanhOp>(
      table, [](G &g, Value, Value y) { return oneMinus(g, square(g, y)); });
  addUnary<SigmoidOp>(
      table, [](G &g, Value, Value y) { return g.mul(y, oneMinus(g, y)); });
  addUnary<ErfOp>(table, [](G &g, Value x, Value) -> Value {
    Value bell = ExpOp::create(g.b, g.loc, g.neg(square(g, x)));
    return g.scale(bell, 2 * std::numbers::inv_sqrtpi);
  });
}

void addTrigonometric(GradientTable &table) {
  addUnary<SinOp>(table, [](G &g, Value x, Value) -> Value {
    return CosOp::create(g.b, g.loc, x);
  });
  addUnary<CosOp>(table, [](G &g, Value x, Value) -> Value {
    return g.neg(SinOp::create(g.b, g.loc, x));
  });
  addUnary<TanOp>(table,
                  [](G &g, Value, Value y) { return g.plus(square(g, y), 1); });
  addUnary<AsinOp>(table, [](G &g, Value x, Value) {
    return rsqrt(g, oneMinus(g, square(g, x)));
  });
  addUnary<AcosOp>(table, [](G &g, Value x, Value) {
    return g.neg(rsqrt(g, oneMinus(g, square(g, x))));
  });
  addUnary<AtanOp>(table, [](G &g, Value x, Value) {
    return reciprocal(g, g.plus(square(g, x), 1));
  });
  addUnary<SinhOp>(table, [](G &g, Value x, Value) -> Value {
    return CoshOp::create(g.b, g.loc, x);
  });
  addUnary<CoshOp>(table, [](G &g, Value x, Value) -> Value {
    return SinhOp::create(g.b, g.loc, x);
  });
  addUnary<AsinhOp>(table, [](G &g, Value x, Value) {
    return rsqrt(g, g.plus(square(g, x), 1));
  });
  addUnary<AcoshOp>(table, [](G &g, Value x, Value) {
    return rsqrt(g, g.plus(square(g, x), -1));
  });
  addUnary<AtanhOp>(table, [](G &g, Value x, Value) {
    return reciprocal(g, oneMinus(g, square(g, x)));
  });
}

void addPiecewise(GradientTable &table) {
  addGradient<NegOp>(table, [](NegOp, G &g) { g.set(0, g.neg(g.gradient())); });
  addUnary<AbsOp>(table, [](G &g, Value x, Value) -> Value {
    return SignOp::create(g.b, g.loc, x);
  });
  // From y, which the next op keeps anyway; a NaN passes the gradient on.
  addGradient<ReluOp>(table, [](ReluOp op, G &g) {
    Value zero = g.number(op.getResult(), 0);
    Value isOff = g.compare(ComparePredicate::LE, op.getResult(), zero);
    g.set(0, g.select(isOff, zero, g.gradient()));
  });
  table.add<SignOp, FloorOp, CeilOp, RoundOp>(
      zeroGradient("it is constant between jumps"));
}

void addArithmetic(GradientTable &table) {
  addGradient<AddOp>(table, [](AddOp, G &g) {
    g.set(0, g.gradient());
    g.set(1, g.gradient());
  });
  addGradient<SubOp>(table, [](SubOp, G &g) {
    g.set(0, g.gradient());
    if (g.wants(1))
      g.set(1, g.neg(g.gradient()));
  });
  addGradient<MulOp>(table, [](MulOp op, G &g) {
    if (g.wants(0))
      g.set(0, g.mul(g.gradient(), op.getRhs()));
    if (g.wants(1))
      g.set(1, g.mul(g.gradient(), op.getLhs()));
  });
  addGradient<DivOp>(table, [](DivOp op, G &g) {
    Value overY = g.div(g.gradient(), op.getRhs());
    g.set(0, overY);
    if (g.wants(1))
      g.set(1, g.neg(g.mul(overY, op.getResult())));
  });
}

/// d(x^y)/dx = y x^(y-1), and 0 where y is 0 (x^(y-1) may be infinite);
/// d(x^y)/dy = x^y ln x, and 0 where x is 0 and y is not negative.
void powGradient(PowOp op, G &g) {
  Value x = op.getLhs(), y = op.getRhs(), zero = g.number(x, 0);
  if (g.wants(0)) {
    Value power = PowOp::create(g.b, g.loc, x, g.plus(y, -1));
    Value dx = g.mul(g.gradient(), g.mul(y, power));
    std::optional<double> exponent = splatValue(y);
    if (!exponent || *exponent == 0)
      dx = g.select(g.compare(ComparePredicate::EQ, y, zero), zero, dx);
    g.set(0, dx);
  }
  if (g.wants(1)) {
    Value isZero =
        AndOp::create(g.b, g.loc, g.compare(ComparePredicate::EQ, x, zero),
                      g.compare(ComparePredicate::GE, y, zero));
    Value logX = LogOp::create(g.b, g.loc, x);
    Value dy = g.mul(g.gradient(), g.mul(op.getResult(), logX));
    g.set(1, g.select(isZero, zero, dy));
  }
}

/// The gradient goes to the operand that was taken, half to each at a tie;
/// `loses` is the predicate under which the left operand was not.
template <typename OpTy>
void addExtreme(GradientTable &table, ComparePredicate loses) {
  addGradient<OpTy>(table, [loses](OpTy op, G &g) {
    Value x = op.getLhs(), y = op.getRhs(), zero = g.number(x, 0);
    Value isTie = g.compare(ComparePredicate::EQ, x, y);
    Value share = g.select(isTie, g.scale(g.gradient(), 0.5), g.gradient());
    if (g.wants(0))
      g.set(0, g.select(g.compare(loses, x, y), zero, share));
    if (g.wants(1))
      g.set(1, g.select(g.compare(loses, y, x), zero, share));
  });
}

/// x mod y = x - k y with a whole k that small changes leave alone.
template <typename OpTy> void addRemainder(GradientTable &table) {
  addGradient<OpTy>(table, [](OpTy op, G &g) {
    g.set(0, g.gradient());
    if (!g.wants(1))
      return;
    Value quotient = g.div(g.sub(op.getLhs(), op.getResult()), op.getRhs());
    Value whole = RoundOp::create(g.b, g.loc, quotient);
    g.set(1, g.neg(g.mul(g.gradient(), whole)));
  });
}

void selectGradient(SelectOp op, G &g) {
  Value zero = g.number(g.gradient(), 0);
  if (g.wants(1))
    g.set(1, g.select(op.getCondition(), g.gradient(), zero));
  if (g.wants(2))
    g.set(2, g.select(op.getCondition(), zero, g.gradient()));
}

} // namespace

void addElementwiseGradients(GradientTable &table) {
  addExponentials(table);
  addTrigonometric(table);
  addPiecewise(table);
  addArithmetic(table);
  addGradient<PowOp>(table, powGradient);
  addExtreme<MaxOp>(table, ComparePredicate::LT);
  addExtreme<MinOp>(table, ComparePredicate::GT);
  addRemainder<RemOp>(table);
  addRemainder<ModOp>(table);
  // Only float to float gets here: other casts have no float operand or result.
  addGradient<CastOp>(table, [](CastOp op, G &g) {
    g.set(0, castTo(g.b, g.loc, g.gradient(), elementTypeOf(op.getOperand())));
  });
  addGradient<SelectOp>(table, selectGradient);
  table.add<IsNanOp, IsInfOp, CompareOp>(zeroGradient("its result is boolean"));
  table.add<NotOp, AndOp, OrOp, XorOp, ShiftLeftOp, ShiftRightOp>(
      zeroGradient("it works on bits"));
}

} // namespace dlc
