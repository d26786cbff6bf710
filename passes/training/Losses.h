//===- Losses.h - loss functions and metrics --------------------*- C++ -*-===//
//
// Each loss builds its scalar from one model output and one target, and the
// counts that `eval` reports. Losses are found by name in a registry.
//
// | name          | PyTorch                               | target           |
// |---------------|---------------------------------------|------------------|
// | cross-entropy | CrossEntropyLoss (-100 is ignored)    | i64 classes      |
// | mse           | MSELoss                               | like the output  |
// | l1            | L1Loss                                | like the output  |
// | huber         | HuberLoss (delta 1)                   | like the output  |
// | bce           | BCELoss of a sigmoid's output,        | like the output  |
// |               | BCEWithLogitsLoss of any other        |                  |
// | bce-logits    | BCEWithLogitsLoss                     | like the output  |
// | none          | the output is the loss                | none             |
//
// All are means: over the targets that are not ignored, or over all elements.
// Outputs in a 16-bit type are read as f32. `bce` of a sigmoid's output is
// computed from the sigmoid's argument, where no logarithm of a rounded 0 or 1
// occurs; a remark says which reading was taken.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_PASSES_TRAINING_LOSSES_H
#define DLC_PASSES_TRAINING_LOSSES_H

#include "passes/training/TrainingOptions.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

namespace dlc {

/// A named scalar that `eval` returns beside the loss.
struct Metric {
  std::string name;
  mlir::Value value;
};

/// How to build one kind of loss.
struct LossKind {
  llvm::StringRef name;
  /// The target's type for an output of type `output` (`shape`: the target's
  /// shape where the data is known), or null where the loss takes no target.
  /// Fails after DLC2005 or DLC2006.
  mlir::FailureOr<mlir::RankedTensorType> (*targetType)(
      const LossSpec &spec, mlir::RankedTensorType output,
      std::optional<llvm::ArrayRef<int64_t>> shape, ErrorSink emitError);
  /// The scalar loss. `target` is null where `targetType` gave null.
  mlir::Value (*build)(mlir::OpBuilder &b, mlir::Location loc,
                       const LossSpec &spec, mlir::Value output,
                       mlir::Value target);
  /// The metrics, or null where the loss has none.
  llvm::SmallVector<Metric> (*metrics)(mlir::OpBuilder &b, mlir::Location loc,
                                       const LossSpec &spec, mlir::Value output,
                                       mlir::Value target);
};

/// The loss called `name`, or null.
const LossKind *findLoss(llvm::StringRef name);
/// "cross-entropy, mse, …", for messages.
std::string knownLosses();

} // namespace dlc

#endif
