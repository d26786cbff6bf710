//===- Passes.h - passes that ask the libraries -----------------*- C++ -*-===//
#ifndef DLC_COMPILER_PIPELINE_PASSES_H
#define DLC_COMPILER_PIPELINE_PASSES_H

#include "dialects/exec/IR/Exec.h"
#include "mlir/Pass/Pass.h"

namespace dlc {
#define GEN_PASS_DECL
#include "compiler/pipeline/Passes.h.inc"
} // namespace dlc

#endif
