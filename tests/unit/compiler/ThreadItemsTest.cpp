//===- ThreadItemsTest.cpp - every family of GPU kernels, many shapes -----===//
//
// Each family on rows and columns of 0, 1, 31, 33 and other lengths that no
// vector, warp or workgroup divides, on the emulated device with three orders of
// its threads. Maps, moves and row sums give the CPU's bits; column sums that
// threads of a workgroup share, and products by tiles, are added in another
// order: within 1e-6 of the largest result, which is eight roundings of f32.
//
//===----------------------------------------------------------------------===//
#include "tests/unit/compiler/Families.h"
#include "tests/unit/compiler/GpuRunner.h"

#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

#include <cmath>
#include <cstring>
#include <limits>

using namespace mlir;
using namespace dlc::test;
using dlc::reference::Tensor;

namespace {

struct Family {
  const char *name;
  /// A function of tensors [R, C]; R and C stand for the lengths.
  const char *text;
  bool isExact = true;
};

const Family families[] = {
    {"map", R"(func.func @f(%x: tensor<RxCxf32>, %y: tensor<Cxf32>) -> (tensor<RxCxf32>, tensor<RxCxbf16>) {
      %b = dlc.broadcast %y dims [1] : tensor<Cxf32> -> tensor<RxCxf32>
      %s = dlc.add %x, %b : tensor<RxCxf32>
      %t = dlc.tanh %s : tensor<RxCxf32>
      %e = dlc.erf %t : tensor<RxCxf32>
      %n = dlc.cast %e : tensor<RxCxf32> -> tensor<RxCxbf16>
      return %t, %n : tensor<RxCxf32>, tensor<RxCxbf16> })"},
    {"transpose", R"(func.func @f(%x: tensor<RxCxf32>) -> tensor<CxRxf32> {
      %t = dlc.transpose %x [1, 0] : tensor<RxCxf32> -> tensor<CxRxf32>
      %e = dlc.exp %t : tensor<CxRxf32>
      return %e : tensor<CxRxf32> })"},
    {"pad_and_reverse", R"(func.func @f(%x: tensor<RxCxf32>) -> tensor<RxCxf32> {
      %z = dlc.constant dense<0.5> : tensor<f32>
      %v = dlc.reverse %x dims [1] : tensor<RxCxf32>
      %p = dlc.pad %v, %z low [0, 0] interior [0, 0] : (tensor<RxCxf32>, tensor<f32>) -> tensor<RxCxf32>
      %n = dlc.neg %p : tensor<RxCxf32>
      return %n : tensor<RxCxf32> })"},
    {"row", R"(func.func @f(%x: tensor<RxCxf32>) -> tensor<RxCxf32> {
      %m = dlc.reduce_max %x dims [1] : tensor<RxCxf32> -> tensor<Rxf32>
      %mb = dlc.broadcast %m dims [0] : tensor<Rxf32> -> tensor<RxCxf32>
      %d = dlc.sub %x, %mb : tensor<RxCxf32>
      %e = dlc.exp %d : tensor<RxCxf32>
      %s = dlc.reduce_sum %e dims [1] : tensor<RxCxf32> -> tensor<Rxf32>
      %sb = dlc.broadcast %s dims [0] : tensor<Rxf32> -> tensor<RxCxf32>
      %y = dlc.div %e, %sb : tensor<RxCxf32>
      return %y : tensor<RxCxf32> })"},
    {"own_class", R"(func.func @f(%x: tensor<RxCxf32>, %t: tensor<Rxi64>) -> (tensor<RxCxf32>, tensor<Rxf32>) {
      %zero = dlc.constant dense<0.0> : tensor<f32>
      %i = dlc.iota dim 1 : tensor<RxCxi64>
      %tb = dlc.broadcast %t dims [0] : tensor<Rxi64> -> tensor<RxCxi64>
      %is = dlc.compare eq %i, %tb : tensor<RxCxi64>
      %zb = dlc.broadcast %zero dims [] : tensor<f32> -> tensor<RxCxf32>
      %c = dlc.select %is, %x, %zb : tensor<RxCxi1>, tensor<RxCxf32>
      %own = dlc.reduce_sum %c dims [1] : tensor<RxCxf32> -> tensor<Rxf32>
      %ob = dlc.broadcast %own dims [0] : tensor<Rxf32> -> tensor<RxCxf32>
      %y = dlc.sub %x, %ob : tensor<RxCxf32>
      return %y, %own : tensor<RxCxf32>, tensor<Rxf32> })"},
    {"position", R"(func.func @f(%x: tensor<RxCxf32>) -> tensor<Rxi64> {
      %0 = dlc.arg_max %x dim 1 : tensor<RxCxf32> -> tensor<Rxi64>
      return %0 : tensor<Rxi64> })"},
    {"column", R"(func.func @f(%x: tensor<RxCxf32>) -> tensor<Cxf32> {
      %0 = dlc.reduce_sum %x dims [0] : tensor<RxCxf32> -> tensor<Cxf32>
      return %0 : tensor<Cxf32> })", false},
    {"scan", R"(func.func @f(%x: tensor<RxCxf32>) -> tensor<RxCxf32> {
      %0 = dlc.cumsum %x dim 1 : tensor<RxCxf32>
      return %0 : tensor<RxCxf32> })"},
    {"gather", R"(func.func @f(%w: tensor<3xCxf32>, %i: tensor<Rxi64>) -> tensor<RxCxf32> {
      %0 = dlc.gather %w, %i dim 0 : (tensor<3xCxf32>, tensor<Rxi64>) -> tensor<RxCxf32>
      return %0 : tensor<RxCxf32> })"},
    {"scatter", R"(func.func @f(%i: tensor<Rxi64>, %u: tensor<RxCxf32>) -> tensor<3xCxf32> {
      %0 = dlc.scatter_add %i, %u dim 0 : (tensor<Rxi64>, tensor<RxCxf32>) -> tensor<3xCxf32>
      return %0 : tensor<3xCxf32> })"},
    {"window", R"(func.func @f(%x: tensor<1xRxCxf32>) -> tensor<1xRxCxf32> {
      %0 = dlc.pool_sum %x window [1, 3, 1] strides [1, 1, 1] dilations [1, 1, 1] pads [0, 1, 0] : (tensor<1xRxCxf32>) -> tensor<1xRxCxf32>
      return %0 : tensor<1xRxCxf32> })"},
    {"random", R"(func.func @f(%s: tensor<2xi64>) -> tensor<RxCxf32> {
      %0 = dlc.random_uniform %s stream 3 : tensor<2xi64> -> tensor<RxCxf32>
      return %0 : tensor<RxCxf32> })"}};

