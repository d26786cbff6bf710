//===- Variables.h - the states of all entry points -------------*- C++ -*-===//
#ifndef DLC_PASSES_KERNELS_VARIABLES_H
#define DLC_PASSES_KERNELS_VARIABLES_H

#include "mlir/IR/BuiltinOps.h"

namespace dlc {

/// Adds one `exec.variable` for each state or parameter that a function of
/// `module` takes, at the module's end: parameters first, in the order in which
/// they appear, then running statistics, optimizer state and the rest, each at
/// an aligned offset.
void addVariables(mlir::ModuleOp module);

} // namespace dlc

#endif
