// Kernels of one plan on one GPU.
#ifndef DLC_RUNTIME_CUDA_CUDACODE_H
#define DLC_RUNTIME_CUDA_CUDACODE_H

#include "runtime/artifact/Reader.h"
#include "runtime/cuda/Driver.h"
#include "runtime/device/Device.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace dlc::rt::cuda {

/// Which of `architectures` ("sm_90", "compute_80", …) a GPU of architecture
/// `gpu` (90 for sm_90) should run: its own cubin, else that of the highest
/// lower minor version of the same major one, else the latest PTX that is not
/// newer. Names with a letter at their end ("sm_90a") fit that architecture
/// alone. Empty when none does.
std::string_view chooseCode(const std::vector<std::string_view> &architectures,
                            int gpu);

/// Loads a cubin, or PTX text that ends in a zero; `what` names it in errors.
/// DLC6206 with the driver's log when the driver does not take it.
Result<ModuleHandle> loadModule(const Driver &driver, const void *image,
                                std::string_view what);

/// A kernel as launches need it.
struct CudaKernel {
  FunctionHandle function = nullptr;
  std::string_view symbol;
  unsigned threads = 0;
  bool isTable = false;
};

class CudaCode final : public LoadedCode {
public:
  /// `driver` outlives the result; so does `artifact` its kernels' names.
  static Result<std::shared_ptr<const CudaCode>> load(const Driver &driver,
                                                      const Artifact &artifact);
  ~CudaCode() override;

  std::byte *constants() const override { return toPointer(constantBytes); }
  const CudaKernel &kernel(uint32_t index) const { return kernels[index]; }
  /// Whether the plan's choices of `library` were measured on this kind of GPU.
  bool isTunedWith(std::string_view library) const;

private:
  explicit CudaCode(const Driver &driver) : driver(driver) {}
  Status loadKernels(const Artifact &artifact);
  Status loadConstants(const Artifact &artifact);
  const Driver &driver;
  ModuleHandle module = nullptr;
  DeviceAddress constantBytes = 0;
  std::vector<CudaKernel> kernels;
  std::vector<std::string> tunedLibraries;
};

} // namespace dlc::rt::cuda

#endif // DLC_RUNTIME_CUDA_CUDACODE_H
