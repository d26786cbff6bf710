#include "runtime/device/DeviceRegistry.h"

#include "runtime/cpu/CpuDevice.h"
#include "runtime/cuda/CudaDevice.h"
#include "runtime/emulated/EmulatedDevice.h"

#include <cstdlib>

namespace dlc::rt {

Result<Device *> findDevice(std::string_view name) {
  if (name.empty())
    if (const char *chosen = std::getenv("DLC_DEVICE"))
      name = chosen;
  if (name.empty())
    name = "cpu";
  std::string_view kind = name.substr(0, name.find(':'));
  std::string_view suffix =
      kind.size() == name.size() ? "" : name.substr(kind.size() + 1);
  if (name == "cpu")
    return &cpuDevice();
  if (kind == "cuda")
    return cudaDevice(name);
  if (kind == "emulated")
    return emulatedDevice(suffix);
  return DLC_ERROR(Unsupported, "DLC6004",
                   "device must be one of this build's devices, 'cpu', 'cuda' "
                   "and 'emulated', but got '",
                   name, "'");
}

} // namespace dlc::rt
