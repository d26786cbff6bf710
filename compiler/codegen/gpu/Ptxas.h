//===- Ptxas.h - PTX to machine code of one architecture --------*- C++ -*-===//
//
// NVIDIA's assembler is a program of its toolkit (or of the Python package
// `nvidia-cuda-nvcc-cu12`). Without it an artifact carries PTX alone, which the
// driver compiles when it loads.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_COMPILER_CODEGEN_GPU_PTXAS_H
#define DLC_COMPILER_CODEGEN_GPU_PTXAS_H

#include "mlir/IR/Location.h"

#include <string>
#include <vector>

namespace dlc::gpu {

/// What ptxas says a kernel takes of one processor.
struct KernelResources {
  std::string symbol, arch;
  unsigned registers = 0;
  /// Stored to and loaded from local memory because registers were not enough.
  unsigned spillBytes = 0;
  unsigned sharedBytes = 0;
};

struct Cubin {
  std::string bytes;
  std::vector<KernelResources> kernels;
};

/// The path of ptxas: on PATH, else $CUDA_HOME/bin, else /usr/local/cuda/bin;
/// empty if it is in none.
std::string findPtxas();

/// Assembles `ptx` for `arch` ("sm_90") with the program at `path`. DLC4204
/// with what it said if it refuses. Where kernels spill, they are assembled
/// again as withWorkgroups() has it, first with 2, and the better code is taken.
mlir::FailureOr<Cubin> assemble(llvm::StringRef ptx, llvm::StringRef arch,
                                const std::string &path, mlir::Location loc);

/// `ptx` with the demand that so many workgroups of each of `kernels` fit on a
/// processor. Without one, the assembler leaves kernels of 256 threads about 80
/// registers, for three workgroups, and spills what does not fit; with 2 they
/// may have 128, with 1 all 255.
std::string withWorkgroups(llvm::StringRef ptx,
                           llvm::ArrayRef<KernelResources> kernels,
                           unsigned workgroups);

} // namespace dlc::gpu

#endif
