// Element types of tensors, in the order of the artifact's enum (checked by a
// static_assert in artifact/Reader.cpp), with their names and widths, and the
// scalar conversions of the 16-bit floats.
#ifndef DLC_RUNTIME_CORE_DTYPE_H
#define DLC_RUNTIME_CORE_DTYPE_H

#include "runtime/core/CheckedMath.h"

#include <bit>
#include <cstdint>
#include <optional>
#include <string_view>

namespace dlc::rt {

enum class DType : int8_t {
  F64,
  F32,
  F16,
  BF16,
  F8E4M3FN,
  F8E5M2,
  I1,
  I8,
  UI8,
  I16,
  I32,
  I64
};
inline constexpr int dtypeCount = 12;

/// Bytes of one element in memory (i1 takes a byte).
uint64_t dtypeBytes(DType type);
/// "f32", "bf16", "i64" …
std::string_view dtypeName(DType type);
std::optional<DType> dtypeFromName(std::string_view name);
bool isFloat(DType type);

/// Bytes of a dense tensor; none on a negative dim or overflow.
template <typename Dims>
std::optional<uint64_t> tensorBytes(DType type, const Dims &dims) {
  std::optional<int64_t> count = elementCount(dims);
  if (!count)
    return std::nullopt;
  return checkedMul<uint64_t>(static_cast<uint64_t>(*count), dtypeBytes(type));
}

float halfToFloat(uint16_t bits);
/// Round to nearest even; overflow gives infinity, NaN stays NaN.
uint16_t floatToHalf(float value);

// Inline, because loops over them vectorize.
inline float bfloatToFloat(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}
inline uint16_t floatToBfloat(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  uint32_t quieted = bits >> 16 | 0x40;
  bool isNan = (bits & 0x7fffffff) > 0x7f800000;
  return static_cast<uint16_t>(isNan ? quieted : rounded);
}
/// With the 10 bits of mantissa that TF32 has. To nearest, ties away from zero,
/// as `cvt.rna.tf32.f32` rounds, the one conversion that every GPU with TF32 has
/// (PTX ISA, "cvt"); what exceeds the largest number becomes infinity.
inline float roundToTf32(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  uint32_t rounded = (bits + 0x1000) & ~uint32_t(0x1fff);
  bool isFinite = (bits & 0x7fffffff) < 0x7f800000;
  return isFinite ? std::bit_cast<float>(rounded) : value;
}

} // namespace dlc::rt

#endif // DLC_RUNTIME_CORE_DTYPE_H
