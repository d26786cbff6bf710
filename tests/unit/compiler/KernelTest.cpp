//===- KernelTest.cpp - generated kernels against the reference -----------===//
//
// Every kernel op, alone and fused, in f32 and f64, on shapes that are odd,
// broadcast, empty or long, through generated code and the reference evaluator.
//
// Tolerances: f32 kernels round each op and sum in another order than the
// reference (which computes in double): 2e-5 relative to the largest element
// covers sums of the few hundred terms here. f64 differs by order alone: 1e-13.
//
//===----------------------------------------------------------------------===//
#include "tests/unit/compiler/GpuRunner.h"

#include "dialects/dlc/reference/Evaluate.h"

#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace dlc::test;
using dlc::reference::Tensor;

namespace {

/// Replaces every "T" of `text` that stands for the element type.
std::string withType(std::string text, const std::string &type) {
  for (size_t at = 0; (at = text.find("xT>", at)) != std::string::npos;)
    text.replace(at, 3, "x" + type + ">");
  for (size_t at = 0; (at = text.find("<T>", at)) != std::string::npos;)
    text.replace(at, 3, "<" + type + ">");
  return text;
}

void expectClose(const Tensor &actual, const Tensor &expected,
                 double tolerance) {
  ASSERT_EQ(actual.getType(), expected.getType());
  double largest = 1e-30;
  for (int64_t i = 0; i < expected.size(); ++i)
    if (std::isfinite(expected.number(i)))
      largest = std::max(largest, std::abs(expected.number(i)));
  for (int64_t i = 0; i < expected.size(); ++i) {
    double a = actual.number(i), e = expected.number(i);
    if (std::isnan(e) || std::isinf(e)) {
      EXPECT_TRUE(std::isnan(e) ? std::isnan(a) : a == e)
          << "element " << i << ": " << a << " instead of " << e;
      continue;
    }
    ASSERT_LE(std::abs(a - e), tolerance * largest)
        << "element " << i << ": " << a << " instead of " << e;
  }
}

/// The emulated GPU gives the same bytes, whatever the order of its threads.
void checkOnGpu(const std::string &text, MLIRContext &context,
                ArrayRef<Tensor> arguments, ArrayRef<Tensor> expected) {
  for (uint64_t seed : {0, 1, 2}) {
    auto module = parseSourceString<ModuleOp>(text, &context);
    auto run = runOnGpu(*module, arguments, seed);
    ASSERT_TRUE(succeeded(run)) << text;
    for (auto [i, actual, wanted] : llvm::enumerate(run->results, expected))
      EXPECT_TRUE(actual.getBytes() == wanted.getBytes())
          << "result " << i << " with threads in order " << seed << "\n"
          << text;
  }
}

/// Runs `text`, a module with one function, and compares all results.
/// Returns the number of kernels.
unsigned check(const std::string &text, double tolerance,
               unsigned vectorBytes = 0) {
  auto context = createContext();
  OwningOpRef<ModuleOp> module =
      parseSourceString<ModuleOp>(text, context.get());
  EXPECT_TRUE(module) << text;
  if (!module)
    return 0;
  auto function = *module->getOps<func::FuncOp>().begin();
  std::vector<Tensor> arguments;
  for (Type type : function.getArgumentTypes())
    arguments.push_back(randomTensor(cast<RankedTensorType>(type),
                                     unsigned(arguments.size()) + 1));
  auto expected = dlc::reference::evaluateFunction(function, arguments);
  EXPECT_TRUE(succeeded(expected));
  auto run = runOnCpu(*module, arguments, vectorBytes);
  EXPECT_TRUE(succeeded(run)) << text;
  if (failed(expected) || failed(run))
    return 0;
  for (size_t i = 0; i < expected->size(); ++i)
    expectClose(run->results[i], (*expected)[i], tolerance);
  checkOnGpu(text, *context, arguments, run->results);
  return run->numKernels;
}

void checkTypes(const std::string &text) {
  for (unsigned vectorBytes : {16u, 32u, 64u}) {
    if (vectorBytes == 64 && !__builtin_cpu_supports("avx512f"))
      continue;
    SCOPED_TRACE(std::to_string(vectorBytes) + " byte vectors");
    check(withType(text, "f32"), 2e-5, vectorBytes);
    check(withType(text, "f64"), 1e-13, vectorBytes);
  }
}

/// A function with one unary op on a shape.
std::string unary(const std::string &op, const std::string &shape) {
  return "func.func @f(%x: tensor<" + shape + "xT>) -> tensor<" + shape +
         "xT> { %0 = dlc." + op + " %x : tensor<" + shape +
         "xT> return %0 : tensor<" + shape + "xT> }";
}

class UnaryKernel : public testing::TestWithParam<const char *> {};

TEST_P(UnaryKernel, EqualsReference) {
  check(withType(unary(GetParam(), "7x13"), "f32"), 2e-5);
  check(withType(unary(GetParam(), "3x67"), "f64"), 1e-13);
}

INSTANTIATE_TEST_SUITE_P(
    Ops, UnaryKernel,
    testing::Values("neg", "abs", "sign", "relu", "floor", "ceil", "round",
                    "exp", "expm1", "log", "log1p", "sqrt", "rsqrt", "sin",
                    "cos", "tan", "asin", "acos", "atan", "sinh", "cosh",
                    "tanh", "asinh", "acosh", "atanh", "erf", "sigmoid"),
    [](const auto &info) { return std::string(info.param); });

class BinaryKernel : public testing::TestWithParam<const char *> {};

TEST_P(BinaryKernel, EqualsReference) {
  std::string text = "func.func @f(%x: tensor<5x33xT>, %y: tensor<5x33xT>) -> "
                     "tensor<5x33xT> { %0 = dlc." +
                     std::string(GetParam()) +
                     " %x, %y : tensor<5x33xT> return %0 : tensor<5x33xT> }";
  check(withType(text, "f32"), 2e-5);
  check(withType(text, "f64"), 1e-13);
}

INSTANTIATE_TEST_SUITE_P(Ops, BinaryKernel,
                         testing::Values("add", "sub", "mul", "div", "pow",
                                         "max", "min", "rem", "mod"),
                         [](const auto &info) {
                           return std::string(info.param);
                         });

class IntegerKernel : public testing::TestWithParam<const char *> {};

TEST_P(IntegerKernel, EqualsReference) {
  for (const char *type : {"i8", "i16", "i32", "i64", "ui8"}) {
    SCOPED_TRACE(type);
    std::string text =
        "func.func @f(%x: tensor<5x33xT>, %y: tensor<5x33xT>) -> "
        "tensor<5x33xT> { %0 = dlc." +
        std::string(GetParam()) +
        " %x, %y : tensor<5x33xT> return %0 : tensor<5x33xT> }";
    check(withType(text, type), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Ops, IntegerKernel,
                         testing::Values("add", "sub", "mul", "div", "max",
                                         "min", "rem", "mod", "and", "or",
                                         "xor", "shift_left", "shift_right"),
                         [](const auto &info) {
                           return std::string(info.param);
                         });

TEST(KernelTest, Softmax_RowsOfAnyLength_OneKernel) {
  for (const char *columns : {"1", "3", "10", "16", "65", "384", "1000"}) {
    SCOPED_TRACE(columns);
    std::string shape = "tensor<9x" + std::string(columns) + "xT>";
    std::string text = "func.func @f(%x: " + shape + ") -> " + shape +
                       " { %m = dlc.reduce_max %x dims [1] : " + shape +
                       " -> tensor<9xT>"
                       " %mb = dlc.broadcast %m dims [0] : tensor<9xT> -> " +
                       shape + " %d = dlc.sub %x, %mb : " + shape +
                       " %e = dlc.exp %d : " + shape +
                       " %s = dlc.reduce_sum %e dims [1] : " + shape +
                       " -> tensor<9xT>"
                       " %sb = dlc.broadcast %s dims [0] : tensor<9xT> -> " +
                       shape + " %y = dlc.div %e, %sb : " + shape +
                       " return %y : " + shape + " }";
    checkTypes(text);
    EXPECT_EQ(check(withType(text, "f32"), 2e-5), 1u);
  }
}

TEST(KernelTest, ColumnSum_OddShapes) {
  for (const char *shape : {"1x1", "64x10", "33x7", "5x100", "130x384"}) {
    SCOPED_TRACE(shape);
    std::string columns =
        std::string(shape).substr(std::string(shape).find('x') + 1);
    checkTypes("func.func @f(%x: tensor<" + std::string(shape) +
               "xT>) -> tensor<" + columns +
               "xT> { %0 = dlc.reduce_sum %x dims [0] : tensor<" + shape +
               "xT> -> tensor<" + columns + "xT> return %0 : tensor<" +
               columns + "xT> }");
  }
}

TEST(KernelTest, BatchStatistics_MiddleDimKept) {
  checkTypes(
      R"(func.func @f(%x: tensor<4x6x5x3xT>) -> (tensor<6xT>, tensor<4x6x5x3xT>) {
    %s = dlc.reduce_sum %x dims [0, 2, 3] : tensor<4x6x5x3xT> -> tensor<6xT>
    %b = dlc.broadcast %s dims [1] : tensor<6xT> -> tensor<4x6x5x3xT>
    %y = dlc.sub %x, %b : tensor<4x6x5x3xT>
    return %s, %y : tensor<6xT>, tensor<4x6x5x3xT> })");
}

/// Where many threads share a sum, a GPU adds in another order than a CPU: equal
/// to what f32 sums of some thousand terms round to, and the same bits whatever
/// the order of the threads.
void checkSharedSums(const std::string &text, double tolerance) {
  auto context = createContext();
  auto module = parseSourceString<ModuleOp>(text, context.get());
  auto function = *module->getOps<func::FuncOp>().begin();
  std::vector<Tensor> arguments;
  for (Type type : function.getArgumentTypes())
    arguments.push_back(randomTensor(cast<RankedTensorType>(type),
                                     unsigned(arguments.size()) + 1));
  auto expected = dlc::reference::evaluateFunction(function, arguments);
  std::vector<Tensor> first;
  for (uint64_t seed : {0, 1, 2}) {
    auto copy = parseSourceString<ModuleOp>(text, context.get());
    auto run = runOnGpu(*copy, arguments, seed);
    ASSERT_TRUE(succeeded(run)) << text;
    for (size_t i = 0; i < expected->size(); ++i) {
      expectClose(run->results[i], (*expected)[i], tolerance);
      if (seed)
        EXPECT_TRUE(run->results[i].getBytes() == first[i].getBytes());
    }
    if (!seed)
      first = run->results;
  }
}

TEST(KernelTest, LongColumnSums_SharedByThreads) {
  for (const char *shape : {"256x1", "4099x7", "1000x31", "300x33", "2048x130"}) {
    SCOPED_TRACE(shape);
    std::string columns =
        std::string(shape).substr(std::string(shape).find('x') + 1);
    std::string text =
        "func.func @f(%x: tensor<" + std::string(shape) + "xT>) -> tensor<" +
        columns + "xT> { %0 = dlc.reduce_sum %x dims [0] : tensor<" + shape +
        "xT> -> tensor<" + columns + "xT> return %0 : tensor<" + columns +
        "xT> }";
    checkSharedSums(withType(text, "f32"), 1e-6);
    checkSharedSums(withType(text, "f64"), 1e-13);
  }
}

TEST(KernelTest, SumsOfShortDims_AreNotShared) {
  // 3 x 100 terms, but no dim of them is long enough for a warp of sharers.
  checkSharedSums(
      withType("func.func @f(%x: tensor<3x8x10x10xT>) -> tensor<8xT> { %0 = "
               "dlc.reduce_sum %x dims [0, 2, 3] : tensor<3x8x10x10xT> -> "
               "tensor<8xT> return %0 : tensor<8xT> }",
               "f32"),
      1e-6);
}

TEST(KernelTest, BatchStatistics_SharedByThreads_InLevels) {
  std::string text =
      R"(func.func @f(%x: tensor<8x6x50x3xT>) -> (tensor<6xT>, tensor<6xT>, tensor<8x6x50x3xT>) {
    %s = dlc.reduce_sum %x dims [0, 2, 3] : tensor<8x6x50x3xT> -> tensor<6xT>
    %n = dlc.constant dense<1200.0> : tensor<6xT>
    %m = dlc.div %s, %n : tensor<6xT>
    %b = dlc.broadcast %m dims [1] : tensor<6xT> -> tensor<8x6x50x3xT>
    %d = dlc.sub %x, %b : tensor<8x6x50x3xT>
    %q = dlc.mul %d, %d : tensor<8x6x50x3xT>
    %v = dlc.reduce_sum %q dims [0, 2, 3] : tensor<8x6x50x3xT> -> tensor<6xT>
    return %m, %v, %d : tensor<6xT>, tensor<6xT>, tensor<8x6x50x3xT> })";
  checkSharedSums(withType(text, "f32"), 1e-6);
  checkSharedSums(withType(text, "f64"), 1e-13);
}

