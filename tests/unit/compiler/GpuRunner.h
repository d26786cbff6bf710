//===- GpuRunner.h - runs dlc functions through generated GPU code --------===//
//
// As CpuRunner.h, with the kernels on the emulated device.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_TESTS_UNIT_COMPILER_GPURUNNER_H
#define DLC_TESTS_UNIT_COMPILER_GPURUNNER_H

#include "tests/unit/compiler/CpuRunner.h"

#include <string>

namespace dlc::test {

/// Runs the only function of `module`, whose kernels are formed in place. The
/// threads' order follows from `seed`. With `splitsSums` sums with few results
/// are in two stages, as in programs for GPUs. Failures are gtest failures: what
/// the emulator finds wrong in a kernel is one. `isInPlace`: the first output of
/// each kernel lies over the first input that has its size.
mlir::FailureOr<CpuRun> runOnGpu(mlir::ModuleOp module,
                                 llvm::ArrayRef<reference::Tensor> arguments,
                                 uint64_t seed = 0, bool splitsSums = false,
                                 bool isInPlace = false);

} // namespace dlc::test

#endif
