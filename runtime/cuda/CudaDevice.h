// NVIDIA GPUs as devices: "cuda" or "cuda:1" in DLC_DEVICE. The arena is device
// memory, the host arena pinned memory, kernels are the artifact's cubins or
// PTX, matrix products cuBLASLt's and convolutions cuDNN's. Everything of
// NVIDIA's is loaded when it is first needed (SharedLibrary.h).
#ifndef DLC_RUNTIME_CUDA_CUDADEVICE_H
#define DLC_RUNTIME_CUDA_CUDADEVICE_H

#include "runtime/cuda/SharedLibrary.h"
#include "runtime/device/Device.h"

#include <memory>
#include <string_view>

namespace dlc::rt {

/// The GPU of that name, opened on first use and kept: "cuda", "cuda:0", ….
/// DLC6201, DLC6202 or DLC6203 when there is no such GPU to be had.
Result<Device *> cudaDevice(std::string_view name);

/// A GPU of the caller's own, which outlives all that is made with it.
Result<std::unique_ptr<Device>> openCudaDevice(const cuda::LibraryNames &names,
                                               int ordinal);

} // namespace dlc::rt

#endif // DLC_RUNTIME_CUDA_CUDADEVICE_H
