//===- MinCutTest.cpp - least cuts of small networks ----------------------===//
#include "passes/recompute/MinCut.h"

#include <gtest/gtest.h>
#include <random>

using dlc::MinCut;

namespace {

struct Edge {
  unsigned from, to;
  int64_t capacity;
};

int64_t costOf(const std::vector<Edge> &edges, const std::vector<bool> &sink) {
  int64_t cost = 0;
  for (const Edge &edge : edges)
    if (!sink[edge.from] && sink[edge.to])
      cost += edge.capacity;
  return cost;
}

TEST(MinCut, OfAChain_IsItsNarrowestLink_NearestToTheSink) {
  MinCut network(5);
  for (auto [i, capacity] : {std::pair(0u, 9), {1u, 3}, {2u, 7}, {3u, 3}})
    network.addEdge(i, i + 1, capacity);
  EXPECT_EQ(network.sinkSide(0, 4),
            (std::vector<bool>{false, false, false, false, true}));
}

TEST(MinCut, UnlimitedEdges_AreNeverCut) {
  MinCut network(4);
  network.addEdge(0, 1, MinCut::unlimited);
  network.addEdge(1, 2, 5);
  network.addEdge(2, 3, MinCut::unlimited);
  EXPECT_EQ(network.sinkSide(0, 3),
            (std::vector<bool>{false, false, true, true}));
}

TEST(MinCut, OfRandomNetworks_IsTheLeastOfAllCuts) {
  std::mt19937 random(7);
  for (int trial = 0; trial < 200; ++trial) {
    const unsigned nodes = 3 + random() % 6;
    std::vector<Edge> edges;
    MinCut network(nodes);
    for (unsigned i = 0; i < nodes * 2; ++i) {
      Edge edge{unsigned(random() % nodes), unsigned(random() % nodes),
                int64_t(random() % 10)};
      if (edge.from == edge.to)
        continue;
      edges.push_back(edge);
      network.addEdge(edge.from, edge.to, edge.capacity);
    }
    std::vector<bool> found = network.sinkSide(0, nodes - 1);
    ASSERT_FALSE(found[0]);
    ASSERT_TRUE(found[nodes - 1]);
    for (unsigned mask = 0; mask < 1u << nodes; ++mask) {
      std::vector<bool> side(nodes);
      for (unsigned i = 0; i < nodes; ++i)
        side[i] = mask >> i & 1;
      if (!side[0] && side[nodes - 1])
        ASSERT_LE(costOf(edges, found), costOf(edges, side)) << trial;
    }
  }
}

} // namespace
