//===- GradientTest.cpp - every gradient against central differences ------===//
//
// The cases are functions in tests/numerics/<family>.mlir. Each is turned into
// a loss, the sum of its float results weighted by random numbers; the loss's
// gradients with respect to all float arguments are evaluated and compared
// with (loss(x + h) - loss(x - h)) / 2h, element by element, in f64. Then the
// gradients become a loss in the same way and are differentiated once more.
//
// With h = 1e-5 and values around 1 the difference is good to some 1e-10, so
// the bound of 1e-6 of the largest gradient leaves no room for a wrong term.
//
// A last test asks that every op with a gradient is tested on at least three
// shapes of which one has no elements.
//
//===----------------------------------------------------------------------===//
#include "passes/autodiff/Differentiate.h"
#include "passes/autodiff/GradientRules.h"
#include "tests/unit/passes/Numerics.h"

#include <set>

using namespace mlir;
using namespace dlc;
using reference::Tensor;

namespace {

constexpr double step = 1e-5;
constexpr double tolerance = 1e-6;

class Case {
public:
  explicit Case(func::FuncOp function)
      : function(function),
        terminator(function.getBody().front().getTerminator()) {}

  void check() {
    arguments = test::fillArguments(function, random);
    SmallVector<Value> outputs(terminator->getOperands());
    std::optional<SmallVector<Value>> gradients = compare(outputs);
    if (!gradients)
      return;
    SCOPED_TRACE("second order");
    compare(*gradients);
  }

private:
  double lossAt(ArrayRef<Tensor> at) {
    auto results = reference::evaluateFunction(function, at);
    EXPECT_TRUE(succeeded(results));
    return succeeded(results) ? (*results)[0].number(0) : 0;
  }

  /// Checks the gradient of the weighted sum of `outputs`; returns it.
  std::optional<SmallVector<Value>> compare(ArrayRef<Value> outputs) {
    OpBuilder b(terminator);
    Value loss = test::weightedSum(b, outputs, random);
    SmallVector<Value> wrt = test::floatArguments(function);
    FailureOr<SmallVector<Value>> gradients = differentiate(b, loss, wrt);
    EXPECT_TRUE(succeeded(gradients));
    if (failed(gradients))
      return std::nullopt;
    test::setReturned(function, *gradients);
    auto actual = reference::evaluateFunction(function, arguments);
    EXPECT_TRUE(succeeded(actual));
    test::setReturned(function, loss);
    for (auto [argument, gradient] : llvm::zip_equal(wrt, *actual))
      compareOne(cast<BlockArgument>(argument).getArgNumber(), gradient);
    return *gradients;
  }

  void compareOne(unsigned argument, const Tensor &gradient) {
    std::vector<double> expected(gradient.size());
    double largest = 1;
    for (int64_t k = 0; k < gradient.size(); ++k) {
      SmallVector<Tensor> shifted(arguments);
      double at = arguments[argument].number(k);
      shifted[argument].setNumber(k, at + step);
      double above = lossAt(shifted);
      shifted[argument].setNumber(k, at - step);
      expected[k] = (above - lossAt(shifted)) / (2 * step);
      largest = std::max(largest, std::fabs(expected[k]));
    }
    for (int64_t k = 0; k < gradient.size(); ++k)
      EXPECT_NEAR(gradient.number(k), expected[k], tolerance * largest)
          << "argument " << argument << ", element " << k;
  }

  func::FuncOp function;
  Operation *terminator;
  SmallVector<Tensor> arguments;
  std::mt19937_64 random{7};
};

class Gradients : public testing::TestWithParam<std::string> {};

TEST_P(Gradients, OfEveryCase_EqualCentralDifferences) {
  test::Context context;
  OwningOpRef<ModuleOp> module = test::parseFamily(context, GetParam());
  ASSERT_TRUE(module);
  for (func::FuncOp function : module->getOps<func::FuncOp>()) {
    SCOPED_TRACE(function.getName().str());
    Case(function).check();
  }
}

INSTANTIATE_TEST_SUITE_P(Families, Gradients,
                         testing::ValuesIn(test::families()),
                         [](const auto &info) { return info.param; });

/// Per op name: its operands' types, and whether one had no elements.
struct Tested {
  std::set<std::string> types;
  bool hasEmpty = false;
};

std::map<std::string, Tested> collectTested() {
  std::map<std::string, Tested> tested;
  test::Context context;
  for (const std::string &family : test::families()) {
    OwningOpRef<ModuleOp> module = test::parseFamily(context, family);
    module->walk([&](Operation *op) {
      auto function = op->getParentOfType<func::FuncOp>();
      if (!function ||
          !function.getName().starts_with(op->getName().stripDialect()))
        return;
      Tested &entry = tested[op->getName().getStringRef().str()];
      std::string types;
      llvm::raw_string_ostream(types) << op->getOperandTypes();
      entry.types.insert(types);
      for (Type type : op->getOperandTypes())
        entry.hasEmpty |= cast<RankedTensorType>(type).getNumElements() == 0;
    });
  }
  return tested;
}

TEST(GradientCoverage, EveryOpWithAGradient_IsTestedOnThreeShapes) {
  test::Context context;
  std::map<std::string, Tested> tested = collectTested();
  for (RegisteredOperationName name : context.getRegisteredOperations()) {
    if (name.getDialectNamespace() != DlcDialect::getDialectNamespace())
      continue;
    const GradientAnswer *answer = gradientTable().lookup(name);
    if (!answer || answer->kind != GradientAnswer::Kind::Rule)
      continue;
    const Tested &entry = tested[name.getStringRef().str()];
    EXPECT_GE(entry.types.size(), 3u) << name.getStringRef().str();
    EXPECT_TRUE(entry.hasEmpty) << name.getStringRef().str();
  }
}

} // namespace
