//===- ShardingRules.h - which dims of an op may be split -------*- C++ -*-===//
//
// A rule names the *factors* of an op, as einsum letters do: `ik,kj->ij` for a
// matrix product. Dims of operands and results that share a factor are split
// together. A factor that results lack is reduced: devices that hold parts of
// it compute partial results, which a collective combines. A factor that is
// `whole` must not be split, since an element of a result needs all of it (or,
// for windows, its neighbours).
//
// A dim can be made of several factors, major first (a reshape that merges
// dims); splitting the dim in blocks splits its first factor. A dim of size 1
// that is repeated has no factor.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_PASSES_SHARD_SHARDINGRULES_H
#define DLC_PASSES_SHARD_SHARDINGRULES_H

#include "dialects/dlc/IR/Builders.h"
#include "dialects/dlc/IR/OpTable.h"

#include <functional>

namespace dlc {

/// How partial results of a split reduced factor are combined.
enum class Combine { Sum, Product, Max, Min };

struct ShardingFactor {
  int64_t size;
  /// Must not be split.
  bool isWhole = false;
};

/// The factors of a tensor's dims: for each dim, indices into the rule's
/// factors whose sizes multiply to the dim's size.
using TensorFactors = llvm::SmallVector<llvm::SmallVector<unsigned, 1>>;

struct ShardingRule {
  llvm::SmallVector<ShardingFactor> factors;
  llvm::SmallVector<TensorFactors> operands, results;
  /// For the factors that the results lack.
  Combine combine = Combine::Sum;
  /// The results depend on where in the tensor a part lies, so each device
  /// must know its offset (iota, random numbers).
  bool needsOffset = false;

  bool isReduced(unsigned factor) const;
  /// Sizes and dims fit the op's types; for assertions and tests.
  bool fits(mlir::Operation *op) const;
};

/// Builds a rule: a fresh factor per call, given to dims of operands and
/// results.
class ShardingRuleBuilder {
public:
  explicit ShardingRuleBuilder(mlir::Operation *op);

  /// A factor of `size`; sizes of 1 are fine, too.
  unsigned factor(int64_t size, bool isWhole = false);
  /// Appends `factor` to the factors of a dim.
  ShardingRuleBuilder &operand(unsigned index, int64_t dim, unsigned factor);
  ShardingRuleBuilder &result(unsigned index, int64_t dim, unsigned factor);
  /// One new factor for a dim of a tensor alone that must not be split.
  void wholeOperandDim(unsigned index, int64_t dim);
  void wholeResultDim(unsigned index, int64_t dim);
  /// Dim i of every operand and result of the same rank: one factor.
  void tieAll();

  ShardingRule rule;

private:
  mlir::Operation *op;
};

using ShardingAnswer = std::function<ShardingRule(mlir::Operation *)>;
using ShardingTable = OpTable<ShardingAnswer>;

/// Registers `build(op, builder)`.
template <typename OpTy, typename Build>
void addSharding(ShardingTable &table, Build build) {
  table.add<OpTy>([build](mlir::Operation *op) {
    ShardingRuleBuilder builder(op);
    build(mlir::cast<OpTy>(op), builder);
    return std::move(builder.rule);
  });
}

/// The answers of all ops; built once, then read from any thread.
const ShardingTable &shardingTable();
/// The rule of a verified op; none for ops of other dialects and for kernels,
/// which are formed after sharding.
std::optional<ShardingRule> shardingRule(mlir::Operation *op);

void addElementwiseSharding(ShardingTable &table);
void addShapeSharding(ShardingTable &table);
void addReductionSharding(ShardingTable &table);
void addContractionSharding(ShardingTable &table);
void addNormalizationSharding(ShardingTable &table);
void addAttentionSharding(ShardingTable &table);
void addIndexSharding(ShardingTable &table);
void addWindowSharding(ShardingTable &table);
void addRandomSharding(ShardingTable &table);
void addLossSharding(ShardingTable &table);
void addKernelSharding(ShardingTable &table);

} // namespace dlc

#endif
