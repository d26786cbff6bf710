//===- MathError.h - Errors in units in the last place ---------*- C++ -*-===//

#ifndef DLC_TESTS_UNIT_COMPILER_MATHERROR_H
#define DLC_TESTS_UNIT_COMPILER_MATHERROR_H

#include <algorithm>
#include <cmath>
#include <limits>

namespace dlc::test {

/// |got - want| in ulp of `T` at `want`. Infinity counts as the power of two
/// after the largest finite number; NaN where only one side has it, and a zero
/// or infinity of the wrong sign, as infinitely wrong. Of a result
/// below twice the least normal number, only the sign counts.
template <typename T, typename Wide> double ulpError(T got, Wide want) {
  using Limits = std::numeric_limits<T>;
  constexpr double wrong = std::numeric_limits<double>::infinity();
  if (std::isnan(want) || std::isnan(got))
    return std::isnan(want) && std::isnan(got) ? 0 : wrong;
  if (want == 0 && got == 0)
    return std::signbit(want) == std::signbit(got) ? 0 : wrong;
  Wide top = std::ldexp(Wide(1), Limits::max_exponent);
  Wide clamped = std::clamp(want, -top, top);
  Wide value = std::isinf(got) ? std::copysign(top, Wide(got)) : Wide(got);
  Wide small = 2 * Wide(Limits::min());
  if (std::fabs(want) < small && std::fabs(got) <= small)
    return std::signbit(want) == std::signbit(got) ? 0 : wrong;
  int exponent = std::max(std::ilogb(clamped), Limits::min_exponent - 1);
  if (std::fabs(clamped) == top)
    exponent = Limits::max_exponent - 1;
  Wide ulp = std::ldexp(Wide(1), exponent + 1 - Limits::digits);
  return static_cast<double>(std::fabs(value - clamped) / ulp);
}

} // namespace dlc::test

#endif // DLC_TESTS_UNIT_COMPILER_MATHERROR_H
