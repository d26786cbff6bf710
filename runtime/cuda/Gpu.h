// One GPU with the libraries that its programs call, each loaded by the first
// program that needs it: a network without convolutions runs where there is no
// cuDNN.
#ifndef DLC_RUNTIME_CUDA_GPU_H
#define DLC_RUNTIME_CUDA_GPU_H

#include "runtime/cuda/HelperKernels.h"
#include "runtime/cuda/Ranges.h"

#include <memory>
#include <mutex>
#include <optional>

namespace dlc::rt::cuda {

/// cuBLASLt with its handle, which any thread may use.
class Blas {
public:
  /// DLC6208 when there is no cuBLASLt that fits.
  static Result<std::unique_ptr<Blas>> open(const LibraryNames &names);
  ~Blas();
  const BlasApi &api() const { return functions; }
  BlasHandle handle() const { return library; }
  /// "cuBLASLt 130100"
  std::string name() const;
  /// DLC6207 with the call.
  Status error(BlasCode code, const char *call) const;

private:
  Blas() = default;
  static Result<std::unique_ptr<Blas>>
  openOne(std::span<const std::string> names,
          std::span<const std::string> folders);
  SharedLibrary file;
  BlasApi functions;
  BlasHandle library = nullptr;
};

/// cuDNN; each stream has a handle of its own.
class Dnn {
public:
  /// DLC6209 when there is no cuDNN that fits.
  static Result<std::unique_ptr<Dnn>> open(const LibraryNames &names);
  const DnnApi &api() const { return functions; }
  /// "cuDNN 91900"
  std::string name() const;
  /// DLC6207 with the call and what cuDNN says of it.
  Status error(DnnCode code, const char *call) const;

private:
  Dnn() = default;
  std::vector<SharedLibrary> parts;
  SharedLibrary file;
  DnnApi functions;
};

class Gpu {
public:
  static Result<std::unique_ptr<Gpu>> open(const LibraryNames &names,
                                           int ordinal);
  ~Gpu();
  const Driver &driver() const { return *opened; }
  /// The context is the calling thread's; the results live as long as this.
  Result<const Blas *> blas();
  Result<const Dnn *> dnn();
  Result<const HelperKernels *> helpers();
  const Ranges &ranges();
  /// Held while a thread records a graph, or does what may disturb a recording
  /// of another one: libraries load code, and wait for the whole GPU when their
  /// handles come and go.
  std::mutex &setUp() { return settingUp; }

private:
  Gpu() = default;
  LibraryNames names;
  std::unique_ptr<Driver> opened;
  std::mutex mutex, settingUp;
  std::unique_ptr<Blas> openedBlas;
  std::unique_ptr<Dnn> openedDnn;
  std::unique_ptr<HelperKernels> openedHelpers;
  std::optional<Ranges> openedRanges;
};

/// As DLC_CUDA, for calls of cuBLASLt and cuDNN.
#define DLC_CUDA_LIBRARY(LIBRARY, SYMBOL, ...)                                 \
  do {                                                                         \
    if (int dlcCode = (LIBRARY).api().SYMBOL(__VA_ARGS__))                     \
      return (LIBRARY).error(dlcCode, #SYMBOL);                                \
  } while (0)

} // namespace dlc::rt::cuda

#endif // DLC_RUNTIME_CUDA_GPU_H
