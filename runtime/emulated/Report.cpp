// What the engine's errors say: the kernel and its nodes, the instruction, the
// thread, and the place in terms of the launch's buffers.
#include "runtime/emulated/Engine.h"

#include <algorithm>
#include <string_view>

namespace dlc::rt {

static uint32_t originOf(uint32_t flags) {
  return flags >> DLC_ACCESS_ORIGIN_SHIFT & 3;
}
static uint32_t indexOf(uint32_t flags) {
  return flags >> DLC_ACCESS_INDEX_SHIFT;
}

static std::string bytesFrom(uint64_t offset, uint64_t bytes) {
  return concat("bytes ", static_cast<int64_t>(offset), " to ",
                static_cast<int64_t>(offset + bytes));
}

/// "'load float' (site 3) by thread 33 of block 2"; `thread` in its block.
std::string EmulatorEngine::where(uint32_t thread, uint32_t site) const {
  const dlc_emulated_kernel &kernel = *launch->kernel;
  return concat("'", site < kernel.sites ? kernel.site_names[site] : "access",
                "' (site ", site, ") by thread ", thread, " of block ", block);
}

/// The accessed bytes, relative to what they were meant for or lie near.
std::string EmulatorEngine::place(const Failure &failure) const {
  const dlc_emulated_kernel &kernel = *launch->kernel;
  uintptr_t at = failure.address;
  uint32_t origin = originOf(failure.flags), index = indexOf(failure.flags);
  auto shared = reinterpret_cast<uintptr_t>(sharedBase);
  if (origin == DLC_ORIGIN_SHARED)
    return concat(
        bytesFrom(at - shared - kernel.shared[index].offset, failure.bytes),
        " of workgroup variable '", kernel.shared[index].name, "'");
  if (at - shared < kernel.shared_bytes)
    return concat(bytesFrom(at - shared, failure.bytes),
                  " of workgroup memory");
  if (origin == DLC_ORIGIN_PARAMETER)
    return concat(bytesFrom(at - launch->ranges[index].base, failure.bytes),
                  " of buffer ", index);
  // The buffer that begins last before it.
  const EmulatedLaunch::Range *nearest = nullptr;
  for (const EmulatedLaunch::Range &range : launch->ranges)
    if (range.base <= at && (!nearest || range.base > nearest->base))
      nearest = &range;
  if (!nearest)
    return concat(failure.bytes, " bytes before every buffer");
  return concat(bytesFrom(at - nearest->base, failure.bytes), " of buffer ",
                nearest - launch->ranges.data());
}

Status EmulatorEngine::report() const {
  std::string_view id = failure.id;
  bool isWaiting = id >= "DLC6108" && id <= "DLC6113";
  return (isWaiting ? reportWaiting() : reportMemory())
      .withContext(launch->label);
}

Status EmulatorEngine::reportMemory() const {
  std::string_view id = failure.id;
  std::string subject = where(failure.thread, failure.site);
  std::string found = place(failure);
  uint32_t origin = originOf(failure.flags), index = indexOf(failure.flags);
  if (id == "DLC6102") {
    std::string inside = origin == DLC_ORIGIN_PARAMETER
                             ? concat("buffer ", index, " of ",
                                      launch->ranges[index].bytes, " bytes")
                             : "the launch's buffers";
    return DLC_ERROR(Internal, "DLC6102", subject, " must stay inside ", inside,
                     ", but got ", found);
  }
  if (id == "DLC6103")
    return DLC_ERROR(Internal, "DLC6103", subject,
                     " must not change an input, but got ", found);
  if (id == "DLC6104") {
    uint64_t bytes = origin == DLC_ORIGIN_SHARED
                         ? launch->kernel->shared[index].bytes
                         : launch->kernel->shared_bytes;
    return DLC_ERROR(Internal, "DLC6104", subject, " must stay inside the ",
                     bytes, " bytes of its workgroup memory, but got ", found);
  }
  if (id == "DLC6105")
    return DLC_ERROR(Internal, "DLC6105", subject,
                     " must read what the block has written, but got ", found);
  if (id == "DLC6115")
    return DLC_ERROR(Internal, "DLC6115", subject, " must be aligned to ",
                     1u << (failure.flags >> DLC_ACCESS_ALIGN_SHIFT & 15),
                     " bytes, but got ", found);
  const Conflict &conflict = failure.conflict;
  uint32_t other = conflict.thread - 1, size = launch->threads;
  const dlc_emulated_kernel &kernel = *launch->kernel;
  std::string earlier =
      concat(conflict.isStore ? "a store" : "a load", " there, '",
             conflict.site < kernel.sites ? kernel.site_names[conflict.site]
                                          : "access",
             "' (site ", conflict.site, ") by thread ", other % size,
             " of block ", other / size, ", at ", found);
  if (id == "DLC6106")
    return DLC_ERROR(Internal, "DLC6106", subject,
                     " must be behind a barrier, but got ", earlier);
  return DLC_ERROR(Internal, "DLC6107", subject,
                   " must be ordered with other accesses of the launch, but "
                   "got ",
                   earlier);
}

Status EmulatorEngine::reportWaiting() const {
  std::string_view id = failure.id;
  std::string subject = where(failure.thread, failure.site);
  auto doing = [&](uint32_t other) {
    if (other >= launch->threads)
      return concat("no thread ", other, " in the block");
    const Thread &thread = threads[other];
    if (thread.state == State::Done)
      return concat("thread ", other, " at its end");
    return concat("thread ", other, " at '",
                  launch->kernel->site_names[thread.site], "' (site ",
                  thread.site, ")");
  };
  if (id == "DLC6108")
    return DLC_ERROR(Internal, "DLC6108", subject,
                     " must be reached by the whole block, but got ",
                     doing(failure.otherThread));
  if (id == "DLC6109")
    return DLC_ERROR(Internal, "DLC6109", subject,
                     " must be reached by the whole block, but got ",
                     doing(failure.otherThread));
  if (id == "DLC6110") {
    const Thread &thread = threads[failure.thread];
    bool isOwn = failure.lane == thread.abi.lane;
    return DLC_ERROR(Internal, "DLC6110", subject,
                     " must be reached by the lanes of mask 0x", std::hex,
                     thread.mask, std::dec, ", but got ",
                     isOwn ? concat("lane ", failure.lane, ", which is not one")
                           : doing((failure.thread & ~31u) + failure.lane));
  }
  if (id == "DLC6111")
    return DLC_ERROR(Internal, "DLC6111", subject,
                     " must read from lanes of mask 0x", std::hex,
                     threads[failure.thread].mask, std::dec, ", but got lane ",
                     failure.lane);
  if (id == "DLC6112")
    return DLC_ERROR(Internal, "DLC6112", subject, " must wait or end within ",
                     patience, " accesses, but got one more");
  return DLC_ERROR(Internal, "DLC6113", subject,
                   " must not be reached, but got there");
}

} // namespace dlc::rt
