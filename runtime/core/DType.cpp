#include "runtime/core/DType.h"

#include <bit>
#include <cmath>

namespace dlc::rt {

namespace {
struct TypeInfo {
  std::string_view name;
  uint64_t bytes;
  bool isFloat;
};
constexpr TypeInfo infos[dtypeCount] = {
    {"f64", 8, true},  {"f32", 4, true},      {"f16", 2, true},
    {"bf16", 2, true}, {"f8E4M3FN", 1, true}, {"f8E5M2", 1, true},
    {"i1", 1, false},  {"i8", 1, false},      {"ui8", 1, false},
    {"i16", 2, false}, {"i32", 4, false},     {"i64", 8, false},
};
} // namespace

uint64_t dtypeBytes(DType type) { return infos[static_cast<int>(type)].bytes; }

std::string_view dtypeName(DType type) {
  return infos[static_cast<int>(type)].name;
}

bool isFloat(DType type) { return infos[static_cast<int>(type)].isFloat; }

std::optional<DType> dtypeFromName(std::string_view name) {
  for (int i = 0; i < dtypeCount; ++i)
    if (infos[i].name == name)
      return static_cast<DType>(i);
  return std::nullopt;
}

float halfToFloat(uint16_t bits) {
  uint32_t sign = static_cast<uint32_t>(bits & 0x8000) << 16;
  int exponent = (bits >> 10) & 0x1f;
  uint32_t mantissa = bits & 0x3ff;
  if (exponent == 0x1f)
    return std::bit_cast<float>(sign | 0x7f800000u | mantissa << 13);
  if (exponent != 0)
    return std::bit_cast<float>(sign | uint32_t(exponent + 112) << 23 |
                                mantissa << 13);
  if (mantissa == 0)
    return std::bit_cast<float>(sign);
  // A subnormal half is a normal float: move its leading one to bit 10.
  int shift = std::countl_zero(mantissa) - 21;
  mantissa = (mantissa << shift) & 0x3ff;
  return std::bit_cast<float>(sign | uint32_t(113 - shift) << 23 |
                              mantissa << 13);
}

uint16_t floatToHalf(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  uint16_t sign = static_cast<uint16_t>((bits >> 16) & 0x8000);
  uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000)
    return sign | 0x7e00 | ((magnitude >> 13) & 0x3ff);
  if (magnitude >= 0x477ff000) // rounds to 2^16 or more
    return sign | 0x7c00;
  if (magnitude < 0x33000000) // less than half of the least subnormal
    return sign;
  uint32_t exponent = magnitude >> 23;
  uint32_t mantissa = (magnitude & 0x7fffff) | 0x800000;
  // Bits to drop: 13 for a normal result, more for a subnormal one.
  uint32_t drop = exponent >= 113 ? 13 : 126 - exponent;
  uint32_t kept = mantissa >> drop;
  uint32_t rest = mantissa & ((1u << drop) - 1);
  uint32_t half = 1u << (drop - 1);
  kept += rest > half || (rest == half && (kept & 1));
  if (exponent >= 113)
    kept += (exponent - 113) << 10; // the implicit one carries into it
  return static_cast<uint16_t>(sign | kept);
}

} // namespace dlc::rt
