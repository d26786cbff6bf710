//===- Ptx.h - kernels to PTX -----------------------------------*- C++ -*-===//
//
// Emitted kernels go through MLIR's conversions and LLVM's optimizer and NVPTX
// backend. Products and sums are never contracted into one operation and small
// numbers are flushed to zero, as on the CPU, so both compute the same bits.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_COMPILER_CODEGEN_GPU_PTX_H
#define DLC_COMPILER_CODEGEN_GPU_PTX_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"

#include <memory>
#include <string>
#include <vector>

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace dlc::gpu {

/// What is to be known of a kernel beside its code.
struct KernelShape {
  std::string symbol;
  /// Of a workgroup.
  unsigned threads;
  /// It stores nothing to its first `inputs` parameters.
  unsigned inputs;
};

/// Optimized IR, which the emulated device's code is made from too.
struct GpuModule {
  std::unique_ptr<llvm::LLVMContext> context;
  std::unique_ptr<llvm::Module> module;
  std::string ptx;
};

/// Whether code can be made for `arch`: "sm_80" and later ones that LLVM knows.
bool isKnownArchitecture(llvm::StringRef arch);
/// Its number: 80.
unsigned architectureNumber(llvm::StringRef arch);

/// Lowers `modules` (which are consumed), a thread for each, to IR and PTX that
/// every architecture from `arch` on runs. Errors (DLC4203) are at `loc`.
mlir::FailureOr<std::vector<GpuModule>>
emitPtx(llvm::MutableArrayRef<mlir::OwningOpRef<mlir::ModuleOp>> modules,
        llvm::ArrayRef<KernelShape> kernels, llvm::StringRef arch,
        mlir::Location loc);

/// The PTX of all modules as one.
std::string joinPtx(llvm::ArrayRef<GpuModule> modules);

/// The dialects and translations that this needs beside the CPU's.
void registerGpuDialects(mlir::DialectRegistry &registry);

} // namespace dlc::gpu

#endif
