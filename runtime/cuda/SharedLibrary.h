// NVIDIA's libraries, found at run time: dlc links none of them, so one build
// serves machines with and without a GPU.
#ifndef DLC_RUNTIME_CUDA_SHAREDLIBRARY_H
#define DLC_RUNTIME_CUDA_SHAREDLIBRARY_H

#include "runtime/core/Status.h"
#include "runtime/cuda/BlasApi.h"
#include "runtime/cuda/DnnApi.h"
#include "runtime/cuda/DriverApi.h"

#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace dlc::rt::cuda {

/// Folders that the system's loader does not search by itself, where drivers of
/// containers, CUDA's toolkit and NVIDIA's Python packages put libraries: those
/// that exist here.
std::vector<std::string> libraryFolders();

/// File names to try in turn, as dlopen takes them, and the folders to try
/// after the loader's own.
struct LibraryNames {
  std::vector<std::string> driver = {"libcuda.so.1"};
  std::vector<std::string> blas = {"libcublasLt.so.13", "libcublasLt.so.12"};
  std::vector<std::string> dnn = {"libcudnn.so.9"};
  /// cuDNN loads it by name, as it does cuBLASLt.
  std::vector<std::string> compiler = {"libnvrtc.so.13", "libnvrtc.so.12"};
  std::vector<std::string> ranges = {"libnvToolsExt.so.1"};
  std::vector<std::string> folders = libraryFolders();
};

/// An open library. It stays in the process: NVIDIA's leave threads and
/// handlers behind that call into it.
class SharedLibrary {
public:
  SharedLibrary() = default;
  SharedLibrary(SharedLibrary &&other) noexcept;
  SharedLibrary &operator=(SharedLibrary &&other) noexcept;
  ~SharedLibrary();
  /// The first of `names` that opens, where the loader looks or in `folders`.
  /// The error has id `id` and says what the loader said of each.
  static Result<SharedLibrary> open(std::span<const std::string> names,
                                    std::span<const std::string> folders,
                                    const char *id, const char *what);
  /// Null when there is no such symbol.
  void *find(const char *symbol) const;
  const std::string &name() const { return file; }

private:
  void *handle = nullptr;
  std::string file;
};

/// One function of a library: its symbol and where its address goes.
struct Slot {
  const char *symbol;
  void **address;
};

/// Fills all slots; `id` names the library's error page.
Status resolve(const SharedLibrary &library, std::span<const Slot> slots,
               const char *id);

#define DLC_CUDA_MEMBER(SYMBOL, ...)                                           \
  std::add_pointer_t<__VA_ARGS__> SYMBOL = nullptr;
#define DLC_CUDA_SLOT(SYMBOL, ...)                                             \
  {#SYMBOL, reinterpret_cast<void **>(&SYMBOL)},

/// Tables of functions, members named as the symbols are.
struct DriverApi {
  DLC_CUDA_DRIVER_FUNCTIONS(DLC_CUDA_MEMBER)
  std::vector<Slot> slots() {
    return {DLC_CUDA_DRIVER_FUNCTIONS(DLC_CUDA_SLOT)};
  }
};
struct BlasApi {
  DLC_CUDA_BLAS_FUNCTIONS(DLC_CUDA_MEMBER)
  std::vector<Slot> slots() { return {DLC_CUDA_BLAS_FUNCTIONS(DLC_CUDA_SLOT)}; }
};
struct DnnApi {
  DLC_CUDA_DNN_FUNCTIONS(DLC_CUDA_MEMBER)
  std::vector<Slot> slots() { return {DLC_CUDA_DNN_FUNCTIONS(DLC_CUDA_SLOT)}; }
};

#undef DLC_CUDA_MEMBER
#undef DLC_CUDA_SLOT

} // namespace dlc::rt::cuda

#endif // DLC_RUNTIME_CUDA_SHAREDLIBRARY_H
