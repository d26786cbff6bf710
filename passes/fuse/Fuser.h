//===- Fuser.h - which groups become one kernel -----------------*- C++ -*-===//
#ifndef DLC_PASSES_FUSE_FUSER_H
#define DLC_PASSES_FUSE_FUSER_H

#include "passes/fuse/FusionCost.h"
#include "passes/fuse/FusionGraph.h"

namespace dlc {

/// Merges the groups of `graph` while that saves time under `cost`. Where a
/// result still goes through memory from one group to another, a remark of the
/// category "fusion" says why; `entry` is the function in these remarks.
void fuse(FusionGraph &graph, const FusionCost &cost, llvm::StringRef entry);

} // namespace dlc

#endif
