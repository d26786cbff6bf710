//===- VerifyExec.cpp - what the runtime relies on ------------------------===//
//
// Read-only. Reports the first fault of each program:
//
//   every state     a variable of that size; variables lie side by side
//   every read      of an input, a state, a constant or what was written before
//   every place     aligned, in the arena, apart from all that live with it
//
//===----------------------------------------------------------------------===//
#include "passes/memory/Lifetimes.h"
#include "passes/verify/Passes.h"

#include "llvm/ADT/StringMap.h"

namespace dlc {
#define GEN_PASS_DEF_VERIFYEXECPASS
#include "passes/verify/Passes.h.inc"
} // namespace dlc

using namespace mlir;
using namespace dlc;

namespace {

using Variables = llvm::StringMap<exec::VariableOp>;

LogicalResult findVariables(ModuleOp module, Variables &variables) {
  SmallVector<exec::VariableOp> byOffset;
  for (auto variable : module.getOps<exec::VariableOp>()) {
    if (!variables.try_emplace(variable.getName(), variable).second)
      return variable.emitError()
             << "DLC4901: a variable has a name of its own, but got another '"
             << variable.getName() << "'";
    byOffset.push_back(variable);
  }
  llvm::stable_sort(byOffset, [](exec::VariableOp a, exec::VariableOp b) {
    return a.getOffset() < b.getOffset();
  });
  uint64_t end = 0;
  for (exec::VariableOp variable : byOffset) {
    if (variable.getOffset() < end)
      return variable.emitError()
             << "DLC4901: variable '" << variable.getName()
             << "' begins behind the one before it, at " << end
             << ", but got " << variable.getOffset();
    end = variable.getOffset() + exec::bytesOf(variable.getTensorType());
  }
  return success();
}

/// Places, then instructions, then outputs.
LogicalResult verifyOrder(exec::ProgramOp program) {
  int stage = 0;
  for (Operation &op : program.getBlock()) {
    int own = isa<exec::Instruction>(op) ? 1 : isa<exec::OutputOp>(op) ? 2 : 0;
    if (!isa<exec::ExecDialect>(op.getDialect()) || own < stage)
      return op.emitError("DLC4901: a program holds places, then "
                          "instructions, then outputs, but got '")
             << op.getName() << "' here";
    stage = own;
  }
  return success();
}

LogicalResult verifyStates(exec::ProgramOp program,
                           const Variables &variables) {
  for (auto state : program.getBlock().getOps<exec::StateOp>()) {
    exec::VariableOp variable = variables.lookup(state.getName());
    if (!variable)
      return state.emitError()
             << "DLC4901: a state is a variable of the module, but got '"
             << state.getName() << "'";
    uint64_t bytes = exec::bytesOf(variable.getTensorType());
    if (exec::bytesOf(state.getBuffer()) != bytes)
      return state.emitError()
             << "DLC4901: state '" << state.getName() << "' has " << bytes
             << " bytes, but got " << exec::bytesOf(state.getBuffer());
  }
  return success();
}

LogicalResult verifyAccesses(exec::ProgramOp program) {
  llvm::DenseSet<Value> written;
  auto isWritten = [&](Value place) {
    return !place.getDefiningOp<exec::BufferOp>() || written.contains(place);
  };
  for (exec::Instruction instruction : exec::instructionsOf(program)) {
    for (Value place : instruction.getRead())
      if (!isWritten(place))
        return instruction->emitError(
            "DLC4901: an instruction reads what was written before, but got a "
            "place that was not");
    for (Value place : instruction.getWritten()) {
      if (place.getDefiningOp<exec::ConstantOp>())
        return instruction->emitError(
            "DLC4901: constants are read alone, but got a write to one");
      written.insert(place);
    }
  }
  for (auto output : program.getBlock().getOps<exec::OutputOp>())
    if (!isWritten(output.getBuffer()))
      return output.emitError() << "DLC4901: output '" << output.getName()
                                << "' is written, but got a place that is not";
  return success();
}

LogicalResult verifyPlace(exec::ProgramOp program, Value place,
                          uint64_t base) {
  Operation *op = place.getDefiningOp();
  std::optional<uint64_t> offset = exec::offsetOf(place);
  if (!offset)
    return op->emitError("DLC4901: every place has an offset, but got none");
  if (*offset % exec::arenaAlignment)
    return op->emitError() << "DLC4901: an offset is a multiple of "
                           << exec::arenaAlignment << ", but got " << *offset;
  uint64_t end = *offset + exec::bytesOf(place);
  if (*offset < base || end > *program.getArena())
    return op->emitError() << "DLC4901: a place lies between " << base
                           << " and the arena's end at " << *program.getArena()
                           << ", but got " << *offset << " to " << end;
  return success();
}

LogicalResult verifyPlaces(exec::ProgramOp program, uint64_t base) {
  if (!program.getArena())
    return program.emitError(
        "DLC4901: a program has an arena's size, but got none");
  Lifetimes lifetimes = lifetimesOf(program, exec::instructionsOf(program));
  for (auto &[place, live] : lifetimes)
    if (failed(verifyPlace(program, place, base)))
      return failure();
  // By first use, so that each is compared with what is in use then.
  SmallVector<std::pair<Value, LiveBuffer>> order, inUse;
  for (auto &[place, live] : lifetimes)
    if (live.bytes)
      order.push_back({place, live});
  llvm::stable_sort(order, [](const auto &a, const auto &b) {
    return a.second.first < b.second.first;
  });
  for (auto &[place, live] : order) {
    int64_t now = live.first;
    llvm::erase_if(inUse,
                   [&](const auto &other) { return other.second.last < now; });
    uint64_t begin = *exec::offsetOf(place), end = begin + live.bytes;
    for (auto &[other, otherLive] : inUse) {
      uint64_t otherBegin = *exec::offsetOf(other);
      if (begin < otherBegin + otherLive.bytes && otherBegin < end) {
        InFlightDiagnostic error = place.getDefiningOp()->emitError();
        error << "DLC4901: places in use at one time lie apart, but got "
              << begin << " to " << end << " and " << otherBegin << " to "
              << otherBegin + otherLive.bytes;
        error.attachNote(other.getLoc()) << "the other place";
        return error;
      }
    }
    inUse.push_back({place, live});
  }
  return success();
}

struct VerifyExec : dlc::impl::VerifyExecPassBase<VerifyExec> {
  void runOnOperation() override {
    Variables variables;
    if (failed(findVariables(getOperation(), variables)))
      return signalPassFailure();
    uint64_t base = exec::stateBytes(getOperation());
    for (auto program : getOperation().getOps<exec::ProgramOp>())
      if (failed(verifyOrder(program)) ||
          failed(verifyStates(program, variables)) ||
          failed(verifyAccesses(program)) ||
          failed(verifyPlaces(program, base)))
        return signalPassFailure();
    markAllAnalysesPreserved();
  }
};

} // namespace
