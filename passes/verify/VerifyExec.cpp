//===- VerifyExec.cpp - what the runtime relies on ------------------------===//
//
// Read-only. Reports the first fault of each program:
//
//   every state     a variable of that size; variables lie side by side
//   every read      of an input, a state, a constant or what was written before
//   every place     aligned, in its arena, apart from all that live with it
//   every transfer  waited for once, its places left alone until then
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
  uint64_t ends[2] = {0, 0};
  for (exec::VariableOp variable : byOffset) {
    uint64_t &end = ends[variable.getHost()];
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
    if (state.getHost() != variable.getHost())
      return state.emitError()
             << "DLC4901: state '" << state.getName() << "' lies in the "
             << (variable.getHost() ? "host arena" : "arena")
             << ", but got the other one";
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

/// Transfers under way touch places that others leave alone.
LogicalResult verifyTransfers(exec::ProgramOp program) {
  using Copy = std::pair<Value, Value>;
  SmallVector<Copy> underWay;
  for (exec::Instruction instruction : exec::instructionsOf(program)) {
    auto wait = dyn_cast<exec::WaitOp>(*instruction);
    if (wait) {
      auto *begun =
          llvm::find(underWay, Copy(wait.getSource(), wait.getTarget()));
      if (begun == underWay.end())
        return wait.emitError("DLC4901: a wait follows its transfer, but got "
                              "one for a copy that is not under way");
      underWay.erase(begun);
      continue;
    }
    for (auto [source, target] : underWay)
      if (llvm::is_contained(instruction->getOperands(), target) ||
          llvm::is_contained(instruction.getWritten(), source))
        return instruction->emitError(
            "DLC4901: until a transfer is waited for, nothing touches its "
            "target or writes its source, but got an instruction that does");
    if (auto transfer = dyn_cast<exec::TransferOp>(*instruction))
      underWay.push_back({transfer.getSource(), transfer.getTarget()});
    else if (llvm::any_of(instruction->getOperands(), exec::isOnHost))
      return instruction->emitError(
          "DLC4901: only transfers reach the host arena, but got another "
          "instruction that does");
  }
  if (!underWay.empty())
    return program.emitError()
           << "DLC4901: every transfer is waited for, but got "
           << underWay.size() << " that are not";
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
  uint64_t arenaEnd = exec::isOnHost(place)
                          ? program.getHostArena().value_or(0)
                          : *program.getArena();
  if (*offset < base || end > arenaEnd)
    return op->emitError() << "DLC4901: a place lies between " << base
                           << " and the arena's end at " << arenaEnd
                           << ", but got " << *offset << " to " << end;
  return success();
}

LogicalResult verifyPlaces(exec::ProgramOp program, uint64_t base,
                           bool isOnHost) {
  if (!program.getArena())
    return program.emitError(
        "DLC4901: a program has an arena's size, but got none");
  Lifetimes lifetimes =
      lifetimesOf(program, exec::instructionsOf(program), isOnHost);
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
    uint64_t hostBase = exec::hostStateBytes(getOperation());
    for (auto program : getOperation().getOps<exec::ProgramOp>())
      if (failed(verifyOrder(program)) ||
          failed(verifyStates(program, variables)) ||
          failed(verifyAccesses(program)) ||
          failed(verifyTransfers(program)) ||
          failed(verifyPlaces(program, base, /*isOnHost=*/false)) ||
          failed(verifyPlaces(program, hostBase, /*isOnHost=*/true)))
        return signalPassFailure();
    markAllAnalysesPreserved();
  }
};

} // namespace
