//===- EmitObject.h - kernels to machine code for a CPU ---------*- C++ -*-===//
#ifndef DLC_COMPILER_CODEGEN_CPU_EMITOBJECT_H
#define DLC_COMPILER_CODEGEN_CPU_EMITOBJECT_H

#include "mlir/IR/BuiltinOps.h"

#include <string>
#include <vector>

namespace dlc::cpu {

/// What code is generated for.
struct CpuTarget {
  /// LLVM's name of the CPU, and features beyond that CPU's own.
  std::string cpu, features;
  /// Width of a vector register in bytes: 16, 32 or 64.
  unsigned vectorBytes = 16;
  /// What a machine needs to run the code, by LLVM's names ("avx512f").
  std::vector<std::string> needs;
};

/// The target for CPU `name`; the machine's own for "" or "native". Fails, with
/// a diagnostic at `loc` (DLC4002), for a name that LLVM does not know.
mlir::FailureOr<CpuTarget> findCpuTarget(llvm::StringRef name,
                                         mlir::Location loc);

/// Lowers the kernel functions of `modules` to LLVM and links them into one
/// shared object, one thread per module. The modules are consumed.
mlir::FailureOr<std::string>
emitSharedObject(llvm::MutableArrayRef<mlir::OwningOpRef<mlir::ModuleOp>> modules,
                 const CpuTarget &target);

} // namespace dlc::cpu

#endif
