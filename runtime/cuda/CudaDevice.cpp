#include "runtime/cuda/CudaDevice.h"

#include "runtime/cuda/CudaStream.h"

#include <atomic>
#include <charconv>
#include <map>
#include <mutex>
#include <utility>

namespace dlc::rt {

using namespace cuda;

namespace {

/// Memory of the GPU; pinned memory is Staging's PinnedBytes.
class DeviceBytes {
public:
  DeviceBytes() = default;
  DeviceBytes(DeviceBytes &&other) noexcept
      : driver(other.driver), base(std::exchange(other.base, 0)) {}
  DeviceBytes &operator=(DeviceBytes &&other) noexcept {
    std::swap(driver, other.driver);
    std::swap(base, other.base);
    return *this;
  }
  ~DeviceBytes() {
    if (base)
      driver->free(base);
  }
  static Result<DeviceBytes> allocate(const Driver &driver, uint64_t bytes) {
    DeviceBytes result;
    result.driver = &driver;
    DLC_ASSIGN_OR_RETURN(result.base, driver.allocate(bytes));
    return Result<DeviceBytes>(std::move(result));
  }
  std::byte *data() const { return toPointer(base); }
  Status clear(uint64_t bytes) const { return driver->clear(base, bytes); }

private:
  const Driver *driver = nullptr;
  DeviceAddress base = 0;
};

/// Of one of these kinds.
template <typename Bytes> class CudaMemory final : public Memory {
public:
  CudaMemory(const Driver &driver, Bytes given, uint64_t bytes)
      : driver(driver), held(std::move(given)), bytes(bytes) {}
  ~CudaMemory() override {
    ContextScope scope(driver);
    held = Bytes();
  }
  std::byte *data() const override { return held.data(); }
  uint64_t size() const override { return bytes; }
  void recordUse(uint64_t end) override {
    if (end > used.load(std::memory_order_relaxed))
      used.store(end, std::memory_order_relaxed);
  }
  uint64_t peak() const override {
    return used.load(std::memory_order_relaxed);
  }

private:
  const Driver &driver;
  Bytes held;
  uint64_t bytes;
  /// A session writes it, any thread may ask.
  std::atomic<uint64_t> used = 0;
};

template <typename Bytes> class CudaAllocator final : public Allocator {
public:
  explicit CudaAllocator(const Driver &driver) : driver(driver) {}
  Result<std::unique_ptr<Memory>> allocate(uint64_t bytes) override {
    ContextScope scope(driver);
    DLC_ASSIGN_OR_RETURN(Bytes given, Bytes::allocate(driver, bytes));
    DLC_RETURN_IF_ERROR(given.clear(bytes));
    return std::unique_ptr<Memory>(
        new CudaMemory<Bytes>(driver, std::move(given), bytes));
  }

private:
  const Driver &driver;
};

class CudaDevice final : public Device {
public:
  explicit CudaDevice(std::unique_ptr<Gpu> opened)
      : gpu(std::move(opened)), memory(gpu->driver()), pinned(gpu->driver()) {}

  std::string_view kind() const override { return "cuda"; }
  std::string name() const override { return gpu->driver().name(); }
  Allocator &allocator() override { return memory; }
  bool worksBesideHost() const override { return true; }
  Allocator &hostAllocator() override { return pinned; }

  Result<std::shared_ptr<const LoadedCode>>
  loadCode(const Artifact &artifact) override {
    DLC_ASSIGN_OR_RETURN(std::shared_ptr<const CudaCode> code,
                         CudaCode::load(gpu->driver(), artifact));
    return std::shared_ptr<const LoadedCode>(std::move(code));
  }

  Result<std::unique_ptr<Stream>>
  createStream(std::shared_ptr<const LoadedCode> code, int) override {
    DLC_ASSIGN_OR_RETURN(
        std::unique_ptr<CudaStream> stream,
        CudaStream::create(
            *gpu, std::static_pointer_cast<const CudaCode>(std::move(code))));
    return std::unique_ptr<Stream>(std::move(stream));
  }

private:
  std::unique_ptr<Gpu> gpu;
  CudaAllocator<DeviceBytes> memory;
  CudaAllocator<PinnedBytes> pinned;
};

/// 0 for "cuda", 2 for "cuda:2"; -1 for what is no number.
int ordinalOf(std::string_view name) {
  size_t colon = name.find(':');
  if (colon == std::string_view::npos)
    return 0;
  std::string_view digits = name.substr(colon + 1);
  const char *end = digits.data() + digits.size();
  int number = -1;
  auto [stop, failure] = std::from_chars(digits.data(), end, number);
  return failure == std::errc() && stop == end && number >= 0 ? number : -1;
}

} // namespace

Result<std::unique_ptr<Device>> openCudaDevice(const LibraryNames &names,
                                               int ordinal) {
  DLC_ASSIGN_OR_RETURN(std::unique_ptr<Gpu> gpu, Gpu::open(names, ordinal));
  return std::unique_ptr<Device>(new CudaDevice(std::move(gpu)));
}

Result<Device *> cudaDevice(std::string_view name) {
  int ordinal = ordinalOf(name);
  if (ordinal < 0)
    return DLC_ERROR(InvalidArgument, "DLC6202",
                     "device must be 'cuda' or 'cuda:' and the number of a "
                     "GPU, but got '",
                     name, "'");
  // Never destroyed: at exit the driver may be gone before them.
  static std::mutex mutex;
  static auto &devices = *new std::map<int, std::unique_ptr<Device>>();
  std::lock_guard lock(mutex);
  std::unique_ptr<Device> &device = devices[ordinal];
  if (!device) {
    DLC_ASSIGN_OR_RETURN(device, openCudaDevice(LibraryNames(), ordinal));
  }
  return Result<Device *>(device.get());
}

} // namespace dlc::rt
