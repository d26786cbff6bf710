//===- AttentionMatcher.h - attention in primitive ops ----------*- C++ -*-===//
//
// Finds what a softmax is part of: the product and masks before it, the product
// after it, and how their dims become those of `dlc.attention`.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_PASSES_ATTENTION_ATTENTIONMATCHER_H
#define DLC_PASSES_ATTENTION_ATTENTIONMATCHER_H

#include "passes/attention/AttentionMask.h"

namespace dlc {

/// One side of a product, and the order in which its dims are [batch…, rows or
/// keys, columns].
struct ProductSide {
  mlir::Value value;
  llvm::SmallVector<int64_t> order;
};

struct AttentionMatch {
  SoftmaxOp softmax;
  DotGeneralOp scores, mix;
  ProductSide q, k, v;
  double scale = 1;
  /// Of the softmax's shape, or of dims of size 1.
  llvm::SmallVector<ScoreMask> masks;
  /// Leading dims of the softmax, and the others.
  llvm::SmallVector<int64_t> batch;
  int64_t rows = 0, keys = 0;
  /// The dims of the second product's probabilities, of which the last is the
  /// width of the values, in the order of its result.
  llvm::SmallVector<int64_t> probabilityShape, resultOrder;
};

/// Why a softmax between two products is no attention that the op computes.
struct AttentionMiss {
  /// Empty: nothing that looks like attention at all.
  llvm::StringRef reason;
  std::string message;
};

/// Matches `softmax`; on failure `miss` says why.
mlir::FailureOr<AttentionMatch> matchAttention(SoftmaxOp softmax,
                                               AttentionMiss &miss);

} // namespace dlc

#endif
