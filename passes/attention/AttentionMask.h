//===- AttentionMask.h - what is added to scores, or hides them -*- C++ -*-===//
#ifndef DLC_PASSES_ATTENTION_ATTENTIONMASK_H
#define DLC_PASSES_ATTENTION_ATTENTIONMASK_H

#include "dialects/dlc/IR/Builders.h"
#include "dialects/dlc/reference/Tensor.h"

namespace dlc {

/// Numbers as low as this hide a key: e^-10000 is 0 in every float type.
constexpr double hidingScore = -1e4;

/// A tensor that scores [batch…, rows, keys] are masked with, with dims of size
/// 1 where it is repeated.
struct ScoreMask {
  mlir::Value value;
  /// The value that hidden scores have; none: `value` is added.
  std::optional<double> fill;
  /// Of `fill`: scores are hidden where `value` is true, not false.
  bool hidesTrue = false;
};

/// What becomes of the masks of one attention.
struct MaskForm {
  bool isCausal = false;
  /// Null: there is none.
  mlir::Value mask;
};

/// Evaluates what masks are made of, each value once. One per function.
class MaskReader {
public:
  explicit MaskReader(mlir::Block &block) : block(block) {}

  /// `value` without the broadcasts that repeat it: of the same rank, 1 where
  /// it is repeated. Ops are made where `b` stands.
  mlir::Value shrunk(mlir::OpBuilder &b, mlir::Value value);
  /// The form of `masks`; failure with the remark's reason and text.
  mlir::FailureOr<MaskForm> formOf(mlir::OpBuilder &b,
                                   llvm::ArrayRef<ScoreMask> masks,
                                   llvm::StringRef &reason,
                                   std::string &message);

private:
  enum class Sight { All, Causal, Some, Numbers };
  struct Known {
    Sight sight;
    /// Of Some and Numbers: some row sees no key.
    bool hidesRow = false;
    /// Of Some, which keys are seen; of Numbers, these.
    reference::Tensor table;
  };
  std::optional<reference::Tensor> evaluate(mlir::Value value,
                                            unsigned depth = 0);
  std::optional<Known> look(const ScoreMask &mask);
  Known classify(const reference::Tensor &tensor, const ScoreMask &mask);
  bool isTrained(mlir::Value value);

  mlir::Block &block;
  llvm::DenseMap<mlir::Value, std::optional<reference::Tensor>> values;
  llvm::DenseMap<mlir::Value, bool> trained;
};

} // namespace dlc

#endif
