// The few kernels that the runtime itself brings, around library calls that do
// not take or give what a program holds. They are PTX text that the driver
// compiles for the GPU at hand, a thread per element:
//   narrow     f32 to bf16 or f16, to nearest even (biases of 16-bit products)
//   widen      bf16 or f16 to f32 (weight gradients of convolutions)
//   swap       [outer, a, b] to [outer, b, a] (weights between ONNX's order and
//              channels-last)
//   scan       sets a flag if an element is NaN or infinite (traced programs)
#ifndef DLC_RUNTIME_CUDA_HELPERKERNELS_H
#define DLC_RUNTIME_CUDA_HELPERKERNELS_H

#include "runtime/core/DType.h"
#include "runtime/cuda/Driver.h"

#include <memory>
#include <optional>
#include <string>

namespace dlc::rt::cuda {

/// The text that the driver compiles; ends in a zero.
std::string helperPtx();

/// Arguments of one launch.
struct HelperCall {
  FunctionHandle function = nullptr;
  DeviceAddress from = 0, to = 0;
  uint64_t count = 0, x = 0, y = 0;
};

/// Loaded on one GPU. Any thread may use it; the GPU's context is the thread's.
class HelperKernels {
public:
  static Result<std::unique_ptr<HelperKernels>> load(const Driver &driver);
  ~HelperKernels();

  /// `count` elements of f32 at `from` as `type` (F16 or BF16) at `to`.
  HelperCall narrow(DType type, DeviceAddress from, DeviceAddress to,
                    uint64_t count) const;
  HelperCall widen(DType type, DeviceAddress from, DeviceAddress to,
                   uint64_t count) const;
  /// `width` is 2, 4 or 8 bytes; fewer than 2^32 elements.
  HelperCall swap(uint64_t width, DeviceAddress from, DeviceAddress to,
                  uint64_t outer, uint64_t a, uint64_t b) const;
  /// Sets the 32-bit `flag` to 1. None for types that have no NaN.
  std::optional<HelperCall> scan(DType type, DeviceAddress from,
                                 DeviceAddress flag, uint64_t count,
                                 bool allowsInfinity) const;
  Status launch(const HelperCall &call, StreamHandle stream) const;

private:
  explicit HelperKernels(const Driver &driver) : driver(driver) {}
  const Driver &driver;
  ModuleHandle module = nullptr;
  FunctionHandle narrowBfloat = nullptr, narrowHalf = nullptr,
                 widenBfloat = nullptr, widenHalf = nullptr, swap2 = nullptr,
                 swap4 = nullptr, swap8 = nullptr, scan2 = nullptr,
                 scan4 = nullptr, scan8 = nullptr;
};

} // namespace dlc::rt::cuda

#endif // DLC_RUNTIME_CUDA_HELPERKERNELS_H
