//===- LowerProgram.h - from kernels to the runtime's plan ------*- C++ -*-===//
//
// Turns a function of kernels and library ops into a program: an order of
// launches and library calls, and a place in the arena for every tensor.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_COMPILER_PIPELINE_LOWERPROGRAM_H
#define DLC_COMPILER_PIPELINE_LOWERPROGRAM_H

#include "compiler/pipeline/KernelTable.h"
#include "compiler/pipeline/StateTable.h"

#include <vector>

namespace dlc {

/// Bytes of the constants section, filled as programs are lowered; equal
/// constants are stored once.
class ConstantPool {
public:
  /// Offset of `value`, 64-byte aligned.
  uint64_t add(mlir::ElementsAttr value);
  std::vector<std::byte> &getBytes() { return bytes; }

private:
  std::vector<std::byte> bytes;
  llvm::StringMap<uint64_t> offsets;
};

/// Lowers `function` as entry `name`. State offsets are fixed before.
mlir::FailureOr<std::unique_ptr<fb::ProgramT>>
lowerProgram(mlir::func::FuncOp function, llvm::StringRef name,
             const StateTable &states, KernelTable &kernels,
             ConstantPool &constants);

} // namespace dlc

#endif
