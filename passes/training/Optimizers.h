//===- Optimizers.h - how gradients change parameters -----------*- C++ -*-===//
//
// Optimizers are found by name in a registry. Each says which state it keeps
// per parameter, computes the numbers of one step that all parameters share,
// and builds one parameter's update. Formulas, defaults and the order of
// operations are those of PyTorch's optimizer of that name (Lion: Chen et al.,
// "Symbolic Discovery of Optimization Algorithms", 2023).
//
// | name      | numbers (default)                                             |
// |-----------|---------------------------------------------------------------|
// | sgd       | weight-decay 0, momentum 0, dampening 0, nesterov 0           |
// | momentum  | as sgd, momentum 0.9                                          |
// | adam      | weight-decay 0, beta1 0.9, beta2 0.999, eps 1e-8              |
// | adamw     | as adam, weight-decay 0.01, applied to the parameter itself   |
// | lion      | weight-decay 0, beta1 0.9, beta2 0.99                         |
// | adafactor | weight-decay 0, beta2-decay -0.8, eps1 (of the type), eps2    |
// |           | 1e-3, d 1                                                     |
//
// Numbers of a step (bias corrections, step sizes) are f64 scalars, as PyTorch
// computes them: 1 - 0.999^1 in f32 would have an error of 3e-5. Parameters
// and state in a 16-bit type are updated in f32; their state is kept in f32.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_PASSES_TRAINING_OPTIMIZERS_H
#define DLC_PASSES_TRAINING_OPTIMIZERS_H

#include "passes/training/TrainingOptions.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

namespace dlc {

/// One tensor of state that an optimizer keeps for a parameter; it starts as
/// zeros and is called `<optimizer>.<name>/<parameter>`.
struct StateSlot {
  std::string name;
  mlir::RankedTensorType type;
};

/// What every update of one step shares.
struct StepNumbers {
  const OptimizerSpec &spec;
  /// The learning rate and the number of this step (from 1): f64 scalars.
  mlir::Value lr, step;
  /// What the optimizer's `prepare` made: f64 scalars.
  llvm::SmallVector<mlir::Value> shared;
};

/// New values after one update, in the types of the old ones.
struct ParamUpdate {
  mlir::Value param;
  llvm::SmallVector<mlir::Value> state;
};

struct NumberDefault {
  llvm::StringRef name;
  double value;
};

struct OptimizerKind {
  llvm::StringRef name;
  /// The numbers it knows, with their defaults.
  llvm::ArrayRef<NumberDefault> numbers;
  llvm::SmallVector<StateSlot> (*slots)(const OptimizerSpec &spec,
                                        mlir::RankedTensorType param);
  /// Fills `numbers.shared`.
  void (*prepare)(mlir::OpBuilder &b, mlir::Location loc, StepNumbers &numbers);
  ParamUpdate (*update)(mlir::OpBuilder &b, mlir::Location loc,
                        const StepNumbers &numbers, mlir::Value param,
                        mlir::Value grad, mlir::ValueRange state);
};

/// The optimizer called `name`, or null.
const OptimizerKind *findOptimizer(llvm::StringRef name);
/// "sgd, momentum, …", for messages.
std::string knownOptimizers();

/// `grads` scaled by min(1, maxNorm / (norm + 1e-6)), where norm is the joint
/// 2-norm of all of them, summed in f32 at least (clip_grad_norm_).
llvm::SmallVector<mlir::Value> clipByGlobalNorm(mlir::OpBuilder &b,
                                                mlir::Location loc,
                                                mlir::ValueRange grads,
                                                double maxNorm);

} // namespace dlc

#endif
