//===- MinCut.cpp - the least cut of a network ----------------------------===//
#include "passes/recompute/MinCut.h"

#include <algorithm>

namespace dlc {

void MinCut::addEdge(unsigned from, unsigned to, int64_t capacity) {
  edgesOf[from].push_back(edges.size());
  edges.push_back({to, capacity});
  edgesOf[to].push_back(edges.size());
  edges.push_back({from, 0});
}

bool MinCut::findLevels(unsigned source, unsigned sink) {
  levels.assign(edgesOf.size(), -1);
  levels[source] = 0;
  std::vector<unsigned> pending = {source};
  for (std::size_t i = 0; i < pending.size(); ++i)
    for (unsigned e : edgesOf[pending[i]])
      if (edges[e].left > 0 && levels[edges[e].to] < 0) {
        levels[edges[e].to] = levels[pending[i]] + 1;
        pending.push_back(edges[e].to);
      }
  return levels[sink] >= 0;
}

/// One augmenting path along the levels, by depth-first search without
/// recursion: models are deeper than stacks.
int64_t MinCut::push(unsigned source, unsigned sink) {
  std::vector<unsigned> path;
  unsigned at = source;
  while (at != sink) {
    bool hasMoved = false;
    for (std::size_t &i = next[at]; i < edgesOf[at].size(); ++i) {
      unsigned e = edgesOf[at][i];
      if (edges[e].left > 0 && levels[edges[e].to] == levels[at] + 1) {
        path.push_back(e);
        at = edges[e].to;
        hasMoved = true;
        break;
      }
    }
    if (hasMoved)
      continue;
    if (path.empty())
      return 0;
    at = edges[path.back() ^ 1].to;
    path.pop_back();
    ++next[at];
  }
  int64_t amount = unlimited;
  for (unsigned e : path)
    amount = std::min(amount, edges[e].left);
  for (unsigned e : path) {
    edges[e].left -= amount;
    edges[e ^ 1].left += amount;
  }
  return amount;
}

std::vector<bool> MinCut::sinkSide(unsigned source, unsigned sink) {
  while (findLevels(source, sink)) {
    next.assign(edgesOf.size(), 0);
    while (push(source, sink) > 0) {
    }
  }
  // Backwards from the sink along edges that could still carry flow.
  std::vector<bool> isSinkSide(edgesOf.size(), false);
  std::vector<unsigned> pending = {sink};
  isSinkSide[sink] = true;
  for (std::size_t i = 0; i < pending.size(); ++i)
    for (unsigned e : edgesOf[pending[i]]) {
      unsigned from = edges[e].to;
      if (edges[e ^ 1].left > 0 && !isSinkSide[from]) {
        isSinkSide[from] = true;
        pending.push_back(from);
      }
    }
  return isSinkSide;
}

} // namespace dlc
