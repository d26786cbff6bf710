//===- Convert.h - arrays as a model wants them -----------------*- C++ -*-===//
#ifndef DLC_TOOLS_TRAINER_CONVERT_H
#define DLC_TOOLS_TRAINER_CONVERT_H

#include "runtime/data/TensorMap.h"

namespace dlc::tools {

/// Whether an array of `from` may be fed where `to` is wanted: the same type,
/// floats for floats, whole numbers for whole numbers.
bool isConvertible(rt::DType from, rt::DType to);

/// `tensor`, called `name` in messages, in `dtype`. Floats are rounded to
/// nearest. Throws Failure: DLC5121 where isConvertible says no, DLC5124 where
/// a whole number does not fit.
rt::Tensor convert(rt::Tensor tensor, rt::DType dtype, const std::string &name);

/// Calls `visit(index, value)` for every element, whole numbers as int64 and
/// floats as double, until it returns false; returns whether none did.
template <typename Visit>
bool visitIntegers(const rt::Tensor &tensor, Visit visit) {
  auto walk = [&](auto values) {
    for (size_t i = 0; i < values.size(); ++i)
      if (!visit(i, static_cast<int64_t>(values[i])))
        return false;
    return true;
  };
  switch (tensor.dtype) {
  case rt::DType::I1:
  case rt::DType::UI8:
    return walk(tensor.as<uint8_t>());
  case rt::DType::I8:
    return walk(tensor.as<int8_t>());
  case rt::DType::I16:
    return walk(tensor.as<int16_t>());
  case rt::DType::I32:
    return walk(tensor.as<int32_t>());
  case rt::DType::I64:
    return walk(tensor.as<int64_t>());
  default:
    return true;
  }
}

template <typename Visit>
bool visitFloats(const rt::Tensor &tensor, Visit visit) {
  auto walk = [&](auto values, auto widen) {
    for (size_t i = 0; i < values.size(); ++i)
      if (!visit(i, static_cast<double>(widen(values[i]))))
        return false;
    return true;
  };
  auto same = [](auto value) { return value; };
  switch (tensor.dtype) {
  case rt::DType::F64:
    return walk(tensor.as<double>(), same);
  case rt::DType::F32:
    return walk(tensor.as<float>(), same);
  case rt::DType::F16:
    return walk(tensor.as<uint16_t>(), rt::halfToFloat);
  case rt::DType::BF16:
    return walk(tensor.as<uint16_t>(), rt::bfloatToFloat);
  default:
    return true;
  }
}

} // namespace dlc::tools

#endif
