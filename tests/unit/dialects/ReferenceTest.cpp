//===- ReferenceTest.cpp - reference evaluation against hand-made values --===//
//
// The oracle has no oracle but arithmetic on paper: small inputs whose results
// are obvious, and the corners that a definition must settle (NaN, ties,
// division by zero, empty dims, saturation).
//
//===----------------------------------------------------------------------===//
#include "tests/unit/Graph.h"

#include <cmath>
#include <limits>

using namespace dlc;
using Lists = std::vector<std::vector<double>>;
using List = std::vector<double>;

namespace {

const double nan = std::nan("");
const double infinity = std::numeric_limits<double>::infinity();

/// `%0 = <op>` as the body of a function with these arguments; the op's last
/// result type is `result`.
List runOp(const std::string &arguments, const std::string &op,
           const std::string &result, const Lists &values) {
  Lists results =
      test::run("func.func @f(" + arguments + ") -> " + result +
                    " {\n%0 = " + op + "\nreturn %0 : " + result + "\n}",
                values);
  return results.empty() ? List{} : results[0];
}

/// A unary op on a vector of type `element`.
List unary(const std::string &op, const List &x, std::string element = "f64") {
  std::string type = "tensor<" + std::to_string(x.size()) + "x" + element + ">";
  return runOp("%x: " + type, "dlc." + op + " %x : " + type, type, {x});
}

List binary(const std::string &op, const List &x, const List &y,
            std::string element = "f64") {
  std::string type = "tensor<" + std::to_string(x.size()) + "x" + element + ">";
  return runOp("%x: " + type + ", %y: " + type,
               "dlc." + op + " %x, %y : " + type, type, {x, y});
}

/// Equal, NaN to NaN.
void expectSame(const List &actual, const List &expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i)
    if (std::isnan(expected[i]))
      EXPECT_TRUE(std::isnan(actual[i])) << i << ": " << actual[i];
    else
      EXPECT_EQ(actual[i], expected[i]) << i;
}

TEST(Reference, PiecewiseOps_SettleTheirCorners) {
  expectSame(unary("sign", {-2, 0, 3, nan}), {-1, 0, 1, nan});
  expectSame(unary("relu", {-2, 0, 3, nan}), {0, 0, 3, nan});
  expectSame(unary("abs", {-2, 3, -infinity}), {2, 3, infinity});
  expectSame(unary("round", {0.5, 1.5, 2.5, -0.5, -1.2}), {0, 2, 2, -0., -1});
  expectSame(unary("floor", {-1.5, 1.5}), {-2, 1});
  expectSame(unary("ceil", {-1.5, 1.5}), {-1, 2});
  expectSame(unary("abs", {-128, 5}, "i8"), {-128, 5});
  expectSame(unary("neg", {1, 0}, "ui8"), {255, 0});
}

TEST(Reference, FunctionsOfOneNumber_AreTheLibrarys) {
  expectSame(unary("exp", {0, 1, -infinity}), {1, std::exp(1.0), 0});
  expectSame(unary("log", {1, 0, -1}), {0, -infinity, nan});
  expectSame(unary("rsqrt", {4, 0}), {0.5, infinity});
  expectSame(unary("sigmoid", {0, 800, -800}), {0.5, 1, 0});
  expectSame(unary("erf", {0, infinity}), {0, 1});
  expectSame(unary("tanh", {0, 40}), {0, 1});
  EXPECT_EQ(unary("exp", {1}, "f32")[0], double(float(std::exp(1.0))));
  EXPECT_EQ(unary("expm1", {1e-10})[0], std::expm1(1e-10));
}