const Family contractions[] = {
    {"contraction", R"(func.func @f(%a: tensor<RxCxf64>, %b: tensor<5xCxf64>) -> tensor<Rx5xf64> {
      %0 = dlc.dot_general %a, %b batch [] x [] contract [1] x [1] : (tensor<RxCxf64>, tensor<5xCxf64>) -> tensor<Rx5xf64>
      return %0 : tensor<Rx5xf64> })"},
    {"product", R"(func.func @f(%a: tensor<RxCxf64>, %b: tensor<40xCxf64>, %c: tensor<Rx40xf64>) -> (tensor<Rx40xf64>, tensor<Rx40xf64>) {
      %e = dlc.exp %b : tensor<40xCxf64>
      %0 = dlc.dot_general %a, %e batch [] x [] contract [1] x [1] : (tensor<RxCxf64>, tensor<40xCxf64>) -> tensor<Rx40xf64>
      %1 = dlc.add %0, %c : tensor<Rx40xf64>
      return %1, %0 : tensor<Rx40xf64>, tensor<Rx40xf64> })", false},
    {"product_of_columns", R"(func.func @f(%a: tensor<CxRxf64>, %b: tensor<Cx40xf64>) -> tensor<Rx40xf64> {
      %0 = dlc.dot_general %a, %b batch [] x [] contract [0] x [0] : (tensor<CxRxf64>, tensor<Cx40xf64>) -> tensor<Rx40xf64>
      return %0 : tensor<Rx40xf64> })", false},
    {"convolution", R"(func.func @f(%x: tensor<2xRxCx3xf64>, %w: tensor<9x3x3x2xf64>) -> tensor<2xRxCx9xf64> {
      %0 = dlc.conv %x, %w strides [1, 1] dilations [1, 1] pads [1, 1] to [1, 0] groups 1 : (tensor<2xRxCx3xf64>, tensor<9x3x3x2xf64>) -> tensor<2xRxCx9xf64>
      return %0 : tensor<2xRxCx9xf64> })", false}};

