#include "runtime/cpu/Transpose.h"

#include "runtime/cpu/CpuFeatures.h"

#include <algorithm>
#include <immintrin.h>

namespace dlc::rt {

namespace {
// Two squares of 16 rows fill a cache line of the result.
constexpr int64_t square = 16, lineRows = 32;

void transposeEach(const uint16_t *from, int64_t fromStride, int64_t rows,
                   int64_t columns, uint16_t *to, int64_t toStride) {
  for (int64_t j = 0; j < columns; ++j)
    for (int64_t i = 0; i < rows; ++i)
      to[j * toStride + i] = from[i * fromStride + j];
}

/// Of 8 rows of 16: `turned[j]` holds column j in its low and column j + 8 in
/// its high half.
__attribute__((target("avx2"), always_inline)) inline void
turnRows(const uint16_t *from, int64_t stride, __m256i *turned) {
  __m256i row[8], pair[8], quad[8];
  for (int i = 0; i < 8; ++i)
    row[i] = _mm256_loadu_si256(
        reinterpret_cast<const __m256i *>(from + i * stride));
  for (int i = 0; i < 8; i += 2) {
    pair[i] = _mm256_unpacklo_epi16(row[i], row[i + 1]);
    pair[i + 1] = _mm256_unpackhi_epi16(row[i], row[i + 1]);
  }
  // quad[h + 0, 1, 2, 3]: columns 0-1, 2-3, 4-5, 6-7 of rows h to h + 3.
  for (int h = 0; h < 8; h += 4)
    for (int i = 0; i < 2; ++i) {
      quad[h + 2 * i] = _mm256_unpacklo_epi32(pair[h + i], pair[h + i + 2]);
      quad[h + 2 * i + 1] = _mm256_unpackhi_epi32(pair[h + i], pair[h + i + 2]);
    }
  for (int i = 0; i < 4; ++i) {
    turned[2 * i] = _mm256_unpacklo_epi64(quad[i], quad[i + 4]);
    turned[2 * i + 1] = _mm256_unpackhi_epi64(quad[i], quad[i + 4]);
  }
}

__attribute__((target("avx2"))) void
transposeSquare(const uint16_t *from, int64_t fromStride, uint16_t *to,
                int64_t toStride) {
  __m256i upper[8], lower[8];
  turnRows(from, fromStride, upper);
  turnRows(from + 8 * fromStride, fromStride, lower);
  for (int j = 0; j < 8; ++j) {
    auto *column = reinterpret_cast<__m256i *>(to + j * toStride);
    auto *other = reinterpret_cast<__m256i *>(to + (j + 8) * toStride);
    _mm256_storeu_si256(column,
                        _mm256_permute2x128_si256(upper[j], lower[j], 0x20));
    _mm256_storeu_si256(other,
                        _mm256_permute2x128_si256(upper[j], lower[j], 0x31));
  }
}
} // namespace

void transposeHalves(const uint16_t *from, int64_t fromStride, int64_t rows,
                     int64_t columns, uint16_t *to, int64_t toStride) {
  static const bool hasShuffles = hostHasFeature("avx2");
  int64_t wholeRows = hasShuffles ? rows / square * square : 0;
  int64_t wholeColumns = hasShuffles ? columns / square * square : 0;
  for (int64_t line = 0; line < wholeRows; line += lineRows) {
    int64_t end = std::min(wholeRows, line + lineRows);
    for (int64_t j = 0; j < wholeColumns; j += square) {
      // The processor foresees neither the next rows nor, far apart, these.
      if (j % lineRows == 0)
        for (int64_t i = end; i < std::min(rows, end + lineRows); ++i)
          __builtin_prefetch(from + i * fromStride + j);
      for (int64_t i = line; i < end; i += square)
        transposeSquare(from + i * fromStride + j, fromStride,
                        to + j * toStride + i, toStride);
    }
  }
  transposeEach(from + wholeColumns, fromStride, wholeRows,
                columns - wholeColumns, to + wholeColumns * toStride, toStride);
  transposeEach(from + wholeRows * fromStride, fromStride, rows - wholeRows,
                columns, to + wholeRows, toStride);
}

} // namespace dlc::rt