TEST(Reference, DivisionOps_SettleZeroAndSigns) {
  expectSame(binary("div", {1, -1, 0}, {0, 0, 0}), {infinity, -infinity, nan});
  expectSame(binary("div", {7, -7, 7, 5}, {2, 2, -2, 0}, "i32"),
             {3, -3, -3, 0});
  expectSame(binary("div", {-128}, {-1}, "i8"), {-128});
  expectSame(binary("rem", {7, -7, 7, 5}, {3, 3, -3, 0}, "i32"), {1, -1, 1, 0});
  expectSame(binary("mod", {7, -7, 7, 5}, {3, 3, -3, 0}, "i32"), {1, 2, -2, 0});
  expectSame(binary("rem", {5.5, -5.5}, {2, 2}), {1.5, -1.5});
  expectSame(binary("mod", {5.5, -5.5, 5.5}, {2, 2, -2}), {1.5, 0.5, -0.5});
}

TEST(Reference, MaxAndMin_PassNanOn) {
  expectSame(binary("max", {1, nan, 2}, {3, 1, nan}), {3, nan, nan});
  expectSame(binary("min", {1, nan, 2}, {3, 1, nan}), {1, nan, nan});
  expectSame(binary("pow", {2, 0, -8}, {10, 0, 1 / 3.}), {1024, 1, nan});
}

TEST(Reference, IntegersWrap) {
  expectSame(binary("add", {127, -128}, {1, -1}, "i8"), {-128, 127});
  expectSame(binary("mul", {200}, {2}, "ui8"), {144});
  expectSame(binary("sub", {0}, {1}, "ui8"), {255});
}

TEST(Reference, Bits_WorkOnTheWholeWidth) {
  expectSame(unary("not", {0, 1}, "i1"), {1, 0});
  expectSame(unary("not", {0, -1}, "i32"), {-1, 0});
  expectSame(binary("and", {12}, {10}, "i32"), {8});
  expectSame(binary("or", {12}, {10}, "i32"), {14});
  expectSame(binary("xor", {12}, {10}, "i32"), {6});
  expectSame(binary("shift_left", {1, 1, 1}, {3, 8, -1}, "i8"), {8, 0, 0});
  expectSame(binary("shift_right", {-128, -128, 64}, {2, 9, 9}, "i8"),
             {-32, -1, 0});
  expectSame(binary("shift_right", {128}, {2}, "ui8"), {32});
}

TEST(Reference, Comparisons_FollowIeee) {
  auto compare = [](const std::string &predicate) {
    return runOp("%x: tensor<3xf64>, %y: tensor<3xf64>",
                 "dlc.compare " + predicate + " %x, %y : tensor<3xf64>",
                 "tensor<3xi1>", {{1, 2, nan}, {1, 1, nan}});
  };
  expectSame(compare("eq"), {1, 0, 0});
  expectSame(compare("ne"), {0, 1, 1});
  expectSame(compare("gt"), {0, 1, 0});
  expectSame(compare("ge"), {1, 1, 0});
  expectSame(compare("lt"), {0, 0, 0});
  expectSame(compare("le"), {1, 0, 0});
  expectSame(runOp("%x: tensor<3xf32>", "dlc.is_nan %x : tensor<3xf32>",
                   "tensor<3xi1>", {{nan, infinity, 0}}),
             {1, 0, 0});
  expectSame(runOp("%x: tensor<3xf32>", "dlc.is_inf %x : tensor<3xf32>",
                   "tensor<3xi1>", {{nan, -infinity, 0}}),
             {0, 1, 0});
}

TEST(Reference, Casts_TruncateSaturateAndWrap) {
  auto cast = [](const List &x, const std::string &from,
                 const std::string &to) {
    std::string n = "tensor<" + std::to_string(x.size()) + "x";
    return runOp("%x: " + n + from + ">",
                 "dlc.cast %x : " + n + from + "> -> " + n + to + ">",
                 n + to + ">", {x});
  };
  expectSame(cast({2.9, -2.9, nan, 1e20}, "f64", "i32"),
             {2, -2, 0, 2147483647});
  expectSame(cast({0.5, 0, nan}, "f32", "i1"), {1, 0, 1});
  expectSame(cast({2, 0}, "i32", "i1"), {1, 0});
  expectSame(cast({1, 0}, "i1", "f32"), {1, 0});
  expectSame(cast({300, -1}, "i32", "ui8"), {44, 255});
  expectSame(cast({1e6, 1 + 0x1p-11}, "f32", "f16"), {infinity, 1});
}

