//===- RegisterAll.h - every dialect and pass, in one place -----*- C++ -*-===//
#ifndef DLC_COMPILER_DRIVER_REGISTERALL_H
#define DLC_COMPILER_DRIVER_REGISTERALL_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace dlc {
/// The dialects that programs and kernels use on their way to an artifact.
void registerAllDialects(mlir::DialectRegistry &registry);
/// Every pass of dlc, and those of MLIR that help to look at a phase. Call once
/// per process.
void registerAllPasses();
} // namespace dlc

#endif
