// The stand-in as the tests use it: opened, with the runtime's own kernels, and
// at the end nothing may be left or have been misused.
#ifndef DLC_TESTS_UNIT_RUNTIME_CUDA_FAKEGPU_H
#define DLC_TESTS_UNIT_RUNTIME_CUDA_FAKEGPU_H

#include "runtime/artifact/Writer.h"
#include "runtime/core/DType.h"
#include "runtime/cuda/CudaDevice.h"
#include "tests/unit/runtime/TestUtil.h"
#include "tests/unit/runtime/cuda/FakeCuda.h"

#include <dlfcn.h>

namespace dlc::rt::test {

inline FakeCuda &fakeCuda() {
  static auto *get = [] {
    void *library = dlopen(DLC_FAKE_CUDA, RTLD_NOW | RTLD_LOCAL);
    EXPECT_TRUE(library) << dlerror();
    return reinterpret_cast<FakeCuda *(*)()>(dlsym(library, fakeCudaSymbol));
  }();
  return *get();
}

inline cuda::LibraryNames fakeNames() {
  cuda::LibraryNames names;
  names.driver = names.blas = names.dnn = {DLC_FAKE_CUDA};
  names.compiler = {"no-such-compiler"};
  names.ranges = {"no-such-nvtx"};
  names.folders = {};
  return names;
}

/// What the runtime's PTX does, for the stand-in.
namespace helper {
inline uint64_t value(void **p, int i) {
  return *static_cast<uint64_t *>(p[i]);
}
template <typename From, typename To, typename F>
void each(void **p, F convert) {
  for (uint64_t i = 0; i < value(p, 2); ++i)
    *fakeCuda().at<To>(value(p, 1) + i * sizeof(To)) =
        convert(*fakeCuda().at<From>(value(p, 0) + i * sizeof(From)));
}
template <typename T> void swap(void **p, unsigned, unsigned) {
  uint64_t a = value(p, 3), b = value(p, 4);
  for (uint64_t i = 0; i < value(p, 2); ++i) {
    uint64_t inner = i % a, middle = i / a % b, outer = i / a / b;
    *fakeCuda().at<T>(value(p, 1) + i * sizeof(T)) = *fakeCuda().at<T>(
        value(p, 0) + ((outer * a + inner) * b + middle) * sizeof(T));
  }
}
template <typename T> void scan(void **p, unsigned, unsigned) {
  uint64_t x = value(p, 3), y = value(p, 4);
  for (uint64_t i = 0; i < value(p, 2); ++i) {
    uint64_t bits = *fakeCuda().at<T>(value(p, 0) + i * sizeof(T));
    if ((bits & x) == x && (y == 0 || (bits & y) != 0))
      *fakeCuda().at<uint32_t>(value(p, 1)) = 1;
  }
}
} // namespace helper

inline void addHelperKernels(FakeCuda &fake) {
  using namespace helper;
  auto add = [&](const char *name, auto body) {
    fake.kernels[name] = {body, 5};
  };
  add("dlc_narrow_bf16", [](void **p, unsigned, unsigned) {
    each<float, uint16_t>(p, floatToBfloat);
  });
  add("dlc_narrow_f16", [](void **p, unsigned, unsigned) {
    each<float, uint16_t>(p, floatToHalf);
  });
  add("dlc_widen_bf16", [](void **p, unsigned, unsigned) {
    each<uint16_t, float>(p, bfloatToFloat);
  });
  add("dlc_widen_f16", [](void **p, unsigned, unsigned) {
    each<uint16_t, float>(p, halfToFloat);
  });
  add("dlc_swap_2", swap<uint16_t>);
  add("dlc_swap_4", swap<uint32_t>);
  add("dlc_swap_8", swap<uint64_t>);
  add("dlc_scan_2", scan<uint16_t>);
  add("dlc_scan_4", scan<uint32_t>);
  add("dlc_scan_8", scan<uint64_t>);
}

class FakeGpuTest : public ::testing::Test {
protected:
  FakeGpuTest() : fake(fakeCuda()) {
    auto host = fake.host;
    fake = FakeCuda();
    fake.host = host;
    addHelperKernels(fake);
  }
  ~FakeGpuTest() override {
    device.reset();
    expectClean("at the end");
  }
  void expectClean(const std::string &when) {
    for (auto [what, count] : fake.live)
      ADD_FAILURE() << when << " left: " << count << " " << what;
    for (const std::string &text : fake.violations)
      ADD_FAILURE() << when << ": " << text;
    fake.live.clear();
    fake.violations.clear();
  }
  Device &open() {
    auto opened = openCudaDevice(fakeNames(), 0);
    EXPECT_TRUE(opened.isOk()) << opened.status().toString();
    device = std::move(*opened);
    return *device;
  }
  FakeCuda &fake;
  std::unique_ptr<Device> device;
};

} // namespace dlc::rt::test

#endif // DLC_TESTS_UNIT_RUNTIME_CUDA_FAKEGPU_H
