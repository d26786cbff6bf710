//===- MathExp.cpp - exp and what is made of it --------------------------===//
//
// e^x = 2^n e^r with n the integer next to x / log(2) and r what is left, at
// most half of log(2); e^r is a polynomial, 2^n is n moved into the exponent
// field. Tails are cut by clamping the argument, so that no select is needed
// at the end: below, 2^n becomes a zero factor; above, n stays at its largest
// value while r, and with it the polynomial, grows into an overflow.
//
// Every function that divides does so by a number between 1 and 2. For f32
// that is a quadratic guess and Newton steps: all FMAs, where a vector
// division would block its unit for longer.
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

/// e^x for x that does not overflow if `isBounded`, any x otherwise.
Value exponential(MathBuilder &m, Value x, bool isBounded) {
  // Small enough that n is one below the least normal exponent.
  x = m.atLeast(x, m.pick(-88.0, -709.0));
  double most = isBounded ? m.infinity() : m.bias();
  Rounded n = m.round(x, m.tables.log2eHi, m.bias(), most);
  Value r = remainder(m, x, n.steps);
  Value p = m.horner(m.tables.exp, r);
  p = m.fma(m.fma(p, r, 1.0), r, 1.0);
  return m.mul(p, m.powerOfTwo(n.bits));
}

/// 1 / d for 1 <= d <= 2, to 2^-13 in f32. The relative error of the guess
/// is 1/99, and Newton squares it.
Value roughReciprocal(MathBuilder &m, Value d) {
  Value guess = m.horner(m.tables.reciprocal, d);
  return m.fma(guess, m.fma(m.neg(d), guess, 1.0), guess);
}

/// 1 / d for 1 <= d <= 2.
Value reciprocal(MathBuilder &m, Value d) {
  if (!m.isF32)
    return m.div(m.constant(1.0), d);
  Value guess = roughReciprocal(m, d);
  return m.fma(guess, m.fma(m.neg(d), guess, 1.0), guess);
}

/// x / d for 1 <= d <= 2. Correcting the quotient instead of the reciprocal
/// saves a rounding; subnormal x lose up to 2^-13.
Value divide(MathBuilder &m, Value x, Value d) {
  if (!m.isF32)
    return m.div(x, d);
  Value inverse = roughReciprocal(m, d);
  Value quotient = m.mul(x, inverse);
  return m.fma(m.fma(m.neg(d), quotient, x), inverse, quotient);
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
  MathBuilder m(b, loc, x.getType());
  return exponential(m, x, /*isBounded=*/false);
}

Value emitExp2(OpBuilder &b, Location loc, Value x) {
  MathBuilder m(b, loc, x.getType());
  x = m.atLeast(x, -m.bias());
  Rounded n = m.round(x, 1.0, m.bias(), m.bias());
  Value r = m.sub(x, n.steps);
  Value p = m.fma(m.horner(m.tables.exp2, r), r, 1.0);
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
  Value q = m.fma(m.mul(r, r), m.horner(m.tables.expm1, r), r);
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
  Value tail = m.hornerScaled(m.tables.expm1, r, 2.0, 1);
  Value q = m.fma(m.mul(r, r), tail, r);
  Value e = m.fma(twice, q, m.fma(twice, 0.5, -1.0));
  return m.copySign(divide(m, e, m.add(e, 2.0)), x);
}

Value emitSigmoid(OpBuilder &b, Location loc, Value x) {
  // With e = e^-|x| at most one, 1 / (1 + e) for x >= 0 and e / (1 + e) else.
  MathBuilder m(b, loc, x.getType());
  Value e = exponential(m, m.negAbs(x), /*isBounded=*/true);
  Value numerator = m.select(m.less(x, 0.0), e, 1.0);
  Value d = m.add(e, 1.0);
  if (!m.isF32)
    return m.div(numerator, d);
  return m.mul(numerator, reciprocal(m, d));
}

Value emitErf(OpBuilder &b, Location loc, Value x) {
  MathBuilder m(b, loc, x.getType());
  if (m.isF32) {
    // erf(y) / y is smooth, and 17 coefficients hold it up to where erf
    // rounds to one; centered, so that the powers stay small.
    Value y = m.atMost(m.abs(x), 3.92);
    Value p = m.horner(m.tables.erf, m.sub(y, m.tables.erfCenter));
    return m.copySign(m.atMost(m.mul(y, p), 1.0), x);
  }
  // Below one a polynomial, above it 1 - exp(log(erfc)) with another.
  Value y = m.atMost(m.abs(x), 5.94);
  Value u = m.mul(y, y);
  Value small =
      m.mul(y, m.fma(u, m.horner(m.tables.erf, u), m.tables.twoOverSqrtPi));
  Value logErfc = m.horner(m.tables.erfcLog, m.sub(y, m.tables.erfCenter));
  Value large = m.sub(1.0, exponential(m, logErfc, /*isBounded=*/true));
  return m.copySign(m.select(m.less(1.0, y), large, small), x);
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
