//===- Emitter.h - from a fusion region to code -----------------*- C++ -*-===//
//
// Emits one function per kernel into a module, in scf, arith, vector, math and
// LLVM memory ops, and for GPUs those that name threads. On a CPU:
//
//   func.func @k(%buffers: !llvm.ptr, %dims: !llvm.ptr, %first: i64, %end: i64)
//
// `buffers` points to the inputs' and then the outputs' base pointers. The
// kernel's work is a grid of `groups` workgroups; a call does those in [first,
// end). What a group does depends on shapes alone, so results do not depend on
// how the grid is split over threads.
//
// On a GPU a workgroup is a block of threads, and the buffers are parameters,
// unless they are a list's, which come in a table:
//
//   func.func @k(%in0: !llvm.ptr<1>, …, %out0: !llvm.ptr<1>, …)
//   func.func @k(%buffers: !llvm.ptr<1>, %dims: !llvm.ptr<1>)
//
//===----------------------------------------------------------------------===//
#ifndef DLC_COMPILER_CODEGEN_EMITTER_EMITTER_H
#define DLC_COMPILER_CODEGEN_EMITTER_EMITTER_H

#include "dialects/dlc/IR/Dlc.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace dlc::emit {

struct Target {
  /// Width of a vector register; on a GPU, of the widest access of a thread.
  unsigned bytes = 64;
  /// Kernels check that what they compute is finite. They get one more buffer,
  /// a 32-bit flag that they set to 1 if it is not.
  bool checksFinite = false;
  bool isGpu = false;
};

struct EmittedKernel {
  mlir::func::FuncOp function;
  /// Number of workgroups.
  int64_t groups;
  /// What the launch passes as `dims`.
  std::vector<int64_t> dims;
  /// GPUs: threads of a workgroup, and whether buffers come in a table.
  unsigned threads = 0;
  bool isTable = false;
};

/// Emits `kernel` as a function named `symbol` at the end of `module`. Fails
/// with a diagnostic if the kernel's body cannot walk as its schedule says.
mlir::FailureOr<EmittedKernel> emitKernel(KernelOp kernel,
                                          llvm::StringRef symbol,
                                          const Target &target,
                                          mlir::ModuleOp module);

} // namespace dlc::emit

#endif
