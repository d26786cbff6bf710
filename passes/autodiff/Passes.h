//===- Passes.h - passes of differentiation ---------------------*- C++ -*-===//
#ifndef DLC_PASSES_AUTODIFF_PASSES_H
#define DLC_PASSES_AUTODIFF_PASSES_H

#include "mlir/Pass/Pass.h"

namespace dlc {
#define GEN_PASS_DECL
#include "passes/autodiff/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "passes/autodiff/Passes.h.inc"
} // namespace dlc

#endif
