//===- Differentiate.h - reverse-mode differentiation -----------*- C++ -*-===//
//
// Adds the gradient of a scalar to the block that computes it. Values that the
// gradient needs from the forward computation are plain uses: what to keep and
// what to recompute is decided later, on the whole graph.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_PASSES_AUTODIFF_DIFFERENTIATE_H
#define DLC_PASSES_AUTODIFF_DIFFERENTIATE_H

#include "mlir/IR/Builders.h"

namespace dlc {

/// The gradients of `loss`, a float tensor of rank 0, with respect to the
/// float tensors `wrt`: one value of the same type for each, zeros where the
/// loss does not depend on it. `loss` and `wrt` live in one block of dlc ops;
/// `builder` inserts after the loss there. Ops are visited in reverse order
/// and contributions to one value added in the order in which they come, so
/// the result is a function of the block alone. Each new op is located at the
/// op it differentiates, fused with the name "gradient".
///
/// Fails with DLC2101, naming every op on a path from `wrt` to the loss that
/// has no gradient (nothing is built then), or with DLC2102 if `loss` or
/// `wrt` are not what is asked for.
mlir::FailureOr<llvm::SmallVector<mlir::Value>>
differentiate(mlir::OpBuilder &builder, mlir::Value loss,
              llvm::ArrayRef<mlir::Value> wrt);

} // namespace dlc

#endif
