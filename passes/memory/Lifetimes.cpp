//===- Lifetimes.cpp - when each place of a plan is in use ----------------===//
#include "passes/memory/Lifetimes.h"

using namespace mlir;

namespace dlc {

Lifetimes lifetimesOf(exec::ProgramOp program,
                      ArrayRef<exec::Instruction> instructions,
                      bool isOnHost) {
  Lifetimes lifetimes;
  int64_t end = int64_t(instructions.size());
  for (Operation &op : program.getBlock()) {
    if (auto argument = dyn_cast<exec::ArgumentOp>(op); argument && !isOnHost)
      lifetimes[argument.getBuffer()] = {exec::bytesOf(argument.getBuffer()),
                                         -1, -1};
    else if (auto buffer = dyn_cast<exec::BufferOp>(op);
             buffer && buffer.getHost() == isOnHost)
      // One that nothing touches counts as touched at the end.
      lifetimes[buffer.getBuffer()] = {exec::bytesOf(buffer.getBuffer()), end,
                                       -1};
  }
  for (auto [i, instruction] : llvm::enumerate(instructions))
    for (Value place : instruction->getOperands())
      if (auto it = lifetimes.find(place); it != lifetimes.end()) {
        it->second.first = std::min(it->second.first, int64_t(i));
        it->second.last = std::max(it->second.last, int64_t(i));
      }
  for (exec::OutputOp output : program.getBlock().getOps<exec::OutputOp>())
    if (auto it = lifetimes.find(output.getBuffer()); it != lifetimes.end())
      it->second.last = end;
  for (auto &[place, live] : lifetimes)
    live.last = std::max(live.first, live.last);
  return lifetimes;
}

} // namespace dlc
