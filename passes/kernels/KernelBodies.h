//===- KernelBodies.h - every distinct kernel body once ---------*- C++ -*-===//
#ifndef DLC_PASSES_KERNELS_KERNELBODIES_H
#define DLC_PASSES_KERNELS_KERNELBODIES_H

#include "dialects/exec/IR/Exec.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

namespace dlc {

/// What a kernel's code depends on: schedule and body, without names and
/// locations. Kernels of one key have one code.
std::string kernelKey(KernelOp kernel);

/// The `exec.kernel`s of a module.
class KernelBodies {
public:
  /// Inserts at the end of `module`.
  explicit KernelBodies(mlir::ModuleOp module) : module(module) {}
  /// The one that computes what `kernel` does.
  exec::KernelOp add(KernelOp kernel);

private:
  mlir::ModuleOp module;
  llvm::StringMap<exec::KernelOp> known;
  llvm::StringSet<> symbols;
};

} // namespace dlc

#endif
