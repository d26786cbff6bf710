//===- Views.h - strided views of buffers, and GEMMs on them ----*- C++ -*-===//
//
// Libraries read strided matrices, so a reshape, transpose or slice before a
// matrix product need not move data, and a transpose after it can be where the
// product is written. Both the fusion pass (which then forms no kernel) and the
// lowering to the plan ask here.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_PASSES_FUSE_VIEWS_H
#define DLC_PASSES_FUSE_VIEWS_H

#include "dialects/dlc/IR/Dlc.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <optional>

namespace dlc {

/// Elements `offset + sum of index * strides` of the row-major tensor `base`.
struct View {
  mlir::Value base;
  int64_t offset = 0;
  llvm::SmallVector<int64_t> sizes, strides;
};

/// The whole of `value`, row-major.
View wholeView(mlir::Value value);

/// `value` as a view of the value that the reshapes, transposes and slices
/// above it start from; stops at a value for which `isKept` holds, and where a
/// reshape cannot be said in strides.
View viewOf(mlir::Value value,
            llvm::function_ref<bool(mlir::Value)> isKept);

/// `view` under another shape, if strides can say it: dims are split freely and
/// merged where they are contiguous.
std::optional<View> reshapeView(const View &view,
                                llvm::ArrayRef<int64_t> shape);

/// A batched matrix product: c[b0, b1, m, n] = sum over k of a * b.
struct GemmShape {
  int64_t batch0 = 1, batch1 = 1, m = 1, n = 1, k = 1;
  View a, b, c;
  /// Strides over [batch0, batch1, row, column].
  llvm::SmallVector<int64_t, 4> aStrides, bStrides, cStrides;
};

/// `dot` on the given views of its operands and result, if a GEMM library can
/// take them.
std::optional<GemmShape> matchGemm(DotGeneralOp dot, const View &lhs,
                                   const View &rhs, const View &result);

/// How `dot` will be called, given which values are kept in memory: operands
/// through views where the library can read them so. A transpose that is the
/// only use of the result is written directly; it is returned in `writes`.
struct GemmCall {
  GemmShape shape;
  mlir::Value writes;
};
GemmCall planGemm(DotGeneralOp dot,
                  llvm::function_ref<bool(mlir::Value)> isKept);

/// Whether a library computes `op`: contractions and convolutions in f32 and
/// the 16-bit floats, and attention in these and f64.
bool isLibraryOp(mlir::Operation *op);

namespace names {
/// On a contraction: it becomes a kernel even where a library could compute it.
inline constexpr llvm::StringLiteral generated = "dlc.generated";
/// On a contraction of f32: its operands may be rounded to TF32.
inline constexpr llvm::StringLiteral allowsTf32 = "dlc.allows_tf32";
} // namespace names

} // namespace dlc

#endif
