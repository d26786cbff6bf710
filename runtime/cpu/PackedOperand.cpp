#include "runtime/cpu/PackedOperand.h"

#include "runtime/core/CheckedMath.h"
#include "runtime/cpu/CpuFeatures.h"

#include <algorithm>
#include <cstring>
#include <immintrin.h>

namespace dlc::rt {

namespace {
constexpr int64_t square = 8; // pairs of rows, and columns, turned at once

/// Any part of a block, element by element. `firstPair` counts pairs of rows.
void packEach(const uint16_t *from, int64_t rowStride, int64_t columnStride,
              int64_t rows, int64_t columns, int64_t firstPair, uint16_t *to) {
  for (int64_t pair = firstPair; pair < ceilDiv(rows, packedRows) * 16; ++pair)
    for (int64_t j = 0; j < packedColumns; ++j)
      for (int64_t half = 0; half < 2; ++half) {
        int64_t i = 2 * pair + half;
        bool isThere = i < rows && j < columns;
        to[(pair * packedColumns + j) * 2 + half] =
            isThere ? from[i * rowStride + j * columnStride] : uint16_t(0);
      }
}

/// Two rows side by side.
__attribute__((target("avx2"))) void packPair(const uint16_t *upper,
                                              const uint16_t *lower,
                                              uint16_t *to) {
  auto *pairs = reinterpret_cast<__m256i *>(to);
  for (int64_t j = 0; j < packedColumns; j += 16) {
    __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(upper + j));
    __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(lower + j));
    __m256i low = _mm256_unpacklo_epi16(a, b);
    __m256i high = _mm256_unpackhi_epi16(a, b);
    _mm256_storeu_si256(pairs++, _mm256_permute2x128_si256(low, high, 0x20));
    _mm256_storeu_si256(pairs++, _mm256_permute2x128_si256(low, high, 0x31));
  }
}

/// Eight columns, each with eight pairs one after the other in memory: an 8x8
/// square of pairs turned.
__attribute__((target("avx2"))) void packSquare(const uint16_t *from,
                                                int64_t columnStride,
                                                uint16_t *to) {
  __m256 row[8], two[8], four[8];
  for (int i = 0; i < 8; ++i)
    row[i] = _mm256_loadu_ps(
        reinterpret_cast<const float *>(from + i * columnStride));
  for (int i = 0; i < 8; i += 2) {
    two[i] = _mm256_unpacklo_ps(row[i], row[i + 1]);
    two[i + 1] = _mm256_unpackhi_ps(row[i], row[i + 1]);
  }
  for (int i = 0; i < 8; i += 4)
    for (int j = 0; j < 2; ++j) {
      four[i + 2 * j] = _mm256_shuffle_ps(two[i + j], two[i + j + 2], 0x44);
      four[i + 2 * j + 1] = _mm256_shuffle_ps(two[i + j], two[i + j + 2], 0xee);
    }
  auto *pairs = reinterpret_cast<float *>(to);
  for (int j = 0; j < 4; ++j) {
    _mm256_storeu_ps(pairs + j * packedColumns,
                     _mm256_permute2f128_ps(four[j], four[j + 4], 0x20));
    _mm256_storeu_ps(pairs + (j + 4) * packedColumns,
                     _mm256_permute2f128_ps(four[j], four[j + 4], 0x31));
  }
}
} // namespace

int64_t packedElements(int64_t rows, int64_t columns) {
  return ceilDiv(rows, packedRows) * packedRows *
         ceilDiv(columns, packedColumns) * packedColumns;
}

void packBlock(const uint16_t *from, int64_t rowStride, int64_t columnStride,
               int64_t rows, int64_t columns, uint16_t *to) {
  static const bool hasShuffles = hostHasFeature("avx2");
  int64_t pairs = 0;
  if (hasShuffles && columns == packedColumns && columnStride == 1) {
    for (; pairs < rows / 2; ++pairs) {
      const uint16_t *upper = from + 2 * pairs * rowStride;
      packPair(upper, upper + rowStride, to + pairs * 2 * packedColumns);
    }
  } else if (hasShuffles && columns == packedColumns && rowStride == 1) {
    for (; pairs + square <= rows / 2; pairs += square)
      for (int64_t j = 0; j < packedColumns; j += square)
        packSquare(from + 2 * pairs + j * columnStride, columnStride,
                   to + (pairs * packedColumns + j) * 2);
  }
  packEach(from, rowStride, columnStride, rows, columns, pairs, to);
}

} // namespace dlc::rt