TEST(KernelTest, ShapeOps_Chain) {
  checkTypes(
      R"(func.func @f(%x: tensor<4x6x5xT>) -> (tensor<5x24xT>, tensor<7x9xT>, tensor<5x8xT>) {
    %t = dlc.transpose %x [2, 0, 1] : tensor<4x6x5xT> -> tensor<5x4x6xT>
    %r = dlc.reshape %t : tensor<5x4x6xT> -> tensor<5x24xT>
    %v = dlc.reverse %r dims [1] : tensor<5x24xT>
    %s = dlc.slice %v starts [1, 3] steps [2, 5] : tensor<5x24xT> -> tensor<2x4xT>
    %z = dlc.constant dense<0.5> : tensor<T>
    %p = dlc.pad %s, %z low [1, 2] interior [2, 1] : (tensor<2x4xT>, tensor<T>) -> tensor<7x9xT>
    %a = dlc.slice %v starts [0, 0] steps [1, 8] : tensor<5x24xT> -> tensor<5x3xT>
    %b = dlc.slice %v starts [0, 1] steps [1, 4] : tensor<5x24xT> -> tensor<5x5xT>
    %c = dlc.concat %a, %b dim 1 : (tensor<5x3xT>, tensor<5x5xT>) -> tensor<5x8xT>
    return %v, %p, %c : tensor<5x24xT>, tensor<7x9xT>, tensor<5x8xT> })");
}

