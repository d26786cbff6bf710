//===- KernelFunction.h - a kernel's function and arguments -----*- C++ -*-===//
//
// The signature differs by target (see Emitter.h); emitters ask here for the
// address of a buffer, by its position among inputs, outputs and flag.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_COMPILER_CODEGEN_EMITTER_KERNELFUNCTION_H
#define DLC_COMPILER_CODEGEN_EMITTER_KERNELFUNCTION_H

#include "compiler/codegen/emitter/Emitter.h"

namespace dlc::emit {

class KernelFunction {
public:
  /// Makes an empty function at the end of `module`. `isTable` is for GPUs:
  /// buffers come in a table.
  KernelFunction(mlir::ModuleOp module, mlir::Location loc,
                 llvm::StringRef symbol, const Target &target,
                 size_t numBuffers, bool isTable = false);

  mlir::func::FuncOp get() const { return function; }
  mlir::Block &entry() { return function.getBody().front(); }
  mlir::Value pointer(mlir::OpBuilder &b, int64_t position);
  /// The same for a position that only a table allows: on CPUs, or `isTable`.
  mlir::Value pointer(mlir::OpBuilder &b, mlir::Value position);
  /// Element `position` of `dims`; on GPUs of tables only.
  mlir::Value dim(mlir::OpBuilder &b, mlir::Value position);
  /// CPUs: the range of workgroups of this call.
  mlir::Value firstGroup() { return function.getArgument(2); }
  mlir::Value endGroup() { return function.getArgument(3); }
  /// Ends the function.
  void finish(mlir::OpBuilder &b);

private:
  mlir::func::FuncOp function;
  mlir::Location loc;
  mlir::Type pointerType;
  bool hasTable;
};

} // namespace dlc::emit

#endif
