//===- GradientRules.h - how each op answers for its gradient ---*- C++ -*-===//
//
// A rule is given an op and the gradients of its results, and builds the
// gradients of its operands from other dlc ops (a vector-Jacobian product). It
// may use the op's operands and results. Where a derivative has several
// conventional values (ties, kinks, bounds) it takes PyTorch's.
//
// An op without a rule says why: either its results do not change with small
// changes of its operands, so that its gradient is zero, or nobody can tell.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_PASSES_AUTODIFF_GRADIENTRULES_H
#define DLC_PASSES_AUTODIFF_GRADIENTRULES_H

#include "dialects/dlc/IR/Builders.h"
#include "dialects/dlc/IR/OpTable.h"

#include <functional>

namespace dlc {

/// What a rule builds with: creates ops at the builder's insertion point, with
/// the location of the op's gradient, and collects the operands' gradients.
class GradientBuilder {
public:
  GradientBuilder(mlir::OpBuilder &builder, mlir::Location loc,
                  mlir::Operation *op, llvm::ArrayRef<mlir::Value> gradients,
                  llvm::ArrayRef<bool> wanted)
      : b(builder), loc(loc), op(op), gradients(gradients), wanted(wanted),
        contributions(op->getNumOperands()) {}

  mlir::OpBuilder &b;
  const mlir::Location loc;

  /// The gradient of result `result`, of the result's type; null if the loss
  /// does not depend on that result. At least one is not null.
  mlir::Value gradient(unsigned result = 0) const { return gradients[result]; }
  /// Whether the gradient of operand `operand` is asked for.
  bool wants(unsigned operand) const { return wanted[operand]; }
  /// Hands in the gradient of operand `operand`, of the operand's type, once
  /// at most; none means zero. Ignored where it is not wanted.
  void set(unsigned operand, mlir::Value gradient);
  llvm::ArrayRef<mlir::Value> getContributions() const { return contributions; }

  // Arithmetic in short.
  mlir::Value add(mlir::Value x, mlir::Value y) const {
    return AddOp::create(b, loc, x, y);
  }
  mlir::Value sub(mlir::Value x, mlir::Value y) const {
    return SubOp::create(b, loc, x, y);
  }
  mlir::Value mul(mlir::Value x, mlir::Value y) const {
    return MulOp::create(b, loc, x, y);
  }
  mlir::Value div(mlir::Value x, mlir::Value y) const {
    return DivOp::create(b, loc, x, y);
  }
  mlir::Value neg(mlir::Value x) const { return NegOp::create(b, loc, x); }
  mlir::Value number(mlir::Value like, double value) const {
    return splatLike(b, loc, like, value);
  }
  mlir::Value scale(mlir::Value x, double factor) const {
    return scaleBy(b, loc, x, factor);
  }
  mlir::Value plus(mlir::Value x, double term) const {
    return addNumber(b, loc, x, term);
  }
  mlir::Value compare(ComparePredicate predicate, mlir::Value x,
                      mlir::Value y) const {
    return CompareOp::create(b, loc, predicate, x, y);
  }
  mlir::Value select(mlir::Value condition, mlir::Value onTrue,
                     mlir::Value onFalse) const {
    return SelectOp::create(b, loc, condition, onTrue, onFalse);
  }
  mlir::Value sum(mlir::Value x, llvm::ArrayRef<int64_t> dims) const {
    return ReduceSumOp::create(b, loc, x, dims);
  }
  /// `x`, reduced over `dims`, repeated to the shape of `like`.
  mlir::Value expand(mlir::Value x, mlir::Value like,
                     llvm::ArrayRef<int64_t> dims) const {
    return expandReduced(b, loc, x, shapeOf(like), dims);
  }

private:
  mlir::Operation *op;
  llvm::ArrayRef<mlir::Value> gradients;
  llvm::ArrayRef<bool> wanted;
  llvm::SmallVector<mlir::Value> contributions;
};

/// An op's answer.
struct GradientAnswer {
  enum class Kind { Rule, Zero, NotDifferentiable };
  Kind kind;
  /// Builds the gradients; null unless `kind` is Rule.
  std::function<void(mlir::Operation *, GradientBuilder &)> build;
  /// Why there is no rule: completes "... is not differentiable, because".
  llvm::StringRef reason;
};

inline GradientAnswer zeroGradient(llvm::StringLiteral because) {
  return {GradientAnswer::Kind::Zero, nullptr, because};
}
inline GradientAnswer notDifferentiable(llvm::StringLiteral because) {
  return {GradientAnswer::Kind::NotDifferentiable, nullptr, because};
}

using GradientTable = OpTable<GradientAnswer>;

/// Registers `rule(op, gradientBuilder)` for `OpTy`.
template <typename OpTy, typename Rule>
void addGradient(GradientTable &table, Rule rule) {
  table.add<OpTy>({GradientAnswer::Kind::Rule,
                   [rule](mlir::Operation *op, GradientBuilder &g) {
                     rule(mlir::cast<OpTy>(op), g);
                   },
                   ""});
}

/// The answers of all ops; built once, then read from any thread.
const GradientTable &gradientTable();

void addElementwiseGradients(GradientTable &table);
void addShapeGradients(GradientTable &table);
void addReductionGradients(GradientTable &table);
void addContractionGradients(GradientTable &table);
void addNormalizationGradients(GradientTable &table);
void addAttentionGradients(GradientTable &table);
void addIndexGradients(GradientTable &table);
void addWindowGradients(GradientTable &table);
void addRandomGradients(GradientTable &table);
void addLossGradients(GradientTable &table);
void addKernelGradients(GradientTable &table);

} // namespace dlc

#endif