TEST(KernelTest, Gather_And_Scatter) {
  checkTypes(
      R"(func.func @f(%w: tensor<3x20xT>, %i: tensor<2x5xi64>, %u: tensor<2x5x20xT>, %j: tensor<3x2xi64>) -> (tensor<2x5x20xT>, tensor<3x20xT>, tensor<3x2xT>, tensor<3x20xT>) {
    %g = dlc.gather %w, %i dim 0 : (tensor<3x20xT>, tensor<2x5xi64>) -> tensor<2x5x20xT>
    %s = dlc.scatter_add %i, %u dim 0 : (tensor<2x5xi64>, tensor<2x5x20xT>) -> tensor<3x20xT>
    %e = dlc.gather_elements %w, %j dim 1 : (tensor<3x20xT>, tensor<3x2xi64>) -> tensor<3x2xT>
    %a = dlc.scatter_elements_add %j, %e dim 1 : (tensor<3x2xi64>, tensor<3x2xT>) -> tensor<3x20xT>
    return %g, %s, %e, %a : tensor<2x5x20xT>, tensor<3x20xT>, tensor<3x2xT>, tensor<3x20xT> })");
}

// Beside its part of a concat, or in what is padded, a gather has no index.
TEST(KernelTest, Gather_OfWhatIsPaddedOrConcatenated) {
  checkTypes(
      R"(func.func @f(%w: tensor<3x5xT>, %i: tensor<7xi64>, %j: tensor<4xi32>, %k: tensor<2x5xi64>) -> (tensor<13x5xT>, tensor<12x5xT>, tensor<7x5xT>) {
    %a = dlc.gather %w, %i dim 0 : (tensor<3x5xT>, tensor<7xi64>) -> tensor<7x5xT>
    %b = dlc.gather %w, %j dim 0 : (tensor<3x5xT>, tensor<4xi32>) -> tensor<4x5xT>
    %e = dlc.gather_elements %w, %k dim 0 : (tensor<3x5xT>, tensor<2x5xi64>) -> tensor<2x5xT>
    %c = dlc.concat %a, %b, %e dim 0 : (tensor<7x5xT>, tensor<4x5xT>, tensor<2x5xT>) -> tensor<13x5xT>
    %z = dlc.constant dense<0.5> : tensor<T>
    %p = dlc.pad %a, %z low [3, 0] interior [0, 0] : (tensor<7x5xT>, tensor<T>) -> tensor<12x5xT>
    %m = dlc.mod %i, %i : tensor<7xi64>
    %x = dlc.concat %i, %m dim 0 : (tensor<7xi64>, tensor<7xi64>) -> tensor<14xi64>
    %s = dlc.slice %x starts [4] steps [1] : tensor<14xi64> -> tensor<7xi64>
    %g = dlc.gather %w, %s dim 0 : (tensor<3x5xT>, tensor<7xi64>) -> tensor<7x5xT>
    return %c, %p, %g : tensor<13x5xT>, tensor<12x5xT>, tensor<7x5xT> })");
}

