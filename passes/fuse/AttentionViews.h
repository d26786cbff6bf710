//===- AttentionViews.h - how attention reads and writes --------*- C++ -*-===//
//
// A model splits one product into queries, keys and values, and these into
// heads; attention reads them where they are, and writes its result, and the
// gradients of all three, where the next product reads them. Both the fusion
// pass (which then forms no kernel for the slices, transposes and joins
// between) and the lowering to the plan ask here.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_PASSES_FUSE_ATTENTIONVIEWS_H
#define DLC_PASSES_FUSE_ATTENTIONVIEWS_H

#include "passes/fuse/Views.h"

namespace dlc {

/// `op` is attention or its gradient.
bool isAttention(mlir::Operation *op);

/// What each operand is read from, `value` itself where a library could not
/// read through the ops above it. Its columns have stride 1. A mask is read as
/// it is, broadcast by strides of 0.
llvm::SmallVector<View> attentionReads(mlir::Operation *op);

/// Where each result is written: the base is the result itself, a transpose
/// of it, or a concatenation of several results.
llvm::SmallVector<View> attentionWrites(mlir::Operation *op);

/// `value` is a transpose that attention writes instead of its result: what
/// reads views of it starts there.
bool isWrittenByAttention(mlir::Value value);

/// Offset, and strides of batch, head, row and column, of a view of rank 2
/// to 4.
std::array<int64_t, 5> attentionLayout(const View &view);

} // namespace dlc

#endif
