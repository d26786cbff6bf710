//===- SavedValues.h - which activations are kept ---------------*- C++ -*-===//
//
// Splits a training step into its forward ops and the rest, and chooses which
// results of the former stay in memory for the latter.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_PASSES_RECOMPUTE_SAVEDVALUES_H
#define DLC_PASSES_RECOMPUTE_SAVEDVALUES_H

#include "dialects/dlc/IR/Dlc.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseSet.h"

namespace dlc {

/// The forward half of a step, in program order.
class ForwardOps {
public:
  explicit ForwardOps(mlir::func::FuncOp function);

  /// Whether there are other ops, which may read what forward ops compute.
  bool hasRest() const { return numRest > 0; }
  /// Ops that neither are gradients or copies nor depend on one.
  const std::vector<mlir::Operation *> &ops() const { return order; }
  bool contains(mlir::Operation *op) const { return positions.contains(op); }
  /// The place of `op` among the forward ops.
  unsigned position(mlir::Operation *op) const { return positions.lookup(op); }
  /// Whether an op outside reads a result of `op`.
  bool isReadOutside(mlir::Operation *op) const;

private:
  unsigned numRest = 0;
  std::vector<mlir::Operation *> order;
  llvm::DenseMap<mlir::Operation *, unsigned> positions;
};

/// Keeps the least bytes from which the backward half can be computed without
/// repeating a contraction, a sum of two tensors (a residual stream would be
/// recomputed along its whole depth) or a random draw's state: a minimum cut
/// between what must be kept and what is read. (Chen et al., 2016, as
/// AOTAutograd of PyTorch poses it.)
llvm::DenseSet<mlir::Operation *> saveByMinCut(const ForwardOps &forward);

/// Cuts the forward half into `segments` of about equally many bytes, each at
/// the narrowest place near there, and keeps what crosses a cut, and all of the
/// last segment, which is needed at once. (Checkpointing, Griewank & Walther
/// 2000; sqrt(n) segments give the least memory on a chain.)
llvm::DenseSet<mlir::Operation *> saveBySegments(const ForwardOps &forward,
                                                 unsigned segments);

} // namespace dlc

#endif
