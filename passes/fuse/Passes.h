//===- Passes.h - fusion passes ---------------------------------*- C++ -*-===//
#ifndef DLC_PASSES_FUSE_PASSES_H
#define DLC_PASSES_FUSE_PASSES_H

#include "mlir/Pass/Pass.h"

namespace dlc {
#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/fuse/Passes.h.inc"
} // namespace dlc

#endif
