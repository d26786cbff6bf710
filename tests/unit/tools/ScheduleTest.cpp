#include "tools/trainer/Schedule.h"

#include <gtest/gtest.h>

using namespace dlc::tools;

static Schedule parsed(const char *text, int64_t warmup, int64_t updates) {
  std::string error;
  auto schedule = Schedule::parse(text, 1.0, warmup, updates, error);
  EXPECT_TRUE(schedule) << error;
  return *schedule;
}

TEST(Schedule, Constant_AllUpdates_IsTheRate) {
  Schedule schedule = parsed("constant", 0, 10);
  EXPECT_EQ(schedule.at(0), 1.0);
  EXPECT_EQ(schedule.at(9), 1.0);
}

TEST(Schedule, WarmUp_FirstUpdates_RiseToTheRate) {
  Schedule schedule = parsed("constant", 4, 10);
  EXPECT_DOUBLE_EQ(schedule.at(0), 0.25);
  EXPECT_DOUBLE_EQ(schedule.at(3), 1.0);
  EXPECT_DOUBLE_EQ(schedule.at(4), 1.0);
}

// torch.optim.lr_scheduler.CosineAnnealingLR(T_max=10): lr before each step.
TEST(Schedule, Cosine_TenUpdates_IsPyTorchs) {
  Schedule schedule = parsed("cosine", 0, 10);
  const double expected[] = {1.0, 0.975528, 0.904508, 0.793893, 0.654508,
                             0.5, 0.345492, 0.206107, 0.095492, 0.024472};
  for (int i = 0; i < 10; ++i)
    EXPECT_NEAR(schedule.at(i), expected[i], 1e-6) << i;
}

TEST(Schedule, Cosine_Minimum_IsWhereItEnds) {
  EXPECT_NEAR(parsed("cosine:min=0.1", 0, 10).at(10), 0.1, 1e-12);
}

TEST(Schedule, Linear_Halfway_IsHalf) {
  Schedule schedule = parsed("linear", 2, 12);
  EXPECT_DOUBLE_EQ(schedule.at(2), 1.0);
  EXPECT_DOUBLE_EQ(schedule.at(7), 0.5);
}

TEST(Schedule, Step_EveryN_MultipliesByFactor) {
  Schedule schedule = parsed("step:every=3,factor=0.5", 0, 9);
  EXPECT_DOUBLE_EQ(schedule.at(2), 1.0);
  EXPECT_DOUBLE_EQ(schedule.at(3), 0.5);
  EXPECT_DOUBLE_EQ(schedule.at(6), 0.25);
}

TEST(Schedule, Step_NoSettings_DropsTwice) {
  Schedule schedule = parsed("step", 0, 9);
  EXPECT_DOUBLE_EQ(schedule.at(0), 1.0);
  EXPECT_DOUBLE_EQ(schedule.at(8), 0.01);
}

TEST(Schedule, Parse_WrongText_SaysWhy) {
  for (const char *text :
       {"exponential", "cosine:every=3", "step:every=0", "step:factor",
        "linear:min=x", "cosine:min=-1", ""}) {
    std::string error;
    EXPECT_FALSE(Schedule::parse(text, 1.0, 0, 10, error)) << text;
    EXPECT_NE(error.find("but got"), std::string::npos) << error;
  }
}
