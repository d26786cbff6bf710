// Core: statuses, sizes, dtypes, the pool, flush-to-zero, the arena, files.

#include "runtime/core/Arena.h"
#include "runtime/core/AtomicFile.h"
#include "runtime/core/CheckedMath.h"
#include "runtime/core/DType.h"
#include "runtime/core/ThreadPool.h"
#include "tests/unit/runtime/TestUtil.h"

#include <cmath>
#include <fcntl.h>
#include <limits>
#include <sys/stat.h>
#include <unistd.h>

using namespace dlc::rt;
using namespace dlc::rt::test;

namespace {

TEST(StatusTest, WithContext_OnAnError_PutsItFirst) {
  Status status = DLC_ERROR(NotFound, "DLC5201",
                            "entry must be there, but "
                            "got ",
                            3);
  status = std::move(status).withContext("program 'p'");
  EXPECT_EQ(status.message(), "program 'p': entry must be there, but got 3");
  EXPECT_EQ(status.file(), "CoreTest.cpp");
  EXPECT_GT(status.line(), 0);
  EXPECT_EQ(status.code(), StatusCode::NotFound);
  EXPECT_TRUE(Status::ok().withContext("nothing").isOk());
}

TEST(CheckedMathTest, ElementCount_Edges_NeverWraps) {
  using Dims = std::vector<int64_t>;
  EXPECT_EQ(elementCount(Dims{}), 1);
  EXPECT_EQ(elementCount(Dims{3, 0, 5}), 0);
  EXPECT_EQ(elementCount(Dims{3, -1}), std::nullopt);
  EXPECT_EQ(elementCount(Dims{int64_t(1) << 32, int64_t(1) << 31}),
            std::nullopt);
  EXPECT_EQ(tensorBytes(DType::F64, Dims{int64_t(1) << 61}), std::nullopt);
  EXPECT_TRUE(isWithin(5, 5, 10));
  EXPECT_FALSE(isWithin(6, 5, 10));
  EXPECT_FALSE(isWithin(~uint64_t(0), 2, 10));
}

TEST(DTypeTest, Names_RoundTrip) {
  for (int i = 0; i < dtypeCount; ++i) {
    auto type = static_cast<DType>(i);
    EXPECT_EQ(dtypeFromName(dtypeName(type)), type);
  }
  EXPECT_EQ(dtypeFromName("f31"), std::nullopt);
}

TEST(DTypeTest, HalfAndBfloat_EveryValue_RoundTrips) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    auto narrow = static_cast<uint16_t>(bits);
    float half = halfToFloat(narrow), bfloat = bfloatToFloat(narrow);
    if (!std::isnan(half)) {
      EXPECT_EQ(floatToHalf(half), narrow);
    }
    if (!std::isnan(bfloat)) {
      EXPECT_EQ(floatToBfloat(bfloat), narrow);
    }
  }
}

TEST(DTypeTest, FloatToHalf_Rounds_ToNearestEven) {
  EXPECT_EQ(floatToHalf(1.0f + 1.0f / 2048), 0x3c00); // tie to even
  EXPECT_EQ(floatToHalf(1.0f + 3.0f / 2048), 0x3c02); // tie to even
  EXPECT_EQ(floatToHalf(65519.0f), 0x7bff);
  EXPECT_EQ(floatToHalf(65520.0f), 0x7c00);              // infinity
  EXPECT_EQ(floatToHalf(std::ldexp(1.0f, -24)), 0x0001); // least subnormal
  EXPECT_EQ(floatToHalf(std::ldexp(1.0f, -25)), 0x0000); // tie to even
  EXPECT_EQ(floatToHalf(std::ldexp(1.5f, -25)), 0x0001);
  EXPECT_TRUE(std::isnan(halfToFloat(floatToHalf(NAN))));
  EXPECT_EQ(floatToBfloat(1.0f + 1.0f / 256), 0x3f80);
  EXPECT_TRUE(std::isnan(bfloatToFloat(floatToBfloat(NAN))));
}