TEST(Reference, ShapeOps_PutElementsWhereTheySay) {
  expectSame(runOp("%x: tensor<2x1xf32>",
                   "dlc.broadcast %x dims [0, 2] : tensor<2x1xf32> -> "
                   "tensor<2x2x2xf32>",
                   "tensor<2x2x2xf32>", {{1, 2}}),
             {1, 1, 1, 1, 2, 2, 2, 2});
  expectSame(runOp("%x: tensor<2x3xf32>",
                   "dlc.transpose %x [1, 0] : tensor<2x3xf32> -> "
                   "tensor<3x2xf32>",
                   "tensor<3x2xf32>", {{1, 2, 3, 4, 5, 6}}),
             {1, 4, 2, 5, 3, 6});
  expectSame(runOp("%x: tensor<2x3xf32>",
                   "dlc.slice %x starts [1, 0] steps [1, 2] : tensor<2x3xf32> "
                   "-> tensor<1x2xf32>",
                   "tensor<1x2xf32>", {{1, 2, 3, 4, 5, 6}}),
             {4, 6});
  expectSame(runOp("%x: tensor<2xf32>, %v: tensor<f32>",
                   "dlc.pad %x, %v low [1] interior [1] : (tensor<2xf32>, "
                   "tensor<f32>) -> tensor<5xf32>",
                   "tensor<5xf32>", {{1, 2}, {9}}),
             {9, 1, 9, 2, 9});
  expectSame(runOp("%x: tensor<2x1xi32>, %y: tensor<2x2xi32>",
                   "dlc.concat %x, %y dim 1 : (tensor<2x1xi32>, "
                   "tensor<2x2xi32>) -> tensor<2x3xi32>",
                   "tensor<2x3xi32>", {{1, 2}, {3, 4, 5, 6}}),
             {1, 3, 4, 2, 5, 6});
  expectSame(runOp("%x: tensor<2x2xf32>",
                   "dlc.reverse %x dims [1] : "
                   "tensor<2x2xf32>",
                   "tensor<2x2xf32>", {{1, 2, 3, 4}}),
             {2, 1, 4, 3});
  expectSame(
      runOp("", "dlc.iota dim 1 : tensor<2x3xf32>", "tensor<2x3xf32>", {}),
      {0, 1, 2, 0, 1, 2});
}

TEST(Reference, Reductions_OfNothing_AreNeutral) {
  auto reduce = [](const std::string &op, const std::string &element) {
    return runOp("%x: tensor<0x1x" + element + ">",
                 "dlc." + op + " %x dims [0] : tensor<0x1x" + element +
                     "> -> tensor<1x" + element + ">",
                 "tensor<1x" + element + ">", {{}});
  };
  expectSame(reduce("reduce_sum", "f32"), {0});
  expectSame(reduce("reduce_prod", "f32"), {1});
  expectSame(reduce("reduce_max", "f32"), {-infinity});
  expectSame(reduce("reduce_min", "f32"), {infinity});
  expectSame(reduce("reduce_max", "f8E4M3FN"), {-448});
  expectSame(reduce("reduce_max", "i8"), {-128});
  expectSame(reduce("reduce_min", "ui8"), {255});
}

TEST(Reference, Reductions_SumInDouble) {
  // In f32 the ones would vanish beside 2^24.
  expectSame(runOp("%x: tensor<4xf32>",
                   "dlc.reduce_sum %x dims [0] : tensor<4xf32> -> tensor<f32>",
                   "tensor<f32>", {{0x1p24, 1, 1, 0}}),
             {0x1p24 + 2});
  expectSame(runOp("%x: tensor<2x3xf64>",
                   "dlc.reduce_max %x dims [1] : tensor<2x3xf64> -> "
                   "tensor<2xf64>",
                   "tensor<2xf64>", {{1, 5, 2, 1, nan, 2}}),
             {5, nan});
}

