//===- MathTrig.cpp - Circular functions and their inverses --------------===//
//
// sin, cos and tan subtract the multiple of pi/2 that leaves |r| <= pi/4 and
// choose between two polynomials. (Subtracting multiples of pi and using one
// is shorter by a quarter, but then cos(0) is not exactly one.) pi/2 has three
// parts. The first step is exact: its parts are multiples of a unit that is
// fine enough for the difference. The second rounds once, relative to what is
// left, and the third adds the digits that matter where the argument is close
// to a multiple.
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/emitter/Math.h"
#include "compiler/codegen/emitter/MathBuilder.h"

using namespace mlir;

namespace dlc::emit {

namespace {

using Rounded = MathBuilder::Rounded;

/// x = n pi/2 + r: sin(r), cos(r), and n + addend in the low bits.
struct Quadrant {
  Value sine, cosine, bits;
};

Quadrant quadrant(MathBuilder &m, Value x, int addend) {
  Rounded n = m.round(x, m.tables.twoOverPi, addend);
  Value r = m.fma(n.steps, -m.tables.halfPiHi, x);
  r = m.fma(n.steps, -m.tables.halfPiMid, r);
  Value rest = m.mul(n.steps, -m.tables.halfPiLo);
  Value u = m.mul(r, r);
  Value sine = m.mul(m.horner(m.tables.sin, u), u);
  sine = m.add(r, m.fma(r, sine, rest));
  Value cosine = m.fma(m.horner(m.tables.cos, u), u, -0.5);
  return {sine, m.fma(cosine, u, 1.0), n.bits};
}

/// `result` where the reduction of x was exact enough, else NaN. In f32, the
/// rounding of 2/pi leaves r up to 1/18 of pi/4 past its bound at the end of
/// the range; the polynomials are fitted for that.
Value inRange(MathBuilder &m, Value x, Value result) {
  Value isInRange = m.lessEqual(m.abs(x), m.pick(0x1p20, 0x1p30));
  return m.select(isInRange, result, m.nan());
}

/// `result`, except that -0 stays what it is.
Value keepZero(MathBuilder &m, Value x, Value result) {
  return m.select(m.equal(x, 0.0), x, result);
}

/// sin(x + quarters pi/2); sin(-0) is 0.
Value sineOf(MathBuilder &m, Value x, int quarters) {
  Quadrant q = quadrant(m, x, quarters);
  Value result = m.select(m.isOdd(q.bits), q.cosine, q.sine);
  // The second lowest bit, as a sign.
  Value sign = m.andInt(m.shiftLeft(q.bits, m.isF32 ? 30 : 62),
                        m.integer(m.bitsOf(-0.0)));
  return inRange(m, x, m.fromBits(m.xorInt(m.bits(result), sign)));
}

/// What asin and acos have in common: below one half, asin(x) itself; above,
/// asin(sqrt((1 - |x|) / 2)), from which both follow.
struct Arc {
  Value isBig, asin;
};

Arc arc(MathBuilder &m, Value x) {
  Value a = m.abs(x);
  Value isBig = m.less(0.5, a);
  Value u = m.select(isBig, m.fma(a, -0.5, 0.5), m.mul(x, x));
  Value v = m.select(isBig, m.sqrt(u), x);
  Value tail = m.mul(u, m.evenOdd(m.tables.asin, u));
  return {isBig, m.fma(v, tail, v)};
}

} // namespace

Value emitSin(OpBuilder &b, Location loc, Value x) {
  MathBuilder m(b, loc, x.getType());
  return keepZero(m, x, sineOf(m, x, 0));
}

Value emitCos(OpBuilder &b, Location loc, Value x) {
  MathBuilder m(b, loc, x.getType());
  return sineOf(m, x, 1);
}

Value emitTan(OpBuilder &b, Location loc, Value x) {
  // sin(r) / cos(r) for even n, -cos(r) / sin(r) for odd.
  MathBuilder m(b, loc, x.getType());
  Quadrant q = quadrant(m, x, 0);
  Value isOdd = m.isOdd(q.bits);
  Value numerator = m.select(isOdd, m.neg(q.cosine), q.sine);
  Value denominator = m.select(isOdd, q.sine, q.cosine);
  return keepZero(m, x, inRange(m, x, m.div(numerator, denominator)));
}

Value emitAsin(OpBuilder &b, Location loc, Value x) {
  MathBuilder m(b, loc, x.getType());
  Arc s = arc(m, x);
  Value big =
      m.sub(m.tables.halfPiNear, m.fma(s.asin, 2.0, -m.tables.halfPiRest));
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
  Value low = offset(m.tables.halfPiRest), high = offset(m.tables.halfPiNear);
  return m.sub(high, m.sub(w, low));
}

Value emitAtan(OpBuilder &b, Location loc, Value x) {
  // Above one, pi/2 - atan(1/a).
  MathBuilder m(b, loc, x.getType());
  Value a = m.abs(x);
  Value isBig = m.less(1.0, a);
  Value v = m.div(m.select(isBig, -1.0, a), m.select(isBig, a, 1.0));
  Value u = m.mul(v, v);
  Value p = m.fma(v, m.mul(u, m.evenOdd(m.tables.atan, u)), v);
  p = m.add(p, m.select(isBig, m.tables.halfPiRest, 0.0));
  p = m.add(p, m.select(isBig, m.tables.halfPiNear, 0.0));
  return m.copySign(p, x);
}

} // namespace dlc::emit
