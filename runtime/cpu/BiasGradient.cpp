#include "runtime/cpu/BiasGradient.h"

#include "runtime/core/CheckedMath.h"
#include "runtime/core/DType.h"
#include "runtime/cpu/Convert.h"

#include <algorithm>

namespace dlc::rt {

namespace {

/// Sums that one worker does side by side, and terms that are widened at once.
constexpr int64_t blockSize = 64;

/// `sums` x `terms` elements of a buffer.
struct SummedMatrix {
  fb::DType type;
  const std::byte *begin;
  int64_t sums, terms, sumStride, termStride; // elements
};

/// `count` sums that lie side by side in memory, term by term.
void sumRows(const SummedMatrix &matrix, const std::byte *begin, int64_t count,
             float *to) {
  auto width = static_cast<int64_t>(dtypeBytes(DType(matrix.type)));
  double sums[blockSize] = {};
  float row[blockSize];
  for (int64_t term = 0; term < matrix.terms; ++term) {
    widenRow(matrix.type, begin + term * matrix.termStride * width, count, row);
    for (int64_t i = 0; i < count; ++i)
      sums[i] += static_cast<double>(row[i]);
  }
  for (int64_t i = 0; i < count; ++i)
    to[i] = static_cast<float>(sums[i]);
}

/// One sum, whose terms lie side by side.
float sumRow(const SummedMatrix &matrix, const std::byte *begin) {
  auto width = static_cast<int64_t>(dtypeBytes(DType(matrix.type)));
  double sum = 0;
  float row[blockSize];
  for (int64_t term = 0; term < matrix.terms; term += blockSize) {
    int64_t count = std::min(blockSize, matrix.terms - term);
    widenRow(matrix.type, begin + term * width, count, row);
    for (int64_t i = 0; i < count; ++i)
      sum += static_cast<double>(row[i]);
  }
  return static_cast<float>(sum);
}

SummedMatrix matrixOf(const fb::GemmT &gemm, const std::byte *a,
                      const std::byte *b) {
  bool isOfA = gemm.bias_gradient_of == fb::GemmOperand::A;
  auto width = static_cast<int64_t>(dtypeBytes(DType(gemm.dtype)));
  if (isOfA)
    return {gemm.dtype, a + gemm.a_offset * width, gemm.m,
            gemm.k,     gemm.a_strides[2],         gemm.a_strides[3]};
  return {gemm.dtype, b + gemm.b_offset * width, gemm.n,
          gemm.k,     gemm.b_strides[3],         gemm.b_strides[2]};
}

} // namespace

void sumBiasGradient(const ThreadPool &pool, const fb::GemmT &gemm,
                     const std::byte *a, const std::byte *b, float *to) {
  SummedMatrix matrix = matrixOf(gemm, a, b);
  auto width = static_cast<int64_t>(dtypeBytes(DType(matrix.type)));
  // A dim of 1 has any stride: then rows and columns are the same memory.
  bool isTermDense = matrix.termStride == 1 || matrix.terms == 1;
  bool isSumDense = matrix.sumStride == 1 || matrix.sums == 1;
  pool.parallelFor(
      ceilDiv(matrix.sums, blockSize), [&](int, int64_t first, int64_t end) {
        for (int64_t i = first * blockSize;
             i < std::min(end * blockSize, matrix.sums);) {
          const std::byte *begin = matrix.begin + i * matrix.sumStride * width;
          int64_t count = isSumDense ? std::min(blockSize, matrix.sums - i) : 1;
          if (isSumDense || !isTermDense)
            sumRows(matrix, begin, count, to + i);
          else
            to[i] = sumRow(matrix, begin);
          i += count;
        }
      });
}

} // namespace dlc::rt