TEST(KernelTest, Pooling_WithPadsAndGradients) {
  checkTypes(
      R"(func.func @f(%x: tensor<2x7x6x3xT>) -> (tensor<2x4x3x3xT>, tensor<2x4x3x3xi32>, tensor<2x4x3x3xT>, tensor<2x7x6x3xT>, tensor<2x7x6x3xT>) {
    %m:2 = dlc.pool_max %x window [1, 3, 3, 1] strides [1, 2, 2, 1] dilations [1, 1, 1, 1] pads [0, 1, 1, 0] : (tensor<2x7x6x3xT>) -> (tensor<2x4x3x3xT>, tensor<2x4x3x3xi32>)
    %s = dlc.pool_sum %x window [1, 3, 3, 1] strides [1, 2, 2, 1] dilations [1, 1, 1, 1] pads [0, 1, 1, 0] : (tensor<2x7x6x3xT>) -> tensor<2x4x3x3xT>
    %g = dlc.pool_max_grad %s, %m#1 window [1, 3, 3, 1] strides [1, 2, 2, 1] dilations [1, 1, 1, 1] pads [0, 1, 1, 0] : (tensor<2x4x3x3xT>, tensor<2x4x3x3xi32>) -> tensor<2x7x6x3xT>
    %h = dlc.pool_sum_grad %s window [1, 3, 3, 1] strides [1, 2, 2, 1] dilations [1, 1, 1, 1] pads [0, 1, 1, 0] : (tensor<2x4x3x3xT>) -> tensor<2x7x6x3xT>
    return %m#0, %m#1, %s, %g, %h : tensor<2x4x3x3xT>, tensor<2x4x3x3xi32>, tensor<2x4x3x3xT>, tensor<2x7x6x3xT>, tensor<2x7x6x3xT> })");
}

TEST(KernelTest, Contractions_F64) {
  check(
      R"(func.func @f(%a: tensor<3x5x7xf64>, %b: tensor<3x7x9xf64>, %c: tensor<9x7xf64>) -> (tensor<3x5x9xf64>, tensor<3x5x9xf64>) {
    %0 = dlc.dot_general %a, %b batch [0] x [0] contract [2] x [1] : (tensor<3x5x7xf64>, tensor<3x7x9xf64>) -> tensor<3x5x9xf64>
    %1 = dlc.dot_general %a, %c batch [] x [] contract [2] x [1] : (tensor<3x5x7xf64>, tensor<9x7xf64>) -> tensor<3x5x9xf64>
    return %0, %1 : tensor<3x5x9xf64>, tensor<3x5x9xf64> })",
      1e-13);
}

