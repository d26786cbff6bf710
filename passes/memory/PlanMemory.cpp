//===- PlanMemory.cpp - offsets for buffers with known lifetimes ----------===//
#include "passes/memory/PlanMemory.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace dlc {

static uint64_t aligned(uint64_t bytes, uint64_t alignment) {
  return (bytes + alignment - 1) / alignment * alignment;
}

/// Places each buffer of `order` in the smallest gap between the placed buffers
/// that live with it.
static MemoryPlan place(const std::vector<LiveBuffer> &buffers,
                        const std::vector<size_t> &order, uint64_t alignment) {
  MemoryPlan plan;
  plan.offsets.assign(buffers.size(), 0);
  // By offset, so that gaps are found in one pass.
  std::multimap<uint64_t, size_t> placed;
  for (size_t index : order) {
    const LiveBuffer &buffer = buffers[index];
    uint64_t bytes = aligned(buffer.bytes, alignment);
    uint64_t end = 0, best = UINT64_MAX, bestGap = UINT64_MAX;
    for (auto [offset, other] : placed) {
      const LiveBuffer &neighbour = buffers[other];
      if (neighbour.last < buffer.first || buffer.last < neighbour.first)
        continue;
      if (offset >= end && offset - end >= bytes && offset - end < bestGap) {
        best = end;
        bestGap = offset - end;
      }
      end = std::max(end, offset + aligned(neighbour.bytes, alignment));
    }
    uint64_t chosen = best == UINT64_MAX ? end : best;
    plan.offsets[index] = chosen;
    plan.bytes = std::max(plan.bytes, chosen + buffer.bytes);
    if (bytes)
      placed.emplace(chosen, index);
  }
  return plan;
}

static uint64_t mostLive(const std::vector<LiveBuffer> &buffers,
                         uint64_t alignment) {
  std::map<int64_t, int64_t> changes;
  for (const LiveBuffer &buffer : buffers) {
    changes[buffer.first] += int64_t(aligned(buffer.bytes, alignment));
    changes[buffer.last + 1] -= int64_t(aligned(buffer.bytes, alignment));
  }
  int64_t live = 0, most = 0;
  for (auto [when, change] : changes)
    most = std::max(most, live += change);
  return uint64_t(most);
}

MemoryPlan planMemory(const std::vector<LiveBuffer> &buffers,
                      uint64_t alignment) {
  std::vector<size_t> order(buffers.size());
  std::iota(order.begin(), order.end(), 0);
  auto lifetime = [&](size_t i) { return buffers[i].last - buffers[i].first; };
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return buffers[a].bytes > buffers[b].bytes;
  });
  MemoryPlan bySize = place(buffers, order, alignment);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return lifetime(a) > lifetime(b);
  });
  MemoryPlan byLifetime = place(buffers, order, alignment);
  MemoryPlan &best = byLifetime.bytes < bySize.bytes ? byLifetime : bySize;
  best.lowerBound = mostLive(buffers, alignment);
  return best;
}

} // namespace dlc
