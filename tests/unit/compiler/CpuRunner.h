//===- CpuRunner.h - runs dlc functions through generated CPU code --------===//
//
// Forms kernels in a function, compiles them for this machine and runs them;
// library ops in between are computed by the reference evaluator. So a kernel
// can be compared with the reference on any graph.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_TESTS_UNIT_COMPILER_CPURUNNER_H
#define DLC_TESTS_UNIT_COMPILER_CPURUNNER_H

#include "dialects/dlc/reference/Tensor.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace dlc::test {

struct CpuRun {
  std::vector<reference::Tensor> results;
  unsigned numKernels = 0;
};

/// A context with every dialect that kernels need.
std::unique_ptr<mlir::MLIRContext> createContext();
/// Runs the only function of `module`, whose kernels are formed in place.
mlir::FailureOr<CpuRun> runOnCpu(mlir::ModuleOp module,
                                 llvm::ArrayRef<reference::Tensor> arguments,
                                 unsigned vectorBytes = 0);
/// Numbers in [-2, 2] that depend on `seed`; integers in [0, limit).
reference::Tensor randomTensor(mlir::RankedTensorType type, unsigned seed,
                               int64_t limit = 3);

} // namespace dlc::test

#endif