TEST(DTypeTest, RoundToTf32_Rounds_ToNearestAwayFromZero) {
  auto ulps = [](int n) { return 1.0f + std::ldexp(float(n), -23); };
  EXPECT_EQ(roundToTf32(ulps(0xfff)), 1.0f);
  EXPECT_EQ(roundToTf32(ulps(0x1000)), 1.0f + 1.0f / 1024); // tie
  EXPECT_EQ(roundToTf32(-ulps(0x1000)), -1.0f - 1.0f / 1024);
  EXPECT_EQ(roundToTf32(ulps(0x3000)), 1.0f + 2.0f / 1024); // tie
  EXPECT_EQ(roundToTf32(2.0f - std::ldexp(1.0f, -23)), 2.0f);
  EXPECT_EQ(roundToTf32(std::numeric_limits<float>::max()), INFINITY);
  EXPECT_EQ(roundToTf32(-INFINITY), -INFINITY);
  // The payload is in the low bits alone.
  EXPECT_TRUE(std::isnan(roundToTf32(std::bit_cast<float>(0x7f800001u))));
}

TEST(ThreadPoolTest, ParallelFor_AnyGroups_CoversEachOnce) {
  for (int threads : {1, 2, 3, 5})
    for (int64_t groups : {0, 1, 2, 7, 1000}) {
      std::vector<std::atomic<int>> seen(static_cast<size_t>(groups));
      ThreadPool pool(threads);
      pool.parallelFor(groups, [&](int worker, int64_t first, int64_t end) {
        EXPECT_LT(worker, threads);
        EXPECT_LT(first, end);
        for (int64_t i = first; i < end; ++i)
          ++seen[static_cast<size_t>(i)];
      });
      for (auto &count : seen)
        EXPECT_EQ(count, 1);
    }
}

TEST(ThreadPoolTest, ParallelFor_Workers_FlushDenormals) {
  volatile float tiny = std::numeric_limits<float>::min();
  ThreadPool pool(2);
  std::atomic<int> kept{0};
  pool.parallelFor(2, [&](int, int64_t, int64_t) { kept += tiny / 2 != 0; });
  EXPECT_EQ(kept, 0);
  EXPECT_NE(tiny / 2, 0.0f); // restored on the caller
}

TEST(ThreadPoolTest, DefaultThreadCount_Environment_Counts) {
  setenv("DLC_NUM_THREADS", "3", 1);
  EXPECT_EQ(defaultThreadCount(), 3);
  setenv("DLC_NUM_THREADS", "none", 1);
  EXPECT_GE(defaultThreadCount(), 1);
  unsetenv("DLC_NUM_THREADS");
}

TEST(ArenaTest, Create_Sizes_AreZeroedAlignedAndCounted) {
  for (uint64_t bytes :
       {uint64_t(0), uint64_t(1), uint64_t(5000), (uint64_t(5) << 20) + 3}) {
    auto arena = Arena::create(bytes);
    ASSERT_RESULT(arena);
    EXPECT_EQ(arena->size(), bytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(arena->data()) % 64, 0u);
    for (uint64_t i = 0; i < bytes; i += 4093)
      ASSERT_EQ(arena->data()[i], std::byte{0});
    arena->recordUse(7);
    arena->recordUse(3);
    EXPECT_EQ(arena->peak(), 7u);
  }
  EXPECT_EQ(Arena::create(~uint64_t(0)).status().id(), "DLC6002");
}

TEST(AtomicFileTest, WithoutCommit_LeavesTheOldFile) {
  TemporaryFolder folder;
  std::string path = folder / "f";
  for (std::string text : {"old", "new"}) {
    auto file = AtomicFile::create(path);
    ASSERT_RESULT(file);
    ASSERT_OK(file->write(text.data(), text.size()));
    if (text == "old") {
      ASSERT_OK(file->commit());
    }
  }
  auto content = readWholeFile(path, 100);
  ASSERT_RESULT(content);
  EXPECT_EQ(*content, "old");
  size_t files = 0;
  for (auto &entry : std::filesystem::directory_iterator(folder / "")) {
    (void)entry;
    ++files;
  }
  EXPECT_EQ(files, 1u); // the temporary one is gone
  EXPECT_EQ(readWholeFile(path, 2).status().id(), "DLC5101");
}

TEST(AtomicFileTest, Pipe_TakesTheBytesAndStays) {
  TemporaryFolder folder;
  std::string path = folder / "pipe";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  int reader = open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  {
    auto file = AtomicFile::create(path);
    ASSERT_RESULT(file);
    ASSERT_OK(file->write("text", 4));
    ASSERT_OK(file->commit());
  }
  char found[8] = {};
  EXPECT_EQ(read(reader, found, sizeof(found)), 4);
  EXPECT_STREQ(found, "text");
  close(reader);
  EXPECT_TRUE(std::filesystem::is_fifo(path));
}

} // namespace
