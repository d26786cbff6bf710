//===- PlanMemory.h - offsets for buffers with known lifetimes --*- C++ -*-===//
//
// Places buffers in one arena so that buffers that live at the same time do not
// overlap. Best fit in four orders (by size, by lifetime, by start, by both size
// and lifetime), each repaired for as long as that helps: what ends above the
// least possible size is placed earlier in the next attempt. The smallest plan
// is kept: the heap simulation of XLA's buffer assignment, with two more orders
// and repairs. Where that is not the least possible, a local search over orders
// follows, for a bounded number of attempts.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_PASSES_MEMORY_PLANMEMORY_H
#define DLC_PASSES_MEMORY_PLANMEMORY_H

#include <cstdint>
#include <vector>

namespace dlc {

/// A buffer that lives from instruction `first` to `last`, both included.
struct LiveBuffer {
  uint64_t bytes;
  int64_t first, last;
};

struct MemoryPlan {
  /// One per buffer, each a multiple of `alignment`.
  std::vector<uint64_t> offsets;
  /// Size of the arena, a multiple of `alignment`.
  uint64_t bytes = 0;
  /// The most bytes that live at one time: no plan of this order is smaller.
  uint64_t lowerBound = 0;
};

MemoryPlan planMemory(const std::vector<LiveBuffer> &buffers,
                      uint64_t alignment = 64);

} // namespace dlc

#endif
