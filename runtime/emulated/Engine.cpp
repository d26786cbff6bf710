#include "runtime/emulated/Engine.h"

#include "runtime/core/ThreadPool.h"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace dlc::rt {

/// The table that kernels call through.
struct EmulatorCalls {
  using Thread = EmulatorEngine::Thread;
  using WarpCall = EmulatorEngine::WarpCall;

  static Thread &of(dlc_emulated_thread *thread) {
    return *reinterpret_cast<Thread *>(thread);
  }
  static void access(dlc_emulated_thread *thread, const void *address,
                     uint64_t bytes, uint32_t flags, uint32_t site) {
    of(thread).engine->access(of(thread), reinterpret_cast<uintptr_t>(address),
                              bytes, flags, site);
  }
  static void barrier(dlc_emulated_thread *thread, uint32_t id, uint32_t site) {
    of(thread).barrier = id;
    of(thread).engine->wait(of(thread), EmulatorEngine::State::AtBarrier, site);
  }
  static uint64_t shuffle(dlc_emulated_thread *thread, uint32_t mode,
                          uint32_t mask, uint32_t value, uint32_t lane,
                          uint32_t clamp, uint32_t site) {
    Thread &caller = of(thread);
    caller.mode = mode;
    caller.mask = mask;
    caller.value = value;
    caller.lane = lane;
    caller.clamp = clamp;
    return caller.engine->callWarp(caller, WarpCall::Shuffle, site);
  }
  static uint32_t vote(dlc_emulated_thread *thread, uint32_t mode,
                       uint32_t mask, uint32_t predicate, uint32_t site) {
    Thread &caller = of(thread);
    caller.mode = mode;
    caller.mask = mask;
    caller.value = predicate;
    return static_cast<uint32_t>(
        caller.engine->callWarp(caller, WarpCall::Vote, site));
  }
  static void syncWarp(dlc_emulated_thread *thread, uint32_t mask,
                       uint32_t site) {
    of(thread).mode = 0;
    of(thread).mask = mask;
    of(thread).engine->callWarp(of(thread), WarpCall::Sync, site);
  }
  static uint32_t activeMask(dlc_emulated_thread *thread) {
    return of(thread).engine->activeMask(of(thread));
  }
  static void trap(dlc_emulated_thread *thread, uint32_t site) {
    of(thread).engine->fail(of(thread), "DLC6113", site);
    of(thread).engine->abandon();
  }
  static void multiply(dlc_emulated_thread *thread, uint32_t kind,
                       const uint32_t *a, const uint32_t *b, const uint32_t *c,
                       uint32_t *d, uint32_t site) {
    Thread &caller = of(thread);
    caller.mode = kind;
    caller.mask = ~0u;
    caller.operands[0] = a;
    caller.operands[1] = b;
    caller.operands[2] = c;
    caller.registers = d;
    caller.engine->callWarp(caller, WarpCall::Multiply, site);
  }
  static void loadMatrix(dlc_emulated_thread *thread, const void *address,
                         uint32_t count, uint32_t isTransposed,
                         uint32_t *result, uint32_t site) {
    Thread &caller = of(thread);
    // Eight lanes for each matrix say where its rows of 16 bytes are.
    if (caller.abi.lane < 8 * count)
      access(thread, address, 16, 4u << DLC_ACCESS_ALIGN_SHIFT, site);
    caller.mode = count | isTransposed << 8;
    caller.mask = ~0u;
    caller.address = address;
    caller.registers = result;
    caller.engine->callWarp(caller, WarpCall::LoadMatrix, site);
  }
  static void copyAsync(dlc_emulated_thread *thread, void *to, const void *from,
                        uint32_t bytes, uint32_t sourceBytes, uint32_t site) {
    Thread &caller = of(thread);
    caller.engine->copies[caller.local].push_back(
        {to, from, bytes, sourceBytes, site, caller.copyGroups});
  }
  static void commitCopies(dlc_emulated_thread *thread) {
    ++of(thread).copyGroups;
  }
  static void waitCopies(dlc_emulated_thread *thread, uint32_t pending) {
    of(thread).engine->waitCopies(of(thread), pending);
  }
  /// What fiber `index` does: its thread, once.
  static void runThread(void *argument) {
    Thread &thread = *static_cast<Thread *>(argument);
    EmulatorEngine &engine = *thread.engine;
    engine.launch->function(&thread.abi, engine.launch->values.data());
    thread.state = EmulatorEngine::State::Done;
    ++engine.done;
    engine.fibers.leave();
  }
  /// What the one fiber does for a kernel that never waits: all threads of all
  /// blocks.
  static void runAll(void *argument) {
    auto &engine = *static_cast<EmulatorEngine *>(argument);
    engine.forEachBlock(&EmulatorEngine::runSerially);
    engine.fibers.leave();
  }
  static constexpr dlc_emulated_calls table = {DLC_EMULATED_VERSION,
                                               access,
                                               barrier,
                                               shuffle,
                                               vote,
                                               syncWarp,
                                               activeMask,
                                               trap,
                                               multiply,
                                               loadMatrix,
                                               copyAsync,
                                               commitCopies,
                                               waitCopies};
};

