//===- GradientConventionsTest.cpp - gradients at kinks and ties ----------===//
//
// Where a derivative does not exist, differences cannot say what it should be;
// these values are PyTorch's.
//
//===----------------------------------------------------------------------===//
#include "passes/autodiff/Differentiate.h"
#include "tests/unit/Graph.h"

#include "mlir/IR/Diagnostics.h"

using namespace mlir;
using namespace dlc;

namespace {

using Lists = std::vector<std::vector<double>>;

/// The gradients of the sum of the first result of `text` with respect to all
/// float arguments.
Lists gradients(StringRef text, const Lists &arguments) {
  test::Context context;
  auto module = test::parse(context, text);
  if (!module)
    return {};
  func::FuncOp function = test::firstFunction(*module);
  Operation *terminator = function.getBody().front().getTerminator();
  OpBuilder b(terminator);
  Value output = terminator->getOperand(0);
  Value loss = ReduceSumOp::create(b, function.getLoc(), output,
                                   iotaDims(rankOf(output)));
  SmallVector<Value> wrt;
  for (Value argument : function.getArguments())
    if (isa<FloatType>(elementTypeOf(argument)))
      wrt.push_back(argument);
  auto values = differentiate(b, loss, wrt);
  EXPECT_TRUE(succeeded(values));
  if (failed(values))
    return {};
  terminator->setOperands(*values);
  SmallVector<reference::Tensor> tensors;
  for (auto [type, numbers] :
       llvm::zip_equal(function.getArgumentTypes(), arguments))
    tensors.emplace_back(cast<RankedTensorType>(type), numbers);
  auto results = reference::evaluateFunction(function, tensors);
  EXPECT_TRUE(succeeded(results));
  Lists result;
  for (const auto &tensor : *results)
    result.push_back(tensor.toDoubles());
  return result;
}

TEST(GradientConventions, KinksOfUnaryOps_AreZeroOnTheFlatSide) {
  for (StringRef op : {"relu", "abs", "sign", "floor", "round"})
    EXPECT_EQ(
        gradients(("func.func @f(%x: tensor<1xf64>) -> tensor<1xf64> {\n"
                   "%0 = dlc." +
                   op + " %x : tensor<1xf64>\n return %0 : tensor<1xf64>}")
                      .str(),
                  {{0.0}})[0],
        std::vector<double>{0})
        << op.str();
}

TEST(GradientConventions, TiesOfMaxAndMin_AreSplitEvenly) {
  for (StringRef op : {"max", "min"})
    EXPECT_EQ(
        gradients(("func.func @f(%x: tensor<1xf64>, %y: tensor<1xf64>) -> "
                   "tensor<1xf64> {\n%0 = dlc." +
                   op + " %x, %y : tensor<1xf64>\n return %0 : tensor<1xf64>}")
                      .str(),
                  {{3.0}, {3.0}}),
        (Lists{{0.5}, {0.5}}))
        << op.str();
}

TEST(GradientConventions, TiesOfReduceMax_AreSplitEvenly) {
  EXPECT_EQ(gradients(R"(
    func.func @f(%x: tensor<4xf64>) -> tensor<f64> {
      %0 = dlc.reduce_max %x dims [0] : tensor<4xf64> -> tensor<f64>
      return %0 : tensor<f64>
    })",
                      {{5, 1, 5, 5}})[0],
            (std::vector<double>{1 / 3., 0, 1 / 3., 1 / 3.}));
}

TEST(GradientConventions, PowAtZero_IsFinite) {
  StringRef pow = R"(
    func.func @f(%x: tensor<3xf64>, %y: tensor<3xf64>) -> tensor<3xf64> {
      %0 = dlc.pow %x, %y : tensor<3xf64>
      return %0 : tensor<3xf64>
    })";
  // 0^0: 0 in both; 0^2: 0 in both; 2^0: 0 and ln 2.
  EXPECT_EQ(gradients(pow, {{0, 0, 2}, {0, 2, 0}}),
            (Lists{{0, 0, 0}, {0, 0, std::log(2.0)}}));
}

