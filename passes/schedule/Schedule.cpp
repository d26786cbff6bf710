//===- Schedule.cpp - order instructions for the least peak of memory -----===//
//
// Builds a few orders that keep the dependences, computes the most bytes that
// each has in use at one time, and takes the least. No single rule is best:
// greedy orders do well on wide graphs, the model's own order on chains with a
// long backward half.
//
//===----------------------------------------------------------------------===//
#include "passes/memory/Lifetimes.h"
#include "passes/schedule/Dependences.h"
#include "passes/schedule/Passes.h"

#include "llvm/ADT/SetVector.h"

#include <numeric>
#include <set>

namespace dlc {
#define GEN_PASS_DEF_SCHEDULEPASS
#include "passes/schedule/Passes.h.inc"
} // namespace dlc

using namespace mlir;
using namespace dlc;

namespace {

using Order = std::vector<unsigned>;

/// One program and what its orders are judged by.
class Scheduler {
public:
  explicit Scheduler(exec::ProgramOp program)
      : program(program), instructions(exec::instructionsOf(program)),
        dependences(instructions) {
    findTemporaries();
  }

  /// Moves the ops into the best order; whether it changed.
  bool run();

private:
  void findTemporaries();
  Order programOrder() const;
  /// Of the ready instructions and what each adds to the bytes in use, the one
  /// to take next.
  using Ready = std::vector<std::pair<unsigned, int64_t>>;
  Order listOrder(llvm::function_ref<unsigned(const Ready &)> choose) const;
  Order greedyOrder(bool prefersLate) const;
  Order eagerOrder() const;
  Order depthFirstOrder() const;
  uint64_t peak(const Order &order) const;

  exec::ProgramOp program;
  SmallVector<exec::Instruction> instructions;
  Dependences dependences;
  /// Bytes of each temporary (0 for inputs' first use: they are there
  /// already), and which instructions touch it.
  std::vector<uint64_t> bytes;
  std::vector<unsigned> uses;
  std::vector<bool> isThereBefore;
  /// Per instruction, the temporaries that it touches.
  std::vector<SmallVector<unsigned>> touched;
};

} // namespace

void Scheduler::findTemporaries() {
  llvm::DenseMap<Value, unsigned> numbers;
  touched.resize(instructions.size());
  for (auto [i, instruction] : llvm::enumerate(instructions)) {
    llvm::SmallSetVector<Value, 8> places(instruction->operand_begin(),
                                          instruction->operand_end());
    for (Value place : places) {
      if (!exec::isTemporary(place))
        continue;
      auto [it, isNew] = numbers.try_emplace(place, bytes.size());
      if (isNew) {
        bytes.push_back(
            llvm::alignTo(exec::bytesOf(place), exec::arenaAlignment));
        // An output is read once more, after the last instruction.
        uses.push_back(llvm::any_of(place.getUsers(), [](Operation *user) {
          return isa<exec::OutputOp>(user);
        }));
        isThereBefore.push_back(bool(place.getDefiningOp<exec::ArgumentOp>()));
      }
      touched[i].push_back(it->second);
      ++uses[it->second];
    }
  }
}

Order Scheduler::programOrder() const {
  Order order(instructions.size());
  std::iota(order.begin(), order.end(), 0);
  return order;
}

