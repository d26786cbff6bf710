// What dlc uses of the CUDA driver's C interface, declared here so that dlc is
// built where CUDA is not installed. Handles are opaque pointers, enumerations
// are ints of the same width. CudaHeadersTest.cpp compares all of it with
// NVIDIA's headers where those are found.
#ifndef DLC_RUNTIME_CUDA_DRIVERAPI_H
#define DLC_RUNTIME_CUDA_DRIVERAPI_H

#include <cstddef>
#include <cstdint>

namespace dlc::rt::cuda {

using DriverCode = int;
using DeviceAddress = unsigned long long;
using DeviceOrdinal = int;
using ContextHandle = struct ContextTag *;
using StreamHandle = struct StreamTag *;
using EventHandle = struct EventTag *;
using ModuleHandle = struct ModuleTag *;
using FunctionHandle = struct FunctionTag *;
using GraphHandle = struct GraphTag *;
using GraphExecHandle = struct GraphExecTag *;

inline constexpr DriverCode driverSuccess = 0;
inline constexpr DriverCode driverOutOfMemory = 2;
inline constexpr DriverCode driverNoDevice = 100;
inline constexpr DriverCode driverNoBinaryForGpu = 209;
inline constexpr DriverCode driverInvalidPtx = 218;
inline constexpr DriverCode driverUnsupportedPtxVersion = 222;

// CUdevice_attribute
inline constexpr int attributeCacheBytes = 38; // of the second level
inline constexpr int attributeMajor = 75;
inline constexpr int attributeMinor = 76;
// CUfunction_attribute
inline constexpr int functionMaxThreads = 0;
// CUjit_option
inline constexpr int jitErrorLog = 5;
inline constexpr int jitErrorLogBytes = 6;
// Flags
inline constexpr unsigned streamNonBlocking = 1;
inline constexpr unsigned eventDefault = 0;
inline constexpr unsigned eventDisableTiming = 2;
inline constexpr unsigned hostAllocPortable = 1;
// CUstreamCaptureMode
inline constexpr int captureThreadLocal = 1;

/// F(symbol in libcuda.so.1, its type). Suffixed symbols are the versions that
/// today's headers map the plain names to.
#define DLC_CUDA_DRIVER_FUNCTIONS(F)                                           \
  F(cuInit, DriverCode(unsigned))                                              \
  F(cuDriverGetVersion, DriverCode(int *))                                     \
  F(cuGetErrorName, DriverCode(DriverCode, const char **))                     \
  F(cuGetErrorString, DriverCode(DriverCode, const char **))                   \
  F(cuDeviceGetCount, DriverCode(int *))                                       \
  F(cuDeviceGet, DriverCode(DeviceOrdinal *, int))                             \
  F(cuDeviceGetName, DriverCode(char *, int, DeviceOrdinal))                   \
  F(cuDeviceGetAttribute, DriverCode(int *, int, DeviceOrdinal))               \
  F(cuDevicePrimaryCtxRetain, DriverCode(ContextHandle *, DeviceOrdinal))      \
  F(cuDevicePrimaryCtxRelease_v2, DriverCode(DeviceOrdinal))                   \
  F(cuCtxPushCurrent_v2, DriverCode(ContextHandle))                            \
  F(cuCtxPopCurrent_v2, DriverCode(ContextHandle *))                           \
  F(cuMemAlloc_v2, DriverCode(DeviceAddress *, size_t))                        \
  F(cuMemFree_v2, DriverCode(DeviceAddress))                                   \
  F(cuMemGetInfo_v2, DriverCode(size_t *, size_t *))                           \
  F(cuMemHostAlloc, DriverCode(void **, size_t, unsigned))                     \
  F(cuMemFreeHost, DriverCode(void *))                                         \
  F(cuMemcpyHtoD_v2, DriverCode(DeviceAddress, const void *, size_t))          \
  F(cuMemcpyHtoDAsync_v2,                                                      \
    DriverCode(DeviceAddress, const void *, size_t, StreamHandle))             \
  F(cuMemcpyDtoHAsync_v2,                                                      \
    DriverCode(void *, DeviceAddress, size_t, StreamHandle))                   \
  F(cuMemcpyAsync,                                                             \
    DriverCode(DeviceAddress, DeviceAddress, size_t, StreamHandle))            \
  F(cuMemsetD8_v2, DriverCode(DeviceAddress, unsigned char, size_t))           \
  F(cuMemsetD8Async,                                                           \
    DriverCode(DeviceAddress, unsigned char, size_t, StreamHandle))            \
  F(cuMemsetD16Async,                                                          \
    DriverCode(DeviceAddress, unsigned short, size_t, StreamHandle))           \
  F(cuMemsetD32Async,                                                          \
    DriverCode(DeviceAddress, unsigned, size_t, StreamHandle))                 \
  F(cuMemsetD2D32Async,                                                        \
    DriverCode(DeviceAddress, size_t, unsigned, size_t, size_t, StreamHandle)) \
  F(cuStreamCreate, DriverCode(StreamHandle *, unsigned))                      \
  F(cuStreamDestroy_v2, DriverCode(StreamHandle))                              \
  F(cuStreamSynchronize, DriverCode(StreamHandle))                             \
  F(cuStreamWaitEvent, DriverCode(StreamHandle, EventHandle, unsigned))        \
  F(cuStreamBeginCapture_v2, DriverCode(StreamHandle, int))                    \
  F(cuStreamEndCapture, DriverCode(StreamHandle, GraphHandle *))               \
  F(cuEventCreate, DriverCode(EventHandle *, unsigned))                        \
  F(cuEventDestroy_v2, DriverCode(EventHandle))                                \
  F(cuEventRecord, DriverCode(EventHandle, StreamHandle))                      \
  F(cuEventSynchronize, DriverCode(EventHandle))                               \
  F(cuEventElapsedTime, DriverCode(float *, EventHandle, EventHandle))         \
  F(cuModuleLoadDataEx,                                                        \
    DriverCode(ModuleHandle *, const void *, unsigned, int *, void **))        \
  F(cuModuleUnload, DriverCode(ModuleHandle))                                  \
  F(cuModuleGetFunction,                                                       \
    DriverCode(FunctionHandle *, ModuleHandle, const char *))                  \
  F(cuFuncGetAttribute, DriverCode(int *, int, FunctionHandle))                \
  F(cuLaunchKernel,                                                            \
    DriverCode(FunctionHandle, unsigned, unsigned, unsigned, unsigned,         \
               unsigned, unsigned, unsigned, StreamHandle, void **, void **))  \
  F(cuGraphInstantiateWithFlags,                                               \
    DriverCode(GraphExecHandle *, GraphHandle, unsigned long long))            \
  F(cuGraphLaunch, DriverCode(GraphExecHandle, StreamHandle))                  \
  F(cuGraphDestroy, DriverCode(GraphHandle))                                   \
  F(cuGraphExecDestroy, DriverCode(GraphExecHandle))

} // namespace dlc::rt::cuda

#endif // DLC_RUNTIME_CUDA_DRIVERAPI_H
