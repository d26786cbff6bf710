#include "runtime/device/DeviceRegistry.h"

#include "runtime/cpu/CpuDevice.h"
#include "runtime/cuda/CudaDevice.h"

#include <cstdlib>

namespace dlc::rt {

Result<Device *> findDevice(std::string_view name) {
  if (name.empty())
    if (const char *chosen = std::getenv("DLC_DEVICE"))
      name = chosen;
  if (name.empty())
    name = "cpu";
  for (Device *device : {&cpuDevice()})
    if (device->kind() == name)
      return device;
  if (name == "cuda" || name.starts_with("cuda:"))
    return cudaDevice(name);
  return DLC_ERROR(Unsupported, "DLC6004",
                   "device must be one of this build's devices, 'cpu' and "
                   "'cuda', but got '",
                   name, "'");
}

} // namespace dlc::rt
