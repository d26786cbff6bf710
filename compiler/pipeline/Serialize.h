//===- Serialize.h - plans in the artifact's words --------------*- C++ -*-===//
//
// One record per op of the exec dialect: variables become states, programs
// programs, places buffers and instructions instructions. Nothing is decided
// here.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_COMPILER_PIPELINE_SERIALIZE_H
#define DLC_COMPILER_PIPELINE_SERIALIZE_H

#include "compiler/pipeline/KernelTable.h"
#include "dialects/exec/IR/Exec.h"
#include "runtime/artifact/artifact_generated.h"

#include <vector>

namespace dlc {

/// Names of the ONNX nodes (or source lines) that `loc` stands for.
std::vector<std::string> nodeNames(mlir::Location loc);

/// Bytes of the constants section, filled as programs are serialized; equal
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

/// From the name of an `exec.kernel` to its code in a KernelTable.
using KernelIndices = llvm::StringMap<unsigned>;

/// Emits the code of every kernel of `module` into `kernels`, and writes the
/// grids that the code wants into the launches.
mlir::FailureOr<KernelIndices> emitKernels(mlir::ModuleOp module,
                                           KernelTable &kernels);

/// The states of `module` in order; initial values are not in it.
std::vector<std::unique_ptr<fb::StateT>> serializeStates(mlir::ModuleOp module);

/// `program`, whose memory is planned and whose launches have grids.
std::unique_ptr<fb::ProgramT> serializeProgram(exec::ProgramOp program,
                                               const KernelIndices &kernels,
                                               ConstantPool &constants);

} // namespace dlc

#endif
