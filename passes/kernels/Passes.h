//===- Passes.h - from kernels to plans -------------------------*- C++ -*-===//
#ifndef DLC_PASSES_KERNELS_PASSES_H
#define DLC_PASSES_KERNELS_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace dlc {
#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/kernels/Passes.h.inc"
} // namespace dlc

#endif
