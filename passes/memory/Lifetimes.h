//===- Lifetimes.h - when each place of a plan is in use --------*- C++ -*-===//
#ifndef DLC_PASSES_MEMORY_LIFETIMES_H
#define DLC_PASSES_MEMORY_LIFETIMES_H

#include "dialects/exec/IR/Exec.h"
#include "passes/memory/PlanMemory.h"
#include "llvm/ADT/MapVector.h"

namespace dlc {

/// For each input and temporary of an arena, in order: its bytes, and the
/// first and last instruction that touch it. Inputs are there before the first
/// instruction (-1), outputs until after the last (their number).
using Lifetimes = llvm::MapVector<mlir::Value, LiveBuffer>;

/// The lifetimes under the order of `instructions`, which may differ from that
/// of the ops: in the arena, or in the host arena.
Lifetimes lifetimesOf(exec::ProgramOp program,
                      llvm::ArrayRef<exec::Instruction> instructions,
                      bool isOnHost = false);

} // namespace dlc

#endif