TEST(Reference, ArgMax_CountsNanAndTheFirstOrLastOfEquals) {
  auto argMax = [](const std::string &last) {
    return runOp("%x: tensor<2x4xf64>",
                 "dlc.arg_max %x dim 1 " + last +
                     ": tensor<2x4xf64> -> tensor<2xi64>",
                 "tensor<2xi64>", {{1, 3, 3, 2, 1, nan, 9, nan}});
  };
  expectSame(argMax(""), {1, 1});
  expectSame(argMax("last "), {2, 3});
}

TEST(Reference, CumSum_RunsInBothDirections) {
  auto cumsum = [](const std::string &how) {
    return runOp("%x: tensor<3xf64>",
                 "dlc.cumsum %x dim 0 " + how + ": tensor<3xf64>",
                 "tensor<3xf64>", {{1, 2, 4}});
  };
  expectSame(cumsum(""), {1, 3, 7});
  expectSame(cumsum("exclusive "), {0, 1, 3});
  expectSame(cumsum("reverse "), {7, 6, 4});
  expectSame(cumsum("exclusive reverse "), {6, 4, 0});
}

TEST(Reference, DotGeneral_PutsBatchDimsFirst) {
  expectSame(runOp("%x: tensor<2x2xf64>, %y: tensor<2x2xf64>",
                   "dlc.dot_general %x, %y batch [] x [] contract [1] x [0] : "
                   "(tensor<2x2xf64>, tensor<2x2xf64>) -> tensor<2x2xf64>",
                   "tensor<2x2xf64>", {{1, 2, 3, 4}, {5, 6, 7, 8}}),
             {19, 22, 43, 50});
  expectSame(runOp("%x: tensor<3x2xi32>, %y: tensor<2x3xi32>",
                   "dlc.dot_general %x, %y batch [1] x [0] contract [0] x [1] "
                   ": (tensor<3x2xi32>, tensor<2x3xi32>) -> tensor<2xi32>",
                   "tensor<2xi32>", {{1, 2, 3, 4, 5, 6}, {1, 1, 1, 2, 2, 2}}),
             {9, 24});
}

TEST(Reference, Conv_IsACrossCorrelationWithZeroPads) {
  expectSame(runOp("%x: tensor<1x4x1xf64>, %w: tensor<1x1x2xf64>",
                   "dlc.conv %x, %w strides [2] dilations [1] pads [1] to [1] "
                   "groups 1 : (tensor<1x4x1xf64>, tensor<1x1x2xf64>) -> "
                   "tensor<1x3x1xf64>",
                   "tensor<1x3x1xf64>", {{1, 2, 3, 4}, {10, 1}}),
             {1, 23, 40});
  // Two groups of one channel each.
  expectSame(runOp("%x: tensor<1x2x2xf64>, %w: tensor<2x1x1xf64>",
                   "dlc.conv %x, %w strides [1] dilations [1] pads [0] to [0] "
                   "groups 2 : (tensor<1x2x2xf64>, tensor<2x1x1xf64>) -> "
                   "tensor<1x2x2xf64>",
                   "tensor<1x2x2xf64>", {{1, 2, 3, 4}, {10, 100}}),
             {10, 200, 30, 400});
}

TEST(Reference, Softmax_DoesNotOverflow) {
  expectSame(runOp("%x: tensor<2x2xf64>",
                   "dlc.softmax %x dim 1 : tensor<2x2xf64>", "tensor<2x2xf64>",
                   {{1000, 1000, 0, -infinity}}),
             {0.5, 0.5, 1, 0});
  expectSame(runOp("%x: tensor<1x2xf64>",
                   "dlc.log_softmax %x dim 1 : tensor<1x2xf64>",
                   "tensor<1x2xf64>", {{1000, 1000}}),
             {-std::log(2.0), -std::log(2.0)});
}

