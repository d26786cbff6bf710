//===- Fuser.h - which groups become one kernel -----------------*- C++ -*-===//
#ifndef DLC_PASSES_FUSE_FUSER_H
#define DLC_PASSES_FUSE_FUSER_H

#include "passes/fuse/FusionCost.h"
#include "passes/fuse/FusionGraph.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace dlc {

/// Merges the groups of `graph` while that saves time under `cost`. With
/// `explained`, the function that they are of, a remark says why a result still
/// goes through memory from one kernel to another.
void fuse(FusionGraph &graph, const FusionCost &cost,
          mlir::func::FuncOp explained = {});

} // namespace dlc

#endif
