//===- MatrixTileTest.cpp - contractions by tensor cores, many shapes -----===//
//
// Products in all forms and convolutions with their gradients, of 16-bit floats
// and of f32 that may be rounded to TF32, on sizes that no access, product or
// tile divides, against the reference evaluation, which sums in f64. On the
// emulated device with three orders of its threads, which give the same bits.
//
// Products of 16-bit floats are exact in f32 and their sums round there: within
// 1e-5 of the largest result for thousands of terms. A narrow result rounds once
// more, 2^-9 in bf16 and 2^-12 in f16. TF32 rounds either factor by up to 2^-11:
// of a sum of random terms that is less than 2e-3 of the largest.
//
//===----------------------------------------------------------------------===//
#include "dialects/dlc/reference/Evaluate.h"
#include "tests/unit/compiler/Families.h"
#include "tests/unit/compiler/GpuRunner.h"

#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

#include <cmath>

using namespace mlir;
using namespace dlc::test;
using dlc::reference::Tensor;

namespace {

struct Case {
  const char *name;
  /// T stands for the operands' type, S for the result's, M for the mark.
  const char *text;
  bool isNarrow = false;
};

#define DOT(A, B, DIMS, RESULT)                                                \
  "func.func @f(%a: tensor<" A "xT>, %b: tensor<" B                            \
  "xT>) -> tensor<" RESULT "xS> {\n"                                           \
  "  %0 = dlc.dot_general %a, %b " DIMS " {dlc.generatedM} : (tensor<" A       \
  "xT>, tensor<" B "xT>) -> tensor<" RESULT "xS>\n"                            \
  "  return %0 : tensor<" RESULT "xS> }"
#define PLAIN "batch [] x [] contract [1] x [0]"

const Case cases[] = {
    // Accesses of 16 bytes on both sides, many steps and few.
    {"rows_by_columns", DOT("64x96", "96x64", PLAIN, "64x64")},
    {"rows_by_rows",
     DOT("64x96", "72x96", "batch [] x [] contract [1] x [1]", "64x72")},
    {"columns_by_columns",
     DOT("96x64", "96x40", "batch [] x [] contract [0] x [0]", "64x40")},
    {"columns_by_rows",
     DOT("96x64", "136x96", "batch [] x [] contract [0] x [1]", "64x136")},
    {"batch", DOT("3x40x24", "3x24x48",
                  "batch [0] x [0] contract [2] x [1]", "3x40x48")},
    // No multiples of anything.
    {"odd", DOT("33x31", "31x35", PLAIN, "33x35")},
    {"odd_by_rows",
     DOT("31x33", "37x33", "batch [] x [] contract [1] x [1]", "31x37")},
    {"odd_columns",
     DOT("33x65", "33x9", "batch [] x [] contract [0] x [0]", "65x9")},
    {"even", DOT("50x30", "30x42", PLAIN, "50x42")},
    {"small", DOT("8x8", "8x8", PLAIN, "8x8")},
    {"one_row", DOT("1x64", "64x64", PLAIN, "1x64")},
    {"one_step", DOT("40x1", "1x40", PLAIN, "40x40")},
    {"no_steps", DOT("40x0", "0x40", PLAIN, "40x40")},
    {"no_rows", DOT("0x40", "40x40", PLAIN, "0x40")},
    {"long", DOT("32x1000", "1000x32", PLAIN, "32x32")},
    {"large", DOT("264x72", "72x520", PLAIN, "264x520")},
    {"narrow_result", DOT("64x96", "96x66", PLAIN, "64x66"), true},
    {"narrow_odd", DOT("33x31", "31x35", PLAIN, "33x35"), true},
    // What the region computes, before and after.
    {"fused",
     R"(func.func @f(%a: tensor<70x48xf32>, %b: tensor<48x64xT>, %c: tensor<64xf32>, %d: tensor<70x64xf32>) -> (tensor<70x64xf32>, tensor<70x64xS>) {
      %n = dlc.cast %a : tensor<70x48xf32> -> tensor<70x48xT>
      %0 = dlc.dot_general %n, %b batch [] x [] contract [1] x [0] {dlc.generatedM} : (tensor<70x48xT>, tensor<48x64xT>) -> tensor<70x64xS>
      %w = dlc.cast %0 : tensor<70x64xS> -> tensor<70x64xf32>
      %v = dlc.broadcast %c dims [1] : tensor<64xf32> -> tensor<70x64xf32>
      %1 = dlc.add %w, %v : tensor<70x64xf32>
      %2 = dlc.relu %1 : tensor<70x64xf32>
      %3 = dlc.add %2, %d : tensor<70x64xf32>
      return %3, %0 : tensor<70x64xf32>, tensor<70x64xS> })"},
    // Channels by 16 bytes, and not.
    {"convolution", R"(func.func @f(%x: tensor<2x7x5x16xT>, %w: tensor<24x16x3x3xT>) -> tensor<2x7x5x24xS> {
      %0 = dlc.conv %x, %w strides [1, 1] dilations [1, 1] pads [1, 1] to [1, 1] groups 1 {dlc.generatedM} : (tensor<2x7x5x16xT>, tensor<24x16x3x3xT>) -> tensor<2x7x5x24xS>
      return %0 : tensor<2x7x5x24xS> })", true},
    {"convolution_odd", R"(func.func @f(%x: tensor<2x9x6x3xT>, %w: tensor<9x3x3x2xT>) -> tensor<2x5x6x9xS> {
      %0 = dlc.conv %x, %w strides [2, 1] dilations [1, 1] pads [1, 1] to [1, 0] groups 1 {dlc.generatedM} : (tensor<2x9x6x3xT>, tensor<9x3x3x2xT>) -> tensor<2x5x6x9xS>
      return %0 : tensor<2x5x6x9xS> })", true},
    {"gradient_of_data", R"(func.func @f(%g: tensor<2x4x5x16xT>, %w: tensor<16x24x3x3xT>) -> tensor<2x7x5x24xS> {
      %0 = dlc.conv_grad_data %g, %w strides [2, 1] dilations [1, 1] pads [1, 1] to [1, 1] groups 1 {dlc.generatedM} : (tensor<2x4x5x16xT>, tensor<16x24x3x3xT>) -> tensor<2x7x5x24xS>
      return %0 : tensor<2x7x5x24xS> })", true},
    {"gradient_of_weights", R"(func.func @f(%x: tensor<3x7x5x16xT>, %g: tensor<3x7x5x24xT>) -> tensor<24x16x3x3xS> {
      %0 = dlc.conv_grad_weights %x, %g strides [1, 1] dilations [1, 1] pads [1, 1] to [1, 1] groups 1 {dlc.generatedM} : (tensor<3x7x5x16xT>, tensor<3x7x5x24xT>) -> tensor<24x16x3x3xS>
      return %0 : tensor<24x16x3x3xS> })"},
    {"gradient_of_weights_odd", R"(func.func @f(%x: tensor<3x8x5x5xT>, %g: tensor<3x4x5x11xT>) -> tensor<11x5x3x3xS> {
      %0 = dlc.conv_grad_weights %x, %g strides [2, 1] dilations [1, 1] pads [1, 1] to [1, 1] groups 1 {dlc.generatedM} : (tensor<3x8x5x5xT>, tensor<3x4x5x11xT>) -> tensor<11x5x3x3xS>
      return %0 : tensor<11x5x3x3xS> })"}};

