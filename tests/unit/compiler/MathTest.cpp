//===- MathTest.cpp - Accuracy of the inlined math functions -------------===//
//
// Every function runs over a sweep of all exponents and over its difficult
// range, as the vectors a CPU kernel uses, against libm one precision up.
// DLC_MATH_STRIDE=1 sweeps every f32 (half an hour); the default takes
// every 1021st. DLC_MATH_PRINT=1 prints the errors found.
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/emitter/Math.h"
#include "tests/unit/compiler/MathCases.h"
#include "tests/unit/compiler/MathError.h"
#include "tests/unit/compiler/MathJit.h"

#include "gtest/gtest.h"

#include <cstring>
#include <optional>
#include <random>
#include <xmmintrin.h>

using namespace dlc;
using namespace dlc::test;
using mlir::Location;
using mlir::OpBuilder;
using mlir::Value;
using mlir::ValueRange;

namespace {

constexpr int64_t chunkElements = 4096;

MathKernel unary(const MathCase &row, const char *element, int lanes) {
  auto body = [&row](OpBuilder &b, Location loc, ValueRange x) {
    return std::vector<Value>{row.emit(b, loc, x[0])};
  };
  return {element, lanes, 1, "", body};
}

MathKernel power(const char *element, int lanes) {
  auto body = [](OpBuilder &b, Location loc, ValueRange x) {
    return std::vector<Value>{emit::emitPow(b, loc, x[0], x[1])};
  };
  return {element, lanes, 2, "", body};
}

/// Flushes subnormals while it lives, as the CPU runtime does.
class FlushSubnormals {
public:
  FlushSubnormals() : saved(_mm_getcsr()) { _mm_setcsr(saved | 0x8040); }
  ~FlushSubnormals() { _mm_setcsr(saved); }

private:
  unsigned saved;
};

/// The worst of a sweep.
struct Worst {
  double ulp = 0;
  long double x = 0, y = 0, got = 0, want = 0;

