//===- Clamps.h - one instruction for a clamp -------------------*- C++ -*-===//
#ifndef DLC_COMPILER_CODEGEN_GPU_CLAMPS_H
#define DLC_COMPILER_CODEGEN_GPU_CLAMPS_H

#include "mlir/IR/BuiltinOps.h"

namespace dlc::gpu {

/// Replaces the clamps of f32 in `module`, kernels in arith ops, by maximumf and
/// minimumf. NaN stays NaN, everything else keeps its bits.
void useClampInstructions(mlir::ModuleOp module);

} // namespace dlc::gpu

#endif
