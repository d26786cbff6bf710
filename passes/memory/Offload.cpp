//===- Offload.cpp - keep in host memory what the step does not need now --===//
//
//   exec.launch @f(%x) -> (%h)            exec.launch @f(%x) -> (%h)
//   …                                     exec.transfer %h -> %kept
//   …                            ->       …  exec.wait %h -> %kept
//   …                                     exec.transfer %kept -> %back  …
//   …                                     exec.wait %kept -> %back
//   exec.launch @g(%h) -> (%y)            exec.launch @g(%back) -> (%y)
//
// Activations: at the instruction where most bytes live, the largest place that
// lies idle then goes; and again, until the limit holds or nothing idle is left
// where most bytes live. Optimizer state: lives in the host arena, and visits
// the arena around the instructions that use it.
//
// Transfers begin `distance` instructions before they are waited for, so that a
// device with copy engines runs them beside kernels.
//
//===----------------------------------------------------------------------===//
#include "passes/memory/Lifetimes.h"
#include "passes/memory/Passes.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringSet.h"

namespace dlc {
#define GEN_PASS_DEF_OFFLOADPASS
#include "passes/memory/Passes.h.inc"
} // namespace dlc

using namespace mlir;
using namespace dlc;

/// Smaller places are not worth two transfers.
constexpr uint64_t leastBytes = 4096;

namespace {

/// Two instructions that touch a place, and nothing between does.
struct Idle {
  Value place;
  uint64_t bytes;
  int64_t before, after;
};

/// Moves places of one program. Instructions keep the numbers they had.
class Offloader {
public:
  Offloader(exec::ProgramOp program, int64_t distance)
      : program(program), instructions(exec::instructionsOf(program)),
        distance(distance), beforeInstruction(instructions.size() + 1) {}

  /// The number of places that went; `limit`: bytes of temporaries.
  unsigned moveActivations(uint64_t limit);
  unsigned moveStates();
  /// Inserts what was decided.
  void finish();

private:
  SmallVector<int64_t> touches(Value place) const;
  void findIdle();
  void keep(Idle idle);
  void rename(Value place, Value now, int64_t from);
  void visit(exec::StateOp state);
  Value createPlace(Value like, exec::Category category, bool isOnHost);
  /// Copies from `begin` on, done before instruction `end`.
  void transfer(Value source, Value target, int64_t begin, int64_t end);
  int64_t last() const { return int64_t(instructions.size()); }

  exec::ProgramOp program;
  SmallVector<exec::Instruction> instructions;
  int64_t distance;
  std::vector<Idle> idle;
  /// What to insert before each instruction: waits, transfers, and waits for
  /// transfers that begin there.
  using Copies = SmallVector<std::pair<Value, Value>>;
  struct Insertion {
    Copies waits, transfers, lateWaits;
  };
  std::vector<Insertion> beforeInstruction;
};

} // namespace

SmallVector<int64_t> Offloader::touches(Value place) const {
  SmallVector<int64_t> found;
  for (auto [i, op] : llvm::enumerate(instructions))
    if (llvm::is_contained(op->getOperands(), place))
      found.push_back(int64_t(i));
  return found;
}

/// Largest first; of equals the one that is idle longest.
void Offloader::findIdle() {
  llvm::MapVector<Value, int64_t> lastTouch;
  for (auto [i, op] : llvm::enumerate(instructions))
    for (Value place : op->getOperands()) {
      auto buffer = place.getDefiningOp<exec::BufferOp>();
      if (!buffer || buffer.getCategory() != exec::Category::Activation ||
          exec::bytesOf(place) < leastBytes)
        continue;
      auto [it, isNew] = lastTouch.insert({place, int64_t(i)});
      // There and back, each with its distance, and something in between.
      if (!isNew && int64_t(i) - it->second > 2 * distance + 1)
        idle.push_back({place, exec::bytesOf(place), it->second, int64_t(i)});
      it->second = int64_t(i);
    }
  llvm::stable_sort(idle, [](const Idle &a, const Idle &b) {
    return std::make_tuple(a.bytes, a.after - a.before) >
           std::make_tuple(b.bytes, b.after - b.before);
  });
}

unsigned Offloader::moveActivations(uint64_t limit) {
  // Bytes in use at each instruction.
  std::vector<int64_t> live(instructions.size() + 1, 0);
  auto add = [&](int64_t first, int64_t end, int64_t bytes) {
    for (int64_t i = std::max<int64_t>(first, 0); i <= std::min(end, last());
         ++i)
      live[i] += bytes;
  };
  for (auto &[place, life] : lifetimesOf(program, instructions))
    add(life.first, life.last,
        int64_t(llvm::alignTo(life.bytes, exec::arenaAlignment)));
  findIdle();
  unsigned moved = 0;
  while (true) {
    int64_t peak = llvm::max_element(live) - live.begin();
    if (uint64_t(live[peak]) <= limit)
      break;
    auto best = llvm::find_if(idle, [&](const Idle &one) {
      return one.before + distance < peak && peak < one.after - distance;
    });
    if (best == idle.end())
      break;
    add(best->before + distance + 1, best->after - distance - 1,
        -int64_t(llvm::alignTo(best->bytes, exec::arenaAlignment)));
    Idle chosen = *best;
    idle.erase(best);
    keep(chosen);
    ++moved;
  }
  return moved;
}

