//===- Passes.h - passes that form and place attention ----------*- C++ -*-===//
#ifndef DLC_PASSES_ATTENTION_PASSES_H
#define DLC_PASSES_ATTENTION_PASSES_H

#include "dialects/dlc/IR/Dlc.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace dlc {
#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/attention/Passes.h.inc"
} // namespace dlc

#endif
