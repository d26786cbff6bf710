// The memory of one session on one device: a single anonymous mapping of
// exactly the bytes that the compiler planned, on huge pages where the system
// has them, touched up front so that a step never takes a page fault.
#ifndef DLC_RUNTIME_CORE_ARENA_H
#define DLC_RUNTIME_CORE_ARENA_H

#include "runtime/core/Status.h"

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace dlc::rt {

class Arena {
public:
  /// Maps `bytes` (0 is allowed) of zeroed memory, aligned to at least 64.
  static Result<Arena> create(uint64_t bytes);

  Arena(Arena &&other) noexcept;
  Arena &operator=(Arena &&other) noexcept;
  ~Arena();

  std::byte *data() const { return base; }
  uint64_t size() const { return bytes; }

  /// Records that bytes [0, end) are in use; the peak is the largest such end.
  void recordUse(uint64_t end);
  /// Highest end of any byte range that a run has used so far. Any thread.
  uint64_t peak() const { return peakBytes.load(std::memory_order_relaxed); }

private:
  Arena() = default;
  std::byte *base = nullptr;
  uint64_t bytes = 0;
  std::atomic<uint64_t> peakBytes{0};
};

} // namespace dlc::rt

#endif // DLC_RUNTIME_CORE_ARENA_H
