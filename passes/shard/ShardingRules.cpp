//===- ShardingRules.cpp - building and looking up sharding rules ---------===//
#include "passes/shard/ShardingRules.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace dlc {

bool ShardingRule::isReduced(unsigned factor) const {
  auto holds = [&](const TensorFactors &tensor) {
    return llvm::any_of(tensor, [&](const auto &dim) {
      return llvm::is_contained(dim, factor);
    });
  };
  return llvm::none_of(results, holds);
}

bool ShardingRule::fits(Operation *op) const {
  auto matches = [&](Value value, const TensorFactors &tensor) {
    if (rankOf(value) != int64_t(tensor.size()))
      return false;
    for (auto [size, dim] : llvm::zip_equal(shapeOf(value), tensor)) {
      int64_t product = 1;
      for (unsigned factor : dim)
        product *= factors[factor].size;
      if (product != size)
        return false;
    }
    return true;
  };
  return llvm::all_of(
             llvm::zip_equal(op->getOperands(), operands),
             [&](auto p) { return matches(std::get<0>(p), std::get<1>(p)); }) &&
         llvm::all_of(llvm::zip_equal(op->getResults(), results), [&](auto p) {
           return matches(std::get<0>(p), std::get<1>(p));
         });
}

ShardingRuleBuilder::ShardingRuleBuilder(Operation *op) : op(op) {
  for (Value operand : op->getOperands())
    rule.operands.emplace_back(rankOf(operand));
  for (Value result : op->getResults())
    rule.results.emplace_back(rankOf(result));
}

unsigned ShardingRuleBuilder::factor(int64_t size, bool isWhole) {
  rule.factors.push_back({size, isWhole});
  return rule.factors.size() - 1;
}

ShardingRuleBuilder &ShardingRuleBuilder::operand(unsigned index, int64_t dim,
                                                  unsigned factor) {
  rule.operands[index][dim].push_back(factor);
  return *this;
}

ShardingRuleBuilder &ShardingRuleBuilder::result(unsigned index, int64_t dim,
                                                 unsigned factor) {
  rule.results[index][dim].push_back(factor);
  return *this;
}

void ShardingRuleBuilder::wholeOperandDim(unsigned index, int64_t dim) {
  operand(index, dim, factor(shapeOf(op->getOperand(index))[dim], true));
}

void ShardingRuleBuilder::wholeResultDim(unsigned index, int64_t dim) {
  result(index, dim, factor(shapeOf(op->getResult(index))[dim], true));
}

void ShardingRuleBuilder::tieAll() {
  ArrayRef<int64_t> shape = shapeOf(op->getResult(0));
  for (auto [dim, size] : llvm::enumerate(shape)) {
    unsigned tied = factor(size);
    for (unsigned i = 0; i < op->getNumOperands(); ++i)
      operand(i, dim, tied);
    for (unsigned i = 0; i < op->getNumResults(); ++i)
      result(i, dim, tied);
  }
}

const ShardingTable &shardingTable() {
  static const ShardingTable table = [] {
    ShardingTable rows;
    addElementwiseSharding(rows);
    addShapeSharding(rows);
    addReductionSharding(rows);
    addContractionSharding(rows);
    addNormalizationSharding(rows);
    addAttentionSharding(rows);
    addIndexSharding(rows);
    addWindowSharding(rows);
    addRandomSharding(rows);
    addLossSharding(rows);
    addKernelSharding(rows);
    return rows;
  }();
  return table;
}

std::optional<ShardingRule> shardingRule(Operation *op) {
  const ShardingAnswer *answer = shardingTable().lookup(op);
  if (!answer || !*answer)
    return std::nullopt;
  ShardingRule rule = (*answer)(op);
  assert(rule.fits(op) && "a rule names every dim of the op's tensors");
  return rule;
}

} // namespace dlc
