//===- Attention.h - sizes of attention and its gradient --------*- C++ -*-===//
//
// Both ops have the same operands but for what the gradient needs besides, so
// what only depends on them is answered once.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_DIALECTS_DLC_IR_ATTENTION_H
#define DLC_DIALECTS_DLC_IR_ATTENTION_H

#include "dialects/dlc/IR/Builders.h"

namespace dlc {

namespace names {
/// On attention: a call of a library also where kernels are generated.
inline constexpr llvm::StringLiteral call = "dlc.call";
} // namespace names

struct AttentionSizes {
  llvm::SmallVector<int64_t> batch;
  int64_t rows, keys, depth, width;

  /// Products of one query and one key, over all batches; half of them, with
  /// the diagonal, where `isCausal`.
  double pairs(bool isCausal) const;
  /// The batch dims and then `more`.
  llvm::SmallVector<int64_t> shape(llvm::ArrayRef<int64_t> more) const {
    llvm::SmallVector<int64_t> dims(batch);
    dims.append(more.begin(), more.end());
    return dims;
  }
};

/// Of an AttentionOp or AttentionGradOp.
template <typename OpTy> AttentionSizes sizesOf(OpTy op) {
  llvm::ArrayRef<int64_t> q = shapeOf(op.getQ()), v = shapeOf(op.getV());
  return {llvm::SmallVector<int64_t>(q.drop_back(2)), q[q.size() - 2],
          v[v.size() - 2], q.back(), v.back()};
}

/// What scores, their sums and masks of numbers are in: f32, or f64 for f64.
inline mlir::Type scoreType(mlir::Type element) {
  return element.isF64() ? element
                         : mlir::Type(mlir::Float32Type::get(
                               element.getContext()));
}

/// Whether a library computes `op`: attention or its gradient with at most two
/// batch dims. Others are decomposed.
inline bool isLibraryAttention(mlir::Operation *op) {
  if (!mlir::isa_and_nonnull<AttentionOp, AttentionGradOp>(op))
    return false;
  return rankOf(op->getOperand(0)) <= 4;
}

/// Whether a kernel can be generated for an op that `isLibraryAttention`: its
/// heads have 1 to 128 columns, and rows and keys can be counted in 32 bits.
bool isGeneratedAttention(mlir::Operation *op);

/// Builds what attention is made of, in primitive ops of the score type, at the
/// builder's insertion point. Scores are [batch…, rows, keys].
class AttentionParts {
public:
  AttentionParts(mlir::OpBuilder &b, mlir::Location loc, mlir::Value q,
                 mlir::Value k, mlir::Value v, mlir::Value mask, double scale,
                 bool isCausal);
  /// Of an AttentionOp or AttentionGradOp.
  template <typename OpTy>
  AttentionParts(mlir::OpBuilder &b, mlir::Location loc, OpTy op)
      : AttentionParts(b, loc, op.getQ(), op.getK(), op.getV(), op.getMask(),
                       op.getScale().convertToDouble(), op.getCausal()) {}

  /// In the score type.
  const mlir::Value q, k, v;

  /// x y^T, scores y, scores^T x: [rows, keys], [rows, …], [keys, …].
  mlir::Value outer(mlir::Value x, mlir::Value y) const;
  mlir::Value overKeys(mlir::Value scores, mlir::Value y) const;
  mlir::Value overRows(mlir::Value scores, mlir::Value x) const;
  /// One number per row, repeated to the shape of `like`; and the sum that
  /// undoes it.
  mlir::Value spread(mlir::Value perRow, mlir::Value like) const;
  mlir::Value sumOfRow(mlir::Value value) const;
  /// Scaled and masked.
  mlir::Value scores() const;
  mlir::Value probabilities(mlir::Value logsumexp) const;
  /// What a gradient of the scores gives a mask of numbers.
  mlir::Value sumToMask(mlir::Value scores) const;

  struct Forward {
    mlir::Value output, logsumexp;
  };
  Forward forward() const;

  /// p, and dp - delta, and their product, the gradient of the scores.
  struct Backward {
    mlir::Value p, centered, ds;
  };
  Backward backward(mlir::Value grad, mlir::Value output,
                    mlir::Value logsumexp) const;

private:
  mlir::Value finite(mlir::Value perRow) const;

  mlir::OpBuilder &b;
  mlir::Location loc;
  mlir::Value mask;
  double scale;
  bool isCausal;
};

} // namespace dlc

#endif
