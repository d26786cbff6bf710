//===- BuildStep.h - training entry points from a model ---------*- C++ -*-===//
//
// From a model function of the importer (arguments: inputs, parameters, other
// state; results: outputs, and new values of state) these build a sibling:
//
// | entry        | arguments besides the model's         | results |
// |--------------|---------------------------------------|-----------------------|
// | `step`       | targets, `lr`, optimizer state, `step`| `loss`; new values
// of | |              |                                       | all state | |
// `accumulate` | targets, `accumulated/<parameter>`    | `loss`; new values of
// | |              |                                       | accumulated and
// model | |              |                                       | state | |
// `grad`       | targets                               | `loss`, | | | |
// `grad/<parameter>`    | | `eval`       | targets | `loss`, metrics       |
//
// A target is called `target`, or `target/<output>` if several outputs have a
// loss. `lr` is an f32 scalar (f64 if a parameter is). `step` counts finished
// updates (i64). Parameters marked `dlc.frozen`, and those the loss does not
// depend on, keep their value and have no optimizer state; the latter are
// remarked. With `accumulate` N > 1, `step` averages its own gradient with the
// accumulated ones of N - 1 calls of `accumulate` before it, and clears them.
//
// New functions are placed after `model`, which is not changed. Errors go to
// `model` as DLC2002 to DLC2009; no function is left behind then.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_PASSES_TRAINING_BUILDSTEP_H
#define DLC_PASSES_TRAINING_BUILDSTEP_H

#include "passes/training/TrainingOptions.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace dlc {

mlir::FailureOr<mlir::func::FuncOp> buildStep(mlir::func::FuncOp model,
                                              const TrainingOptions &options);

/// Only for `options.accumulate` > 1.
mlir::FailureOr<mlir::func::FuncOp>
buildAccumulate(mlir::func::FuncOp model, const TrainingOptions &options);

/// `model` should have dropout inactive; its new state is dropped.
mlir::FailureOr<mlir::func::FuncOp> buildGrad(mlir::func::FuncOp model,
                                              const TrainingOptions &options);

/// `model` should be the inference form; its new state is dropped.
mlir::FailureOr<mlir::func::FuncOp> buildEval(mlir::func::FuncOp model,
                                              const TrainingOptions &options);

} // namespace dlc

#endif
