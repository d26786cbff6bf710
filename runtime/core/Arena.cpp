#include "runtime/core/Arena.h"

#include "runtime/core/CheckedMath.h"

#include <cerrno>
#include <cstring>
#include <sys/mman.h>
#include <utility>

namespace dlc::rt {

static constexpr uint64_t pageBytes = 4096;
static constexpr uint64_t hugePageBytes = uint64_t(2) << 20;

/// Maps `bytes` so that the start lies on a huge page when it is large enough
/// to use one: reserves more and gives the ends back.
static void *mapAligned(uint64_t bytes) {
  bool isLarge = bytes >= hugePageBytes;
  uint64_t reserved = bytes + (isLarge ? hugePageBytes : 0);
  void *raw = mmap(nullptr, reserved, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (raw == MAP_FAILED || !isLarge)
    return raw;
  uint64_t start = reinterpret_cast<uint64_t>(raw);
  uint64_t aligned = alignUp(start, hugePageBytes);
  if (aligned != start)
    munmap(raw, aligned - start);
  uint64_t tail = start + reserved - (aligned + bytes);
  if (tail != 0)
    munmap(reinterpret_cast<void *>(aligned + bytes), tail);
  return reinterpret_cast<void *>(aligned);
}

/// Backs every page now, so that lack of memory is an error here and not a
/// signal in the middle of a step.
static bool populate(void *base, uint64_t bytes) {
#ifdef MADV_POPULATE_WRITE
  if (madvise(base, bytes, MADV_POPULATE_WRITE) == 0)
    return true;
  if (errno == ENOMEM || errno == EFAULT)
    return false;
#endif
  volatile char *p = static_cast<char *>(base);
  for (uint64_t i = 0; i < bytes; i += pageBytes)
    p[i] = 0;
  return true;
}

Result<Arena> Arena::create(uint64_t bytes) {
  Arena arena;
  if (bytes > (uint64_t(1) << 46))
    return DLC_ERROR(OutOfMemory, "DLC6002",
                     "arena must fit the address space, but got ", bytes,
                     " bytes");
  uint64_t mapped = alignUp(std::max<uint64_t>(bytes, 1), pageBytes);
  void *base = mapAligned(mapped);
  if (base == MAP_FAILED)
    return DLC_ERROR(OutOfMemory, "DLC6002", "arena needs ", bytes,
                     " bytes, but got '", std::strerror(errno),
                     "' from the system");
#ifdef MADV_HUGEPAGE
  madvise(base, mapped, MADV_HUGEPAGE);
#endif
  arena.base = static_cast<std::byte *>(base);
  arena.bytes = bytes;
  if (!populate(base, mapped))
    return DLC_ERROR(OutOfMemory, "DLC6002", "arena needs ", bytes,
                     " bytes of memory, but got '", std::strerror(errno),
                     "' from the system");
  return Result<Arena>(std::move(arena));
}

Arena::Arena(Arena &&other) noexcept
    : base(std::exchange(other.base, nullptr)),
      bytes(std::exchange(other.bytes, 0)), peakBytes(other.peak()) {}

Arena &Arena::operator=(Arena &&other) noexcept {
  std::swap(base, other.base);
  std::swap(bytes, other.bytes);
  peakBytes.store(other.peakBytes.exchange(peakBytes.load()));
  return *this;
}

Arena::~Arena() {
  if (base)
    munmap(base, alignUp(std::max<uint64_t>(bytes, 1), pageBytes));
}

void Arena::recordUse(uint64_t end) {
  uint64_t seen = peak();
  while (seen < end && !peakBytes.compare_exchange_weak(seen, end))
    ;
}

} // namespace dlc::rt
