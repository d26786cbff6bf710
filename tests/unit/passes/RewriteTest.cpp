//===- RewriteTest.cpp - passes leave the numbers as they are -------------===//
//
// Every case of tests/numerics, with the gradients of a loss on its results,
// is evaluated before and after a pipeline of passes.
//
//===----------------------------------------------------------------------===//
#include "compiler/driver/RegisterAll.h"
#include "passes/autodiff/Differentiate.h"
#include "tests/unit/passes/Numerics.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"

using namespace mlir;
using namespace dlc;
using reference::Tensor;

namespace {

/// Returns the function's float results and their gradients.
void returnGradients(func::FuncOp function, std::mt19937_64 &random) {
  Operation *terminator = function.getBody().front().getTerminator();
  OpBuilder b(terminator);
  SmallVector<Value> values(terminator->getOperands());
  auto gradients = differentiate(b, test::weightedSum(b, values, random),
                                 test::floatArguments(function));
  ASSERT_TRUE(succeeded(gradients));
  values.append(*gradients);
  test::setReturned(function, values);
}

/// NaN equals NaN; infinities equal themselves.
void expectClose(const Tensor &actual, const Tensor &expected) {
  for (int64_t i = 0; i < expected.size(); ++i) {
    double a = actual.number(i), e = expected.number(i);
    if (a == e || (std::isnan(a) && std::isnan(e)))
      continue;
    EXPECT_NEAR(a, e, 1e-11 * std::max(1.0, std::fabs(e))) << i;
  }
}

class Rewrites : public testing::TestWithParam<std::string> {};

TEST_P(Rewrites, OfEveryCase_LeaveTheNumbers) {
  [[maybe_unused]] static bool isRegistered = [] {
    registerAllPasses();
    return true;
  }();
  test::Context context;
  for (const std::string &family : test::families()) {
    auto module = test::parseFamily(context, family);
    ASSERT_TRUE(module);
    SmallVector<SmallVector<Tensor>> arguments, expected;
    std::mt19937_64 random{7};
    for (func::FuncOp function : module->getOps<func::FuncOp>()) {
      arguments.push_back(test::fillArguments(function, random));
      returnGradients(function, random);
      auto results = reference::evaluateFunction(function, arguments.back());
      ASSERT_TRUE(succeeded(results));
      expected.push_back(*results);
    }
    PassManager manager(&context);
    ASSERT_TRUE(succeeded(parsePassPipeline(GetParam(), manager)));
    ASSERT_TRUE(succeeded(manager.run(*module))) << family;
    for (auto [function, inputs, outputs] :
         llvm::zip_equal(module->getOps<func::FuncOp>(), arguments, expected)) {
      SCOPED_TRACE(function.getName().str());
      auto results = reference::evaluateFunction(function, inputs);
      ASSERT_TRUE(succeeded(results));
      for (auto [actual, wanted] : llvm::zip_equal(*results, outputs))
        expectClose(actual, wanted);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Pipelines, Rewrites,
    testing::Values("canonicalize", "func.func(dlc-decompose)",
                    "func.func(dlc-simplify)", "func.func(dlc-fold-constants)",
                    "func.func(dlc-simplify,dlc-decompose,dlc-simplify)",
                    "func.func(dlc-decompose,dlc-simplify,dlc-form-kernels)"),
    [](const auto &info) { return "Pipeline" + std::to_string(info.index); });

} // namespace
