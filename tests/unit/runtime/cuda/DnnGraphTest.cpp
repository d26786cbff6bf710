// Attention's graphs in NVIDIA's own cuDNN, for GPUs that are described to it
// and need not be there: that it has kernels for them, which keep the order of
// their sums and fit the workspaces that the compiler plans. Skipped where
// there is no cuDNN.

#include "runtime/cuda/AttentionGraph.h"
#include "runtime/cuda/CudaAttention.h"
#include "runtime/cuda/LibraryPlan.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

using namespace dlc::rt;
using namespace dlc::rt::cuda;
namespace fb = dlc::fb;

namespace {

struct Machine {
  const char *name;
  int version, processors, sharedBytes;
};

void PrintTo(const Machine &machine, std::ostream *out) {
  *out << machine.name;
}

/// What cuDNN reads of a device (CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION).
std::string describe(const Machine &machine) {
  return concat(R"({"deviceName": ")", machine.name, R"(", "cudaDeviceId": 0,)",
                R"("deviceVer": )", machine.version, R"(, "driverVer": 13000,)",
                R"("multiProcessorCount": )", machine.processors,
                R"(, "maxSharedMemoryPerBlockOptin": )", machine.sharedBytes,
                R"(, "totalGlobalMem": 80000000000, "warpSize": 32,)",
                R"("maxGridSize": [2147483647, 65535, 65535],)",
                R"("maxBlockSize": [1024, 1024, 64], "regsPerBlock": 65536,)",
                R"("maxSharedMemoryPerBlock": 49152,)",
                R"("reservedSharedMemoryPerBlock": 1024,)",
                R"("maxRegistersPerSM": 65536, "maxCtasPerSM": 32,)",
                R"("maxThreadsPerBlock": 1024, "maxThreadsPerSM": 2048,)",
                R"("pciDeviceId": 0, "isTccDriver": 0,)",
                R"("supportCoopLaunch": 1, "smClockRateKHz": 1500000,)",
                R"("memClockRateKHz": 1500000, "l2CacheSize": 41943040})");
}

struct Shape {
  int64_t batch, heads, rows, keys, depth, width;
  bool isCausal;
};

std::unique_ptr<fb::AttentionViewT> view(const Shape &shape, int64_t rows,
                                         int64_t columns) {
  auto made = std::make_unique<fb::AttentionViewT>();
  made->head_stride = columns;
  made->row_stride = shape.heads * columns;
  made->batch_stride = rows * made->row_stride;
  return made;
}

fb::AttentionT recordOf(const Shape &s, fb::AttentionKind kind,
                        fb::DType type) {
  fb::AttentionT a;
  a.kind = kind;
  a.dtype = type;
  a.batch = s.batch, a.heads = s.heads, a.rows = s.rows, a.keys = s.keys;
  a.depth = s.depth, a.width = s.width;
  a.scale = 0.125;
  a.is_causal = s.isCausal;
  a.q = view(s, s.rows, s.depth);
  a.k = view(s, s.keys, s.depth);
  a.v = view(s, s.keys, s.width);
  a.output = view(s, s.rows, s.width);
  if (kind == fb::AttentionKind::Backward) {
    a.grad = view(s, s.rows, s.width);
    a.dq = view(s, s.rows, s.depth);
    a.dk = view(s, s.keys, s.depth);
    a.dv = view(s, s.keys, s.width);
  }
  return a;
}

class DnnGraphTest : public ::testing::TestWithParam<Machine> {
protected:
  void SetUp() override {
    // Before cuDNN, which then finds it under the driver's name.
    ASSERT_TRUE(dlopen(DLC_LOADING_DRIVER, RTLD_NOW | RTLD_GLOBAL))
        << dlerror();
    LibraryNames names;
    names.folders.push_back(DLC_CUDNN_FOLDER);
    // Skipped where there is no cuDNN, or one from before machines could be
    // described to it; whatever else goes wrong with one is a failure.
    auto file =
        SharedLibrary::open(names.dnn, names.folders, "DLC6209", "cuDNN");
    if (!file.isOk())
      GTEST_SKIP() << file.status().toString();
    auto opened = Dnn::open(names);
    ASSERT_TRUE(opened.isOk()) << opened.status().toString();
    dnn = std::move(*opened);
    if (size_t version = dnn->api().cudnnGetVersion(); version < 91900)
      GTEST_SKIP() << "cuDNN must be 91900 or later, but is " << version;
    std::string text = describe(GetParam());
    auto made = Descriptor::create(*dnn, backend::deviceKind);
    ASSERT_TRUE(made.isOk()) << made.status().toString();
    described = std::move(*made);
    ASSERT_TRUE(described
                    .set(backend::deviceText, backend::typeChar,
                         std::span<const char>(text))
                    .isOk());
    Status status = described.finalize();
    ASSERT_TRUE(status.isOk()) << status.toString();
  }
  std::unique_ptr<Dnn> dnn;
  Descriptor described;
};

TEST_P(DnnGraphTest, Attention_HasKernelsThatFitTheirWorkspaces) {
  AttentionKernels kernels;
  const Shape shapes[] = {{2, 12, 1024, 1024, 64, 64, true},
                          {1, 2, 197, 197, 64, 64, false},
                          {2, 3, 77, 100, 40, 40, true},
                          {1, 2, 128, 256, 128, 64, false},
                          {1, 1, 5, 3, 8, 16, true}};
  for (const Shape &shape : shapes)
    for (fb::AttentionKind kind :
         {fb::AttentionKind::Forward, fb::AttentionKind::Backward}) {
      fb::DType type = shape.isCausal ? fb::DType::BF16 : fb::DType::F16;
      fb::AttentionT record = recordOf(shape, kind, type);
      ASSERT_EQ(attentionObstacle(record), "");
      auto made = kernels.of(*dnn, {nullptr, &described}, record);
      ASSERT_TRUE(made.isOk()) << made.status().toString();
      EXPECT_LE((*made)->plan.workspaceBytes(),
                attentionRoomOf(record).libraryBytes)
          << GetParam().name << ", rows " << shape.rows;
    }
}

INSTANTIATE_TEST_SUITE_P(
    Machines, DnnGraphTest,
    ::testing::Values(Machine{"NVIDIA A100", 800, 108, 166912},
                      Machine{"NVIDIA H200", 900, 132, 232448},
                      Machine{"NVIDIA B200", 1000, 148, 232448}),
    [](const auto &info) {
      return "sm_" + std::to_string(info.param.version / 10);
    });

} // namespace
