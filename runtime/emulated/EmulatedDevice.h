// A GPU on the CPU: the plan and the kernels of target "cuda", run by the
// engine of runtime/emulated, with library calls served by oneDNN. It exists to
// check a whole program without a GPU; docs/rationale/emulated-device.md.
#ifndef DLC_RUNTIME_EMULATED_EMULATEDDEVICE_H
#define DLC_RUNTIME_EMULATED_EMULATEDDEVICE_H

#include "runtime/device/Device.h"

#include <string_view>

namespace dlc::rt {

/// The device whose threads run in the order that `seed` gives: a decimal
/// number, "" for 0. DLC6004 for another text.
Result<Device *> emulatedDevice(std::string_view seed);

} // namespace dlc::rt

#endif // DLC_RUNTIME_EMULATED_EMULATEDDEVICE_H
