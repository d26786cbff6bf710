// A float is infinite or NaN if its exponent is all ones, and NaN if it has
// more bits set below the sign than infinity has. Either is one addition: of
// the bits without the sign, with a number that carries into the sign bit
// exactly then. So a block is read with three operations per element and no
// branch, which compilers turn into vectors.
#include "runtime/core/FiniteScan.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace dlc::rt {

namespace {

/// `infinity`: the bits of +infinity.
template <typename Bits>
bool scan(const std::byte *data, uint64_t bytes, Bits infinity,
          bool allowsInfinity) {
  constexpr Bits sign = static_cast<Bits>(Bits(1) << (sizeof(Bits) * 8 - 1));
  const Bits carry =
      static_cast<Bits>(sign - infinity - (allowsInfinity ? 1 : 0));
  const auto *elements = reinterpret_cast<const Bits *>(data);
  const uint64_t count = bytes / sizeof(Bits);
  constexpr uint64_t block = 4096;
  for (uint64_t begin = 0; begin < count; begin += block) {
    uint64_t end = std::min(count, begin + block);
    Bits seen = 0;
    for (uint64_t i = begin; i < end; ++i)
      seen = static_cast<Bits>(
          seen |
          static_cast<Bits>((elements[i] & static_cast<Bits>(~sign)) + carry));
    if (seen & sign)
      return true;
  }
  return false;
}

template <typename T> T load(const std::byte *data, int64_t i) {
  T value;
  std::memcpy(&value, data + i * static_cast<int64_t>(sizeof(T)), sizeof(T));
  return value;
}

/// An f8 of `mantissa` bits, as a number.
double smallFloat(uint8_t bits, int mantissa, int bias, bool hasInfinity) {
  int exponentBits = 7 - mantissa, most = (1 << exponentBits) - 1;
  int exponent = (bits & 0x7f) >> mantissa, low = bits & ((1 << mantissa) - 1);
  double sign = bits & 0x80 ? -1 : 1;
  if (exponent == most && (hasInfinity || low == (1 << mantissa) - 1))
    return hasInfinity && low == 0 ? sign * HUGE_VAL : std::nan("");
  double scale = std::ldexp(1.0, std::max(exponent, 1) - bias - mantissa);
  return sign * scale * ((exponent ? 1 << mantissa : 0) + low);
}

double numberAt(DType type, const std::byte *data, int64_t i) {
  switch (type) {
  case DType::F64:
    return load<double>(data, i);
  case DType::F32:
    return load<float>(data, i);
  case DType::F16:
    return halfToFloat(load<uint16_t>(data, i));
  case DType::BF16:
    return bfloatToFloat(load<uint16_t>(data, i));
  case DType::F8E4M3FN:
    return smallFloat(load<uint8_t>(data, i), 3, 7, false);
  case DType::F8E5M2:
    return smallFloat(load<uint8_t>(data, i), 2, 15, true);
  case DType::I8:
    return load<int8_t>(data, i);
  case DType::I1:
  case DType::UI8:
    return load<uint8_t>(data, i);
  case DType::I16:
    return load<int16_t>(data, i);
  case DType::I32:
    return load<int32_t>(data, i);
  case DType::I64:
    return static_cast<double>(load<int64_t>(data, i));
  }
  return 0;
}

} // namespace

bool holdsNonfinite(DType type, const std::byte *data, uint64_t bytes,
                    bool allowsInfinity) {
  switch (type) {
  case DType::F64:
    return scan<uint64_t>(data, bytes, 0x7ff0000000000000, allowsInfinity);
  case DType::F32:
    return scan<uint32_t>(data, bytes, 0x7f800000, allowsInfinity);
  case DType::F16:
    return scan<uint16_t>(data, bytes, 0x7c00, allowsInfinity);
  case DType::BF16:
    return scan<uint16_t>(data, bytes, 0x7f80, allowsInfinity);
  case DType::F8E5M2:
    return scan<uint8_t>(data, bytes, 0x7c, allowsInfinity);
  case DType::F8E4M3FN:
    // It has no infinity: all bits set is NaN.
    return scan<uint8_t>(data, bytes, 0x7f, false);
  default:
    return false;
  }
}

ValueRange rangeOf(DType type, const std::byte *data, uint64_t bytes) {
  ValueRange range;
  range.count = static_cast<int64_t>(bytes / dtypeBytes(type));
  bool isFirst = true;
  for (int64_t i = 0; i < range.count; ++i) {
    double number = numberAt(type, data, i);
    if (std::isfinite(number)) {
      range.least = isFirst ? number : std::min(range.least, number);
      range.largest = isFirst ? number : std::max(range.largest, number);
      isFirst = false;
      continue;
    }
    if (range.firstNonfinite < 0)
      range.firstNonfinite = i;
    ++(std::isnan(number) ? range.nans
       : number > 0       ? range.plusInfinities
                          : range.minusInfinities);
  }
  return range;
}

} // namespace dlc::rt
