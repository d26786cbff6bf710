//===- PlanMemoryPass.cpp - offsets of a plan's places --------------------===//
//
// Lifetimes follow from the order of instructions; PlanMemory.h finds offsets.
// Once as it is, and once with results written over operands that die there:
//
//   exec.launch @relu(%h) -> (%y)   ->   exec.launch @relu(%h) -> (%h)
//
// The smaller arena wins, because a shared place lives longer and may be harder
// to fit.
//
//===----------------------------------------------------------------------===//
#include "passes/memory/Lifetimes.h"
#include "passes/memory/Passes.h"

#include "mlir/IR/Builders.h"

namespace dlc {
#define GEN_PASS_DEF_PLANMEMORYPASS
#include "passes/memory/Passes.h.inc"
} // namespace dlc

using namespace mlir;
using namespace dlc;

namespace {
/// From a result to the operand whose place it takes over.
using Sharing = llvm::MapVector<Value, Value>;
} // namespace

static bool isPlain(Value place) {
  auto buffer = place.getDefiningOp<exec::BufferOp>();
  return buffer && !buffer.getHost() && buffer.getCategory() != exec::Category::Workspace;
}

/// Results that may be written over an operand that dies there.
static Sharing findSharing(ArrayRef<exec::Instruction> instructions,
                           const Lifetimes &lifetimes) {
  Sharing sharing;
  DenseMap<Value, int64_t> lastOf;
  auto placeOf = [&](Value value) {
    while (Value next = sharing.lookup(value))
      value = next;
    return value;
  };
  for (auto [place, live] : lifetimes)
    lastOf[place] = live.last;
  for (auto [i, op] : llvm::enumerate(instructions)) {
    exec::Instruction instruction = op;
    llvm::SmallDenseSet<Value> taken;
    for (Value written : instruction.getWritten()) {
      if (!isPlain(written) ||
          lifetimes.find(written)->second.first != int64_t(i))
        continue;
      for (Value read : instruction.getRead()) {
        Value place = placeOf(read);
        if (!isPlain(read) || lastOf[place] != int64_t(i) ||
            read.getType() != written.getType() || taken.contains(place) ||
            llvm::is_contained(instruction.getWritten(), read) ||
            !instruction.mayShare(read, written))
          continue;
        sharing[written] = place;
        lastOf[place] = lastOf[written];
        taken.insert(place);
        break;
      }
    }
  }
  return sharing;
}

/// Lifetimes where each place covers those that take it over.
static Lifetimes joined(const Lifetimes &lifetimes, const Sharing &sharing) {
  Lifetimes all;
  for (auto [place, live] : lifetimes) {
    Value root = place;
    while (Value next = sharing.lookup(root))
      root = next;
    auto [it, isNew] = all.insert({root, live});
    it->second.first = std::min(it->second.first, live.first);
    it->second.last = std::max(it->second.last, live.last);
  }
  return all;
}

static MemoryPlan plan(const Lifetimes &lifetimes) {
  std::vector<LiveBuffer> live;
  for (const auto &[place, lifetime] : lifetimes)
    live.push_back(lifetime);
  return planMemory(live, exec::arenaAlignment);
}

/// Gives each result its operand's place. In order of the program, so that a
/// place that was taken over is itself resolved.
static void apply(const Sharing &sharing) {
  for (auto [written, place] : sharing) {
    auto from = written.getDefiningOp<exec::BufferOp>();
    auto to = place.getDefiningOp<exec::BufferOp>();
    if (from.getCategory() == exec::Category::Output)
      to.setCategory(exec::Category::Output);
    from.getBuffer().replaceAllUsesWith(place);
    from.erase();
  }
}

namespace {

struct PlanMemory : dlc::impl::PlanMemoryPassBase<PlanMemory> {
  void runOnOperation() override {
    for (auto program : getOperation().getOps<exec::ProgramOp>()) {
      placeBuffers(program);
      placeHostBuffers(program);
    }
  }

  void placeBuffers(exec::ProgramOp program) {
    uint64_t base = exec::stateBytes(getOperation());
    SmallVector<exec::Instruction> instructions =
        exec::instructionsOf(program);
    Lifetimes lifetimes = lifetimesOf(program, instructions);
    MemoryPlan best = plan(lifetimes);
    Sharing sharing = findSharing(instructions, lifetimes);
    Lifetimes shared = joined(lifetimes, sharing);
    if (MemoryPlan other = plan(shared); other.bytes < best.bytes) {
      best = std::move(other);
      lifetimes = std::move(shared);
      numShared += sharing.size();
      apply(sharing);
    }
    for (auto [entry, offset] : llvm::zip_equal(lifetimes, best.offsets))
      exec::setOffset(entry.first, base + offset);
    program.setArena(int64_t(base + best.bytes));
  }

  void placeHostBuffers(exec::ProgramOp program) {
    uint64_t base = exec::hostStateBytes(getOperation());
    Lifetimes lifetimes = lifetimesOf(
        program, exec::instructionsOf(program), /*isOnHost=*/true);
    MemoryPlan best = plan(lifetimes);
    for (auto [entry, offset] : llvm::zip_equal(lifetimes, best.offsets))
      exec::setOffset(entry.first, base + offset);
    if (base + best.bytes)
      program.setHostArena(int64_t(base + best.bytes));
  }
};

} // namespace
