//===- KernelNumericsTest.cpp - the numeric cases through kernels ---------===//
//
// Every case of tests/numerics, with the gradients of a loss on its results,
// goes through decomposition, simplification, fusion and the CPU's code
// generation, and must give what the reference evaluator gives for the graph
// as it was. In f64, where both differ in the order of sums and in the last
// bits of the elementary functions alone. The same kernels on the emulated GPU
// give the CPU's bits.
//
//===----------------------------------------------------------------------===//
#include "passes/autodiff/Differentiate.h"
#include "passes/decompose/Passes.h"
#include "passes/simplify/Passes.h"
#include "tests/unit/compiler/GpuRunner.h"
#include "tests/unit/passes/Numerics.h"

#include "mlir/Pass/PassManager.h"

using namespace mlir;
using namespace dlc;
using reference::Tensor;

namespace {

void expectClose(const Tensor &actual, const Tensor &expected) {
  double largest = 1;
  for (int64_t i = 0; i < expected.size(); ++i)
    if (std::isfinite(expected.number(i)))
      largest = std::max(largest, std::fabs(expected.number(i)));
  for (int64_t i = 0; i < expected.size(); ++i) {
    double a = actual.number(i), e = expected.number(i);
    if (a != e && !(std::isnan(a) && std::isnan(e))) {
      EXPECT_NEAR(a, e, 1e-12 * largest) << i;
    }
  }
}

/// Runs a module with one function through kernels.
void check(ModuleOp module) {
  func::FuncOp function = test::firstFunction(module);
  std::mt19937_64 random{7};
  SmallVector<Tensor> arguments = test::fillArguments(function, random);
  Operation *terminator = function.getBody().front().getTerminator();
  OpBuilder b(terminator);
  SmallVector<Value> values(terminator->getOperands());
  auto gradients = differentiate(b, test::weightedSum(b, values, random),
                                 test::floatArguments(function));
  ASSERT_TRUE(succeeded(gradients));
  values.append(*gradients);
  test::setReturned(function, values);
  auto expected = reference::evaluateFunction(function, arguments);
  ASSERT_TRUE(succeeded(expected));
  PassManager manager(module.getContext());
  manager.addNestedPass<func::FuncOp>(createDecomposePass());
  manager.addNestedPass<func::FuncOp>(createSimplifyPass());
  ASSERT_TRUE(succeeded(manager.run(module)));
  OwningOpRef<ModuleOp> copy = module.clone();
  auto run = test::runOnCpu(module, arguments);
  ASSERT_TRUE(succeeded(run));
  auto onGpu = test::runOnGpu(*copy, arguments);
  ASSERT_TRUE(succeeded(onGpu));
  for (auto [i, actual, wanted] :
       llvm::enumerate(onGpu->results, run->results))
    EXPECT_TRUE(actual.getBytes() == wanted.getBytes())
        << "result " << i << " on the GPU";
  for (auto [actual, wanted] : llvm::zip_equal(run->results, *expected))
    expectClose(actual, wanted);
}

class KernelNumerics : public testing::TestWithParam<std::string> {};

TEST_P(KernelNumerics, OfEveryCase_EqualTheReference) {
  std::unique_ptr<MLIRContext> context = test::createContext();
  context->allowUnregisteredDialects();
  auto family = test::parseFamily(*context, GetParam());
  ASSERT_TRUE(family);
  for (func::FuncOp function : family->getOps<func::FuncOp>()) {
    SCOPED_TRACE(function.getName().str());
    OwningOpRef<ModuleOp> module = ModuleOp::create(function.getLoc());
    module->push_back(function.clone());
    check(*module);
  }
}

INSTANTIATE_TEST_SUITE_P(Families, KernelNumerics,
                         testing::ValuesIn(test::families()),
                         [](const auto &info) { return info.param; });

} // namespace
