//===- Attention.h - the attention schedule ---------------------*- C++ -*-===//
#ifndef DLC_COMPILER_CODEGEN_EMITTER_ATTENTION_ATTENTION_H
#define DLC_COMPILER_CODEGEN_EMITTER_ATTENTION_ATTENTION_H

#include "compiler/codegen/emitter/Emitter.h"

namespace dlc::emit {

/// As emitKernel, for a kernel of `dlc.attention` or its gradient and the views
/// that it reads and writes through. For GPUs.
mlir::FailureOr<EmittedKernel> emitAttentionKernel(KernelOp kernel,
                                                   llvm::StringRef symbol,
                                                   const Target &target,
                                                   mlir::ModuleOp module);

} // namespace dlc::emit

#endif