TEST(KernelTest, Convolutions_F64) {
  check(
      R"(func.func @f(%x: tensor<2x7x6x4xf64>, %w: tensor<6x2x3x3xf64>, %g: tensor<2x4x3x6xf64>) -> (tensor<2x4x3x6xf64>, tensor<2x7x6x4xf64>, tensor<6x2x3x3xf64>) {
    %0 = dlc.conv %x, %w strides [2, 2] dilations [1, 1] pads [1, 1] to [1, 1] groups 2 : (tensor<2x7x6x4xf64>, tensor<6x2x3x3xf64>) -> tensor<2x4x3x6xf64>
    %1 = dlc.conv_grad_data %g, %w strides [2, 2] dilations [1, 1] pads [1, 1] to [1, 1] groups 2 : (tensor<2x4x3x6xf64>, tensor<6x2x3x3xf64>) -> tensor<2x7x6x4xf64>
    %2 = dlc.conv_grad_weights %x, %g strides [2, 2] dilations [1, 1] pads [1, 1] to [1, 1] groups 2 : (tensor<2x7x6x4xf64>, tensor<2x4x3x6xf64>) -> tensor<6x2x3x3xf64>
    return %0, %1, %2 : tensor<2x4x3x6xf64>, tensor<2x7x6x4xf64>, tensor<6x2x3x3xf64> })",
      1e-13);
}