EmulatorEngine::EmulatorEngine(uint64_t seed) : seed(seed) {}
EmulatorEngine::~EmulatorEngine() = default;

/// SplitMix64 (Steele, Lea, Flood 2014).
uint64_t EmulatorEngine::random() {
  uint64_t z = state += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

/// A new order of the block's warps, and of the lanes in each.
void EmulatorEngine::shuffleThreads() {
  uint32_t warps = (launch->threads + 31) / 32, used = 0;
  uint32_t shuffled[32];
  for (uint32_t w = 0; w < warps; ++w) {
    uint32_t at = static_cast<uint32_t>(random() % (w + 1));
    shuffled[w] = shuffled[at];
    shuffled[at] = w;
  }
  for (uint32_t w = 0; w < warps; ++w) {
    // An odd factor permutes the numbers below 32.
    uint64_t number = random();
    uint32_t factor = static_cast<uint32_t>(number >> 32) | 1;
    uint32_t term = static_cast<uint32_t>(number);
    for (uint32_t i = 0; i < 32; ++i) {
      uint32_t thread = shuffled[w] * 32 + ((i * factor + term) & 31);
      if (thread < launch->threads)
        order[used++] = thread;
    }
  }
}

void EmulatorEngine::forEachBlock(void (EmulatorEngine::*body)()) {
  uint64_t blocks = launch->blocks;
  // A factor without a common divisor permutes the blocks.
  uint64_t factor = blocks > 1 ? 1 + random() % (blocks - 1) : 1;
  while (std::gcd(factor, blocks) != 1)
    ++factor;
  uint64_t number = blocks ? random() % blocks : 0;
  for (uint64_t i = 0; i < blocks && !failure.id; ++i) {
    startBlock(static_cast<uint32_t>(number));
    (this->*body)();
    number = (number + factor) % blocks;
  }
}

void EmulatorEngine::startBlock(uint32_t number) {
  block = number;
  // What nobody wrote is NaN in every float type.
  if (uint32_t bytes = launch->kernel->shared_bytes) {
    std::memset(sharedBase, 0xff, bytes);
    sharedShadow.reset(bytes);
  }
  std::fill(warpClocks.begin(), warpClocks.end(), 1u);
  blockClock = 1;
  for (Thread &thread : threads) {
    copies[thread.local].clear();
    thread.copyGroups = 0;
  }
  shuffleThreads();
}

Status EmulatorEngine::run(const EmulatedLaunch &next) {
  if (!hasFibers())
    return DLC_ERROR(Unsupported, "DLC6114",
                     "device 'emulated' must run on x86-64, without "
                     "sanitizers, but got another build");
  launch = &next;
  failure = Failure();
  state = seed;
  bool waits = launch->kernel->flags & DLC_KERNEL_WAITS;
  uint32_t count = waits ? launch->threads : 1;
  DLC_RETURN_IF_ERROR(fibers.reserve(count));
  order.resize(launch->threads);
  warpClocks.resize((launch->threads + 31) / 32);
  sharedStorage.resize(launch->kernel->shared_bytes + 255);
  sharedBase = reinterpret_cast<unsigned char *>(
      (reinterpret_cast<uintptr_t>(sharedStorage.data()) + 255) &
      ~uintptr_t(255));
  regions.resize(std::max(regions.size(), launch->regionBytes.size()));
  for (size_t i = 0; i < launch->regionBytes.size(); ++i)
    regions[i].reset(launch->regionBytes[i]);
  copies.resize(std::max<size_t>(copies.size(), launch->threads));
  threads.assign(launch->threads, Thread());
  for (uint32_t i = 0; i < launch->threads; ++i) {
    Thread &thread = threads[i];
    thread.abi = {{i, 0, 0},  {launch->threads, 1, 1},
                  {0, 0, 0},  {launch->blocks, 1, 1},
                  i % 32,     i / 32,
                  sharedBase, &EmulatorCalls::table};
    thread.engine = this;
    thread.local = i;
  }
  FlushToZeroScope flushToZero;
  if (waits) {
    forEachBlock(&EmulatorEngine::runFibers);
  } else {
    fibers.start(0, EmulatorCalls::runAll, this);
    fibers.resume(0);
  }
  return failure.id ? report() : Status::ok();
}

/// On the one fiber.
void EmulatorEngine::runSerially() {
  for (uint32_t i : order) {
    Thread &thread = threads[i];
    thread.abi.ctaid[0] = block;
    accesses = 0;
    launch->function(&thread.abi, launch->values.data());
  }
}

void EmulatorEngine::runFibers() {
  done = 0;
  for (uint32_t i : order) {
    threads[i].abi.ctaid[0] = block;
    threads[i].state = State::Ready;
    fibers.start(i, EmulatorCalls::runThread, &threads[i]);
  }
  queue.assign(order.begin(), order.end());
  while (done != launch->threads) {
    // Calls of a warp that complete add their lanes while this goes on.
    for (size_t i = 0; i < queue.size(); ++i) {
      accesses = 0;
      fibers.resume(queue[i]);
      if (failure.id)
        return;
    }
    queue.clear();
    if (done == launch->threads)
      return;
    if (!releaseBarrier())
      return diagnose();
  }
}

/// All go on if all are at one barrier.
bool EmulatorEngine::releaseBarrier() {
  for (const Thread &thread : threads)
    if (thread.state != State::AtBarrier || thread.site != threads[0].site ||
        thread.barrier != threads[0].barrier)
      return false;
  blockClock = *std::max_element(warpClocks.begin(), warpClocks.end()) + 1;
  std::fill(warpClocks.begin(), warpClocks.end(), blockClock);
  shuffleThreads();
  for (uint32_t i : order) {
    threads[i].state = State::Ready;
    queue.push_back(i);
  }
  return true;
}

/// Nobody can go on: says why.
void EmulatorEngine::diagnose() {
  for (Thread &thread : threads) {
    if (thread.state != State::AtWarp)
      continue;
    uint32_t lane = 0;
    auto isThere = [&](uint32_t other) {
      if ((thread.local & ~31u) + other >= launch->threads)
        return false;
      const Thread &there = laneOf(thread, other);
      return there.state == State::AtWarp && there.call == thread.call &&
             there.mode == thread.mode && there.mask == thread.mask;
    };
    while (lane < 31 && (!(thread.mask >> lane & 1) || isThere(lane)))
      ++lane;
    fail(thread, "DLC6110", thread.site).lane = lane;
    return;
  }
  const Thread *waiting = nullptr;
  for (const Thread &thread : threads)
    if (thread.state == State::AtBarrier && !waiting)
      waiting = &thread;
  for (const Thread &thread : threads)
    if (thread.state == State::Done) {
      fail(*waiting, "DLC6109", waiting->site).otherThread = thread.local;
      return;
    }
  for (const Thread &thread : threads)
    if (thread.site != waiting->site || thread.barrier != waiting->barrier) {
      fail(*waiting, "DLC6108", waiting->site).otherThread = thread.local;
      return;
    }
}

// ---- memory
// ------------------------------------------------------------------

Toucher EmulatorEngine::toucher(const Thread &thread) const {
  uint32_t first = block * launch->threads + 1;
  return {first + thread.local, first, launch->threads,
          warpClocks[thread.abi.warp], blockClock};
}

void EmulatorEngine::access(Thread &thread, uintptr_t address, uint64_t bytes,
                            uint32_t flags, uint32_t site) {
  auto reject = [&](const char *id) {
    Failure &found = fail(thread, id, site);
    found.address = address;
    found.bytes = bytes;
    found.flags = flags;
    abandon();
  };
  if (bytes == 0)
    return;
  if (++accesses > patience)
    reject("DLC6112");
  uintptr_t alignment = uintptr_t(1) << (flags >> DLC_ACCESS_ALIGN_SHIFT & 15);
  uint32_t origin = flags >> DLC_ACCESS_ORIGIN_SHIFT & 3;
  uint32_t index = flags >> DLC_ACCESS_INDEX_SHIFT;
  const EmulatedLaunch::Range *range;
  if (origin == DLC_ORIGIN_PARAMETER) {
    range = &launch->ranges[index];
  } else {
    auto base = reinterpret_cast<uintptr_t>(sharedBase);
    if (origin == DLC_ORIGIN_SHARED ||
        address - base < launch->kernel->shared_bytes)
      return accessShared(thread, address, bytes, flags, site);
    bool waits = launch->kernel->flags & DLC_KERNEL_WAITS;
    if (fibers.isOnStack(waits ? thread.local : 0,
                         reinterpret_cast<const void *>(address)))
      return;
    range = launch->find(address);
  }
  if (!range || !isInside(address, bytes, range->base, range->bytes))
    reject("DLC6102");
  if (address & (alignment - 1))
    reject("DLC6115");
  bool isStore = flags & DLC_ACCESS_STORE;
  if (isStore && range->isReadOnly)
    reject("DLC6103");
  if (range->region == launch->none)
    return;
  Touch touch{address - range->base + range->regionOffset, bytes, isStore,
              (flags & DLC_ACCESS_ATOMIC) != 0, site};
  Conflict conflict;
  if (regions[range->region].record(touch, toucher(thread), false, conflict)) {
    failure.conflict = conflict;
    reject("DLC6107");
  }
}

void EmulatorEngine::accessShared(Thread &thread, uintptr_t address,
                                  uint64_t bytes, uint32_t flags,
                                  uint32_t site) {
  auto reject = [&](const char *id) {
    Failure &found = fail(thread, id, site);
    found.address = address;
    found.bytes = bytes;
    found.flags = flags;
    abandon();
  };
  auto base = reinterpret_cast<uintptr_t>(sharedBase);
  uint64_t size = launch->kernel->shared_bytes;
  uintptr_t first = base;
  if ((flags >> DLC_ACCESS_ORIGIN_SHIFT & 3) == DLC_ORIGIN_SHARED) {
    const dlc_emulated_shared &variable =
        launch->kernel->shared[flags >> DLC_ACCESS_INDEX_SHIFT];
    first = base + variable.offset;
    size = variable.bytes;
  }
  if (!isInside(address, bytes, first, size))
    reject("DLC6104");
  uintptr_t alignment = uintptr_t(1) << (flags >> DLC_ACCESS_ALIGN_SHIFT & 15);
  if (address & (alignment - 1))
    reject("DLC6115");
  Touch touch{address - base, bytes, (flags & DLC_ACCESS_STORE) != 0,
              (flags & DLC_ACCESS_ATOMIC) != 0, site};
  Conflict conflict;
  if (sharedShadow.record(touch, toucher(thread), true, conflict)) {
    failure.conflict = conflict;
    reject(conflict.isUninitialised ? "DLC6105" : "DLC6106");
  }
}

// ---- waiting
// -----------------------------------------------------------------

void EmulatorEngine::wait(Thread &thread, State newState, uint32_t site) {
  thread.state = newState;
  thread.site = site;
  fibers.leave();
}

uint32_t EmulatorEngine::activeMask(const Thread &thread) const {
  uint32_t mask = 0;
  for (uint32_t lane = 0; lane < 32; ++lane)
    if ((thread.local & ~31u) + lane < launch->threads &&
        laneOf(thread, lane).state != State::Done)
      mask |= 1u << lane;
  return mask;
}

uint64_t EmulatorEngine::callWarp(Thread &thread, WarpCall call,
                                  uint32_t site) {
  thread.call = call;
  thread.site = site;
  thread.state = State::AtWarp;
  if (!(thread.mask >> thread.abi.lane & 1)) {
    fail(thread, "DLC6110", site).lane = thread.abi.lane;
    abandon();
  }
  if (isComplete(thread)) {
    finishWarp(thread);
    thread.state = State::Ready;
  } else {
    fibers.leave();
  }
  return thread.result;
}

bool EmulatorEngine::isComplete(const Thread &thread) const {
  for (uint32_t lane = 0; lane < 32; ++lane) {
    if (!(thread.mask >> lane & 1))
      continue;
    if ((thread.local & ~31u) + lane >= launch->threads)
      return false;
    const Thread &other = laneOf(thread, lane);
    if (other.state != State::AtWarp || other.call != thread.call ||
        other.mode != thread.mode || other.mask != thread.mask)
      return false;
  }
  return true;
}

/// Gives every lane its result; all but `thread`, which runs, are to go on.
void EmulatorEngine::finishWarp(const Thread &last) {
  // A barrier of some lanes orders those, but the clock is the warp's.
  if (last.call == WarpCall::Sync && last.mask == activeMask(last))
    ++warpClocks[last.abi.warp];
  if (last.call == WarpCall::Multiply)
    multiply(last);
  if (last.call == WarpCall::LoadMatrix)
    loadMatrix(last);
  for (uint32_t lane = 0; lane < 32; ++lane)
    if (last.mask >> lane & 1) {
      Thread &thread = laneOf(last, lane);
      if (thread.call == WarpCall::Shuffle)
        thread.result = shuffleResult(thread);
      else if (thread.call == WarpCall::Vote)
        thread.result = voteResult(thread);
    }
  uint32_t start = static_cast<uint32_t>(random());
  for (uint32_t i = 0; i < 32; ++i) {
    uint32_t lane = (start + i) & 31;
    if (!(last.mask >> lane & 1) || lane == last.abi.lane)
      continue;
    laneOf(last, lane).state = State::Ready;
    queue.push_back(last.local - last.abi.lane + lane);
  }
}

/// PTX ISA, "shfl.sync": lanes fall into segments; outside its own a thread
/// gets its own value.
uint64_t EmulatorEngine::shuffleResult(Thread &thread) {
  uint32_t lane = thread.abi.lane, by = thread.lane & 31;
  uint32_t segment = thread.clamp >> 8 & 31, limit = thread.clamp & 31;
  int least = static_cast<int>(lane & segment);
  int most = static_cast<int>((lane & segment) | (limit & ~segment));
  int from = 0;
  bool isIn = true;
  switch (thread.mode) {
  case DLC_SHUFFLE_UP:
    from = static_cast<int>(lane) - static_cast<int>(by);
    isIn = from >= most;
    break;
  case DLC_SHUFFLE_DOWN:
    from = static_cast<int>(lane + by);
    isIn = from <= most;
    break;
  case DLC_SHUFFLE_BFLY:
    from = static_cast<int>(lane ^ by);
    isIn = from <= most;
    break;
  default:
    from = least | static_cast<int>(by & ~segment & 31);
    isIn = from <= most;
  }
  if (!isIn)
    from = static_cast<int>(lane);
  if (!(thread.mask >> from & 1)) {
    fail(thread, "DLC6111", thread.site).lane = static_cast<uint32_t>(from);
    abandon();
  }
  uint32_t value = laneOf(thread, static_cast<uint32_t>(from)).value;
  return value | uint64_t(isIn) << 32;
}

uint64_t EmulatorEngine::voteResult(const Thread &thread) const {
  uint32_t ballot = 0;
  for (uint32_t lane = 0; lane < 32; ++lane)
    if ((thread.mask >> lane & 1) && laneOf(thread, lane).value)
      ballot |= 1u << lane;
  switch (thread.mode) {
  case DLC_VOTE_ALL:
    return ballot == thread.mask;
  case DLC_VOTE_ANY:
    return ballot != 0;
  case DLC_VOTE_UNI:
    return ballot == 0 || ballot == thread.mask;
  default:
    return ballot;
  }
}

// ---- errors
// ------------------------------------------------------------------

EmulatorEngine::Failure &EmulatorEngine::fail(const Thread &thread,
                                              const char *id, uint32_t site) {
  failure.id = id;
  failure.thread = thread.local;
  failure.block = block;
  failure.site = site;
  return failure;
}

/// Leaves the kernel for good: its frames hold nothing.
void EmulatorEngine::abandon() {
  for (;;)
    fibers.leave();
}

} // namespace dlc::rt