  template <typename T, typename Wide>
  void see(double error, T x, T y, T got, Wide want) {
    if (!(error <= ulp))
      *this = {error, x, y, got, want};
  }
};

void report(const char *name, const char *element, const Worst &worst,
            double bound) {
  if (std::getenv("DLC_MATH_PRINT"))
    printf("%-8s %s %5.2f ulp of %.1f at %La (%Lg, %Lg): %La, not %La\n", name,
           element, worst.ulp, bound, worst.x, worst.x, worst.y, worst.got,
           worst.want);
  EXPECT_LE(worst.ulp, bound) << name << " of " << static_cast<double>(worst.x)
                              << ", " << static_cast<double>(worst.y)
                              << " gives " << static_cast<double>(worst.got)
                              << ", not " << static_cast<double>(worst.want);
}

template <typename T> class Sweep {
public:
  using Wide = std::conditional_t<sizeof(T) == 4, double, long double>;

  Sweep(const MathCase &row, const char *element, int lanes)
      : row(row), code(unary(row, element, lanes)) {}

  void add(T x) {
    pending.push_back(x);
    if (pending.size() == chunkElements)
      finish();
  }

  /// Runs what is pending, filled up to whole vectors.
  void finish() {
    while (pending.size() % 16)
      pending.push_back(T(1));
    result.resize(pending.size());
    flushed.resize(pending.size());
    code.run({pending.data()}, {result.data()}, pending.size());
    {
      FlushSubnormals flush;
      code.run({pending.data()}, {flushed.data()}, pending.size());
    }
    for (size_t i = 0; i < pending.size(); ++i) {
      Wide want = reference(pending[i]);
      check(pending[i], result[i], want);
      if (!isSame(result[i], flushed[i]))
        check(pending[i], flushed[i], want);
    }
    pending.clear();
  }

  Worst worst;

private:
  static bool isSame(T x, T y) { return std::memcmp(&x, &y, sizeof(T)) == 0; }

  Wide reference(Wide x) const {
    if (std::fabs(x) > (sizeof(T) == 4 ? row.limitF32 : row.limitF64))
      return std::numeric_limits<Wide>::quiet_NaN();
    if constexpr (sizeof(T) == 4)
      return row.reference(x);
    else
      return row.longReference(x);
  }

  void check(T x, T got, Wide want) {
    double error = ulpError<T, Wide>(got, want);
    // An argument this small may count as zero.
    if (std::fabs(x) < 2 * std::numeric_limits<T>::min())
      error = std::min(
          error, ulpError<T, Wide>(got, reference(std::copysign(Wide(0), x))));
    worst.see(error, x, T(0), got, want);
  }

  const MathCase &row;
  CompiledMath code;
  std::vector<T> pending, result, flushed;
};

template <typename T> std::vector<T> specialValues() {
  using Limits = std::numeric_limits<T>;
  std::vector<T> values;
  for (T x : {T(0),
              T(1),
              T(2),
              T(3),
              T(0.5),
              T(1.5),
              T(0.25),
              Limits::min(),
              Limits::denorm_min(),
              Limits::max(),
              Limits::infinity(),
              Limits::epsilon(),
              T(88.72284),
              T(87.33655),
              T(103.9),
              T(709.78271289),
              T(708.3964185),
              T(745.2),
              T(1e5),
              T(1e10),
              T(127),
              T(128),
              T(149),
              T(1023),
              T(1024),
              Limits::quiet_NaN()}) {
    for (T y :
         {x, std::nextafter(x, T(0)), std::nextafter(x, Limits::infinity())}) {
      values.push_back(y);
      values.push_back(-y);
    }
  }
  return values;
}

/// Where the reduction of sin, cos and tan cancels most: the numbers next to
/// multiples of pi/2, over their whole range.
template <typename T> void addMultiplesOfHalfPi(Sweep<T> &sweep, double limit) {
  if (std::isinf(limit))
    return;
  std::mt19937_64 random(3);
  for (int i = 0; i < 100000; ++i) {
    double scale = std::ldexp(1.0, -static_cast<int>(random() % 20));
    double most = limit * scale / M_PI_2;
    long double k = std::floor(random() * 0x1p-64 * most);
    T x = static_cast<T>(k * 1.57079632679489661923132169163975144L);
    sweep.add(x);
    sweep.add(-std::nextafter(x, T(0)));
    sweep.add(std::nextafter(x, std::numeric_limits<T>::infinity()));
  }
}

uint32_t f32Stride() {
  const char *text = std::getenv("DLC_MATH_STRIDE");
  return text ? std::atoi(text) : 1021;
}

class MathFunction : public testing::TestWithParam<MathCase> {};

} // namespace

TEST_P(MathFunction, F32Vector_AllExponents_WithinBound) {
  const MathCase &row = GetParam();
  Sweep<float> sweep(row, "f32", 16);
  for (float x : specialValues<float>())
    sweep.add(x);
  for (uint64_t bits = 0; bits < (uint64_t(1) << 32); bits += f32Stride()) {
    uint32_t word = static_cast<uint32_t>(bits);
    float x;
    std::memcpy(&x, &word, 4);
    sweep.add(x);
  }
  addMultiplesOfHalfPi(sweep, row.limitF32);
  sweep.finish();
  report(row.name, "f32", sweep.worst, row.ulpF32);
}

TEST_P(MathFunction, F64Vector_AllExponents_WithinBound) {
  const MathCase &row = GetParam();
  Sweep<double> sweep(row, "f64", 8);
  for (double x : specialValues<double>())
    sweep.add(x);
  std::mt19937_64 random(1);
  int perExponent = 256 * 1021 / std::max<uint32_t>(f32Stride(), 128);
  for (uint64_t top = 0; top < 4096; ++top)
    for (int i = 0; i < perExponent; ++i) {
      uint64_t word = top << 52 | random() >> 12;
      double x;
      std::memcpy(&x, &word, 8);
      sweep.add(x);
    }
  std::uniform_real_distribution<double> dense(row.from, row.to);
  for (int i = 0; i < 4096 * perExponent; ++i)
    sweep.add(dense(random));
  addMultiplesOfHalfPi(sweep, row.limitF64);
  sweep.finish();
  report(row.name, "f64", sweep.worst, row.ulpF64);
}

