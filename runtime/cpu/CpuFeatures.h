// What this machine's CPU can do, in LLVM's names for its features, asked of
// the CPU itself (CPUID, and XGETBV for what the system saves on a switch).
#ifndef DLC_RUNTIME_CPU_CPUFEATURES_H
#define DLC_RUNTIME_CPU_CPUFEATURES_H

#include "runtime/core/Status.h"

#include <string>
#include <string_view>
#include <vector>

namespace dlc::rt {

/// True when the CPU and the system support `feature` ("avx512f"); false for a
/// name this runtime does not know. A leading '+' is skipped.
bool hostHasFeature(std::string_view feature);

/// Brand string of the CPU, for messages.
std::string hostCpuName();

/// DLC6001 unless the host has every feature of code built for `cpu`. An entry
/// that starts with '-' asks for nothing.
Status checkCpu(std::string_view cpu,
                const std::vector<std::string_view> &features);

} // namespace dlc::rt

#endif // DLC_RUNTIME_CPU_CPUFEATURES_H