Value Offloader::createPlace(Value like, exec::Category category,
                             bool isOnHost) {
  OpBuilder b(program.getContext());
  b.setInsertionPointAfter(like.getDefiningOp());
  StringAttr name;
  if (auto buffer = like.getDefiningOp<exec::BufferOp>())
    name = buffer.getNameAttr();
  else
    name = like.getDefiningOp<exec::StateOp>().getNameAttr();
  return exec::BufferOp::create(b, like.getLoc(), like.getType(), category,
                                name, IntegerAttr(), isOnHost);
}

void Offloader::transfer(Value source, Value target, int64_t begin,
                         int64_t end) {
  beforeInstruction[begin].transfers.push_back({source, target});
  Insertion &after = beforeInstruction[end];
  (begin == end ? after.lateWaits : after.waits).push_back({source, target});
}

/// From instruction `from` on, what was `place` is `now`.
void Offloader::rename(Value place, Value now, int64_t from) {
  for (int64_t i = from; i < last(); ++i)
    for (OpOperand &operand : instructions[i]->getOpOperands())
      if (operand.get() == place)
        operand.set(now);
  // It may go, or have been sent, again.
  for (Idle &other : idle)
    if (other.place == place && other.before >= from)
      other.place = now;
  for (Insertion &insertion : llvm::drop_begin(beforeInstruction, size_t(from)))
    for (Copies *copies :
         {&insertion.waits, &insertion.transfers, &insertion.lateWaits})
      for (auto &[source, target] : *copies)
        if (source == place)
          source = now;
}

void Offloader::keep(Idle idle) {
  Value kept = createPlace(idle.place, exec::Category::Activation, true);
  Value back = createPlace(idle.place, exec::Category::Activation, false);
  rename(idle.place, back, idle.after);
  transfer(idle.place, kept, idle.before + 1, idle.before + 1 + distance);
  transfer(kept, back, idle.after - distance, idle.after);
}

void Offloader::visit(exec::StateOp state) {
  SmallVector<int64_t> when = touches(state.getBuffer());
  if (when.empty())
    return;
  Value guest =
      createPlace(state.getBuffer(), exec::Category::Workspace, false);
  bool isWritten = false;
  for (int64_t i : when)
    isWritten |=
        llvm::is_contained(instructions[i].getWritten(), state.getBuffer());
  rename(state.getBuffer(), guest, when.front());
  // Also where it is written only: it might be in part.
  transfer(state.getBuffer(), guest,
           std::max<int64_t>(when.front() - distance, 0), when.front());
  if (isWritten)
    transfer(guest, state.getBuffer(), when.back() + 1,
             std::min(when.back() + 1 + distance, last()));
}

unsigned Offloader::moveStates() {
  unsigned moved = 0;
  for (exec::StateOp state : llvm::to_vector(program.getOps<exec::StateOp>()))
    if (state.getHost()) {
      visit(state);
      ++moved;
    }
  return moved;
}

void Offloader::finish() {
  OpBuilder b(program.getContext());
  if (instructions.empty())
    return;
  for (auto [i, insertion] : llvm::enumerate(beforeInstruction)) {
    if (i < instructions.size())
      b.setInsertionPoint(instructions[i]);
    else
      b.setInsertionPointAfter(instructions.back());
    for (auto [source, target] : insertion.waits)
      exec::WaitOp::create(b, source.getLoc(), source, target);
    for (auto [source, target] : insertion.transfers)
      exec::TransferOp::create(b, source.getLoc(), source, target);
    for (auto [source, target] : insertion.lateWaits)
      exec::WaitOp::create(b, source.getLoc(), source, target);
  }
}

/// Gives optimizer states places of their own in the host arena, and the others
/// theirs side by side again.
static void splitVariables(ModuleOp module) {
  llvm::StringSet<> host;
  uint64_t next[2] = {0, 0};
  for (auto variable : module.getOps<exec::VariableOp>()) {
    bool isOnHost = variable.getRole() == exec::Role::Optimizer;
    if (isOnHost)
      host.insert(variable.getName());
    variable.setHost(isOnHost);
    variable.setOffset(next[isOnHost]);
    next[isOnHost] += llvm::alignTo(exec::bytesOf(variable.getTensorType()),
                                    exec::arenaAlignment);
  }
  for (auto program : module.getOps<exec::ProgramOp>())
    for (auto state : program.getOps<exec::StateOp>())
      state.setHost(host.contains(state.getName()));
}

/// Constants of all programs, each once.
static uint64_t constantBytes(ModuleOp module) {
  llvm::DenseSet<Attribute> seen;
  uint64_t bytes = 0;
  module.walk([&](exec::ConstantOp constant) {
    if (seen.insert(constant.getValue()).second)
      bytes += llvm::alignTo(exec::bytesOf(constant.getBuffer()),
                             exec::arenaAlignment);
  });
  return bytes;
}

namespace {

struct Offload : dlc::impl::OffloadPassBase<Offload> {
  using OffloadPassBase::OffloadPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (distance < 0) {
      module.emitError() << "DLC2020: the distance of transfers is not "
                            "negative, but got "
                         << distance;
      return signalPassFailure();
    }
    if (optimizer)
      splitVariables(module);
    // What the limit leaves for temporaries.
    uint64_t taken = exec::stateBytes(module) + constantBytes(module);
    for (auto program : module.getOps<exec::ProgramOp>()) {
      Offloader offloader(program, distance);
      if (optimizer)
        numMoved += offloader.moveStates();
      if (activations)
        numMoved +=
            offloader.moveActivations(limit > taken ? limit - taken : 0);
      offloader.finish();
    }
  }
};

} // namespace
