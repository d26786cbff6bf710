// The devices of this build, by name.
#ifndef DLC_RUNTIME_DEVICE_DEVICEREGISTRY_H
#define DLC_RUNTIME_DEVICE_DEVICEREGISTRY_H

#include "runtime/device/Device.h"

#include <string_view>

namespace dlc::rt {

/// "cpu", "cuda" with ":<number>" for another GPU than the first, or "emulated"
/// with the seed of its threads' order ("emulated:7"). DLC6004 when there is no
/// such device; else what the device itself says. An empty name means the
/// environment's DLC_DEVICE, and "cpu" when that is not set either.
Result<Device *> findDevice(std::string_view name);

} // namespace dlc::rt

#endif // DLC_RUNTIME_DEVICE_DEVICEREGISTRY_H
