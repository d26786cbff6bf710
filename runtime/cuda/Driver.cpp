#include "runtime/cuda/Driver.h"

#include <algorithm>

namespace dlc::rt::cuda {

/// CUDA 12.0: graphs with all that a program needs, and cuBLASLt 12.
static constexpr int leastVersion = 12000;

static std::string versionText(int version) {
  return concat(version / 1000, ".", version % 1000 / 10);
}

Result<std::unique_ptr<Driver>> Driver::open(const LibraryNames &names,
                                             int ordinal) {
  std::unique_ptr<Driver> driver(new Driver());
  DLC_ASSIGN_OR_RETURN(driver->library,
                       SharedLibrary::open(names.driver, names.folders,
                                           "DLC6201", "the NVIDIA driver"));
  // Before the other symbols, so that an old driver is called old.
  auto *getVersion = reinterpret_cast<DriverCode (*)(int *)>(
      driver->library.find("cuDriverGetVersion"));
  if (getVersion && getVersion(&driver->version) == driverSuccess &&
      driver->version < leastVersion)
    return DLC_ERROR(Unsupported, "DLC6203",
                     "the NVIDIA driver must be for CUDA ",
                     versionText(leastVersion), " or later, but got CUDA ",
                     versionText(driver->version));
  std::vector<Slot> slots = driver->functions.slots();
  DLC_RETURN_IF_ERROR(resolve(driver->library, slots, "DLC6203"));
  DLC_RETURN_IF_ERROR(driver->start(ordinal));
  return Result<std::unique_ptr<Driver>>(std::move(driver));
}

Status Driver::start(int ordinal) {
  if (DriverCode code = functions.cuInit(0)) {
    Status cause = error(code, "cuInit");
    if (code != driverNoDevice)
      return cause;
    return DLC_ERROR(Unsupported, "DLC6202", "device 'cuda:", ordinal,
                     "' must be a GPU of this machine, but got none");
  }
  int count = 0;
  DLC_CUDA(*this, cuDeviceGetCount, &count);
  if (ordinal < 0 || ordinal >= count)
    return DLC_ERROR(Unsupported, "DLC6202", "device 'cuda:", ordinal,
                     "' must be one of this machine's GPUs, but got ", count,
                     " of them");
  index = ordinal;
  DLC_CUDA(*this, cuDeviceGet, &device, ordinal);
  char text[256] = {};
  DLC_CUDA(*this, cuDeviceGetName, text, int(sizeof text - 1), device);
  deviceName = text;
  int major = 0, minor = 0;
  DLC_RETURN_IF_ERROR(attribute(attributeMajor, major));
  DLC_RETURN_IF_ERROR(attribute(attributeMinor, minor));
  arch = major * 10 + minor;
  DLC_CUDA(*this, cuDevicePrimaryCtxRetain, &context, device);
  return Status::ok();
}

Status Driver::attribute(int number, int &value) const {
  DLC_CUDA(*this, cuDeviceGetAttribute, &value, number, device);
  return Status::ok();
}

Driver::~Driver() {
  if (context)
    functions.cuDevicePrimaryCtxRelease_v2(device);
}

Status Driver::error(DriverCode code, const char *call) const {
  const char *name = nullptr, *text = nullptr;
  functions.cuGetErrorName(code, &name);
  functions.cuGetErrorString(code, &text);
  if (code == driverOutOfMemory)
    return DLC_ERROR(OutOfMemory, "DLC6204", "call '", call,
                     "' must find memory on '", deviceName, "', but got ",
                     name ? name : "no name", " (", code, ")");
  return DLC_ERROR(Io, "DLC6207", "call '", call, "' must succeed, but got ",
                   name ? name : "no name", " (", code,
                   "): ", text ? text : "no text");
}

Status Driver::outOfMemory(uint64_t bytes) const {
  size_t unused = 0, total = 0;
  functions.cuMemGetInfo_v2(&unused, &total);
  return DLC_ERROR(OutOfMemory, "DLC6204", "memory of '", deviceName,
                   "' must have ", bytes, " bytes free, but got ", unused,
                   " of ", total);
}

Result<DeviceAddress> Driver::allocate(uint64_t bytes) const {
  DeviceAddress address = 0;
  DriverCode code = functions.cuMemAlloc_v2(
      &address, static_cast<size_t>(std::max<uint64_t>(bytes, 1)));
  if (code == driverOutOfMemory)
    return outOfMemory(bytes);
  if (code)
    return error(code, "cuMemAlloc_v2");
  return Result<DeviceAddress>(address);
}

void Driver::free(DeviceAddress address) const {
  // Nothing to be done about a failure: the context is lost then.
  if (address)
    functions.cuMemFree_v2(address);
}

Status Driver::clear(DeviceAddress to, uint64_t bytes) const {
  if (bytes == 0)
    return Status::ok();
  DLC_CUDA(*this, cuMemsetD8_v2, to, 0, static_cast<size_t>(bytes));
  return finishSetting();
}

Status Driver::fill(DeviceAddress to, const void *from, uint64_t bytes) const {
  if (bytes == 0)
    return Status::ok();
  DLC_CUDA(*this, cuMemcpyHtoD_v2, to, from, static_cast<size_t>(bytes));
  return finishSetting();
}

/// Both calls may return before the GPU is done, and streams do not wait for
/// the null stream that they run on. Nor may the whole context be waited for:
/// that breaks the graph which another thread may be recording.
Status Driver::finishSetting() const {
  DLC_CUDA(*this, cuStreamSynchronize, nullptr);
  return Status::ok();
}

} // namespace dlc::rt::cuda
