#include "runtime/cpu/Convert.h"

#include "runtime/core/DType.h"
#include "runtime/cpu/CpuFeatures.h"

#include <cstring>
#include <immintrin.h>

namespace dlc::rt {

namespace {
using Half = uint16_t;

/// Every AVX2 machine has it; without it the bits are taken apart one by one.
bool hasHalfInstructions() {
  static const bool has = hostHasFeature("f16c") && hostHasFeature("avx");
  return has;
}

__attribute__((target("avx,f16c"))) int64_t
widenHalves(const Half *values, int64_t count, float *to) {
  int64_t i = 0;
  for (; i + 8 <= count; i += 8)
    _mm256_storeu_ps(to + i,
                     _mm256_cvtph_ps(_mm_loadu_si128(
                         reinterpret_cast<const __m128i *>(values + i))));
  return i;
}

__attribute__((target("avx,f16c"))) int64_t
narrowHalves(const float *values, int64_t count, Half *to) {
  int64_t i = 0;
  for (; i + 8 <= count; i += 8)
    _mm_storeu_si128(reinterpret_cast<__m128i *>(to + i),
                     _mm256_cvtps_ph(_mm256_loadu_ps(values + i),
                                     _MM_FROUND_TO_NEAREST_INT));
  return i;
}
} // namespace

void widenRow(fb::DType type, const std::byte *values, int64_t count,
              float *to) {
  if (type == fb::DType::F32) {
    std::memcpy(to, values, static_cast<size_t>(count) * sizeof(float));
    return;
  }
  auto *narrow = reinterpret_cast<const uint16_t *>(values);
  if (type == fb::DType::BF16) {
    for (int64_t i = 0; i < count; ++i)
      to[i] = bfloatToFloat(narrow[i]);
    return;
  }
  int64_t done = hasHalfInstructions() ? widenHalves(narrow, count, to) : 0;
  for (int64_t i = done; i < count; ++i)
    to[i] = halfToFloat(narrow[i]);
}

void narrowRow(fb::DType type, const float *values, int64_t count,
               std::byte *to) {
  if (type == fb::DType::F32) {
    std::memcpy(to, values, static_cast<size_t>(count) * sizeof(float));
    return;
  }
  auto *narrow = reinterpret_cast<uint16_t *>(to);
  if (type == fb::DType::BF16) {
    for (int64_t i = 0; i < count; ++i)
      narrow[i] = floatToBfloat(values[i]);
    return;
  }
  int64_t done =
      hasHalfInstructions() ? narrowHalves(values, count, narrow) : 0;
  for (int64_t i = done; i < count; ++i)
    narrow[i] = floatToHalf(values[i]);
}

} // namespace dlc::rt