TEST(KernelTest, Positions_TiesAndCumulativeSums) {
  checkTypes(
      R"(func.func @f(%x: tensor<6x40xT>, %k: tensor<6x40xi32>) -> (tensor<6xi64>, tensor<6xi64>, tensor<40xi64>, tensor<6x40xT>) {
    %0 = dlc.arg_max %k dim 1 : tensor<6x40xi32> -> tensor<6xi64>
    %1 = dlc.arg_min %k dim 1 last : tensor<6x40xi32> -> tensor<6xi64>
    %2 = dlc.arg_max %x dim 0 : tensor<6x40xT> -> tensor<40xi64>
    %3 = dlc.cumsum %x dim 1 exclusive reverse : tensor<6x40xT>
    return %0, %1, %2, %3 : tensor<6xi64>, tensor<6xi64>, tensor<40xi64>, tensor<6x40xT> })");
}

TEST(KernelTest, Random_EqualsReferenceBitForBit) {
  check(
      R"(func.func @f(%s: tensor<2xi64>) -> (tensor<3x50xf32>, tensor<77xf64>, tensor<300xbf16>, tensor<9xf16>) {
    %0 = dlc.random_uniform %s stream 3 : tensor<2xi64> -> tensor<3x50xf32>
    %1 = dlc.random_uniform %s stream 4 : tensor<2xi64> -> tensor<77xf64>
    %2 = dlc.random_uniform %s stream 5 : tensor<2xi64> -> tensor<300xbf16>
    %3 = dlc.random_uniform %s stream 5 : tensor<2xi64> -> tensor<9xf16>
    return %0, %1, %2, %3 : tensor<3x50xf32>, tensor<77xf64>, tensor<300xbf16>, tensor<9xf16> })",
      0);
}

