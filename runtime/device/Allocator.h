// First of the three small interfaces that a backend fills: memory.
#ifndef DLC_RUNTIME_DEVICE_ALLOCATOR_H
#define DLC_RUNTIME_DEVICE_ALLOCATOR_H

#include "runtime/core/Status.h"

#include <cstddef>
#include <cstdint>
#include <memory>

namespace dlc::rt {

/// Device memory, zeroed when it is made, given back when it is destroyed.
class Memory {
public:
  virtual ~Memory() = default;
  /// Device address, aligned to at least 64 bytes.
  virtual std::byte *data() const = 0;
  virtual uint64_t size() const = 0;
  /// Notes that bytes [0, end) are in use, and the largest such end so far.
  virtual void recordUse(uint64_t end) = 0;
  virtual uint64_t peak() const = 0;
};

/// Any thread may allocate.
class Allocator {
public:
  virtual ~Allocator() = default;
  virtual Result<std::unique_ptr<Memory>> allocate(uint64_t bytes) = 0;
};

} // namespace dlc::rt

#endif // DLC_RUNTIME_DEVICE_ALLOCATOR_H
