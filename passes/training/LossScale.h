//===- LossScale.h - keep f16 gradients in range ----------------*- C++ -*-===//
//
// Gradients in f16 vanish below 6e-8. The loss is multiplied by a power of two
// before it is differentiated and the gradients are divided by it again, which
// is exact. Where some gradient overflows, the update is skipped and the scale
// halved; after a number of good steps in a row it is doubled (Micikevicius et
// al., Mixed Precision Training, 2018; the numbers are those of PyTorch's
// GradScaler). All of it is part of the step: nothing is read back by the host.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_PASSES_TRAINING_LOSSSCALE_H
#define DLC_PASSES_TRAINING_LOSSSCALE_H

#include "passes/training/EntryFunction.h"
#include "passes/training/TrainingOptions.h"

namespace dlc {

/// The scale's two states in one entry under construction.
class LossScale {
public:
  /// Adds the states "loss-scale" and "loss-scale.good-steps" to `fn`.
  LossScale(EntryFunction &fn, const LossScaleSpec &spec);

  /// What is differentiated instead of `loss`.
  mlir::Value scaled(mlir::Value loss);
  /// The gradients of the loss itself.
  llvm::SmallVector<mlir::Value> unscaled(mlir::ValueRange grads);
  /// An i1 scalar: no gradient has an Inf or NaN.
  mlir::Value areFinite(mlir::ValueRange grads);
  /// Halves, keeps or doubles the scale.
  void update(mlir::Value isGood);

private:
  EntryFunction &fn;
  const LossScaleSpec &spec;
  mlir::Value scale, goodSteps;
};

/// `fresh` where the scalar `isGood` holds, else `old`.
mlir::Value keepUnless(mlir::OpBuilder &b, mlir::Location loc,
                       mlir::Value isGood, mlir::Value fresh, mlir::Value old);

} // namespace dlc

#endif
