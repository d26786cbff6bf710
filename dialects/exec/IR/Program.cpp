//===- Program.cpp - what passes on plans share ---------------------------===//
#include "dialects/exec/IR/Exec.h"

using namespace mlir;

namespace dlc::exec {

uint64_t bytesOf(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  unsigned bits = tensor.getElementTypeBitWidth();
  return uint64_t(tensor.getNumElements()) * std::max(bits / 8, 1u);
}

uint64_t bytesOf(Value buffer) {
  return cast<BufferType>(buffer.getType()).getBytes();
}

BufferType bufferTypeOf(Type type) {
  return BufferType::get(type.getContext(), bytesOf(type));
}

static uint64_t variablesEnd(ModuleOp module, bool isOnHost) {
  uint64_t end = 0;
  for (VariableOp variable : module.getOps<VariableOp>())
    if (variable.getHost() == isOnHost)
      end = std::max(end, uint64_t(variable.getOffset()) +
                              llvm::alignTo(bytesOf(variable.getTensorType()),
                                            arenaAlignment));
  return end;
}

uint64_t stateBytes(ModuleOp module) { return variablesEnd(module, false); }

uint64_t hostStateBytes(ModuleOp module) { return variablesEnd(module, true); }

bool isOnHost(Value buffer) {
  if (auto state = buffer.getDefiningOp<StateOp>())
    return state.getHost();
  auto temporary = buffer.getDefiningOp<BufferOp>();
  return temporary && temporary.getHost();
}

bool isTemporary(Value buffer) {
  return isa_and_nonnull<ArgumentOp, BufferOp>(buffer.getDefiningOp());
}

std::optional<uint64_t> offsetOf(Value buffer) {
  if (auto argument = buffer.getDefiningOp<ArgumentOp>())
    return argument.getOffset();
  if (auto temporary = buffer.getDefiningOp<BufferOp>())
    return temporary.getOffset();
  return std::nullopt;
}

void setOffset(Value buffer, uint64_t offset) {
  if (auto argument = buffer.getDefiningOp<ArgumentOp>())
    argument.setOffset(int64_t(offset));
  else
    cast<BufferOp>(buffer.getDefiningOp()).setOffset(int64_t(offset));
}

SmallVector<Instruction> instructionsOf(ProgramOp program) {
  return llvm::to_vector(program.getBlock().getOps<Instruction>());
}

} // namespace dlc::exec
