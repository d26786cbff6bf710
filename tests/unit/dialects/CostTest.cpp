//===- CostTest.cpp - counted by hand -------------------------------------===//
#include "dialects/dlc/IR/Cost.h"
#include "tests/unit/Graph.h"

using namespace mlir;
using namespace dlc;

namespace {

/// The cost of the first op that takes an argument of `text`'s function.
OpCost costIn(StringRef text) {
  test::Context context;
  auto module = test::parse(context, text);
  for (Operation &op : test::firstFunction(*module).getBody().front())
    if (op.getNumOperands())
      return costOf(&op);
  return {};
}

TEST(Cost, DotGeneral_CountsTwoPerProduct) {
  OpCost cost = costIn(R"(
    func.func @f(%a: tensor<2x3xf32>, %b: tensor<3x5xf32>) {
      %0 = dlc.dot_general %a, %b batch [] x [] contract [1] x [0] : (tensor<2x3xf32>, tensor<3x5xf32>) -> tensor<2x5xf32>
      return
    })");
  EXPECT_EQ(cost.flops, 2 * 2 * 3 * 5);
  EXPECT_EQ(cost.bytesRead, 4 * (6 + 15));
  EXPECT_EQ(cost.bytesWritten, 4 * 10);
}

TEST(Cost, ConvAndItsGradients_CountTheSameProducts) {
  // 1x8x8x4 results of 3x3x6/2 products each.
  double expected = 2.0 * 8 * 8 * 4 * 3 * 3 * 3;
  StringRef geometry = " strides [1, 1] dilations [1, 1] pads [1, 1] to [1, 1] "
                       "groups 2 : (";
  auto function = [&](StringRef op, StringRef a, StringRef b, StringRef c) {
    return ("func.func @f(%a: " + a + ", %b: " + b + ") {\n%0 = dlc." + op +
            " %a, %b" + geometry + a + ", " + b + ") -> " + c + "\nreturn }")
        .str();
  };
  StringRef src = "tensor<1x8x8x6xf32>", weights = "tensor<4x3x3x3xf32>",
            dst = "tensor<1x8x8x4xf32>";
  EXPECT_EQ(costIn(function("conv", src, weights, dst)).flops, expected);
  EXPECT_EQ(costIn(function("conv_grad_data", dst, weights, src)).flops,
            expected);
  EXPECT_EQ(costIn(function("conv_grad_weights", src, dst, weights)).flops,
            expected);
}

TEST(Cost, Attention_CountsVisiblePairs) {
  auto flops = [](StringRef causal) {
    return costIn(("func.func @f(%q: tensor<2x4x3xf32>) {\n%0:2 = "
                   "dlc.attention %q, %q, %q scale 1.0 " +
                   causal +
                   " : (tensor<2x4x3xf32>, tensor<2x4x3xf32>, "
                   "tensor<2x4x3xf32>) -> (tensor<2x4x3xf32>, "
                   "tensor<2x4xf32>)\nreturn }")
                      .str())
        .flops;
  };
  // Per pair two products of 3 and a softmax of 20.
  EXPECT_EQ(flops(""), 2 * 16 * (2 * 6 + 20));
  EXPECT_EQ(flops("causal"), 2 * 10 * (2 * 6 + 20));
}

TEST(Cost, Gather_ReadsWhatItTakes) {
  OpCost cost = costIn(R"(
    func.func @f(%a: tensor<1000x3xf32>, %i: tensor<2xi64>) {
      %0 = dlc.gather %a, %i dim 0 : (tensor<1000x3xf32>, tensor<2xi64>) -> tensor<2x3xf32>
      return
    })");
  EXPECT_EQ(cost.bytesRead, 6 * 4 + 2 * 8);
}

TEST(Cost, Kernel_SumsItsBody) {
  OpCost cost = costIn(R"(
    func.func @f(%x: tensor<2x3xf32>) {
      %0 = dlc.kernel "k" <row, [2, 3], cols = [1]> (%x) : (tensor<2x3xf32>) -> tensor<2xf32> {
      ^bb0(%a: tensor<2x3xf32>):
        %n = dlc.neg %a : tensor<2x3xf32>
        %s = dlc.reduce_sum %n dims [1] : tensor<2x3xf32> -> tensor<2xf32>
        dlc.yield %s : tensor<2xf32>
      }
      return
    })");
  EXPECT_EQ(cost.flops, 12);
  EXPECT_EQ(cost.bytesRead + cost.bytesWritten, 4 * (6 + 2));
}

} // namespace
