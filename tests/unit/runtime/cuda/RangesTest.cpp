// Ranges reach a profiler that is loaded as NVIDIA's are.

#include "runtime/cuda/Ranges.h"

#include <cstdlib>
#include <dlfcn.h>
#include <gtest/gtest.h>

using namespace dlc::rt::cuda;

TEST(RangesTest, Names_ReachTheProfiler) {
  // Read by the first range of the process.
  setenv("NVTX_INJECTION64_PATH", DLC_FAKE_PROFILER, 1);
  Ranges ranges{LibraryNames()};
  ranges.push("Launch 'map_add' of 'relu1'");
  ranges.push("inner");
  ranges.pop();
  ranges.pop();
  void *profiler = dlopen(DLC_FAKE_PROFILER, RTLD_NOW | RTLD_NOLOAD);
  ASSERT_TRUE(profiler) << "the profiler was not loaded";
  auto *seen =
      reinterpret_cast<const char *(*)()>(dlsym(profiler, "seenRanges"));
  EXPECT_STREQ(seen(), "<Launch 'map_add' of 'relu1'<inner>>");
}
