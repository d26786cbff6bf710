//===- Fuser.h - which groups become one kernel -----------------*- C++ -*-===//
#ifndef DLC_PASSES_FUSE_FUSER_H
#define DLC_PASSES_FUSE_FUSER_H

#include "passes/fuse/FusionCost.h"
#include "passes/fuse/FusionGraph.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace dlc {

/// Merges the groups of `graph`, which are `function`'s, while that saves time
/// under `cost`. A remark says why a result still goes through memory from one
/// kernel to another.
void fuse(FusionGraph &graph, const FusionCost &cost,
          mlir::func::FuncOp function);

} // namespace dlc

#endif
