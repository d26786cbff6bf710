//===- CpuPipeline.h - kernels from scf, vector and arith to LLVM -*- C++ -*-===//
#ifndef DLC_COMPILER_CODEGEN_CPU_CPUPIPELINE_H
#define DLC_COMPILER_CODEGEN_CPU_CPUPIPELINE_H

namespace mlir {
class OpPassManager;
class DialectRegistry;
} // namespace mlir

namespace dlc::cpu {

/// Passes that take emitted kernels to the LLVM dialect.
void buildCpuPipeline(mlir::OpPassManager &passes);
/// The dialects and translations that this needs.
void registerCpuDialects(mlir::DialectRegistry &registry);

} // namespace dlc::cpu

#endif
