//===- ElideCopies.cpp - write new states in place ------------------------===//
//
//   exec.launch @sgd(%w, %g) -> (%new)        exec.launch @sgd(%w, %g) -> (%w)
//   exec.copy %new -> %w                 ->
//
// Legal if one instruction writes %new, everything else that touches %w runs
// before it, and that instruction reads of %w no more than the element that it
// then overwrites.
//
//===----------------------------------------------------------------------===//
#include "passes/memory/Passes.h"

namespace dlc {
#define GEN_PASS_DEF_ELIDECOPIESPASS
#include "passes/memory/Passes.h.inc"
} // namespace dlc

using namespace mlir;
using namespace dlc;

/// The only instruction that writes `place`; null if there are several.
static exec::Instruction onlyWriter(Value place) {
  exec::Instruction writer;
  for (Operation *user : place.getUsers()) {
    auto instruction = dyn_cast<exec::Instruction>(user);
    if (!instruction || !llvm::is_contained(instruction.getWritten(), place) ||
        instruction == writer)
      continue;
    if (writer)
      return {};
    writer = instruction;
  }
  return writer;
}

/// Whether the writer of `copy`'s source may write the target instead.
static bool mayWriteTarget(exec::CopyOp copy) {
  Value fresh = copy.getSource(), state = copy.getTarget();
  if (!fresh.getDefiningOp<exec::BufferOp>() ||
      !state.getDefiningOp<exec::StateOp>() ||
      fresh.getType() != state.getType() ||
      copy.getBytes() != exec::bytesOf(state))
    return false;
  exec::Instruction writer = onlyWriter(fresh);
  if (!writer)
    return false;
  for (Operation *user : state.getUsers())
    if (user != copy && user != writer &&
        (isa<exec::OutputOp>(user) || !user->isBeforeInBlock(writer)))
      return false;
  return !llvm::is_contained(writer->getOperands(), state) ||
         writer.mayShare(state, fresh);
}

namespace {

struct ElideCopies : dlc::impl::ElideCopiesPassBase<ElideCopies> {
  void runOnOperation() override {
    for (auto program : getOperation().getOps<exec::ProgramOp>())
      for (exec::CopyOp copy :
           llvm::make_early_inc_range(program.getBlock().getOps<exec::CopyOp>())) {
        if (!mayWriteTarget(copy))
          continue;
        Value fresh = copy.getSource(), state = copy.getTarget();
        copy.erase();
        fresh.replaceAllUsesWith(state);
        fresh.getDefiningOp()->erase();
        ++numElided;
      }
  }
};

} // namespace
