//===- MathBench.cpp - Speed of the inlined math functions ---------------===//
//
// Nanoseconds per element of one core over arrays that stay in its cache, on
// vectors of 512 bits.
//
//===----------------------------------------------------------------------===//

#include "tests/unit/compiler/MathCases.h"
#include "tests/unit/compiler/MathJit.h"

#include <chrono>
#include <cstdio>

using namespace dlc;
using namespace dlc::test;

namespace {

constexpr int elements = 2048;

/// The least of several timings of `pass`, per element.
template <typename Pass> double nanoseconds(const Pass &pass) {
  double best = 1e30;
  for (int trial = 0; trial < 7; ++trial) {
    auto start = std::chrono::steady_clock::now();
    constexpr int passes = 400;
    for (int i = 0; i < passes; ++i)
      pass();
    std::chrono::duration<double, std::nano> time =
        std::chrono::steady_clock::now() - start;
    best = std::min(best, time.count() / passes / elements);
  }
  return best;
}

template <typename T> std::vector<T> arguments(double from, double to) {
  std::vector<T> values(elements);
  for (int i = 0; i < elements; ++i)
    values[i] = static_cast<T>(from + (to - from) * (i + 0.5) / elements);
  return values;
}

template <typename T>
double measure(const MathKernel &kernel, const std::vector<T> &x,
               const std::vector<T> &y) {
  CompiledMath code(kernel);
  std::vector<T> result(elements);
  return nanoseconds([&] {
    code.run({x.data(), y.data()}, {result.data()}, elements);
  });
}

double firstArgument(const MathCase &row) { return std::max(row.from, -20.0); }
double lastArgument(const MathCase &row) { return std::min(row.to, 20.0); }

void measureCase(const MathCase &row) {
  auto body = [&row](mlir::OpBuilder &b, mlir::Location loc,
                     mlir::ValueRange x) {
    return std::vector<mlir::Value>{row.emit(b, loc, x[0])};
  };
  auto x = arguments<float>(firstArgument(row), lastArgument(row));
  auto wide = arguments<double>(firstArgument(row), lastArgument(row));
  printf("%-8s %7.3f %7.3f\n", row.name,
         measure<float>({"f32", 16, 1, "", body}, x, x),
         measure<double>({"f64", 8, 1, "", body}, wide, wide));
}

} // namespace

int main() {
  printf("ns       f32x16   f64x8\n");
  for (const MathCase &row : mathCases())
    measureCase(row);
  auto power = [](mlir::OpBuilder &b, mlir::Location loc, mlir::ValueRange x) {
    return std::vector<mlir::Value>{emit::emitPow(b, loc, x[0], x[1])};
  };
  auto x = arguments<float>(0.1, 10), y = arguments<float>(-5, 5);
  auto x2 = arguments<double>(0.1, 10), y2 = arguments<double>(-5, 5);
  printf("%-8s %7.3f %7.3f\n", "pow",
         measure<float>({"f32", 16, 2, "", power}, x, y),
         measure<double>({"f64", 8, 2, "", power}, x2, y2));
}
