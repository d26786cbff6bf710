// Runs kernels for GPUs on the CPU, thread by thread, and checks what they do.
//
// Blocks run one after another, each in an order of its threads that follows
// from a seed. A kernel that never waits for other threads runs its threads to
// the end in turn; else every thread of the block is a fiber that runs until it
// waits. Nothing is ever interrupted, so a seed gives the same order again.
//
// Every access of a kernel comes here first. The engine stops at the first of:
//   DLC6102 access outside its buffer      DLC6103 store to an input
//   DLC6104 outside workgroup memory       DLC6105 workgroup memory not written
//   DLC6106 race in workgroup memory       DLC6107 race in device memory
//   DLC6108 threads at different barriers  DLC6109 barrier after an exit
//   DLC6110 lane missing in a warp's call  DLC6111 shuffle from a lane outside
//   DLC6112 a thread that never ends       DLC6113 trap
//   DLC6115 misaligned access
// Races are found by what the accesses are ordered by, not by bad luck: the
// order that the seed gives need not be the one that goes wrong.
#ifndef DLC_RUNTIME_EMULATED_ENGINE_H
#define DLC_RUNTIME_EMULATED_ENGINE_H

#include "runtime/core/Status.h"
#include "runtime/emulated/EmulatorAbi.h"
#include "runtime/emulated/Fibers.h"
#include "runtime/emulated/Shadow.h"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace dlc::rt {

using EmulatedFunction = void (*)(dlc_emulated_thread *, void *const *);

/// Memory that a launch may touch.
struct EmulatedBuffer {
  std::byte *data = nullptr;
  uint64_t bytes = 0;
  bool isReadOnly = false;
  bool allowsRaces = false; // a flag that any thread may set
};

/// A kernel with its buffers. The first buffers are those of the kernel's
/// parameters, in order; the rest is reached through them.
class EmulatedLaunch {
public:
  /// `kernel` must outlive the launch. `label` names it in errors, with the
  /// nodes it came from. DLC6114 when the description does not fit.
  static Result<EmulatedLaunch> create(const dlc_emulated_kernel &kernel,
                                       EmulatedFunction function,
                                       std::string label,
                                       std::vector<EmulatedBuffer> buffers,
                                       uint32_t blocks, uint32_t threads);

private:
  friend class EmulatorEngine;
  friend struct EmulatorCalls;
  static constexpr uint32_t none = ~uint32_t(0);
  struct Range {
    uintptr_t base = 0;
    uint64_t bytes = 0;
    bool isReadOnly = false;
    uint32_t region = none; // whose shadow records accesses
    uint64_t regionOffset = 0;
  };
  void findRegions();
  const Range *find(uintptr_t address) const;

  const dlc_emulated_kernel *kernel = nullptr;
  EmulatedFunction function = nullptr;
  std::string label;
  std::vector<EmulatedBuffer> buffers;
  std::vector<void *> values; // of the parameters
  std::vector<Range> ranges;  // of the buffers
  /// Buffers that overlap joined; by address.
  std::vector<Range> joined;
  std::vector<uint64_t> regionBytes;
  uint32_t blocks = 0, threads = 0;
};

/// Used by one thread at a time.
class EmulatorEngine {
public:
  explicit EmulatorEngine(uint64_t seed);
  ~EmulatorEngine();

  /// Runs all blocks, with flush-to-zero. After an error memory holds what the
  /// kernel had written until then.
  Status run(const EmulatedLaunch &launch);
  /// Accesses of one thread without waiting after which it counts as stuck.
  void setPatience(uint64_t accesses) { patience = accesses; }

private:
  friend struct EmulatorCalls;
  enum class State : uint8_t { Ready, AtBarrier, AtWarp, Done };
  enum class WarpCall : uint8_t { Shuffle, Vote, Sync, Multiply, LoadMatrix };
  struct Thread {
    dlc_emulated_thread abi; // first: the kernel's pointer is to this
    EmulatorEngine *engine;
    uint32_t local; // in its block
    State state;
    uint32_t site; // where it waits
    // What it waits for: a barrier's number, or a call of its warp.
    uint32_t barrier;
    WarpCall call;
    uint32_t mode, mask, value, lane, clamp;
    uint64_t result;
    // Of products and loads of matrices: registers of this lane.
    const uint32_t *operands[3];
    uint32_t *registers;
    const void *address;
    uint32_t copyGroups; // that it has committed
  };
  /// A copy that a thread has begun. It is done when the thread waits for it,
  /// so that what reads too early finds nothing there.
  struct PendingCopy {
    void *to;
    const void *from;
    uint32_t bytes, sourceBytes, site, group;
  };
  /// Found inside a fiber, told after it.
  struct Failure {
    const char *id = nullptr;
    uint32_t thread = 0, block = 0, site = 0;
    uintptr_t address = 0;
    uint64_t bytes = 0;
    uint32_t flags = 0;
    Conflict conflict;
    uint32_t otherThread = 0, lane = 0;
  };

  // Order.
  uint64_t random();
  void shuffleThreads();
  void forEachBlock(void (EmulatorEngine::*body)());
  void startBlock(uint32_t block);
  void runSerially();
  void runFibers();
  bool releaseBarrier();
  void diagnose();
  // Callbacks.
  void access(Thread &thread, uintptr_t address, uint64_t bytes, uint32_t flags,
              uint32_t site);
  void accessShared(Thread &thread, uintptr_t address, uint64_t bytes,
                    uint32_t flags, uint32_t site);
  bool isInside(uintptr_t address, uint64_t bytes, uintptr_t base,
                uint64_t size) const {
    return address - base <= size && bytes <= size - (address - base);
  }
  Toucher toucher(const Thread &thread) const;
  void wait(Thread &thread, State state, uint32_t site);
  uint64_t callWarp(Thread &thread, WarpCall call, uint32_t site);
  bool isComplete(const Thread &thread) const;
  void finishWarp(const Thread &thread);
  uint64_t shuffleResult(Thread &thread);
  uint64_t voteResult(const Thread &thread) const;
  void multiply(const Thread &any);
  void loadMatrix(const Thread &any);
  void waitCopies(Thread &thread, uint32_t pending);
  uint32_t activeMask(const Thread &thread) const;
  Thread &laneOf(const Thread &thread, uint32_t lane) {
    return threads[(thread.local & ~31u) + lane];
  }
  const Thread &laneOf(const Thread &thread, uint32_t lane) const {
    return threads[(thread.local & ~31u) + lane];
  }
  // Errors.
  Failure &fail(const Thread &thread, const char *id, uint32_t site);
  [[noreturn]] void abandon();
  std::string where(uint32_t thread, uint32_t site) const;
  std::string place(const Failure &failure) const;
  Status report() const;
  Status reportMemory() const;
  Status reportWaiting() const;

  uint64_t seed, state = 0, patience = uint64_t(1) << 28;
  FiberPool fibers;
  const EmulatedLaunch *launch = nullptr;
  std::vector<Thread> threads;
  std::vector<uint32_t> order, queue;
  std::vector<uint32_t> warpClocks;
  uint32_t blockClock = 0, block = 0;
  uint32_t done = 0;
  std::vector<std::vector<PendingCopy>> copies; // by thread of the block
  uint64_t accesses = 0; // since the running thread began
  std::vector<unsigned char> sharedStorage;
  unsigned char *sharedBase = nullptr;
  Shadow sharedShadow;
  std::vector<Shadow> regions;
  Failure failure;
};

} // namespace dlc::rt

#endif // DLC_RUNTIME_EMULATED_ENGINE_H
