// The runtime's own PTX. What the driver would assemble is written out for
// ptxas, which a test of CMakeLists.txt runs where it is installed.

#include "runtime/cuda/HelperKernels.h"

#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>

using namespace dlc::rt;

namespace {

TEST(HelperKernelsTest, Text_HasEveryKernel) {
  std::string text = cuda::helperPtx();
  for (const char *name :
       {"dlc_narrow_bf16", "dlc_narrow_f16", "dlc_widen_bf16", "dlc_widen_f16",
        "dlc_swap_2", "dlc_swap_4", "dlc_swap_8", "dlc_scan_2", "dlc_scan_4",
        "dlc_scan_8"})
    EXPECT_NE(text.find(std::string(".entry ") + name + "("),
              std::string::npos);
  if (const char *path = std::getenv("DLC_HELPER_PTX"))
    std::ofstream(path) << text;
}

} // namespace
