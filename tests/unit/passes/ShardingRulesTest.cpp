//===- ShardingRulesTest.cpp - sharding rules hold on numbers -------------===//
//
// For every op in the cases of tests/numerics and every factor of its rule
// that may be split: split the operands along the factor, evaluate the op on
// each part, and compare with the parts of the op's results; if the factor is
// reduced, the parts combined must give the results.
//
//===----------------------------------------------------------------------===//
#include "passes/shard/ShardingRules.h"
#include "tests/unit/passes/Numerics.h"

#include <set>

using namespace mlir;
using namespace dlc;
using reference::Tensor;

namespace {

/// One part of `parts` equal ones along `factor` of a rule.
struct Part {
  const ShardingRule &rule;
  unsigned factor;
  int64_t parts, part;

  int64_t sizeOf(unsigned other) const {
    int64_t size = rule.factors[other].size;
    return other == factor ? size / parts : size;
  }
};

RankedTensorType partType(RankedTensorType type, const TensorFactors &dims,
                          const Part &part) {
  SmallVector<int64_t> shape(type.getShape());
  for (auto [size, factors] : llvm::zip_equal(shape, dims))
    if (llvm::is_contained(factors, part.factor))
      size /= part.parts;
  return type.clone(shape);
}

/// The elements of `tensor` that belong to the part. A dim of several factors
/// is indexed by them, major first.
Tensor partOf(const Tensor &tensor, const TensorFactors &dims,
              const Part &part) {
  Tensor result(partType(tensor.getType(), dims, part));
  SmallVector<int64_t> strides = reference::rowMajorStrides(tensor.getShape());
  int64_t to = 0;
  reference::forEachIndex(result.getShape(), [&](ArrayRef<int64_t> index) {
    int64_t from = 0;
    for (size_t dim = 0; dim < dims.size(); ++dim) {
      int64_t rest = index[dim], stride = strides[dim];
      if (dims[dim].empty())
        from += rest * stride;
      for (unsigned factor : llvm::reverse(dims[dim])) {
        int64_t at = rest % part.sizeOf(factor);
        rest /= part.sizeOf(factor);
        if (factor == part.factor)
          at += part.part * part.sizeOf(factor);
        from += at * stride;
        stride *= part.rule.factors[factor].size;
      }
    }
    result.copyElement(to++, tensor, from);
  });
  return result;
}

/// The results of `op` on the part's operands: of a clone with their types.
SmallVector<Tensor> evaluatePart(Operation *op, ArrayRef<const Tensor *> inputs,
                                 const Part &part) {
  Block block;
  SmallVector<Tensor> operands;
  OperationState state(op->getLoc(), op->getName());
  for (auto [tensor, dims] : llvm::zip_equal(inputs, part.rule.operands)) {
    operands.push_back(partOf(*tensor, dims, part));
    state.operands.push_back(
        block.addArgument(operands.back().getType(), op->getLoc()));
  }
  for (auto [type, dims] :
       llvm::zip_equal(op->getResultTypes(), part.rule.results))
    state.types.push_back(partType(cast<RankedTensorType>(type), dims, part));
  state.attributes = op->getAttrDictionary();
  OpBuilder b(op->getContext());
  b.setInsertionPointToEnd(&block);
  Operation *clone = b.create(state);
  EXPECT_TRUE(succeeded(verify(clone)));
  SmallVector<const Tensor *> pointers;
  for (const Tensor &tensor : operands)
    pointers.push_back(&tensor);
  auto results = reference::evaluate(clone, pointers);
  EXPECT_TRUE(succeeded(results));
  return succeeded(results) ? *results : SmallVector<Tensor>();
}

double combined(Combine combine, double x, double y) {
  switch (combine) {
  case Combine::Sum:
    return x + y;
  case Combine::Product:
    return x * y;
  case Combine::Max:
    return std::max(x, y);
  case Combine::Min:
    return std::min(x, y);
  }
  llvm_unreachable("every way is listed");
}

void expectClose(const std::vector<double> &actual,
                 const std::vector<double> &expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i)
    // Infinities are equal, but not near.
    if (actual[i] != expected[i])
      EXPECT_NEAR(actual[i], expected[i],
                  1e-12 * std::max(1.0, std::fabs(expected[i])))
          << i;
}

/// Whether the factor could be split in parts at all.
int64_t smallestDivisor(int64_t size) {
  for (int64_t d = 2; d <= size; ++d)
    if (size % d == 0)
      return d;
  return 1;
}

void checkFactor(Operation *op, ArrayRef<const Tensor *> operands,
                 ArrayRef<Tensor> results, const ShardingRule &rule,
                 unsigned factor, int64_t parts) {
  std::vector<std::vector<double>> sums;
  for (int64_t i = 0; i < parts; ++i) {
    Part part{rule, factor, parts, i};
    SmallVector<Tensor> actual = evaluatePart(op, operands, part);
    if (rule.isReduced(factor)) {
      for (auto [r, tensor] : llvm::enumerate(actual)) {
        std::vector<double> numbers = tensor.toDoubles();
        if (i == 0) {
          sums.push_back(numbers);
          continue;
        }
        for (size_t k = 0; k < numbers.size(); ++k)
          sums[r][k] = combined(rule.combine, sums[r][k], numbers[k]);
      }
      continue;
    }
    for (auto [tensor, full, dims] :
         llvm::zip_equal(actual, results, rule.results))
      expectClose(tensor.toDoubles(), partOf(full, dims, part).toDoubles());
  }
  for (auto [sum, full] : llvm::zip(sums, results))
    expectClose(sum, full.toDoubles());
}

