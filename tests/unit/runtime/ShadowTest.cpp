// Which accesses race: threads, warps, blocks, barriers, atomics, and accesses
// of different widths to the same bytes.

#include "runtime/emulated/Shadow.h"

#include <gtest/gtest.h>

using namespace dlc::rt;

namespace {

constexpr uint32_t threads = 64;

/// Thread `local` of `block`; its warp has met `clock` times since the launch
/// began, and the block at `blockClock`.
Toucher at(uint32_t block, uint32_t local, uint32_t clock = 1,
           uint32_t blockClock = 1) {
  uint32_t first = block * threads + 1;
  return {first + local, first, threads, clock, blockClock};
}

class ShadowTest : public ::testing::Test {
protected:
  ShadowTest() { shadow.reset(256); }
  bool store(uint64_t offset, uint64_t bytes, Toucher who,
             bool isAtomic = false) {
    return shadow.record({offset, bytes, true, isAtomic, 7}, who, false,
                         conflict);
  }
  bool load(uint64_t offset, uint64_t bytes, Toucher who,
            bool isAtomic = false) {
    return shadow.record({offset, bytes, false, isAtomic, 8}, who, false,
                         conflict);
  }
  Shadow shadow;
  Conflict conflict;
};

} // namespace

TEST_F(ShadowTest, Stores_OfTwoThreads_Race) {
  EXPECT_FALSE(store(0, 4, at(0, 1)));
  EXPECT_FALSE(store(0, 4, at(0, 1)));
  EXPECT_FALSE(store(4, 4, at(0, 2)));
  EXPECT_TRUE(store(0, 4, at(0, 2)));
  EXPECT_EQ(conflict.thread, 2u);
  EXPECT_EQ(conflict.site, 7u);
  EXPECT_TRUE(conflict.isStore);
}

TEST_F(ShadowTest, Barriers_OrderTheirBlock) {
  EXPECT_FALSE(store(0, 4, at(0, 1)));
  EXPECT_FALSE(load(0, 4, at(0, 40, 2, 2)));
  EXPECT_TRUE(load(0, 4, at(1, 40, 2, 2))); // another block
}

TEST_F(ShadowTest, WarpBarriers_OrderTheirWarp) {
  EXPECT_FALSE(store(0, 4, at(0, 1)));
  EXPECT_FALSE(load(0, 4, at(0, 2, 2, 1)));
  EXPECT_TRUE(load(0, 4, at(0, 33, 2, 1)));
}

TEST_F(ShadowTest, Loads_AreRememberedUntilAStore) {
  EXPECT_FALSE(load(0, 4, at(0, 1)));
  EXPECT_FALSE(load(0, 4, at(0, 2)));
  EXPECT_FALSE(load(0, 4, at(0, 3)));
  EXPECT_TRUE(store(0, 4, at(0, 1)));
  EXPECT_EQ(conflict.site, 8u);
  EXPECT_FALSE(conflict.isStore);
  EXPECT_FALSE(store(0, 4, at(0, 1, 2, 2)));
}

TEST_F(ShadowTest, Loads_OfManyBlocks_ConflictWithEveryStore) {
  // The third block's load must be remembered beside two of the first's.
  EXPECT_FALSE(load(0, 4, at(0, 1)));
  EXPECT_FALSE(load(0, 4, at(0, 2)));
  EXPECT_FALSE(load(0, 4, at(2, 1)));
  EXPECT_TRUE(store(0, 4, at(0, 1, 2, 2)));
}

TEST_F(ShadowTest, Atomics_RaceWithPlainAccessesAlone) {
  EXPECT_FALSE(store(0, 4, at(0, 1), true));
  EXPECT_FALSE(store(0, 4, at(1, 1), true));
  EXPECT_TRUE(load(0, 4, at(0, 1)));
}

TEST_F(ShadowTest, Widths_AreExactToTheByte) {
  EXPECT_FALSE(store(0, 16, at(0, 1)));
  EXPECT_FALSE(store(16, 2, at(0, 1)));
  EXPECT_FALSE(store(18, 1, at(0, 2)));
  EXPECT_FALSE(store(19, 1, at(0, 3)));
  EXPECT_TRUE(load(15, 1, at(0, 2)));
  EXPECT_FALSE(load(18, 1, at(0, 2)));
  EXPECT_TRUE(load(16, 4, at(0, 2)));
}

TEST_F(ShadowTest, Reset_Forgets) {
  EXPECT_FALSE(store(0, 4, at(0, 1)));
  shadow.reset(256);
  EXPECT_FALSE(store(0, 4, at(0, 2)));
  shadow.reset(64);
  EXPECT_FALSE(store(0, 4, at(0, 3)));
  EXPECT_TRUE(shadow.record({32, 4, false, false, 1}, at(0, 3), true,
                            conflict));
  EXPECT_TRUE(conflict.isUninitialised);
}
