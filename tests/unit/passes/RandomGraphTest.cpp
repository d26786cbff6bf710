//===- RandomGraphTest.cpp - graph passes keep what graphs compute --------===//
//
// Random graphs are evaluated by the reference evaluator before and after each
// pass. Sums may be taken in another order and factors join, so results agree
// to 1e-9 of their size (f64), not to the bit.
//
//===----------------------------------------------------------------------===//
#include "tests/unit/passes/RandomGraph.h"

#include "passes/decompose/Passes.h"
#include "passes/simplify/Passes.h"
#include "tests/unit/Graph.h"

#include "mlir/Pass/PassManager.h"

#include <cmath>

using namespace mlir;

namespace dlc::test {
namespace {

SmallVector<reference::Tensor> argumentsOf(func::FuncOp func) {
  SmallVector<reference::Tensor> tensors;
  for (Type type : func.getArgumentTypes()) {
    auto tensorType = cast<RankedTensorType>(type);
    std::vector<double> numbers;
    for (int64_t i = 0; i < tensorType.getNumElements(); ++i)
      numbers.push_back(std::sin(double(i + 17 * tensors.size()) * 1.7));
    tensors.emplace_back(tensorType, numbers);
  }
  return tensors;
}

std::string textOf(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream);
  return text;
}

/// Both have the same numbers, up to rounding.
bool isClose(const reference::Tensor &before, const reference::Tensor &after) {
  if (before.getType() != after.getType())
    return false;
  double scale = 1;
  for (double number : before.toDoubles())
    if (std::isfinite(number))
      scale = std::max(scale, std::abs(number));
  for (int64_t i = 0; i < before.size(); ++i) {
    double x = before.number(i), y = after.number(i);
    if (std::isnan(x) != std::isnan(y) ||
        (std::isinf(x) || std::isinf(y) ? x != y && !std::isnan(x)
                                        : std::abs(x - y) > 1e-9 * scale))
      return false;
  }
  return true;
}

class RandomGraphTest : public testing::TestWithParam<const char *> {};

void addPasses(OpPassManager &pm, StringRef which) {
  if (which != "simplify")
    pm.addNestedPass<func::FuncOp>(which == "decompose"
                                       ? createDecomposePass()
                                       : createFoldConstantsPass());
  if (which != "fold")
    pm.addNestedPass<func::FuncOp>(createSimplifyPass());
}

TEST_P(RandomGraphTest, KeepsWhatTheGraphComputes) {
  Context context;
  for (unsigned seed = 0; seed < 1500; ++seed) {
    auto module = RandomGraph(context, seed).build(3 + int(seed % 40));
    ASSERT_TRUE(succeeded(verify(*module))) << "seed " << seed;
    std::string text = textOf(*module);
    func::FuncOp func = firstFunction(*module);
    SmallVector<reference::Tensor> arguments = argumentsOf(func);
    auto before = reference::evaluateFunction(func, arguments);
    ASSERT_TRUE(succeeded(before));
    PassManager pm(&context);
    addPasses(pm, GetParam());
    ASSERT_TRUE(succeeded(pm.run(*module))) << "seed " << seed << text;
    auto after = reference::evaluateFunction(func, arguments);
    ASSERT_TRUE(succeeded(after));
    ASSERT_EQ(before->size(), after->size());
    for (size_t i = 0; i < before->size(); ++i)
      ASSERT_TRUE(isClose((*before)[i], (*after)[i]))
          << "seed " << seed << ", result " << i << "\n"
          << text << textOf(*module);
  }
}

INSTANTIATE_TEST_SUITE_P(Passes, RandomGraphTest,
                         testing::Values("simplify", "fold", "decompose"),
                         [](const auto &info) {
                           return std::string(info.param);
                         });

} // namespace
} // namespace dlc::test
