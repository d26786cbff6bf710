#include "runtime/data/TensorMap.h"

#include "runtime/data/Npy.h"
#include "runtime/data/Npz.h"
#include "runtime/data/Safetensors.h"

namespace dlc::rt {

Tensor Tensor::zeros(DType dtype, std::vector<int64_t> dims) {
  Tensor tensor;
  tensor.dtype = dtype;
  tensor.data.resize(*tensorBytes(dtype, dims));
  tensor.dims = std::move(dims);
  return tensor;
}

static Status unknownEnding(const std::string &path) {
  return DLC_ERROR(Unsupported, "DLC5100", "tensor file '", path,
                   "' must end in .npz, .npy or .safetensors, but got "
                   "another ending");
}

Result<TensorMap> loadTensors(const std::string &path, uint64_t budget) {
  std::string_view name = path;
  if (name.ends_with(".npz"))
    return loadNpz(path, budget);
  if (name.ends_with(".safetensors"))
    return loadSafetensors(path, budget);
  if (!name.ends_with(".npy"))
    return unknownEnding(path);
  DLC_ASSIGN_OR_RETURN(Tensor tensor, loadNpy(path, budget));
  TensorMap result;
  result.emplace("data", std::move(tensor));
  return result;
}

Status saveTensors(const std::string &path, const TensorMap &tensors) {
  std::string_view name = path;
  if (name.ends_with(".npz"))
    return saveNpz(path, tensors);
  if (name.ends_with(".safetensors"))
    return saveSafetensors(path, tensors);
  if (!name.ends_with(".npy"))
    return unknownEnding(path);
  if (tensors.size() != 1)
    return DLC_ERROR(InvalidArgument, "DLC5100", "file '", path,
                     "' must hold one tensor, but got ", tensors.size());
  return saveNpy(path, tensors.begin()->second);
}

} // namespace dlc::rt
