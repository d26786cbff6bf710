// Named tensors in memory: what data files hold and tools pass around.
#ifndef DLC_RUNTIME_DATA_TENSORMAP_H
#define DLC_RUNTIME_DATA_TENSORMAP_H

#include "runtime/core/DType.h"
#include "runtime/core/Status.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dlc::rt {

/// A dense row-major tensor that owns its bytes.
struct Tensor {
  DType dtype = DType::F32;
  std::vector<int64_t> dims;
  std::vector<std::byte> data;

  /// Zeroed; the dims must have a size (tensorBytes).
  static Tensor zeros(DType dtype, std::vector<int64_t> dims);
  template <typename T> std::span<T> as() {
    return {reinterpret_cast<T *>(data.data()), data.size() / sizeof(T)};
  }
  template <typename T> std::span<const T> as() const {
    return {reinterpret_cast<const T *>(data.data()), data.size() / sizeof(T)};
  }
};

/// By name, in order of name.
using TensorMap = std::map<std::string, Tensor, std::less<>>;

/// Most bytes that one data file may hold or unpack to. A reader fails beyond
/// it, before it allocates.
inline constexpr uint64_t defaultDataBudget = uint64_t(1) << 40;

/// Reads `.npz`, `.npy` (its one tensor is called "data") or `.safetensors` by
/// the ending of `path`. DLC5100 for another ending.
Result<TensorMap> loadTensors(const std::string &path,
                              uint64_t budget = defaultDataBudget);
/// Writes them in the format of the ending, whole or not at all. `.npy` takes
/// exactly one tensor.
Status saveTensors(const std::string &path, const TensorMap &tensors);

} // namespace dlc::rt

#endif // DLC_RUNTIME_DATA_TENSORMAP_H
