//===- Passes.h - checks between phases -------------------------*- C++ -*-===//
#ifndef DLC_PASSES_VERIFY_PASSES_H
#define DLC_PASSES_VERIFY_PASSES_H

#include "dialects/exec/IR/Exec.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace dlc {
#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/verify/Passes.h.inc"
} // namespace dlc

#endif
