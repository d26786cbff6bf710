//===- RandomInputs.cpp - data for timing an entry ------------------------===//
#include "tools/dlc/RandomInputs.h"

#include <algorithm>

namespace dlc::tools {

RandomInputs::RandomInputs(const Built &built, int64_t seed)
    : ranges(built.ranges()), engine(static_cast<uint64_t>(seed)),
      isBinary(built.options.loss.find("bce") != std::string::npos) {}

void RandomInputs::fill(rt::TensorMap &tensors) {
  for (auto &[name, tensor] : tensors)
    if (name != "lr")
      fill(name, tensor);
}

template <typename T, typename Draw>
static void store(rt::Tensor &tensor, Draw draw) {
  for (T &element : tensor.as<T>())
    element = static_cast<T>(draw());
}

void RandomInputs::fill(const std::string &name, rt::Tensor &tensor) {
  std::normal_distribution<float> normal;
  std::uniform_real_distribution<float> uniform;
  bool isTarget = name.starts_with("target");
  auto real = [&] {
    return isTarget && isBinary ? uniform(engine) : normal(engine);
  };
  auto range = ranges.find(name);
  bool isBool = tensor.dtype == rt::DType::I1;
  int64_t most = range != ranges.end() && !isBool ? range->second - 1 : 1;
  std::uniform_int_distribution<int64_t> whole(0, std::max<int64_t>(most, 0));
  auto integer = [&] { return whole(engine); };
  switch (tensor.dtype) {
  case rt::DType::F64:
    return store<double>(tensor, real);
  case rt::DType::F32:
    return store<float>(tensor, real);
  case rt::DType::F16:
    return store<uint16_t>(tensor, [&] { return rt::floatToHalf(real()); });
  case rt::DType::BF16:
    return store<uint16_t>(tensor, [&] { return rt::floatToBfloat(real()); });
  case rt::DType::I64:
    return store<int64_t>(tensor, integer);
  case rt::DType::I32:
    return store<int32_t>(tensor, integer);
  case rt::DType::I16:
    return store<int16_t>(tensor, integer);
  default:
    return store<uint8_t>(tensor, integer);
  }
}

double medianOf(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  size_t middle = values.size() / 2;
  return values.size() % 2 ? values[middle]
                           : (values[middle - 1] + values[middle]) / 2;
}

} // namespace dlc::tools