TEST_P(MathFunction, Scalars_SpecialValues_WithinBound) {
  const MathCase &row = GetParam();
  Sweep<float> single(row, "f32", 1);
  for (float x : specialValues<float>())
    single.add(x);
  single.finish();
  report(row.name, "f32 scalar", single.worst, row.ulpF32);
  Sweep<double> twice(row, "f64", 1);
  for (double x : specialValues<double>())
    twice.add(x);
  twice.finish();
  report(row.name, "f64 scalar", twice.worst, row.ulpF64);
}

INSTANTIATE_TEST_SUITE_P(Math, MathFunction, testing::ValuesIn(mathCases()),
                         [](const auto &info) {
                           return std::string(info.param.name);
                         });

// --- pow --------------------------------------------------------------------

namespace {

template <typename T, typename Wide>
void checkPower(const char *element, int lanes, const std::vector<T> &xs,
                const std::vector<T> &ys, Wide (*reference)(Wide, Wide),
                double bound) {
  CompiledMath code(power(element, lanes));
  std::vector<T> got(xs.size());
  Worst worst;
  for (bool isFlushing : {false, true}) {
    {
      std::optional<FlushSubnormals> flush;
      if (isFlushing)
        flush.emplace();
      code.run({xs.data(), ys.data()}, {got.data()}, xs.size());
    }
    for (size_t i = 0; i < xs.size(); ++i) {
      Wide x = xs[i], y = ys[i];
      double error = ulpError<T, Wide>(got[i], reference(x, y));
      // Subnormal arguments may count as zeros.
      auto flushed = [](Wide v) {
        bool isSmall = std::fabs(v) < std::numeric_limits<T>::min();
        return isSmall ? std::copysign(Wide(0), v) : v;
      };
      error = std::min(
          {error, ulpError<T, Wide>(got[i], reference(flushed(x), y)),
           ulpError<T, Wide>(got[i], reference(flushed(x), flushed(y)))});
      worst.see(error, xs[i], ys[i], got[i], reference(x, y));
    }
  }
  report("pow", element, worst, bound);
}

template <typename T> std::vector<T> specialPairs(std::vector<T> &ys) {
  std::vector<T> values = specialValues<T>(), xs;
  for (T extra : {T(-3), T(5), T(16777215), T(16777216), T(8388607.5),
                  T(4503599627370495.5), T(9007199254740991.0), T(1e-3)})
    values.push_back(extra);
  for (T x : values)
    for (T y : values) {
      xs.push_back(x);
      ys.push_back(y);
    }
  while (xs.size() % 16) {
    xs.push_back(1);
    ys.push_back(1);
  }
  return xs;
}

/// Random pairs whose power is in range, x over all exponents or next to one.
template <typename T>
void randomPairs(std::vector<T> &xs, std::vector<T> &ys, int count) {
  using Limits = std::numeric_limits<T>;
  std::mt19937_64 random(2);
  std::uniform_real_distribution<double> unit(-1, 1);
  for (int i = 0; i < count; ++i) {
    double exponent = unit(random) * (i % 2 ? 1.0 : Limits::max_exponent - 2);
    T x = static_cast<T>(std::exp2(exponent));
    double log = std::log2(static_cast<double>(x));
    T y = static_cast<T>(unit(random) * (Limits::max_exponent + 30) / log);
    xs.push_back(x);
    ys.push_back(y);
  }
}

} // namespace

TEST(MathPower, F32_SpecialAndRandomPairs_WithinBound) {
  std::vector<float> ys, xs = specialPairs<float>(ys);
  randomPairs(xs, ys, 1 << 21);
  checkPower<float, double>("f32", 16, xs, ys, pow, powUlpF32);
}

TEST(MathPower, F64_SpecialAndRandomPairs_WithinBound) {
  std::vector<double> ys, xs = specialPairs<double>(ys);
  randomPairs(xs, ys, 1 << 20);
  checkPower<double, long double>("f64", 8, xs, ys, powl, powUlpF64);
}

TEST(MathPower, Scalars_SpecialPairs_WithinBound) {
  std::vector<float> ys, xs = specialPairs<float>(ys);
  checkPower<float, double>("f32", 1, xs, ys, pow, powUlpF32);
  std::vector<double> y2, x2 = specialPairs<double>(y2);
  checkPower<double, long double>("f64", 1, x2, y2, powl, powUlpF64);
}
