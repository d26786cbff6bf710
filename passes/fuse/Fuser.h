//===- Fuser.h - which groups become one kernel -----------------*- C++ -*-===//
#ifndef DLC_PASSES_FUSE_FUSER_H
#define DLC_PASSES_FUSE_FUSER_H

#include "passes/fuse/FusionCost.h"
#include "passes/fuse/FusionGraph.h"

namespace dlc {

/// Merges the groups of `graph` while that saves time under `cost`.
void fuse(FusionGraph &graph, const FusionCost &cost);

} // namespace dlc

#endif