TEST(Reference, Norms_ReturnTheirStatistics) {
  Lists layer = test::run(R"(
    func.func @f(%x: tensor<1x2xf64>, %s: tensor<2xf64>, %b: tensor<2xf64>)
        -> (tensor<1x2xf64>, tensor<1xf64>, tensor<1xf64>) {
      %0:3 = dlc.layer_norm %x, %s, %b axis 1 epsilon 0.0 : (tensor<1x2xf64>, tensor<2xf64>, tensor<2xf64>) -> (tensor<1x2xf64>, tensor<1xf64>, tensor<1xf64>)
      return %0#0, %0#1, %0#2 : tensor<1x2xf64>, tensor<1xf64>, tensor<1xf64>
    })",
                          {{1, 5}, {1, 10}, {0, 100}});
  EXPECT_EQ(layer, (Lists{{-1, 110}, {3}, {0.5}}));
  Lists batch = test::run(R"(
    func.func @f(%x: tensor<2x2xf64>, %s: tensor<2xf64>, %b: tensor<2xf64>)
        -> (tensor<2x2xf64>, tensor<2xf64>, tensor<2xf64>) {
      %0:3 = dlc.batch_norm %x, %s, %b channel 1 epsilon 0.0 : (tensor<2x2xf64>, tensor<2xf64>, tensor<2xf64>) -> (tensor<2x2xf64>, tensor<2xf64>, tensor<2xf64>)
      return %0#0, %0#1, %0#2 : tensor<2x2xf64>, tensor<2xf64>, tensor<2xf64>
    })",
                          {{1, 2, 5, 6}, {1, 10}, {0, 100}});
  EXPECT_EQ(batch, (Lists{{-1, 90, 1, 110}, {3, 4}, {4, 4}}));
}

TEST(Reference, GatherAndScatter_CountFromTheEndAndClamp) {
  expectSame(runOp("%x: tensor<3xf64>, %i: tensor<4xi64>",
                   "dlc.gather %x, %i dim 0 : (tensor<3xf64>, tensor<4xi64>) "
                   "-> tensor<4xf64>",
                   "tensor<4xf64>", {{1, 2, 3}, {-1, 0, 9, -9}}),
             {3, 1, 3, 1});
  expectSame(runOp("%i: tensor<4xi64>, %u: tensor<4xf64>",
                   "dlc.scatter_add %i, %u dim 0 : (tensor<4xi64>, "
                   "tensor<4xf64>) -> tensor<3xf64>",
                   "tensor<3xf64>", {{-1, 0, 9, -9}, {1, 2, 4, 8}}),
             {10, 0, 5});
  expectSame(runOp("%x: tensor<2x2xf64>, %i: tensor<2x3xi64>",
                   "dlc.gather_elements %x, %i dim 1 : (tensor<2x2xf64>, "
                   "tensor<2x3xi64>) -> tensor<2x3xf64>",
                   "tensor<2x3xf64>", {{1, 2, 3, 4}, {1, 0, -1, 0, 0, 1}}),
             {2, 1, 2, 3, 3, 4});
  expectSame(runOp("%i: tensor<2x2xi64>, %u: tensor<2x2xf64>",
                   "dlc.scatter_elements_add %i, %u dim 1 : (tensor<2x2xi64>, "
                   "tensor<2x2xf64>) -> tensor<2x3xf64>",
                   "tensor<2x3xf64>", {{1, 1, 0, 2}, {1, 2, 3, 4}}),
             {0, 3, 0, 3, 0, 4});
}