/// Checks every op of a function; adds the names of those split to `split`.
void checkFunction(func::FuncOp function, std::set<std::string> &split) {
  std::mt19937_64 random{7};
  llvm::DenseMap<Value, Tensor> values;
  for (auto [argument, tensor] : llvm::zip_equal(
           function.getArguments(), test::fillArguments(function, random)))
    values.try_emplace(argument, tensor);
  for (Operation &op : function.getBody().front().without_terminator()) {
    SmallVector<Tensor> inputs;
    for (Value operand : op.getOperands())
      inputs.push_back(values.at(operand));
    SmallVector<const Tensor *> operands;
    for (const Tensor &input : inputs)
      operands.push_back(&input);
    auto results = reference::evaluate(&op, operands);
    ASSERT_TRUE(succeeded(results));
    for (auto [value, tensor] : llvm::zip_equal(op.getResults(), *results))
      values.try_emplace(value, tensor);
    std::optional<ShardingRule> rule = shardingRule(&op);
    ASSERT_TRUE(rule) << op.getName().getStringRef().str();
    ASSERT_TRUE(rule->fits(&op)) << op.getName().getStringRef().str();
    for (unsigned i = 0; i < rule->factors.size(); ++i) {
      int64_t parts = smallestDivisor(rule->factors[i].size);
      if (rule->factors[i].isWhole || parts == 1 || rule->needsOffset)
        continue;
      SCOPED_TRACE(op.getName().getStringRef().str() + ", factor " +
                   std::to_string(i));
      checkFactor(&op, operands, *results, *rule, i, parts);
      split.insert(op.getName().getStringRef().str());
    }
  }
}

TEST(ShardingRules, SplitOps_GivePartsOfTheResults) {
  test::Context context;
  std::set<std::string> split;
  for (const std::string &family : test::families()) {
    auto module = test::parseFamily(context, family);
    ASSERT_TRUE(module);
    for (func::FuncOp function : module->getOps<func::FuncOp>()) {
      SCOPED_TRACE(function.getName().str());
      checkFunction(function, split);
    }
  }
  // Every family's ops were really split; what is left works on positions,
  // bits or integers.
  EXPECT_GE(split.size(), 65u);
}

TEST(ShardingRules, Matmul_IsAnEinsum) {
  test::Context context;
  auto module = test::parse(context, R"(
    func.func @f(%a: tensor<2x3xf32>, %b: tensor<3x5xf32>) {
      %0 = dlc.dot_general %a, %b batch [] x [] contract [1] x [0] : (tensor<2x3xf32>, tensor<3x5xf32>) -> tensor<2x5xf32>
      return
    })");
  ShardingRule rule =
      *shardingRule(&test::firstFunction(*module).getBody().front().front());
  ASSERT_EQ(rule.factors.size(), 3u);
  EXPECT_TRUE(rule.isReduced(0));
  EXPECT_EQ(rule.operands[0], (TensorFactors{{1}, {0}}));
  EXPECT_EQ(rule.operands[1], (TensorFactors{{0}, {2}}));
  EXPECT_EQ(rule.results[0], (TensorFactors{{1}, {2}}));
}

TEST(ShardingRules, Reshape_SharesFactorsAsFarAsTheyDivide) {
  test::Context context;
  auto ruleOf = [&](StringRef from, StringRef to) {
    auto module =
        test::parse(context, ("func.func @f(%a: tensor<" + from +
                              "xf32>) { %0 = dlc.reshape %a : tensor<" + from +
                              "xf32> -> tensor<" + to + "xf32>\nreturn }")
                                 .str());
    return *shardingRule(
        &test::firstFunction(*module).getBody().front().front());
  };
  ShardingRule merged = ruleOf("4x8x5", "4x40");
  EXPECT_EQ(merged.results[0], (TensorFactors{{0}, {1, 2}}));
  EXPECT_EQ(merged.operands[0], (TensorFactors{{0}, {1}, {2}}));
  ShardingRule regrouped = ruleOf("2x6", "4x3");
  EXPECT_EQ(regrouped.operands[0], (TensorFactors{{0}, {1, 2}}));
  EXPECT_EQ(regrouped.results[0], (TensorFactors{{0, 1}, {2}}));
  ShardingRule apart = ruleOf("7x4x6", "7x3x8");
  EXPECT_FALSE(apart.factors[0].isWhole);
  for (unsigned i = 1; i < apart.factors.size(); ++i)
    EXPECT_TRUE(apart.factors[i].isWhole) << i;
}

} // namespace