TEST(KernelTest, Casts_AndNarrowTypes) {
  check(
      R"(func.func @f(%x: tensor<5x21xf32>, %i: tensor<5x21xi32>) -> (tensor<5x21xbf16>, tensor<5x21xf16>, tensor<5x21xi8>, tensor<5x21xi1>, tensor<5x21xf32>) {
    %0 = dlc.cast %x : tensor<5x21xf32> -> tensor<5x21xbf16>
    %1 = dlc.cast %x : tensor<5x21xf32> -> tensor<5x21xf16>
    %2 = dlc.cast %x : tensor<5x21xf32> -> tensor<5x21xi8>
    %3 = dlc.cast %i : tensor<5x21xi32> -> tensor<5x21xi1>
    %4 = dlc.cast %0 : tensor<5x21xbf16> -> tensor<5x21xf32>
    %5 = dlc.select %3, %4, %x : tensor<5x21xi1>, tensor<5x21xf32>
    return %0, %1, %2, %3, %5 : tensor<5x21xbf16>, tensor<5x21xf16>, tensor<5x21xi8>, tensor<5x21xi1>, tensor<5x21xf32> })",
      0);
}

// What is left after full vectors is stored under a mask: of one element, too.
TEST(KernelTest, NarrowCasts_RowsOfAnyLength) {
  for (int64_t length : {1, 2, 3, 5, 9, 17, 31, 33, 65, 289}) {
    SCOPED_TRACE(length);
    std::string n = std::to_string(length);
    for (const char *narrow : {"bf16", "f16"})
      check(withType("func.func @f(%x: tensor<" + n + "xf32>) -> (tensor<" + n +
                         "xT>, tensor<" + n + "xf32>) { %0 = dlc.cast %x : tensor<" +
                         n + "xf32> -> tensor<" + n +
                         "xT> %1 = dlc.cast %0 : tensor<" + n +
                         "xT> -> tensor<" + n + "xf32> return %0, %1 : tensor<" +
                         n + "xT>, tensor<" + n + "xf32> }",
                     narrow),
            0);
  }
}

// LLVM computes in bf16 what loses nothing there, such as an absolute value.
TEST(KernelTest, NarrowOperands_ExactOps) {
  check(
      R"(func.func @f(%x: tensor<3x95xbf16>) -> (tensor<3x95xbf16>, tensor<3xf32>, tensor<3x95xi1>) {
    %0 = dlc.cast %x : tensor<3x95xbf16> -> tensor<3x95xf32>
    %1 = dlc.abs %0 : tensor<3x95xf32>
    %2 = dlc.neg %1 : tensor<3x95xf32>
    %3 = dlc.cast %2 : tensor<3x95xf32> -> tensor<3x95xbf16>
    %4 = dlc.reduce_max %1 dims [1] : tensor<3x95xf32> -> tensor<3xf32>
    %5 = dlc.compare gt %0, %1 : tensor<3x95xf32>
    return %3, %4, %5 : tensor<3x95xbf16>, tensor<3xf32>, tensor<3x95xi1> })",
      0);
}

TEST(KernelTest, EmptyTensors) {
  check(
      R"(func.func @f(%x: tensor<0x4xf32>, %y: tensor<3x0xf32>) -> (tensor<0x4xf32>, tensor<4xf32>, tensor<3xf32>) {
    %0 = dlc.exp %x : tensor<0x4xf32>
    %1 = dlc.reduce_sum %x dims [0] : tensor<0x4xf32> -> tensor<4xf32>
    %2 = dlc.reduce_sum %y dims [1] : tensor<3x0xf32> -> tensor<3xf32>
    return %0, %1, %2 : tensor<0x4xf32>, tensor<4xf32>, tensor<3xf32> })",
      0);
}

} // namespace
