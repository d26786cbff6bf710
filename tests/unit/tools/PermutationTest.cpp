#include "tools/trainer/Permutation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

using namespace dlc::tools;

static std::vector<int64_t> listOf(int64_t size, int64_t seed, int64_t epoch) {
  Permutation order(size, seed, epoch);
  std::vector<int64_t> list;
  for (int64_t i = 0; i < size; ++i)
    list.push_back(order(i));
  return list;
}

TEST(Permutation, AnySize_EveryIndexOnce) {
  for (int64_t size : {1, 2, 3, 4, 5, 15, 16, 17, 100, 1500, 4096, 4097}) {
    std::vector<int> seen(static_cast<size_t>(size));
    for (int64_t index : listOf(size, 7, 3)) {
      ASSERT_GE(index, 0);
      ASSERT_LT(index, size);
      ++seen[static_cast<size_t>(index)];
    }
    EXPECT_EQ(seen, std::vector<int>(static_cast<size_t>(size), 1)) << size;
  }
}

TEST(Permutation, SameSeedAndEpoch_SameOrder) {
  EXPECT_EQ(listOf(1000, 1, 2), listOf(1000, 1, 2));
}

TEST(Permutation, OtherSeedOrEpoch_OtherOrder) {
  EXPECT_NE(listOf(1000, 1, 2), listOf(1000, 1, 3));
  EXPECT_NE(listOf(1000, 1, 2), listOf(1000, 2, 2));
  EXPECT_NE(listOf(1000, 1, 2), listOf(1000, 2, 1));
}

// Where index 0 goes over many epochs is spread evenly: chi-squared over 10
// bins has mean 9 and standard deviation 4.2.
TEST(Permutation, OneIndex_ManyEpochs_IsSpreadEvenly) {
  double counts[10] = {};
  for (int64_t epoch = 0; epoch < 5000; ++epoch)
    ++counts[Permutation(1000, 0, epoch)(0) / 100];
  double chiSquared = 0;
  for (double count : counts)
    chiSquared += (count - 500) * (count - 500) / 500;
  EXPECT_LT(chiSquared, 30);
}

// Neighbours in file order are not neighbours in the new one: the mean distance
// of random places is a third of the size.
TEST(Permutation, Neighbours_AreApart) {
  std::vector<int64_t> list = listOf(10000, 0, 0);
  double distance = 0;
  for (size_t i = 1; i < list.size(); ++i)
    distance += std::abs(static_cast<double>(list[i] - list[i - 1]));
  EXPECT_NEAR(distance / 1e4, 1e4 / 3, 200);
}
