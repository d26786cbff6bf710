// What a launch may touch, and what of it needs watching for races: buffers
// that the kernel stores to, joined where they overlap (results in place).
#include "runtime/emulated/Engine.h"

#include <algorithm>
#include <numeric>

namespace dlc::rt {

Result<EmulatedLaunch>
EmulatedLaunch::create(const dlc_emulated_kernel &kernel,
                       EmulatedFunction function, std::string label,
                       std::vector<EmulatedBuffer> buffers, uint32_t blocks,
                       uint32_t threads) {
  EmulatedLaunch launch;
  launch.kernel = &kernel;
  launch.function = function;
  launch.label = std::move(label);
  launch.blocks = blocks;
  launch.threads = threads;
  if (kernel.version > DLC_EMULATED_VERSION)
    return DLC_ERROR(Unsupported, "DLC6114", launch.label,
                     " must be made for version ", DLC_EMULATED_VERSION,
                     " of the emulator or an earlier one, but got version ",
                     kernel.version);
  if (buffers.size() < kernel.parameters)
    return DLC_ERROR(Corrupt, "DLC6114", launch.label, " must have ",
                     kernel.parameters, " buffers, but got ", buffers.size());
  if (threads == 0 || threads > 1024 ||
      uint64_t(blocks) * threads >= launch.none)
    return DLC_ERROR(Corrupt, "DLC6114", launch.label,
                     " must have 1 to 1024 threads in a block and fewer than "
                     "2^32 in all, but got ",
                     threads, " in ", blocks, " blocks");
  if (kernel.stack_bytes > FiberPool::stackBytes / 2)
    return DLC_ERROR(Unsupported, "DLC6114", launch.label,
                     " must have at most ", FiberPool::stackBytes / 2,
                     " bytes of local memory, but got ", kernel.stack_bytes);
  for (size_t i = 0; i < buffers.size(); ++i) {
    if (i < kernel.parameters) {
      launch.values.push_back(buffers[i].data);
      if (kernel.parameter_flags[i] & DLC_PARAMETER_INPUT)
        buffers[i].isReadOnly = true;
    }
    launch.ranges.push_back({reinterpret_cast<uintptr_t>(buffers[i].data),
                             buffers[i].bytes, buffers[i].isReadOnly, none, 0});
  }
  launch.buffers = std::move(buffers);
  launch.findRegions();
  return launch;
}

void EmulatedLaunch::findRegions() {
  std::vector<size_t> sorted(ranges.size());
  std::iota(sorted.begin(), sorted.end(), 0);
  std::sort(sorted.begin(), sorted.end(), [&](size_t a, size_t b) {
    return ranges[a].base < ranges[b].base;
  });
  std::vector<size_t> joinedOf(ranges.size());
  std::vector<char> isStored;
  for (size_t i : sorted) {
    const Range &range = ranges[i];
    bool isNew = joined.empty() ||
                 range.base >= joined.back().base + joined.back().bytes;
    if (isNew) {
      joined.push_back({range.base, range.bytes, true, none, 0});
      isStored.push_back(false);
    }
    Range &whole = joined.back();
    whole.bytes = std::max(whole.bytes, range.base + range.bytes - whole.base);
    whole.isReadOnly &= range.isReadOnly;
    bool mayStore = !range.isReadOnly &&
                    ((kernel->flags & DLC_KERNEL_STORES_ANYWHERE) ||
                     (i < kernel->parameters &&
                      (kernel->parameter_flags[i] & DLC_PARAMETER_STORED)));
    isStored.back() |= mayStore && !buffers[i].allowsRaces;
    joinedOf[i] = joined.size() - 1;
  }
  for (size_t i = 0; i < joined.size(); ++i)
    if (isStored[i]) {
      joined[i].region = static_cast<uint32_t>(regionBytes.size());
      regionBytes.push_back(joined[i].bytes);
    }
  for (size_t i = 0; i < ranges.size(); ++i) {
    ranges[i].region = joined[joinedOf[i]].region;
    ranges[i].regionOffset = ranges[i].base - joined[joinedOf[i]].base;
  }
}

const EmulatedLaunch::Range *EmulatedLaunch::find(uintptr_t address) const {
  auto after = std::upper_bound(
      joined.begin(), joined.end(), address,
      [](uintptr_t a, const Range &range) { return a < range.base; });
  if (after == joined.begin())
    return nullptr;
  const Range &range = *std::prev(after);
  return address < range.base + range.bytes ? &range : nullptr;
}

} // namespace dlc::rt
