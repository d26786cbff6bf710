//===- Layout.h - what transposes and reshapes do to dims -------*- C++ -*-===//
//
// Shared by the pattern files: how a reshape pairs dims, and which values have
// a transposed or reshaped form that costs nothing.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_PASSES_SIMPLIFY_LAYOUT_H
#define DLC_PASSES_SIMPLIFY_LAYOUT_H

#include "dialects/dlc/IR/Builders.h"
#include "mlir/IR/PatternMatch.h"

namespace dlc {

/// A run of operand dims and the run of result dims with the same elements.
struct DimGroup {
  int64_t inBegin, inEnd, outBegin, outEnd;
};

/// How a reshape from `in` to `out` pairs dims, in the shortest runs; none for
/// tensors without elements.
class ReshapeGroups {
public:
  static std::optional<ReshapeGroups> get(llvm::ArrayRef<int64_t> in,
                                          llvm::ArrayRef<int64_t> out);

  llvm::ArrayRef<DimGroup> groups() const { return runs; }
  const DimGroup &groupOfOut(int64_t outDim) const;
  /// The operand dim that result dim `outDim` is, if it is one alone (dims of
  /// size 1 beside it do not count).
  std::optional<int64_t> inDimOf(int64_t outDim) const;

private:
  llvm::SmallVector<DimGroup> runs;
  llvm::SmallVector<int64_t> in, out;
};

/// `dims[permutation]`, dims renamed by a transpose: dim i of its result is
/// dim permutation[i] of its operand.
llvm::SmallVector<int64_t> mapDims(llvm::ArrayRef<int64_t> dims,
                                   llvm::ArrayRef<int64_t> permutation);
/// One number per result dim of a transpose, reordered to its operand's dims.
llvm::SmallVector<int64_t> unpermute(llvm::ArrayRef<int64_t> values,
                                     llvm::ArrayRef<int64_t> permutation);

/// Whether a value `v` with `transpose(v, permutation) = value` is free or
/// small: the operand of that transpose, a splat, an iota, a small constant, a
/// broadcast of something smaller, a mask of random numbers.
bool canUntranspose(mlir::Value value, llvm::ArrayRef<int64_t> permutation);
/// That `v`; `canUntranspose` has said yes.
mlir::Value untranspose(mlir::OpBuilder &b, mlir::Location loc,
                        mlir::Value value, llvm::ArrayRef<int64_t> permutation);

/// Where a broadcast makes many copies a transpose stays (or goes) above it,
/// else below, where it may meet another.
bool repeatsMuch(BroadcastOp broadcast);

/// Whether `value` has a form of shape `shape` without a reshape at its end:
/// the operand of a reshape from that shape, a splat, a broadcast that can go
/// to that shape at once.
bool canUnreshape(mlir::Value value, llvm::ArrayRef<int64_t> shape);
mlir::Value unreshape(mlir::OpBuilder &b, mlir::Location loc, mlir::Value value,
                      llvm::ArrayRef<int64_t> shape);

/// `op`, which has one result and no regions, on other operands, with its
/// result in another shape.
mlir::Value cloneWithShape(mlir::OpBuilder &b, mlir::Operation *op,
                           mlir::ValueRange operands,
                           llvm::ArrayRef<int64_t> shape);

/// The op is elementwise in the sense of the dialect: one result, of its
/// operands' shape, and no regions.
bool isElementwise(mlir::Operation *op);

bool isSplatConstant(mlir::Value value);

} // namespace dlc

#endif
