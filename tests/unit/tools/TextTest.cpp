#include "tools/support/Text.h"

#include <gtest/gtest.h>

using namespace dlc::tools;

TEST(Text, ParseSize_UnitsOfBothKinds_AreBytes) {
  EXPECT_EQ(parseSize("512MiB"), 512u << 20);
  EXPECT_EQ(parseSize("8GB"), 8'000'000'000u);
  EXPECT_EQ(parseSize("4096"), 4096u);
  EXPECT_EQ(parseSize("1.5 KiB"), 1536u);
  EXPECT_EQ(parseSize("2k"), 2000u);
}

TEST(Text, ParseSize_NoSize_IsNone) {
  for (const char *text : {"", "MiB", "-1", "12XB", "3MiBs", "1e30", "nan"})
    EXPECT_EQ(parseSize(text), std::nullopt) << text;
}

TEST(Text, ParseDuration_Units_AreSeconds) {
  EXPECT_EQ(parseDuration("30s"), 30);
  EXPECT_EQ(parseDuration("250ms"), 0.25);
  EXPECT_EQ(parseDuration("1.5h"), 5400);
  EXPECT_EQ(parseDuration("2m"), 120);
  EXPECT_EQ(parseDuration("7"), 7);
  EXPECT_EQ(parseDuration("7 days"), std::nullopt);
}

TEST(Text, Format_Numbers_ReadWell) {
  EXPECT_EQ(formatBytes(640), "640 B");
  EXPECT_EQ(formatBytes(1536), "1.50 KiB");
  EXPECT_EQ(formatCount(1234567), "1,234,567");
  EXPECT_EQ(formatCount(123), "123");
  EXPECT_EQ(formatSeconds(0.85), "850 ms");
  EXPECT_EQ(formatSeconds(245), "4m 05s");
  EXPECT_EQ(formatDims({}), "scalar");
  EXPECT_EQ(formatDims({2, 3}), "2x3");
}

TEST(Text, Table_UnequalCells_AreAligned) {
  Table table("lr");
  table.row({"a", "10"});
  table.row({"long", "5"});
  EXPECT_EQ(table.text(0), "a     10\nlong   5\n");
}
