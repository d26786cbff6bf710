//===- MinCut.h - the least cut of a network --------------------*- C++ -*-===//
#ifndef DLC_PASSES_RECOMPUTE_MINCUT_H
#define DLC_PASSES_RECOMPUTE_MINCUT_H

#include <cstddef>
#include <cstdint>
#include <vector>

namespace dlc {

/// A directed network with capacities, cut by maximum flow (Dinic, 1970): in
/// O(V^2 E) at worst, and near linear on graphs of models.
class MinCut {
public:
  static constexpr int64_t unlimited = int64_t(1) << 60;

  explicit MinCut(unsigned nodes) : edgesOf(nodes) {}
  void addEdge(unsigned from, unsigned to, int64_t capacity);

  /// Which nodes lie on the sink's side of the least cut. Of several least cuts
  /// it is the one nearest to the sink.
  std::vector<bool> sinkSide(unsigned source, unsigned sink);

private:
  struct Edge {
    unsigned to;
    int64_t left;
  };
  bool findLevels(unsigned source, unsigned sink);
  int64_t push(unsigned source, unsigned sink);

  /// An edge and its reverse are neighbours: e and e ^ 1.
  std::vector<Edge> edges;
  std::vector<std::vector<unsigned>> edgesOf;
  std::vector<int> levels;
  std::vector<std::size_t> next;
};

} // namespace dlc

#endif
