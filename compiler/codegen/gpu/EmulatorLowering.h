//===- EmulatorLowering.h - GPU kernels as x86-64 functions -----*- C++ -*-===//
//
// Turns the LLVM IR that the NVPTX backend gets into functions for the engine
// of the emulated device (runtime/emulated/EmulatorAbi.h), so that what is
// checked without a GPU is what runs on one.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_COMPILER_CODEGEN_GPU_EMULATORLOWERING_H
#define DLC_COMPILER_CODEGEN_GPU_EMULATORLOWERING_H

#include "mlir/IR/Location.h"
#include "llvm/Support/Error.h"

#include <string>

namespace llvm {
class Module;
}

namespace dlc::gpu {

/// Rewrites `module` in place. Its kernels are the functions with the calling
/// convention ptx_kernel or the attribute "nvvm.kernel"; their parameters are
/// at most 64 bits wide. A kernel may carry the attribute "dlc.inputs"="N": it
/// never stores to its first N parameters, and the emulator holds it to that.
/// Fails with DLC6101 for what the emulator does not know, by name.
llvm::Error lowerForEmulator(llvm::Module &module);

/// Lowers `modules` as above (they are consumed) and compiles them into one
/// x86-64 shared object for DLC_EMULATED_CPU, a thread per module: each must
/// have an LLVMContext of its own. Errors are emitted at `loc`.
mlir::FailureOr<std::string>
emitEmulatedObject(llvm::ArrayRef<llvm::Module *> modules, mlir::Location loc);

} // namespace dlc::gpu

#endif
