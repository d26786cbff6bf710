//===- Families.h - kernels of many shapes ----------------------*- C++ -*-===//
//
// Tests write a family of kernels as a function whose sizes are letters.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_TESTS_UNIT_COMPILER_FAMILIES_H
#define DLC_TESTS_UNIT_COMPILER_FAMILIES_H

#include "dialects/dlc/reference/Tensor.h"
#include "gtest/gtest.h"

#include <cmath>
#include <string>

namespace dlc::test {

/// `text` with R rows and C columns.
inline std::string sized(std::string text, int rows, int columns) {
  auto replace = [&](const std::string &from, const std::string &to) {
    for (size_t at = 0; (at = text.find(from, at)) != std::string::npos;
         at += to.size())
      text.replace(at, from.size(), to);
  };
  std::string r = std::to_string(rows), c = std::to_string(columns);
  replace("<RxC", "<" + r + "x" + c);
  replace("<CxR", "<" + c + "x" + r);
  replace("1xRxC", "1x" + r + "x" + c);
  replace("2xRxC", "2x" + r + "x" + c);
  replace("<Rx", "<" + r + "x");
  replace("<Cx", "<" + c + "x");
  replace("<3xCx", "<3x" + c + "x");
  replace("<5xCx", "<5x" + c + "x");
  replace("<40xCx", "<40x" + c + "x");
  return text;
}

/// Within 1e-6 of the largest element: eight roundings of f32.
inline void expectNear(const reference::Tensor &actual,
                       const reference::Tensor &expected) {
  double largest = 1e-30;
  for (int64_t i = 0; i < expected.size(); ++i)
    largest = std::max(largest, std::abs(expected.number(i)));
  for (int64_t i = 0; i < expected.size(); ++i)
    ASSERT_LE(std::abs(actual.number(i) - expected.number(i)), 1e-6 * largest)
        << "element " << i;
}

} // namespace dlc::test

#endif
