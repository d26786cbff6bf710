//===- MathExp.cpp - exp and what is made of it --------------------------===//
//
// e^x = 2^n e^r with n the integer next to x / log(2) and r what is left, at
// most half of log(2); e^r is a polynomial, 2^n is n moved into the exponent
// field. Clamping the argument first spares the selects at the end: at the
// lower bound that field is zero, and so is the factor it stands for; the
// upper bound is just past the overflow.
//
// tanh and sigmoid divide by numbers from 1 to 2. A guess by a polynomial and
// Newton steps do that in FMAs alone, where a division of a full vector would
// block its unit for longer. They end in the residual of the quotient, which
// is almost exact, so that the division rounds once.
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/emitter/Math.h"
#include "compiler/codegen/emitter/MathBuilder.h"

using namespace mlir;

namespace dlc::emit {

namespace {

using Rounded = MathBuilder::Rounded;

/// x - n log(2) in two steps: the first is exact, because log(2)'s first part
/// and x are multiples of a common unit that is fine enough for |r| < 1.
Value remainder(MathBuilder &m, Value x, Value steps, double unit = 1.0) {
  Value r = m.fma(steps, -m.tables.ln2Hi * unit, x);
  return m.fma(steps, -m.tables.ln2Lo * unit, r);
}

/// e^x for x <= 0, or NaN: more exact than emitExp by one operation.
Value exponentialOfNegative(MathBuilder &m, Value x) {
  x = m.atLeast(x, m.pick(-88.0, -709.0));
  Rounded n = m.round(x, m.tables.log2eHi, m.bias());
  Value r = remainder(m, x, n.steps);
  Value p = m.fma(m.mul(r, r), m.evenOdd(m.tables.expm1, r), r);
  return m.mul(m.add(p, 1.0), m.powerOfTwo(n.bits));
}

/// x / d for 1 <= d <= 2: `value`, within two ulp and exact where d is 1 or 2,
/// from a guess at 1 / d.
struct Quotient {
  Value value, guess;
};

Quotient divide(MathBuilder &m, Value x, Value d) {
  // With y = (1 - e) / d and |e| <= 1/60, 1 / d = y (1 + e) (1 + e^2) …; the
  // powers of e do not wait for the products.
  Value y = m.horner(m.tables.reciprocal, d);
  Value e = m.fma(m.neg(d), y, 1.0);
  Value quotient = m.mul(x, y);
  for (int step = 0; step < (m.isF32 ? 2 : 3); ++step) {
    quotient = m.fma(quotient, e, quotient);
    e = m.mul(e, e);
  }
  return {quotient, y};
}

/// What sinh and cosh are made of: with a = 2^(n-2) and b = 2^(-n-2),
/// sinh(x) = 2 ((a + b) sinh(r) + (a - b) cosh(r)), and cosh(x) with the roles
/// of the two sums exchanged. The outer factor keeps a finite to the end.
struct Hyperbolic {
  Value sum, difference;
  Value sinh, coshMinusOne; ///< of r
};

Hyperbolic hyperbolic(MathBuilder &m, Value x) {
  // Past the overflow of both, and not yet so far that n passes the largest.
  Value a = m.atMost(m.abs(x), m.pick(89.6, 710.6));
  Rounded n = m.round(a, m.tables.log2eHi, m.bias() - 2);
  Value r = remainder(m, a, n.steps);
  // As integers, bias + n - 2 and bias - n - 2 add up to a constant.
  int64_t center = m.bitsOf(m.roundingShift() + m.bias() - 2);
  Value top = m.integer(center + m.bias() - 2);
  Value mirrored = m.maxInt(m.subInt(top, n.bits), m.integer(0));
  Value up = m.powerOfTwo(n.bits), down = m.powerOfTwo(mirrored);
  Value u = m.mul(r, r);
  Value sinhTail = m.mul(m.mul(u, r), m.horner(m.tables.sinh, u));
  return {m.add(up, down), m.sub(up, down), m.add(r, sinhTail),
          m.mul(u, m.horner(m.tables.cosh, u))};
}

} // namespace

Value emitExp(OpBuilder &b, Location loc, Value x) {
  // 2 e^r times 2^(n-1), because n reaches 128 before e^x overflows.
  MathBuilder m(b, loc, x.getType());
  x = m.atMost(m.atLeast(x, m.pick(-87.3, -708.3)), m.pick(89.0, 710.0));
  Rounded n = m.round(x, m.tables.log2eHi, m.bias() - 1);
  Value r = remainder(m, x, n.steps);
  Value p = m.isF32 ? m.horner(m.tables.expm1, r, 2.0)
                    : m.evenOdd(m.tables.expm1, r, 2.0);
  p = m.fma(m.fma(p, r, 2.0), r, 2.0);
  return m.mul(p, m.powerOfTwo(n.bits));
}

Value emitExp2(OpBuilder &b, Location loc, Value x) {
  MathBuilder m(b, loc, x.getType());
  double least = -m.bias() + 1;
  x = m.atMost(m.atLeast(x, least), m.bias() + 1.25);
  Rounded n = m.round(x, 1.0, m.bias() - 1);
  Value r = m.sub(x, n.steps);
  Value p = m.fma(m.evenOdd(m.tables.exp2, r, 2.0), r, 2.0);
  return m.mul(p, m.powerOfTwo(n.bits));
}

Value emitExpm1(OpBuilder &b, Location loc, Value x) {
  MathBuilder m(b, loc, x.getType());
  // Below, the result is -1; above, it overflows with n still in range.
  Value bounded = m.atMost(m.atLeast(x, m.pick(-20, -40)), m.pick(89, 710));
  // Half of 2^n stays finite; the half is undone at the end.
  Rounded n = m.round(bounded, m.tables.log2eHi, m.bias() - 1);
  Value scale = m.powerOfTwo(n.bits);
  Value r = remainder(m, bounded, n.steps);
  Value q = m.fma(m.mul(r, r), m.evenOdd(m.tables.expm1, r), r);
  Value half = m.fma(scale, q, m.sub(scale, 0.5));
  return m.copySign(m.add(half, half), x);
}

Value emitTanh(OpBuilder &b, Location loc, Value x) {
  // tanh |x| = -e / (2 + e) with e = e^(-2|x|) - 1, which is accurate near
  // zero and bounded. The 2 goes into the constants: r is half a remainder.
  MathBuilder m(b, loc, x.getType());
  Value a = m.atLeast(m.negAbs(x), m.pick(-9.5, -20.0));
  Rounded n = m.round(a, 2 * m.tables.log2eHi, m.bias() + 1);
  Value twice = m.powerOfTwo(n.bits);
  Value r = remainder(m, a, n.steps, 0.5);
  // (e^(2r) - 1) / 2
  Value tail = m.evenOdd(m.tables.expm1, r, 2.0, 2.0);
  Value q = m.fma(m.mul(r, r), tail, r);
  Value whole = m.fma(twice, 0.5, -1.0);
  Value e = m.fma(twice, q, whole);
  Quotient t = divide(m, e, m.add(e, 2.0));
  // e - t * (2 + e), with what e lost when it was rounded.
  Value rest = m.fma(twice, q, m.fma(t.value, -2.0, whole));
  rest = m.fma(m.neg(t.value), e, rest);
  return m.copySign(m.fma(rest, t.guess, t.value), x);
}

Value emitSigmoid(OpBuilder &b, Location loc, Value x) {
  // With e = e^-|x| at most one, 1 / (1 + e) for x >= 0 and e / (1 + e) else.
  MathBuilder m(b, loc, x.getType());
  Value e = exponentialOfNegative(m, m.negAbs(x));
  Value numerator = m.select(m.less(x, 0.0), e, 1.0);
  Quotient t = divide(m, numerator, m.add(e, 1.0));
  // The difference is exact, as the quotient is between half the numerator
  // and all of it; the rounding of 1 + e does not enter.
  Value rest = m.sub(numerator, t.value);
  rest = m.fma(m.neg(t.value), e, rest);
  return m.fma(rest, t.guess, t.value);
}

Value emitErf(OpBuilder &b, Location loc, Value x) {
  // A polynomial below the split; above it 1 - p^8, where p, the eighth root
  // of erfc, is close to a straight line. The last of p^8 rounds to nothing.
  MathBuilder m(b, loc, x.getType());
  Value y = m.atMost(m.abs(x), m.pick(3.95, 5.94));
  Value u = m.mul(y, y);
  Value small = m.fma(m.horner(m.tables.erf, u), y, y);
  Value p = m.evenOdd(m.tables.erfcRoot, m.sub(y, m.tables.erfCenter));
  Value square = m.mul(p, p);
  Value fourth = m.mul(square, square);
  Value large = m.fma(m.neg(fourth), fourth, 1.0);
  Value isSmall = m.less(y, m.pick(1.1875, 1.3125));
  return m.copySign(m.select(isSmall, small, large), x);
}

Value emitSinh(OpBuilder &b, Location loc, Value x) {
  MathBuilder m(b, loc, x.getType());
  Hyperbolic h = hyperbolic(m, x);
  Value half = m.fma(h.coshMinusOne, h.difference, h.difference);
  half = m.fma(h.sinh, h.sum, half);
  return m.copySign(m.add(half, half), x);
}

Value emitCosh(OpBuilder &b, Location loc, Value x) {
  MathBuilder m(b, loc, x.getType());
  Hyperbolic h = hyperbolic(m, x);
  Value half = m.fma(h.coshMinusOne, h.sum, h.sum);
  half = m.fma(h.sinh, h.difference, half);
  return m.add(half, half);
}

} // namespace dlc::emit
