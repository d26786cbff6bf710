//===- Scatter.h - the scatter schedule -------------------------*- C++ -*-===//
#ifndef DLC_COMPILER_CODEGEN_EMITTER_SCATTER_H
#define DLC_COMPILER_CODEGEN_EMITTER_SCATTER_H

#include "compiler/codegen/emitter/Emitter.h"

namespace dlc::emit {

/// As emitKernel, for a kernel whose only op is a `dlc.scatter_add`.
mlir::FailureOr<EmittedKernel> emitScatterKernel(KernelOp kernel,
                                                 llvm::StringRef symbol,
                                                 const Target &target,
                                                 mlir::ModuleOp module);

} // namespace dlc::emit

#endif