TEST(GradientConventions, IgnoredTargets_GetNoGradient) {
  Lists actual = gradients(R"(
    func.func @f(%x: tensor<2x2xf64>, %t: tensor<2xi64>) -> tensor<2xf64> {
      %0:2 = dlc.cross_entropy %x, %t ignore -100 : (tensor<2x2xf64>, tensor<2xi64>) -> (tensor<2xf64>, tensor<2xf64>)
      return %0#0 : tensor<2xf64>
    })",
                           {{1, 1, 1, 1}, {-100, 1}});
  std::vector<double> expected = {0, 0, 0.5, -0.5};
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(actual[0][i], expected[i], 1e-15) << i;
}

TEST(GradientConventions, EqualElementsOfAWindow_SendItToTheFirst) {
  EXPECT_EQ(gradients(R"(
    func.func @f(%x: tensor<4xf64>) -> tensor<2xf64> {
      %0:2 = dlc.pool_max %x window [2] strides [2] dilations [1] pads [0] : (tensor<4xf64>) -> (tensor<2xf64>, tensor<2xi32>)
      return %0#0 : tensor<2xf64>
    })",
                      {{3, 3, 1, 2}})[0],
            (std::vector<double>{1, 0, 0, 1}));
}

TEST(Differentiate, LossThatDoesNotDependOnAnArgument_GivesZeros) {
  EXPECT_EQ(gradients(R"(
    func.func @f(%x: tensor<2xf64>, %y: tensor<2xf64>) -> tensor<2xf64> {
      %0 = dlc.floor %y : tensor<2xf64>
      %1 = dlc.mul %x, %0 : tensor<2xf64>
      return %1 : tensor<2xf64>
    })",
                      {{1, 2}, {3.5, 4}}),
            (Lists{{3, 4}, {0, 0}}));
}

TEST(Differentiate, OpsWithoutGradient_AreAllListed) {
  test::Context context;
  auto module = test::parse(context, R"(
    func.func @f(%x: tensor<2xf64>) -> tensor<f64> {
      %0 = dlc.kernel "a" <map, [2]> (%x) : (tensor<2xf64>) -> tensor<2xf64> {
      ^bb0(%a: tensor<2xf64>):
        dlc.yield %a : tensor<2xf64>
      }
      %1 = "other.op"(%0) : (tensor<2xf64>) -> tensor<2xf64>
      %2 = dlc.reduce_sum %1 dims [0] : tensor<2xf64> -> tensor<f64>
      return %2 : tensor<f64>
    })");
  ASSERT_TRUE(module);
  std::string message;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    message = diagnostic.str();
    for (Diagnostic &note : diagnostic.getNotes())
      message += "\n" + note.str();
    return success();
  });
  func::FuncOp function = test::firstFunction(*module);
  Operation *terminator = function.getBody().front().getTerminator();
  OpBuilder b(terminator);
  EXPECT_TRUE(failed(
      differentiate(b, terminator->getOperand(0), {function.getArgument(0)})));
  EXPECT_NE(message.find("DLC2101"), std::string::npos);
  EXPECT_NE(message.find("but got 2 that are not"), std::string::npos);
  EXPECT_NE(message.find("'dlc.kernel' is not differentiable, because kernels"),
            std::string::npos);
  EXPECT_NE(message.find("'other.op' is not differentiable"),
            std::string::npos);
}

TEST(Differentiate, GradientOps_AreLocatedAtTheForwardOp) {
  test::Context context;
  auto module = test::parse(context, R"(
    func.func @f(%x: tensor<f64>) -> tensor<f64> {
      %0 = dlc.exp %x : tensor<f64> loc("node")
      return %0 : tensor<f64>
    })");
  ASSERT_TRUE(module);
  func::FuncOp function = test::firstFunction(*module);
  Operation *terminator = function.getBody().front().getTerminator();
  OpBuilder b(terminator);
  auto values =
      differentiate(b, terminator->getOperand(0), {function.getArgument(0)});
  ASSERT_TRUE(succeeded(values));
  std::string location;
  llvm::raw_string_ostream(location) << (*values)[0].getLoc();
  EXPECT_EQ(location, "loc(fused[\"node\", \"gradient\"])");
}

} // namespace
