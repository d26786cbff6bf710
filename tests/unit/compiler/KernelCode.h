//===- KernelCode.h - the two ways that tests run kernels -------*- C++ -*-===//
#ifndef DLC_TESTS_UNIT_COMPILER_KERNELCODE_H
#define DLC_TESTS_UNIT_COMPILER_KERNELCODE_H

#include "compiler/pipeline/KernelTable.h"
#include "tests/unit/compiler/CpuRunner.h"

#include "mlir/Pass/PassManager.h"

namespace dlc::test {

/// Compiles the kernels of a table, then runs them one by one.
class KernelCode {
public:
  virtual ~KernelCode() = default;
  /// Appends what makes kernels of the module's ops.
  virtual void addPasses(mlir::PassManager &passes) = 0;
  virtual mlir::LogicalResult compile(KernelTable &table,
                                      mlir::Location loc) = 0;
  /// `buffers` are those of the launch, inputs first.
  virtual mlir::LogicalResult
  run(const KernelEntry &entry,
      llvm::ArrayRef<llvm::MutableArrayRef<char>> buffers) = 0;
};

/// The handle of a shared object in memory; null if it does not load.
void *loadCode(const std::string &code);

/// Forms kernels in the only function of `module` and runs it; library ops are
/// computed by the reference evaluator.
mlir::FailureOr<CpuRun> runKernels(mlir::ModuleOp module,
                                   llvm::ArrayRef<reference::Tensor> arguments,
                                   KernelTable &table, KernelCode &code);

} // namespace dlc::test

#endif
