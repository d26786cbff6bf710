//===- MathLog.cpp - log and what is made of it --------------------------===//
//
// x = 2^k (1 + f) with 1 + f between sqrt(1/2) and sqrt(2), so that k is zero
// around one and log(x) = k log(2) + log(1 + f) never cancels there.
// log(1 + f) is a polynomial in f itself: the usual f / (2 + f) needs half the
// coefficients and a division, which costs more than the other half.
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/emitter/Math.h"
#include "compiler/codegen/emitter/MathBuilder.h"

using namespace mlir;

namespace dlc::emit {

namespace {

/// k log(2) + log(1 + f)
Value logOf(MathBuilder &m, Value k, Value f) {
  Value p =
      m.fma(m.mul(f, f), m.evenOdd(m.tables.log, f), m.mul(k, m.tables.ln2Lo));
  return m.fma(k, m.tables.ln2Hi, m.add(p, f));
}

/// `result` = log(x) where x is normal and positive; else what IEEE wants.
Value finish(MathBuilder &m, Value x, Value result) {
  result = m.select(m.less(x, m.infinity()), result, x);
  Value bad = m.select(m.lessEqual(x, -m.minNormal()), m.nan(),
                       m.constant(-m.infinity()));
  return m.select(m.less(x, m.minNormal()), bad, result);
}

/// log(1 + x) + extra log(2) for x >= -1; `extra` is a whole number.
Value log1pOf(MathBuilder &m, Value x, Value extra = nullptr) {
  Value u = m.add(x, 1.0);
  MathBuilder::Split s = m.split(u);
  // What the sum lost, exactly for x < 2^digits, and negligible beyond; it
  // belongs to f once scaled by 2^-k, or by zero where k is the largest.
  Value lost = m.sub(x, m.sub(u, 1.0));
  Value exponent = m.subInt(m.integer(2 * m.bias()), s.biased);
  Value scale = m.powerOfTwo(m.maxInt(exponent, m.integer(0)));
  Value k = extra ? m.add(s.k, extra) : s.k;
  Value result = logOf(m, k, m.fma(lost, scale, s.f));
  return m.copySign(finish(m, u, result), x);
}

} // namespace

Value emitLog(OpBuilder &b, Location loc, Value x) {
  MathBuilder m(b, loc, x.getType());
  MathBuilder::Split s = m.split(x);
  return finish(m, x, logOf(m, s.k, s.f));
}

Value emitLog1p(OpBuilder &b, Location loc, Value x) {
  MathBuilder m(b, loc, x.getType());
  return log1pOf(m, x);
}

Value emitAsinh(OpBuilder &b, Location loc, Value x) {
  // asinh a = log1p(a + a^2 / (1 + sqrt(a^2 + 1))); where a^2 may overflow,
  // log(a) + log(2).
  MathBuilder m(b, loc, x.getType());
  Value a = m.abs(x);
  Value isBig = m.less(0x1p60, a);
  Value square = m.mul(a, a);
  Value root = m.sqrt(m.add(square, 1.0));
  Value t = m.add(a, m.div(square, m.add(root, 1.0)));
  Value extra = m.select(isBig, 1.0, 0.0);
  return m.copySign(log1pOf(m, m.select(isBig, a, t), extra), x);
}

Value emitAcosh(OpBuilder &b, Location loc, Value x) {
  // With t = x - 1, acosh x = log1p(t + sqrt(2 t + t^2)).
  MathBuilder m(b, loc, x.getType());
  Value isBig = m.less(0x1p60, x);
  Value t = m.sub(x, 1.0);
  Value root = m.sqrt(m.fma(t, t, m.add(t, t)));
  Value argument = m.select(isBig, x, m.add(t, root));
  Value result = log1pOf(m, argument, m.select(isBig, 1.0, 0.0));
  return m.select(m.less(x, 1.0), m.nan(), result);
}

Value emitAtanh(OpBuilder &b, Location loc, Value x) {
  // atanh a = log1p(2 a / (1 - a)) / 2; log1p sees infinity at one and less
  // than -1 beyond.
  MathBuilder m(b, loc, x.getType());
  Value a = m.abs(x);
  Value t = m.div(m.add(a, a), m.sub(1.0, a));
  return m.copySign(m.mul(log1pOf(m, t), 0.5), x);
}

} // namespace dlc::emit
