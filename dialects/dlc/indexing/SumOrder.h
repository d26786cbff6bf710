//===- SumOrder.h - in which order a reduction adds -------------*- C++ -*-===//
//
// Floating-point sums depend on the order of their terms, and fusion, which
// puts a reduction into this kernel or that, must not change a bit: what is
// computed again for the backward half has to equal what the forward half
// computed, and a kernel split in two for debugging has to show the same
// numbers. So the order is a property of the op and its shapes alone. Kernels
// walk as their sums want; sums that want different walks share no kernel.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_DIALECTS_DLC_INDEXING_SUMORDER_H
#define DLC_DIALECTS_DLC_INDEXING_SUMORDER_H

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/Operation.h"

#include <optional>

namespace dlc {

/// The terms of one result are the elements of `box` in row-major order.
struct SumOrder {
  llvm::SmallVector<int64_t> box;
  /// None: one term after the other. Else term i of this dim goes to partial
  /// sum i mod `lanes`, the partial sums of all terms are kept side by side,
  /// and joined in the end as a balanced tree. Other dims are outer loops.
  std::optional<unsigned> dim;
  /// A power of two; 1 without `dim`.
  unsigned lanes = 1;
};

/// The order of the reduction `op`; none where any order gives the same bits
/// (extremes, integers).
std::optional<SumOrder> sumOrder(mlir::Operation *op);

/// Whether a walk over `reduced` (as many elements as the box, with lanes along
/// its dim `dim`, if any) adds in this order.
bool isInOrder(const SumOrder &order, llvm::ArrayRef<int64_t> reduced,
               std::optional<unsigned> dim);
/// The dim of `reduced` that lanes have to run along for this order; none if
/// `order` has no lanes. Meaningful where isInOrder() then holds.
std::optional<unsigned> orderedDim(const SumOrder &order,
                                   llvm::ArrayRef<int64_t> reduced);
/// Whether one walk over `reduced` serves both.
bool haveSameOrder(const SumOrder &a, const SumOrder &b);

/// What lanes along dim `dim` of the domain cost where they read or write at
/// `offset`: contiguous is free, one element for all lanes nearly so, strides
/// and tables are gathers.
double lanePenalty(mlir::AffineExpr offset, unsigned dim);

} // namespace dlc

#endif
