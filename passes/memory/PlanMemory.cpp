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
    plan.bytes = std::max(plan.bytes, chosen + bytes);
    if (bytes)
      placed.emplace(chosen, index);
  }
  return plan;
}

/// Where `plan` is larger than need be, what sticks out at its end came too
/// late: those buffers are placed first in the next attempt, and so on. Keeps
/// the smallest plan.
static MemoryPlan improved(const std::vector<LiveBuffer> &buffers,
                           std::vector<size_t> order, MemoryPlan best,
                           uint64_t lowerBound, uint64_t alignment) {
  // An attempt takes time in the square of the buffers.
  constexpr uint64_t mostWork = 4'000'000, mostAttempts = 100;
  uint64_t square = std::max<uint64_t>(buffers.size() * buffers.size(), 1);
  uint64_t attempts = std::min(mostWork / square, mostAttempts);
  MemoryPlan last = best;
  for (; attempts != 0 && best.bytes > lowerBound; --attempts) {
    auto sticksOut = [&](size_t index) {
      return last.offsets[index] + aligned(buffers[index].bytes, alignment) >
             lowerBound;
    };
    auto middle =
        std::stable_partition(order.begin(), order.end(), sticksOut);
    if (middle == order.begin())
      break;
    last = place(buffers, order, alignment);
    if (last.bytes < best.bytes)
      best = last;
  }
  return best;
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
  using Key = uint64_t (*)(const LiveBuffer &);
  auto size = [](const LiveBuffer &b) { return b.bytes; };
  auto lifetime = [](const LiveBuffer &b) { return uint64_t(b.last - b.first); };
  auto area = [](const LiveBuffer &b) {
    return b.bytes * uint64_t(b.last - b.first + 1);
  };
  // Earliest first: what a stack-like program wants.
  auto start = [](const LiveBuffer &b) { return ~uint64_t(b.first + 1); };
  MemoryPlan best;
  best.bytes = UINT64_MAX;
  best.lowerBound = mostLive(buffers, alignment);
  // Each sort is stable, so the key before decides ties.
  for (Key key : {Key(size), Key(lifetime), Key(start), Key(area)}) {
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      return key(buffers[a]) > key(buffers[b]);
    });
    uint64_t lowerBound = best.lowerBound;
    MemoryPlan plan =
        improved(buffers, order, place(buffers, order, alignment), lowerBound,
                 alignment);
    if (plan.bytes < best.bytes)
      best = std::move(plan);
    best.lowerBound = lowerBound;
  }
  return best;
}

} // namespace dlc
