//===- MathCases.h - The math functions and their bounds -------*- C++ -*-===//
//
// One row per function: what emits it, what it should return, its documented
// largest errors and where its difficulty lies. The table in Math.h states the
// same bounds; MathTest checks that the two agree.
//
//===----------------------------------------------------------------------===//

#ifndef DLC_TESTS_UNIT_COMPILER_MATHCASES_H
#define DLC_TESTS_UNIT_COMPILER_MATHCASES_H

#include "compiler/codegen/emitter/Math.h"

#include <cmath>
#include <limits>
#include <ostream>
#include <vector>

namespace dlc::test {

struct MathCase {
  const char *name;
  mlir::Value (*emit)(mlir::OpBuilder &, mlir::Location, mlir::Value);
  double (*reference)(double);
  long double (*longReference)(long double);
  double ulpF32, ulpF64; ///< bounds
  /// Where f64 is sampled most densely.
  double from, to;
  /// NaN is expected beyond, in absolute value.
  double limitF32 = std::numeric_limits<double>::infinity();
  double limitF64 = std::numeric_limits<double>::infinity();
};

inline void PrintTo(const MathCase &row, std::ostream *out) {
  *out << row.name;
}

/// Bounds of emitPow.
constexpr double powUlpF32 = 1.3, powUlpF64 = 1.6;

inline double sigmoid(double x) {
  return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x));
}

inline long double longSigmoid(long double x) {
  return x < 0 ? expl(x) / (1 + expl(x)) : 1 / (1 + expl(-x));
}

inline double rsqrt(double x) { return 1 / std::sqrt(x); }

inline long double longRsqrt(long double x) { return 1 / sqrtl(x); }

inline const std::vector<MathCase> &mathCases() {
  static const std::vector<MathCase> cases = {
      {"exp", emit::emitExp, exp, expl, 1.0, 1.0, -700, 700},
      {"exp2", emit::emitExp2, exp2, exp2l, 1.1, 1.1, -1000, 1000},
      {"expm1", emit::emitExpm1, expm1, expm1l, 1.8, 2.1, -3, 3},
      {"tanh", emit::emitTanh, tanh, tanhl, 1.7, 1.7, -3, 3},
      {"sigmoid", emit::emitSigmoid, sigmoid, longSigmoid, 1.7, 1.6, -30, 30},
      {"erf", emit::emitErf, erf, erfl, 1.9, 1.8, -6, 6},
      {"sinh", emit::emitSinh, sinh, sinhl, 2.6, 2.8, -3, 3},
      {"cosh", emit::emitCosh, cosh, coshl, 2.8, 2.2, -3, 3},
      {"log", emit::emitLog, log, logl, 1.0, 1.0, 0.3, 3},
      {"log1p", emit::emitLog1p, log1p, log1pl, 1.6, 1.5, -1, 3},
      {"asinh", emit::emitAsinh, asinh, asinhl, 1.9, 1.9, -3, 3},
      {"acosh", emit::emitAcosh, acosh, acoshl, 2.3, 2.2, 1, 5},
      {"atanh", emit::emitAtanh, atanh, atanhl, 2.3, 1.9, -1, 1},
      {"sin", emit::emitSin, sin, sinl, 1.7, 1.6, -1e6, 1e6, 0x1p20, 0x1p30},
      {"cos", emit::emitCos, cos, cosl, 1.7, 1.6, -1e6, 1e6, 0x1p20, 0x1p30},
      {"tan", emit::emitTan, tan, tanl, 3.3, 3.3, -1e6, 1e6, 0x1p20, 0x1p30},
      {"asin", emit::emitAsin, asin, asinl, 2.4, 2.3, -1, 1},
      {"acos", emit::emitAcos, acos, acosl, 1.2, 1.2, -1, 1},
      {"atan", emit::emitAtan, atan, atanl, 2.1, 2.7, -3, 3},
      {"rsqrt", emit::emitRsqrt, rsqrt, longRsqrt, 1.5, 1.5, 0.25, 4},
  };
  return cases;
}

} // namespace dlc::test

#endif // DLC_TESTS_UNIT_COMPILER_MATHCASES_H
