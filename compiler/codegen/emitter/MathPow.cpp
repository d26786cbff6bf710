//===- MathPow.cpp - x^y and 1 / sqrt(x) ---------------------------------===//
//
// x^y = 2^(y log2|x|). The product can be as large as the exponent range, and
// its absolute error is the result's relative one, so the logarithm needs that
// many more digits than the element type has: it is computed as a sum of two
// values, high and low. log2(m) = 2 / log(2) atanh(s) with s = (m - 1) /
// (m + 1) at most 0.172: of its series s + s^3/3 + …, the first two terms are
// done in pairs, the rest is small enough without.
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/emitter/Math.h"
#include "compiler/codegen/emitter/MathBuilder.h"

using namespace mlir;

namespace dlc::emit {

namespace {

/// high + low, |low| at most about an ulp of high.
struct Pair {
  Value high, low;
};

/// x y, but for the product of the low parts.
Pair multiply(MathBuilder &m, Pair x, Pair y) {
  Value high = m.mul(x.high, y.high);
  Value low = m.fma(x.high, y.high, m.neg(high));
  low = m.fma(x.high, y.low, low);
  return {high, m.fma(x.low, y.high, low)};
}

/// x + y for |x| >= |y.high|, or x zero.
Pair addSmaller(MathBuilder &m, Value x, Pair y) {
  Value high = m.add(x, y.high);
  return {high, m.add(m.sub(y.high, m.sub(high, x)), y.low)};
}

/// The same sum with a low part as small as it can be, for |high| > |low|.
Pair normalize(MathBuilder &m, Pair x) {
  Value high = m.add(x.high, x.low);
  return {high, m.sub(x.low, m.sub(high, x.high))};
}

/// log2(x) for normal positive x.
Pair log2Of(MathBuilder &m, Value x) {
  MathBuilder::Split split = m.split(x);
  Value f = split.f; // exact; 2 + f is not
  Value d = m.add(f, 2.0);
  Value dLow = m.sub(f, m.sub(d, 2.0));
  Value inverse = m.div(m.constant(1.0), d);
  Value s = m.mul(f, inverse);
  Value rest = m.fma(m.neg(s), dLow, m.fma(m.neg(s), d, f));
  Pair ratio = {s, m.mul(rest, inverse)};

  // 1 + s^2 / 3 + s^4 (…)
  Pair square = multiply(m, ratio, ratio);
  Pair third = {m.constant(m.tables.thirdHi), m.constant(m.tables.thirdLo)};
  Pair cubic = multiply(m, square, third);
  Value u = square.high;
  cubic.low = m.fma(m.mul(u, u), m.evenOdd(m.tables.log2Tail, u), cubic.low);
  Pair series = addSmaller(m, m.constant(1.0), normalize(m, cubic));

  Pair scale = {m.constant(2 * m.tables.log2eHi),
                m.constant(2 * m.tables.log2eLo)};
  Pair result = multiply(m, multiply(m, ratio, series), scale);
  return addSmaller(m, split.k, result);
}

/// 2^(t.high + t.low), t.high any value: overflow gives infinity, underflow
/// zero.
Value exp2Of(MathBuilder &m, Pair t) {
  double limit = m.bias() + m.mantissaBits() + 3;
  Value low = m.select(m.less(m.abs(t.high), limit), t.low, 0.0);
  Value high = m.atMost(m.atLeast(t.high, -limit), limit);
  Value shifted = m.add(high, m.roundingShift());
  Value steps = m.sub(shifted, m.roundingShift());
  Value r = m.add(m.sub(high, steps), low);
  Value p = m.fma(m.evenOdd(m.tables.exp2, r), r, 1.0);
  // 2^n may be out of range where the result is not: two factors, the first
  // of half the steps. Steps are made positive for the shift.
  int offset = 4 * m.bias();
  int64_t base = m.bitsOf(m.roundingShift()) - offset;
  Value n = m.subInt(m.bits(shifted), m.integer(base));
  Value half = m.shiftRight(n, 1);
  Value toBias = m.integer(m.bias() - offset / 2);
  Value first = m.powerOfTwo(m.addInt(half, toBias));
  Value second = m.powerOfTwo(m.addInt(m.subInt(n, half), toBias));
  return m.mul(m.mul(p, first), second);
}

/// Whether y is a whole number, and whether it is an even one. Adding and
/// taking away 2^mantissaBits rounds; larger numbers are whole, and even if
/// twice as large.
struct Parity {
  Value isWhole, isEven;
};

Parity parityOf(MathBuilder &m, Value y) {
  double shift = std::ldexp(1.0, m.mantissaBits());
  auto isWhole = [&](Value v) {
    v = m.atMost(v, shift);
    return m.equal(m.sub(m.add(v, shift), shift), v);
  };
  Value a = m.abs(y);
  return {isWhole(a), isWhole(m.mul(a, 0.5))};
}

} // namespace

Value emitPow(OpBuilder &b, Location loc, Value x, Value y) {
  MathBuilder m(b, loc, x.getType());
  Value a = m.abs(x);
  Pair log = log2Of(m, a);
  // Zero, infinity and NaN have their own logarithms.
  Value isFinite = m.less(a, m.infinity());
  Value isZero = m.less(a, m.minNormal());
  log.high = m.select(isFinite, log.high, a);
  log.high = m.select(isZero, -m.infinity(), log.high);

  Value high = m.mul(y, log.high);
  Value low = m.fma(y, log.high, m.neg(high));
  Value result = exp2Of(m, {high, m.fma(y, log.low, low)});
  result = m.select(m.equal(a, 1.0), m.select(m.equal(y, y), 1.0, y), result);

  // Negative x: the sign of odd powers, and no fractional ones.
  Parity parity = parityOf(m, y);
  Value sign = m.andInt(m.bits(x), m.integer(m.bitsOf(-0.0)));
  Value flipped = m.fromBits(m.xorInt(m.bits(result), sign));
  result = m.select(parity.isEven, result, flipped);
  // Here result has the right sign if y is whole.
  Value isNegative = m.both(m.lessEqual(x, -m.minNormal()), isFinite);
  Value forFraction = m.select(isNegative, m.nan(), m.abs(result));
  result = m.select(parity.isWhole, result, forFraction);

  result = m.select(m.equal(y, 0.0), 1.0, result);
  return m.select(m.equal(x, 1.0), 1.0, result);
}

Value emitRsqrt(OpBuilder &b, Location loc, Value x) {
  MathBuilder m(b, loc, x.getType());
  return m.div(m.constant(1.0), m.sqrt(x));
}

} // namespace dlc::emit
