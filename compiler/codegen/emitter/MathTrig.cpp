//===- MathTrig.cpp - Circular functions and their inverses --------------===//
//
// sin and cos subtract the multiple of pi that leaves |r| <= pi/2 and need one
// polynomial, for sin r, and a sign; reducing by pi/2 would need the cosine's
// too. pi has three parts. The first step is exact: its parts are multiples
// of a unit that is fine enough for the difference. The second rounds once,
// relative to what is left, and the third adds the digits that matter where
// the argument is close to a multiple.
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/emitter/Math.h"
#include "compiler/codegen/emitter/MathBuilder.h"

using namespace mlir;

namespace dlc::emit {

namespace {

using Rounded = MathBuilder::Rounded;

/// x - n pi unit
Value subtractTurns(MathBuilder &m, Value x, Value n, double unit) {
  Value r = m.fma(n, -m.tables.piHi * unit, x);
  r = m.fma(n, -m.tables.piMid * unit, r);
  return m.fma(n, -m.tables.piLo * unit, r);
}

/// `result` where the reduction of x was exact enough, else NaN. In f32, the
/// error of 1/pi puts r off by up to 1/9 of pi at the end of the range; the
/// polynomials are fitted for that.
Value inRange(MathBuilder &m, Value x, Value result) {
  Value isInRange = m.lessEqual(m.abs(x), m.pick(0x1p22, 0x1p30));
  return m.select(isInRange, result, m.nan());
}

/// sin(r) with the sign of the lowest bit of `parity`.
Value sinOf(MathBuilder &m, Value r, Value parity) {
  Value u = m.mul(r, r);
  Value p = m.fma(m.horner(m.tables.sinHalfTurn, u), u, 1.0);
  Value sign = m.shiftLeft(parity, m.isF32 ? 31 : 63);
  return m.mul(m.fromBits(m.xorInt(m.bits(r), sign)), p);
}

/// The quotient for asin and acos: below one half, asin(x) itself; above,
/// asin(sqrt((1 - |x|) / 2)), from which both follow.
struct Arc {
  Value isBig, asin;
};

Arc arc(MathBuilder &m, Value x) {
  Value a = m.abs(x);
  Value isBig = m.less(0.5, a);
  Value u = m.select(isBig, m.fma(a, -0.5, 0.5), m.mul(x, x));
  Value v = m.select(isBig, m.sqrt(u), x);
  Value tail = m.mul(u, m.horner(m.tables.asin, u));
  return {isBig, m.fma(v, tail, v)};
}

} // namespace

Value emitSin(OpBuilder &b, Location loc, Value x) {
  MathBuilder m(b, loc, x.getType());
  Rounded n = m.round(x, m.tables.invPi, 0);
  Value r = subtractTurns(m, x, n.steps, 1.0);
  return inRange(m, x, sinOf(m, r, n.bits));
}

Value emitCos(OpBuilder &b, Location loc, Value x) {
  // x = (2 n + 1) pi/2 + r, and cos(x) = (-1)^(n + 1) sin(r).
  MathBuilder m(b, loc, x.getType());
  Value turns = m.fma(x, m.tables.invPi, -0.5);
  double shift = m.roundingShift() + 1;
  Value shifted = m.add(turns, shift);
  Value odd = m.fma(m.sub(shifted, shift), 2.0, 1.0);
  Value r = subtractTurns(m, x, odd, 0.5);
  return inRange(m, x, sinOf(m, r, m.bits(shifted)));
}

Value emitTan(OpBuilder &b, Location loc, Value x) {
  // x = n pi/2 + r: sin(r) / cos(r) for even n, -cos(r) / sin(r) for odd.
  MathBuilder m(b, loc, x.getType());
  Rounded n = m.round(x, 2 * m.tables.invPi, 0);
  Value r = subtractTurns(m, x, n.steps, 0.5);
  Value u = m.mul(r, r);
  Value sine = m.mul(r, m.fma(m.horner(m.tables.sin, u), u, 1.0));
  Value cosine = m.fma(m.horner(m.tables.cos, u), u, -0.5);
  cosine = m.fma(cosine, u, 1.0);
  Value isOdd = m.isOdd(n.bits);
  Value numerator = m.select(isOdd, m.neg(cosine), sine);
  return inRange(m, x, m.div(numerator, m.select(isOdd, sine, cosine)));
}

Value emitAsin(OpBuilder &b, Location loc, Value x) {
  MathBuilder m(b, loc, x.getType());
  Arc s = arc(m, x);
  Value big = m.sub(m.tables.halfPiHi, m.fma(s.asin, 2.0, -m.tables.halfPiLo));
  return m.copySign(m.select(s.isBig, big, s.asin), x);
}

Value emitAcos(OpBuilder &b, Location loc, Value x) {
  // Each case is high - (w - low) with high + low a multiple of pi/2.
  MathBuilder m(b, loc, x.getType());
  Arc s = arc(m, x);
  Value isNegative = m.less(x, 0.0);
  Value twice = m.add(s.asin, s.asin);
  Value w = m.select(isNegative, twice, m.neg(twice));
  w = m.select(s.isBig, w, s.asin);
  auto offset = [&](double half) {
    Value ofBig = m.select(isNegative, 2 * half, 0.0);
    return m.select(s.isBig, ofBig, half);
  };
  Value low = offset(m.tables.halfPiLo), high = offset(m.tables.halfPiHi);
  return m.sub(high, m.sub(w, low));
}

Value emitAtan(OpBuilder &b, Location loc, Value x) {
  // Above one, pi/2 - atan(1/a).
  MathBuilder m(b, loc, x.getType());
  Value a = m.abs(x);
  Value isBig = m.less(1.0, a);
  Value v = m.div(m.select(isBig, -1.0, a), m.select(isBig, a, 1.0));
  Value u = m.mul(v, v);
  Value p = m.fma(v, m.mul(u, m.horner(m.tables.atan, u)), v);
  p = m.add(p, m.select(isBig, m.tables.halfPiLo, 0.0));
  p = m.add(p, m.select(isBig, m.tables.halfPiHi, 0.0));
  return m.copySign(p, x);
}

} // namespace dlc::emit