TEST(Reference, PoolMax_IgnoresPadsAndNamesTheFirst) {
  Lists pooled = test::run(R"(
    func.func @f(%x: tensor<4xf64>) -> (tensor<3xf64>, tensor<3xi32>) {
      %0:2 = dlc.pool_max %x window [3] strides [2] dilations [1] pads [1] : (tensor<4xf64>) -> (tensor<3xf64>, tensor<3xi32>)
      return %0#0, %0#1 : tensor<3xf64>, tensor<3xi32>
    })",
                           {{-5, -7, -7, nan}});
  expectSame(pooled[0], {-5, nan, nan});
  expectSame(pooled[1], {1, 2, 0});
}

TEST(Reference, PoolSum_CountsPadsAsZero) {
  expectSame(runOp("%x: tensor<4xf64>",
                   "dlc.pool_sum %x window [3] strides [2] dilations [1] pads "
                   "[1] : (tensor<4xf64>) -> tensor<3xf64>",
                   "tensor<3xf64>", {{1, 2, 4, 8}}),
             {3, 14, 8});
}

TEST(Reference, CrossEntropy_SettlesIgnoredAndWrongTargets) {
  Lists losses = test::run(R"(
    func.func @f(%x: tensor<3x2xf64>, %t: tensor<3xi64>) -> (tensor<3xf64>, tensor<3xf64>) {
      %0:2 = dlc.cross_entropy %x, %t ignore -100 : (tensor<3x2xf64>, tensor<3xi64>) -> (tensor<3xf64>, tensor<3xf64>)
      return %0#0, %0#1 : tensor<3xf64>, tensor<3xf64>
    })",
                           {{7, 7, 7, 7, 7, 7}, {1, -100, 2}});
  EXPECT_NEAR(losses[0][0], std::log(2.0), 1e-14);
  EXPECT_EQ(losses[0][1], 0);
  EXPECT_TRUE(std::isnan(losses[0][2]));
  EXPECT_NEAR(losses[1][1], 7 + std::log(2.0), 1e-14);
}

TEST(Reference, RandomUniform_IsPhiloxAtItsIndex) {
  // Known answers of Philox4x32-10 (Random123's kat_vectors): counter and key
  // zero give 6627e8d5 e169c58d …; all ones give 408f276d 41c83b0e …
  auto draw = [](const std::string &element, const std::string &stream,
                 const List &state) {
    return runOp("%s: tensor<2xi64>",
                 "dlc.random_uniform %s stream " + stream +
                     " : tensor<2xi64> -> tensor<2x" + element + ">",
                 "tensor<2x" + element + ">", {state});
  };
  EXPECT_EQ(draw("f32", "0", {0, 0})[0], double(0x6627e8d5 >> 8) * 0x1p-24);
  EXPECT_EQ(draw("f64", "0", {0, 0})[0], double(0x6627e8d5 >> 5) * 0x1p-27 +
                                             double(0xe169c58d >> 6) * 0x1p-53);
  EXPECT_EQ(draw("bf16", "0", {0, 0})[0], double(0x66) * 0x1p-8);
  EXPECT_NE(draw("f32", "1", {0, 0}), draw("f32", "0", {0, 0}));
  EXPECT_NE(draw("f32", "0", {0, 1}), draw("f32", "0", {0, 0}));
  EXPECT_NE(draw("f32", "0", {1, 0}), draw("f32", "0", {0, 0}));
}

TEST(Reference, Kernel_ComputesItsBody) {
  expectSame(test::run(R"(
    func.func @f(%x: tensor<2x2xf64>) -> tensor<2xf64> {
      %0 = dlc.kernel "k" <row, [2, 2], cols = [1]> (%x) : (tensor<2x2xf64>) -> tensor<2xf64> {
      ^bb0(%a: tensor<2x2xf64>):
        %n = dlc.neg %a : tensor<2x2xf64>
        %s = dlc.reduce_sum %n dims [1] : tensor<2x2xf64> -> tensor<2xf64>
        dlc.yield %s : tensor<2xf64>
      }
      return %0 : tensor<2xf64>
    })",
                       {{1, 2, 3, 4}})[0],
             {-3, -7});
}

} // namespace
