// Stacks that one OS thread switches between: a fiber per thread of a block.
//
// A switch saves the registers that a called function keeps and changes the
// stack pointer; it costs a few nanoseconds. Rounding modes and flush-to-zero
// are the OS thread's, so all fibers share them. Below every stack lies a page
// that may not be touched: an overflow stops the process instead of spoiling a
// neighbour.
#ifndef DLC_RUNTIME_EMULATED_FIBERS_H
#define DLC_RUNTIME_EMULATED_FIBERS_H

#include "runtime/core/Status.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace dlc::rt {

/// Whether this build has fibers: x86-64 only, and not under a sanitizer,
/// which would have to be told of every stack.
bool hasFibers();

/// Not thread-safe: one OS thread makes, runs and leaves its fibers.
class FiberPool {
public:
  using Body = void (*)(void *);
  static constexpr size_t stackBytes = size_t(128) << 10;

  FiberPool() = default;
  FiberPool(const FiberPool &) = delete;
  FiberPool &operator=(const FiberPool &) = delete;
  ~FiberPool();

  /// Makes stacks until there are `count`. They are kept.
  Status reserve(size_t count);
  /// Lets fiber `index` begin with body(argument) at the next resume(), in
  /// place of whatever it did. `body` must not return: it ends with leave().
  void start(size_t index, Body body, void *argument);
  /// Runs fiber `index` until it calls leave().
  void resume(size_t index);
  /// From inside the fiber that runs: back to resume(). Returns when resumed.
  void leave();
  /// Whether `address` is on the stack of fiber `index`.
  bool isOnStack(size_t index, const void *address) const {
    auto *byte = static_cast<const std::byte *>(address);
    return byte >= fibers[index].stack &&
           byte < fibers[index].stack + stackBytes;
  }

private:
  struct Fiber {
    std::byte *stack;
    void *saved;
  };
  struct Mapping {
    std::byte *base;
    size_t bytes;
  };
  std::vector<Fiber> fibers;
  std::vector<Mapping> mappings;
  void *caller = nullptr;
  size_t current = 0;
};

} // namespace dlc::rt

#endif // DLC_RUNTIME_EMULATED_FIBERS_H