Order Scheduler::listOrder(
    llvm::function_ref<unsigned(const Ready &)> choose) const {
  std::vector<unsigned> left = uses, waits;
  std::vector<bool> isThere = isThereBefore;
  std::set<unsigned> ready;
  for (unsigned i = 0; i < instructions.size(); ++i) {
    waits.push_back(dependences.before[i].size());
    if (waits[i] == 0)
      ready.insert(i);
  }
  // Bytes more in use after instruction `i` than before.
  auto growth = [&](unsigned i) {
    int64_t bytesMore = 0;
    for (unsigned place : touched[i]) {
      if (!isThere[place])
        bytesMore += int64_t(bytes[place]);
      if (left[place] == 1)
        bytesMore -= int64_t(bytes[place]);
    }
    return bytesMore;
  };
  Order order;
  while (!ready.empty()) {
    Ready candidates;
    for (unsigned i : ready)
      candidates.emplace_back(i, growth(i));
    unsigned best = choose(candidates);
    ready.erase(best);
    order.push_back(best);
    for (unsigned place : touched[best]) {
      isThere[place] = true;
      --left[place];
    }
    for (unsigned next : dependences.after[best])
      if (--waits[next] == 0)
        ready.insert(next);
  }
  return order;
}

Order Scheduler::greedyOrder(bool prefersLate) const {
  return listOrder([&](const Ready &ready) {
    auto best = ready.front();
    for (auto candidate : ready)
      if (candidate.second < best.second ||
          (prefersLate && candidate.second == best.second))
        best = candidate;
    return best.first;
  });
}

/// The program's, but what frees memory, or takes next to none of it, does not
/// wait: a parameter is updated as soon as its gradient is there.
Order Scheduler::eagerOrder() const {
  constexpr int64_t nextToNone = 1024;
  return listOrder([&](const Ready &ready) {
    for (auto [i, more] : ready)
      if (more <= nextToNone)
        return i;
    return ready.front().first;
  });
}

Order Scheduler::depthFirstOrder() const {
  Order order;
  std::vector<bool> isDone(instructions.size());
  std::vector<std::pair<unsigned, unsigned>> stack;
  for (unsigned root = 0; root < instructions.size(); ++root) {
    if (isDone[root] || !dependences.after[root].empty())
      continue;
    stack.emplace_back(root, 0);
    while (!stack.empty()) {
      auto &[i, next] = stack.back();
      if (next < dependences.before[i].size()) {
        unsigned need = dependences.before[i][next++];
        if (!isDone[need])
          stack.emplace_back(need, 0);
        continue;
      }
      if (!isDone[i])
        order.push_back(i);
      isDone[i] = true;
      stack.pop_back();
    }
  }
  return order;
}

uint64_t Scheduler::peak(const Order &order) const {
  std::vector<unsigned> left = uses;
  std::vector<bool> isThere = isThereBefore;
  uint64_t live = 0, most = 0;
  for (size_t place = 0; place < bytes.size(); ++place)
    live += isThere[place] ? bytes[place] : 0;
  most = live;
  for (unsigned i : order) {
    for (unsigned place : touched[i])
      if (!isThere[place]) {
        isThere[place] = true;
        live += bytes[place];
      }
    most = std::max(most, live);
    for (unsigned place : touched[i])
      if (--left[place] == 0)
        live -= bytes[place];
  }
  return most;
}

bool Scheduler::run() {
  Order best = programOrder();
  uint64_t least = peak(best);
  bool isChanged = false;
  for (const Order &order :
       {greedyOrder(/*prefersLate=*/false), greedyOrder(/*prefersLate=*/true),
        depthFirstOrder(), eagerOrder()})
    if (uint64_t bytes = peak(order); bytes < least) {
      best = order;
      least = bytes;
      isChanged = true;
    }
  if (!isChanged)
    return false;
  // Outputs stay behind all instructions.
  Operation *end = nullptr;
  for (Operation &op : program.getBlock())
    if (isa<exec::OutputOp>(op) && !end)
      end = &op;
  for (unsigned i : best)
    if (end)
      instructions[i]->moveBefore(end);
    else
      instructions[i]->moveBefore(&program.getBlock(),
                                  program.getBlock().end());
  return true;
}

namespace {

struct Schedule : dlc::impl::SchedulePassBase<Schedule> {
  void runOnOperation() override {
    for (auto program : getOperation().getOps<exec::ProgramOp>())
      numReordered += Scheduler(program).run();
  }
};

} // namespace
