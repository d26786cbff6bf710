//===- Scatter.h - the scatter schedule -------------------------*- C++ -*-===//
#ifndef DLC_COMPILER_CODEGEN_EMITTER_SCATTER_H
#define DLC_COMPILER_CODEGEN_EMITTER_SCATTER_H

#include "compiler/codegen/emitter/Emitter.h"

namespace dlc::emit {

/// Fills `function` with the code of `kernel`, whose only op is a
/// `dlc.scatter_add`.
mlir::FailureOr<EmittedKernel> emitScatterKernel(KernelOp kernel,
                                                 mlir::func::FuncOp function,
                                                 const VectorTarget &target);

} // namespace dlc::emit

#endif
