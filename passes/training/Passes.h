//===- Passes.h - passes that make training entry points --------*- C++ -*-===//
#ifndef DLC_PASSES_TRAINING_PASSES_H
#define DLC_PASSES_TRAINING_PASSES_H

#include "dialects/dlc/IR/Dlc.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace dlc {
#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/training/Passes.h.inc"
} // namespace dlc

#endif
