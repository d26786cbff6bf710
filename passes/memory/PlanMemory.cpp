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

namespace {
/// A plan and the order that gave it.
struct Attempt {
  std::vector<size_t> order;
  MemoryPlan plan;
};
} // namespace

/// How often an attempt, which takes time in the square of the buffers, may be
/// made.
static uint64_t attemptsOf(const std::vector<LiveBuffer> &buffers,
                           uint64_t mostWork, uint64_t most) {
  uint64_t square = std::max<uint64_t>(buffers.size() * buffers.size(), 1);
  return std::min(mostWork / square, most);
}

/// Where `plan` is larger than need be, what sticks out at its end came too
/// late: those buffers are placed first in the next attempt, and so on. Keeps
/// the smallest plan.
static Attempt improved(const std::vector<LiveBuffer> &buffers,
                        std::vector<size_t> order, uint64_t lowerBound,
                        uint64_t alignment) {
  uint64_t attempts = attemptsOf(buffers, 4'000'000, 100);
  Attempt best = {order, place(buffers, order, alignment)};
  MemoryPlan last = best.plan;
  for (; attempts != 0 && best.plan.bytes > lowerBound; --attempts) {
    auto sticksOut = [&](size_t index) {
      return last.offsets[index] + aligned(buffers[index].bytes, alignment) >
             lowerBound;
    };
    auto middle =
        std::stable_partition(order.begin(), order.end(), sticksOut);
    if (middle == order.begin())
      break;
    last = place(buffers, order, alignment);
    if (last.bytes < best.plan.bytes)
      best = {order, last};
  }
  return best;
}

/// From a good order to a better one by small moves: one of the buffers that
/// stick out comes earlier, and now and then any other one too; a move stays
/// unless it makes the plan larger. The same numbers every time, so that the
/// same program always gets the same plan.
static void search(const std::vector<LiveBuffer> &buffers, Attempt &best,
                   uint64_t lowerBound, uint64_t alignment) {
  uint64_t state = 1;
  auto below = [&](size_t end) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return size_t((state >> 33) % end);
  };
  Attempt now = best;
  for (uint64_t attempts = attemptsOf(buffers, 16'000'000, 2000);
       attempts != 0 && best.plan.bytes > lowerBound; --attempts) {
    std::vector<size_t> late;
    for (size_t at = 0; at < now.order.size(); ++at) {
      size_t index = now.order[at];
      if (now.plan.offsets[index] + aligned(buffers[index].bytes, alignment) >
          lowerBound)
        late.push_back(at);
    }
    size_t from = attempts % 3 ? late[below(late.size())]
                               : below(now.order.size());
    size_t to = below(from + 1);
    Attempt next = {now.order, {}};
    auto begin = next.order.begin();
    std::rotate(begin + to, begin + from, begin + from + 1);
    next.plan = place(buffers, next.order, alignment);
    if (next.plan.bytes > now.plan.bytes)
      continue;
    now = std::move(next);
    if (now.plan.bytes < best.plan.bytes)
      best = now;
  }
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
  Attempt best;
  best.plan.bytes = UINT64_MAX;
  uint64_t lowerBound = mostLive(buffers, alignment);
  // Each sort is stable, so the key before decides ties.
  for (Key key : {Key(size), Key(lifetime), Key(start), Key(area)}) {
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      return key(buffers[a]) > key(buffers[b]);
    });
    Attempt attempt = improved(buffers, order, lowerBound, alignment);
    if (attempt.plan.bytes < best.plan.bytes)
      best = std::move(attempt);
  }
  search(buffers, best, lowerBound, alignment);
  best.plan.lowerBound = lowerBound;
  return best.plan;
}

} // namespace dlc
