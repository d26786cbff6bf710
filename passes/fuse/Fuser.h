//===- Fuser.h - which groups become one kernel -----------------*- C++ -*-===//
#ifndef DLC_PASSES_FUSE_FUSER_H
#define DLC_PASSES_FUSE_FUSER_H

#include "passes/fuse/FusionCost.h"
#include "passes/fuse/FusionGraph.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace dlc {

/// How a region walks; `mayMix`: also along and across its rows at once.
mlir::FailureOr<RegionPlan> planGroup(llvm::ArrayRef<mlir::Operation *> ops,
                                      llvm::ArrayRef<mlir::Value> outputs,
                                      bool mayMix, std::string *why = nullptr);

/// Merges the groups of `graph` while that saves time under `cost`; `mayMix`:
/// sums along rows with sums across them. With `explained`, the function that
/// they are of, a remark says why a result still goes through memory from one
/// kernel to another.
void fuse(FusionGraph &graph, const FusionCost &cost, bool mayMix,
          mlir::func::FuncOp explained = {});

} // namespace dlc

#endif
