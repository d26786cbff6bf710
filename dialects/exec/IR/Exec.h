//===- Exec.h - the plan dialect --------------------------------*- C++ -*-===//
//
// What the runtime will do: places in the arena and instructions on them, one
// op each. `ExecOps.td` has the ops; the functions below are what passes on
// plans share.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_DIALECTS_EXEC_IR_EXEC_H
#define DLC_DIALECTS_EXEC_IR_EXEC_H

#include "dialects/dlc/IR/Dlc.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"

namespace dlc::exec {
/// What an instruction costs, by its shapes alone.
struct InstructionCost {
  uint64_t operations = 0, bytesRead = 0, bytesWritten = 0;
};
} // namespace dlc::exec

#include "dialects/exec/IR/ExecEnums.h.inc"

#include "dialects/exec/IR/ExecDialect.h.inc"
#include "dialects/exec/IR/ExecInterfaces.h.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/exec/IR/ExecTypes.h.inc"

#define GET_OP_CLASSES
#include "dialects/exec/IR/ExecOps.h.inc"

namespace dlc::exec {

/// Offsets of places and states are multiples of this.
inline constexpr uint64_t arenaAlignment = 64;

/// Bytes of a tensor in memory (`i1` takes one byte).
uint64_t bytesOf(mlir::Type tensorType);
/// Bytes of a place.
uint64_t bytesOf(mlir::Value buffer);
/// The place's type for a tensor.
BufferType bufferTypeOf(mlir::Type tensorType);
/// Bytes of the arena below the temporaries: where the last variable ends.
uint64_t stateBytes(mlir::ModuleOp module);
/// The same of the host arena.
uint64_t hostStateBytes(mlir::ModuleOp module);
/// Whether a place lies in the host arena.
bool isOnHost(mlir::Value buffer);
/// Whether `buffer` is memory that lives in one call alone: an input or a
/// temporary.
bool isTemporary(mlir::Value buffer);
/// The byte offset in its arena of an input or a temporary; none before memory
/// is planned.
std::optional<uint64_t> offsetOf(mlir::Value buffer);
void setOffset(mlir::Value buffer, uint64_t offset);

/// The instructions of `program` in order.
llvm::SmallVector<Instruction> instructionsOf(ProgramOp program);

} // namespace dlc::exec

#endif
