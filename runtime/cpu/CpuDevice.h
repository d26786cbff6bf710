// The CPU backend: the arena is ordinary memory, a kernel launch is a parallel
// loop over its groups, and a matrix product or convolution is a plan of
// oneDNN calls.
#ifndef DLC_RUNTIME_CPU_CPUDEVICE_H
#define DLC_RUNTIME_CPU_CPUDEVICE_H

#include "runtime/device/Device.h"

namespace dlc::rt {

Device &cpuDevice();

} // namespace dlc::rt

#endif // DLC_RUNTIME_CPU_CPUDEVICE_H
