//===- ChooseRecompute.h - which activations to compute twice ---*- C++ -*-===//
//
// What recomputation costs and saves is not estimated but planned: each
// candidate goes through fusion, scheduling and the memory planner, and its
// bytes are those that the program would have.
//
// Candidates are tried in a fixed order of rising time, and the first whose
// arena fits is taken. So the peak never rises as the limit falls: a smaller
// limit can only move the choice to a candidate whose arena is smaller than
// that limit.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_COMPILER_PIPELINE_CHOOSERECOMPUTE_H
#define DLC_COMPILER_PIPELINE_CHOOSERECOMPUTE_H

#include "compiler/pipeline/Phases.h"

#include "mlir/IR/BuiltinOps.h"

namespace dlc {

/// One way to recompute, planned.
struct RecomputePlan {
  /// As dlc-recompute's `mode`.
  std::string mode = "none";
  /// The arena with the states, over all programs, the constants, and the
  /// scratch of library calls on the default number of threads.
  uint64_t bytes = 0;
  /// Predicted time of the training programs, in ns; only ratios mean
  /// something.
  double time = 0;
  /// Arithmetic that is done twice.
  double flops = 0;
};

struct RecomputeRequest {
  /// none, cheap, full, full:segments=N or auto.
  std::string mode = "none";
  /// What `bytes` is to fit in; 0: no limit.
  uint64_t memoryLimit = 0;
  bool fuse = true;
  /// As ExecOptions.
  std::string offload = "none";
};

/// Chooses for the module that the graph phase has made (without
/// recomputation). `auto` takes the fastest plan that fits, or the smallest if
/// none does; without a limit, whichever of none and cheap is faster. `full`
/// takes the plan that needs least, `cheap` none where cheap needs no less. Every plan that was tried is in
/// `tried`, the chosen one last. Fails if a candidate does not compile.
mlir::FailureOr<RecomputePlan>
chooseRecompute(mlir::ModuleOp graph, const RecomputeRequest &request,
                std::vector<RecomputePlan> &tried);

} // namespace dlc

#endif