/// Rows and columns. A window needs a row, a position a column.
const std::pair<int, int> shapes[] = {{0, 5},  {1, 1},   {31, 33}, {33, 31},
                                      {5, 130}, {300, 7}, {3, 1000}};

class ThreadItems : public testing::TestWithParam<Family> {};

TEST_P(ThreadItems, OnEveryShape_GiveTheCpusResults) {
  for (auto [rows, columns] : shapes) {
    if (rows == 0 && (GetParam().name == std::string("window") ||
                      GetParam().name == std::string("convolution")))
      continue;
    SCOPED_TRACE(std::to_string(rows) + "x" + std::to_string(columns));
    std::string text = sized(GetParam().text, rows, columns);
    auto context = createContext();
    auto module = parseSourceString<ModuleOp>(text, context.get());
    ASSERT_TRUE(module) << text;
    auto function = *module->getOps<func::FuncOp>().begin();
    std::vector<Tensor> arguments;
    for (Type type : function.getArgumentTypes())
      arguments.push_back(randomTensor(cast<RankedTensorType>(type),
                                       unsigned(arguments.size()) + 1));
    auto wanted = runOnCpu(*module, arguments);
    ASSERT_TRUE(succeeded(wanted));
    for (uint64_t seed : {0, 1, 2}) {
      auto copy = parseSourceString<ModuleOp>(text, context.get());
      auto run = runOnGpu(*copy, arguments, seed);
      ASSERT_TRUE(succeeded(run)) << text;
      for (auto [actual, expected] :
           llvm::zip_equal(run->results, wanted->results)) {
        if (GetParam().isExact)
          EXPECT_TRUE(actual.getBytes() == expected.getBytes());
        else
          expectNear(actual, expected);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Contractions, ThreadItems,
                         testing::ValuesIn(contractions),
                         [](const auto &info) {
                           return std::string(info.param.name);
                         });
INSTANTIATE_TEST_SUITE_P(Kernels, ThreadItems, testing::ValuesIn(families),
                         [](const auto &info) {
                           return std::string(info.param.name);
                         });

/// GPUs clamp the functions' arguments in another way (gpu/Clamps.cpp).
TEST(Clamps, OfSpecialNumbers_KeepNanAndTheCpusBits) {
  const char *text = R"(func.func @f(%x: tensor<16xf32>) -> (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<16xf32>) {
      %0 = dlc.exp %x : tensor<16xf32>
      %1 = dlc.tanh %x : tensor<16xf32>
      %2 = dlc.sigmoid %x : tensor<16xf32>
      %3 = dlc.erf %x : tensor<16xf32>
      return %0, %1, %2, %3 : tensor<16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<16xf32> })";
  double inf = std::numeric_limits<double>::infinity();
  // Without subnormal numbers, which these tests' CPU kernels do not flush.
  const double numbers[16] = {inf,     -inf, 0.0,   -0.0, std::nan(""), 1e-30,
                              -1e-30,  89,   -89,   88.8, -87.3,        -87.2,
                              -103.99, 3.95, -9.51, 1e30};
  auto context = createContext();
  auto module = parseSourceString<ModuleOp>(text, context.get());
  auto copy = parseSourceString<ModuleOp>(text, context.get());
  ASSERT_TRUE(module && copy);
  auto function = *module->getOps<func::FuncOp>().begin();
  Tensor x(cast<RankedTensorType>(function.getArgumentTypes()[0]));
  for (int i = 0; i < 16; ++i)
    x.setNumber(i, numbers[i]);
  auto wanted = runOnCpu(*module, {x});
  auto run = runOnGpu(*copy, {x});
  ASSERT_TRUE(succeeded(wanted) && succeeded(run));
  for (auto [actual, expected] :
       llvm::zip_equal(run->results, wanted->results))
    for (int i = 0; i < 16; ++i) {
      if (std::isnan(expected.number(i)))
        EXPECT_TRUE(std::isnan(actual.number(i))) << numbers[i];
      else
        EXPECT_EQ(std::memcmp(actual.getBytes().data() + 4 * i,
                              expected.getBytes().data() + 4 * i, 4),
                  0)
            << numbers[i];
    }
}

} // namespace
