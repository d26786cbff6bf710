// Stand-ins for NVIDIA's driver, cuBLASLt and cuDNN in one shared library,
// which the backend loads in place of the real ones. Work is done on the host,
// from the descriptors and addresses that it was given, and as late as order
// allows: an operation runs when someone waits for it. So what relies on luck
// shows: a host that reads too early, a copy that no event holds back, a pinned
// buffer that is filled again too soon.
#ifndef DLC_TESTS_UNIT_RUNTIME_CUDA_FAKECUDA_H
#define DLC_TESTS_UNIT_RUNTIME_CUDA_FAKECUDA_H

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace dlc::rt::test {

/// A kernel: its parameters as cuLaunchKernel gets them, blocks and threads.
/// Pointers among them are device addresses: FakeCuda::host() translates.
struct FakeKernel {
  void (*body)(void **parameters, unsigned blocks, unsigned threads);
  int parameters;
};

struct FakeCuda {
  // What the machine is.
  int driverVersion = 13000, devices = 2, major = 9, minor = 0;
  size_t blasVersion = 120900, dnnVersion = 92800;
  /// No product has sums of its operands beside it.
  bool lacksSums = false;
  /// What the libraries' heuristics advise first is refused when it is called.
  bool refusesAdvice = false;
  /// Milliseconds that what they advise first takes longer than what they do
  /// next, by the stand-in's clock.
  uint64_t delayOfAdvice = 0;
  const char *name = "Stand-in";
  /// cuDNN has no channels-last kernels, and none that sum as they should.
  bool lacksChannelsLast = false, lacksPlainSums = false;
  /// Calls of f32 may round their operands, and are to ask for it.
  bool allowsTf32 = false;
  uint64_t totalMemory = uint64_t(1) << 30;
  uint64_t lockableMemory = uint64_t(1) << 28;
  std::map<std::string, FakeKernel> kernels;
  /// Kernels that are not in `kernels` do nothing, instead of being missing.
  bool knowsAllKernels = false;
  /// Streams after a context's first run at once, which is the earliest.
  bool hasEagerCopies = false;
  /// Number of the call, from 1, that fails; 0: none does.
  int failingCall = 0;
  /// Symbol of the function that always fails.
  std::string failingSymbol;

  // What happened.
  int calls = 0;
  std::string failed; // symbol of the call that failed
  bool isFailedInRecording = false;
  std::map<std::string, int> counts;
  /// "memory 4096", "stream", …: how many there are of what must be given back.
  std::map<std::string, int64_t> live;
  /// Misuse that a real GPU would punish, or not notice.
  std::vector<std::string> violations;
  std::vector<std::string> images; // of modules
  void *dnnStream = nullptr;

  /// Where device memory lies; faults in the library's own checks if outside.
  std::byte *(*host)(uint64_t address) = nullptr;

  template <typename T> T *at(uint64_t address) const {
    return reinterpret_cast<T *>(host(address));
  }
  /// A pointer parameter of a kernel.
  template <typename T> T *parameter(void **parameters, int i) const {
    return at<T>(*static_cast<uint64_t *>(parameters[i]));
  }
};

/// Symbol of the function that gives the library's FakeCuda.
inline constexpr const char *fakeCudaSymbol = "fakeCuda";

} // namespace dlc::rt::test

#endif // DLC_TESTS_UNIT_RUNTIME_CUDA_FAKECUDA_H