void replaceAll(std::string &text, const std::string &from,
                const std::string &to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos;
       at += to.size())
    text.replace(at, from.size(), to);
}

/// The case in `type`: "bf16", "f16" or "tf32".
std::string textOf(const Case &tried, const std::string &type) {
  std::string text = tried.text;
  bool isTf32 = type == "tf32";
  replaceAll(text, "generatedM",
             isTf32 ? "generated, dlc.allows_tf32" : "generated");
  replaceAll(text, "xT>", "x" + (isTf32 ? "f32" : type) + ">");
  replaceAll(text, "xS>",
             "x" + (isTf32 || !tried.isNarrow ? "f32" : type) + ">");
  return text;
}

double toleranceOf(const Case &tried, const std::string &type) {
  if (type == "tf32")
    return 2e-3;
  double rounding = !tried.isNarrow ? 0 : type == "bf16" ? 0x1p-9 : 0x1p-12;
  return 1e-5 + rounding;
}

class MatrixTile
    : public testing::TestWithParam<std::tuple<Case, const char *>> {};

TEST_P(MatrixTile, OnTheEmulatedDevice_GivesTheReferencesSums) {
  auto [tried, type] = GetParam();
  std::string text = textOf(tried, type);
  auto context = createContext();
  auto module = parseSourceString<ModuleOp>(text, context.get());
  ASSERT_TRUE(module) << text;
  auto function = *module->getOps<func::FuncOp>().begin();
  std::vector<Tensor> arguments;
  for (Type argument : function.getArgumentTypes())
    arguments.push_back(randomTensor(cast<RankedTensorType>(argument),
                                     unsigned(arguments.size()) + 1));
  auto wanted = dlc::reference::evaluateFunction(function, arguments);
  ASSERT_TRUE(succeeded(wanted));
  std::optional<std::vector<Tensor>> first;
  for (uint64_t seed : {0, 1, 2}) {
    auto copy = parseSourceString<ModuleOp>(text, context.get());
    auto run = runOnGpu(*copy, arguments, seed);
    ASSERT_TRUE(succeeded(run)) << text;
    if (!first)
      first = run->results;
    for (auto [actual, expected, same] :
         llvm::zip_equal(run->results, *wanted, *first)) {
      EXPECT_TRUE(actual.getBytes() == same.getBytes());
      double largest = 1e-30, most = 0;
      for (int64_t i = 0; i < expected.size(); ++i)
        largest = std::max(largest, std::abs(expected.number(i)));
      for (int64_t i = 0; i < expected.size(); ++i)
        most = std::max(most, std::isnan(actual.number(i))
                                  ? INFINITY
                                  : std::abs(actual.number(i) -
                                             expected.number(i)));
      EXPECT_LE(most, toleranceOf(tried, type) * largest) << text;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, MatrixTile,
    testing::Combine(testing::ValuesIn(cases),
                     testing::Values("bf16", "f16", "tf32")),
    [](const auto &info) {
      return std::string(std::get<0>(info.param).name) + "_" +
             std::get<1>(info.param);
    });

} // namespace
