//===- Convert.cpp - arrays as a model wants them -------------------------===//
#include "tools/trainer/Convert.h"

#include "tools/support/Failure.h"

#include <limits>

namespace dlc::tools {

bool isConvertible(rt::DType from, rt::DType to) {
  auto isNarrow = [](rt::DType type) {
    return type == rt::DType::F8E4M3FN || type == rt::DType::F8E5M2;
  };
  if (from == to)
    return true;
  if (isNarrow(from) || isNarrow(to))
    return false;
  return rt::isFloat(from) == rt::isFloat(to);
}

template <typename To, typename Narrow>
static void storeFloats(const rt::Tensor &from, rt::Tensor &to, Narrow narrow) {
  auto out = to.as<To>();
  visitFloats(from, [&](size_t i, double value) {
    out[i] = narrow(value);
    return true;
  });
}

static void convertFloats(const rt::Tensor &from, rt::Tensor &to) {
  switch (to.dtype) {
  case rt::DType::F64:
    return storeFloats<double>(from, to, [](double v) { return v; });
  case rt::DType::F32:
    return storeFloats<float>(from, to,
                              [](double v) { return static_cast<float>(v); });
  case rt::DType::F16:
    return storeFloats<uint16_t>(from, to, [](double v) {
      return rt::floatToHalf(static_cast<float>(v));
    });
  default:
    return storeFloats<uint16_t>(from, to, [](double v) {
      return rt::floatToBfloat(static_cast<float>(v));
    });
  }
}

template <typename To>
static void storeIntegers(const rt::Tensor &from, rt::Tensor &to, int64_t most,
                          const std::string &name) {
  auto out = to.as<To>();
  visitIntegers(from, [&](size_t i, int64_t value) {
    int64_t least = std::numeric_limits<To>::min();
    if (value < least || value > most)
      fail("DLC5124", "array '", name, "' must have elements from ", least,
           " to ", most, ", but got ", value);
    out[i] = static_cast<To>(value);
    return true;
  });
}

static void convertIntegers(const rt::Tensor &from, rt::Tensor &to,
                            const std::string &name) {
  switch (to.dtype) {
  case rt::DType::I1:
    return storeIntegers<uint8_t>(from, to, 1, name);
  case rt::DType::UI8:
    return storeIntegers<uint8_t>(from, to, UINT8_MAX, name);
  case rt::DType::I8:
    return storeIntegers<int8_t>(from, to, INT8_MAX, name);
  case rt::DType::I16:
    return storeIntegers<int16_t>(from, to, INT16_MAX, name);
  case rt::DType::I32:
    return storeIntegers<int32_t>(from, to, INT32_MAX, name);
  default:
    return storeIntegers<int64_t>(from, to, INT64_MAX, name);
  }
}

rt::Tensor convert(rt::Tensor tensor, rt::DType dtype,
                   const std::string &name) {
  if (tensor.dtype == dtype)
    return tensor;
  if (!isConvertible(tensor.dtype, dtype))
    fail("DLC5121", "array '", name, "' must hold ",
         rt::isFloat(dtype) ? "floats" : "whole numbers", " (",
         rt::dtypeName(dtype), "), but got ", rt::dtypeName(tensor.dtype));
  rt::Tensor result = rt::Tensor::zeros(dtype, tensor.dims);
  if (rt::isFloat(dtype))
    convertFloats(tensor, result);
  else
    convertIntegers(tensor, result, name);
  return result;
}

} // namespace dlc::tools
