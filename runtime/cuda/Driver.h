// The CUDA driver of this process, the context of one GPU, and errors with the
// name of the call.
#ifndef DLC_RUNTIME_CUDA_DRIVER_H
#define DLC_RUNTIME_CUDA_DRIVER_H

#include "runtime/cuda/SharedLibrary.h"

#include <cstddef>
#include <memory>
#include <string>

namespace dlc::rt::cuda {

/// One GPU, opened: its primary context (the one that other users of CUDA in
/// the process have too) is kept until destruction. Any thread may use it.
class Driver {
public:
  /// DLC6201 no driver, DLC6202 no such GPU, DLC6203 driver too old.
  static Result<std::unique_ptr<Driver>> open(const LibraryNames &names,
                                              int ordinal);
  ~Driver();

  const DriverApi &api() const { return functions; }
  int ordinal() const { return index; }
  /// "NVIDIA H200".
  const std::string &name() const { return deviceName; }
  /// 90 for sm_90.
  int architecture() const { return arch; }
  /// What the driver says of the GPU, by a number of DriverApi.h.
  Status attribute(int number, int &value) const;
  /// DLC6207 with the call and the driver's text; DLC6204 when it is memory
  /// that lacks.
  Status error(DriverCode code, const char *call) const;
  /// DLC6204, with how much the GPU has.
  Status outOfMemory(uint64_t bytes) const;

  /// 0 bytes are allowed: the address is then not to be used.
  Result<DeviceAddress> allocate(uint64_t bytes) const;
  void free(DeviceAddress address) const;
  /// Sets memory that no stream uses yet, and waits until it is.
  Status clear(DeviceAddress to, uint64_t bytes) const;
  Status fill(DeviceAddress to, const void *from, uint64_t bytes) const;

private:
  friend class ContextScope;
  Driver() = default;
  Status start(int ordinal);
  Status finishSetting() const;
  SharedLibrary library;
  DriverApi functions;
  int index = 0, arch = 0, version = 0;
  DeviceOrdinal device = 0;
  ContextHandle context = nullptr;
  std::string deviceName;
};

/// Makes the GPU's context the thread's for the scope. A failure shows at the
/// first call within.
class ContextScope {
public:
  explicit ContextScope(const Driver &driver) : driver(driver) {
    isPushed =
        driver.functions.cuCtxPushCurrent_v2(driver.context) == driverSuccess;
  }
  ContextScope(const ContextScope &) = delete;
  ContextScope &operator=(const ContextScope &) = delete;
  ~ContextScope() {
    ContextHandle popped;
    if (isPushed)
      driver.functions.cuCtxPopCurrent_v2(&popped);
  }

private:
  const Driver &driver;
  bool isPushed;
};

/// Returns an error that names the call: DLC_CUDA(driver, cuEventRecord, e, s);
#define DLC_CUDA(DRIVER, SYMBOL, ...)                                          \
  do {                                                                         \
    if (::dlc::rt::cuda::DriverCode dlcCode =                                  \
            (DRIVER).api().SYMBOL(__VA_ARGS__))                                \
      return (DRIVER).error(dlcCode, #SYMBOL);                                 \
  } while (0)

inline DeviceAddress toAddress(const std::byte *pointer) {
  return reinterpret_cast<DeviceAddress>(pointer);
}
inline std::byte *toPointer(DeviceAddress address) {
  return reinterpret_cast<std::byte *>(address);
}

} // namespace dlc::rt::cuda

#endif // DLC_RUNTIME_CUDA_DRIVER_H
