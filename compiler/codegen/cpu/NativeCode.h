//===- NativeCode.h - LLVM modules to x86-64 shared objects -----*- C++ -*-===//
//
// The last steps that the CPU's kernels and the emulated device's share.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_COMPILER_CODEGEN_CPU_NATIVECODE_H
#define DLC_COMPILER_CODEGEN_CPU_NATIVECODE_H

#include "mlir/IR/Location.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Target/TargetMachine.h"

#include <functional>
#include <memory>
#include <string>

namespace llvm {
class Module;
}

namespace dlc::cpu {

/// "x86_64-unknown-linux-gnu".
llvm::StringRef getTriple();
/// LLVM's x86-64 backend, set up on first use. Any thread.
const llvm::Target *findTarget();

/// `cpu` and `features` by LLVM's names ("znver5", "+fma").
std::unique_ptr<llvm::TargetMachine> createMachine(llvm::StringRef cpu,
                                                   llvm::StringRef features);

/// Gives `module` the machine's triple and data layout.
void setTarget(llvm::Module &module, const llvm::TargetMachine &machine);

/// LLVM's -O2 pipeline for kernels, whose loops are vectorized already.
void optimize(llvm::Module &module, llvm::TargetMachine &machine);

/// Writes the object file of `module` to `path`; the reason if it cannot.
llvm::Error writeObject(llvm::Module &module, llvm::TargetMachine &machine,
                        llvm::StringRef path);

/// Calls `emit(i, path)` for each of `count` objects, each on a thread of its
/// own, and links what they write into one shared object. Errors are emitted at
/// `loc` (DLC4003, DLC4004, DLC4005) after all threads have ended; a message of
/// `emit` stands as it is.
mlir::FailureOr<std::string>
linkObjects(size_t count, mlir::Location loc,
            std::function<llvm::Error(size_t, llvm::StringRef)> emit);

} // namespace dlc::cpu

#endif
