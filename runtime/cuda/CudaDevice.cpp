#include "runtime/cuda/CudaDevice.h"

#include "runtime/cuda/CudaStream.h"

#include <charconv>
#include <cstring>
#include <map>
#include <mutex>

namespace dlc::rt {

using namespace cuda;

namespace {

class CudaMemory final : public Memory {
public:
  CudaMemory(const Driver &driver, DeviceAddress base, uint64_t bytes)
      : driver(driver), base(base), bytes(bytes) {}
  ~CudaMemory() override {
    ContextScope scope(driver);
    driver.free(base);
  }
  std::byte *data() const override { return toPointer(base); }
  uint64_t size() const override { return bytes; }
  void recordUse(uint64_t end) override { used = std::max(used, end); }
  uint64_t peak() const override { return used; }

private:
  const Driver &driver;
  DeviceAddress base;
  uint64_t bytes, used = 0;
};

class CudaAllocator final : public Allocator {
public:
  explicit CudaAllocator(const Driver &driver) : driver(driver) {}
  Result<std::unique_ptr<Memory>> allocate(uint64_t bytes) override {
    ContextScope scope(driver);
    DLC_ASSIGN_OR_RETURN(DeviceAddress base, driver.allocate(bytes));
    auto memory = std::make_unique<CudaMemory>(driver, base, bytes);
    if (bytes != 0)
      DLC_CUDA(driver, cuMemsetD8_v2, base, 0, bytes);
    // Streams do not wait for it of themselves.
    DLC_CUDA(driver, cuCtxSynchronize);
    return std::unique_ptr<Memory>(std::move(memory));
  }

private:
  const Driver &driver;
};

class PinnedMemory final : public Memory {
public:
  PinnedMemory(const Driver &driver, PinnedBytes pinned, uint64_t bytes)
      : driver(driver), pinned(std::move(pinned)), bytes(bytes) {}
  ~PinnedMemory() override {
    ContextScope scope(driver);
    pinned = PinnedBytes();
  }
  std::byte *data() const override { return pinned.data(); }
  uint64_t size() const override { return bytes; }
  void recordUse(uint64_t end) override { used = std::max(used, end); }
  uint64_t peak() const override { return used; }

private:
  const Driver &driver;
  PinnedBytes pinned;
  uint64_t bytes, used = 0;
};

class PinnedAllocator final : public Allocator {
public:
  explicit PinnedAllocator(const Driver &driver) : driver(driver) {}
  Result<std::unique_ptr<Memory>> allocate(uint64_t bytes) override {
    ContextScope scope(driver);
    DLC_ASSIGN_OR_RETURN(PinnedBytes pinned,
                         PinnedBytes::allocate(driver, bytes));
    std::memset(pinned.data(), 0, bytes);
    return std::unique_ptr<Memory>(
        new PinnedMemory(driver, std::move(pinned), bytes));
  }

private:
  const Driver &driver;
};

class CudaDevice final : public Device {
public:
  explicit CudaDevice(std::unique_ptr<Gpu> opened)
      : gpu(std::move(opened)), memory(gpu->driver()), pinned(gpu->driver()) {}

  std::string_view kind() const override { return "cuda"; }
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
  CudaAllocator memory;
  PinnedAllocator pinned;
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
