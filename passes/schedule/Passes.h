//===- Passes.h - order of plans --------------------------------*- C++ -*-===//
#ifndef DLC_PASSES_SCHEDULE_PASSES_H
#define DLC_PASSES_SCHEDULE_PASSES_H

#include "dialects/exec/IR/Exec.h"
#include "mlir/Pass/Pass.h"

namespace dlc {
#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/schedule/Passes.h.inc"
} // namespace dlc

#endif
