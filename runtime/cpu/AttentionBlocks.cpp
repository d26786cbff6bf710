#include "runtime/cpu/AttentionBlocks.h"

#include "runtime/core/DType.h"
#include "runtime/cpu/Convert.h"

#include <bit>
#include <cmath>
#include <cstring>

namespace dlc::rt {

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

static bool isEmpty(const BlockProduct &p) { return p.m == 0 || p.n == 0; }

template <> Status BlockProducts<float>::prepare(const BlockProduct &p) {
  if (isEmpty(p) || p.k == 0 || primitives.count(p))
    return Status::ok();
  MatmulShape shape;
  shape.m = p.m;
  shape.n = p.n;
  shape.k = p.k;
  shape.isATransposed = p.isATransposed;
  shape.isBTransposed = p.isBTransposed;
  shape.accumulates = p.accumulates;
  uint64_t scratchpad = 0;
  DLC_ASSIGN_OR_RETURN(const BoundPrimitive *primitive,
                       context.matmul(shape, scratchpad));
  primitives.emplace(p, primitive);
  bytes = std::max(bytes, scratchpad);
  return Status::ok();
}

template <> Status BlockProducts<double>::prepare(const BlockProduct &) {
  return Status::ok();
}

template <>
bool BlockProducts<float>::run(int worker, const BlockProduct &p,
                               const float *a, const float *b, float *c,
                               std::byte *scratch) const {
  if (isEmpty(p))
    return true;
  if (p.k == 0) {
    if (!p.accumulates)
      std::fill_n(c, p.m * p.n, 0.0f);
    return true;
  }
  return primitives.at(p)->run(worker, context.stream(worker),
                               {a, b, c, scratch});
}

template <>
bool BlockProducts<double>::run(int, const BlockProduct &p, const double *a,
                                const double *b, double *c,
                                std::byte *) const {
  int64_t aRow = p.isATransposed ? 1 : p.k, aColumn = p.isATransposed ? p.m : 1;
  int64_t bRow = p.isBTransposed ? 1 : p.n, bColumn = p.isBTransposed ? p.k : 1;
  for (int64_t i = 0; i < p.m; ++i) {
    double *line = c + i * p.n;
    if (!p.accumulates)
      std::fill_n(line, p.n, 0.0);
    for (int64_t k = 0; k < p.k; ++k) {
      double factor = a[i * aRow + k * aColumn];
      const double *row = b + k * bRow;
      for (int64_t j = 0; j < p.n; ++j)
        line[j] += factor * row[j * bColumn];
    }
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

BlockTensor::BlockTensor(const fb::AttentionViewT *view,
                         const std::byte *buffer, fb::DType dtype,
                         int64_t columns)
    : dtype(dtype), columns(columns) {
  if (!view)
    return;
  int64_t width = static_cast<int64_t>(dtypeBytes(static_cast<DType>(dtype)));
  base = const_cast<std::byte *>(buffer) + view->offset * width;
  batchStride = view->batch_stride * width;
  headStride = view->head_stride * width;
  rowStride = view->row_stride * width;
}

std::byte *BlockTensor::row(int64_t batch, int64_t head, int64_t index) const {
  return base + batch * batchStride + head * headStride + index * rowStride;
}

template <>
void BlockTensor::load(int64_t batch, int64_t head, int64_t first,
                       int64_t count, float *to) const {
  for (int64_t i = 0; i < count; ++i)
    widenRow(dtype, row(batch, head, first + i), columns, to + i * columns);
}

template <>
void BlockTensor::load(int64_t batch, int64_t head, int64_t first,
                       int64_t count, double *to) const {
  for (int64_t i = 0; i < count; ++i)
    std::memcpy(to + i * columns, row(batch, head, first + i),
                static_cast<size_t>(columns) * sizeof(double));
}

template <>
void BlockTensor::store(int64_t batch, int64_t head, int64_t first,
                        int64_t count, const float *from) const {
  for (int64_t i = 0; i < count; ++i)
    narrowRow(dtype, from + i * columns, columns, row(batch, head, first + i));
}

template <>
void BlockTensor::store(int64_t batch, int64_t head, int64_t first,
                        int64_t count, const double *from) const {
  for (int64_t i = 0; i < count; ++i)
    std::memcpy(row(batch, head, first + i), from + i * columns,
                static_cast<size_t>(columns) * sizeof(double));
}

//===----------------------------------------------------------------------===//
// Exponentials
//===----------------------------------------------------------------------===//

/// e^x = 2^n e^r with |r| <= ln(2) / 2, where the series needs seven terms.
/// Without branches, so that the loop over a row is vectorized.
static inline float exponential(float x) {
  constexpr float magic = 12582912.0f; // adding it rounds to whole numbers
  float y = x < -87.0f ? -87.0f : x;
  float shifted = y * 1.44269504f + magic;
  float n = shifted - magic;
  float r = (y - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.0f / 5040;
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r * r + r + 1.0f;
  uint32_t power = (std::bit_cast<uint32_t>(shifted) -
                    std::bit_cast<uint32_t>(magic) + 127u)
                   << 23;
  return x < -87.0f ? 0.0f : p * std::bit_cast<float>(power);
}

void exponentials(float *values, int64_t count, float shift) {
  for (int64_t i = 0; i < count; ++i)
    values[i] = exponential(values[i] - shift);
}

void exponentials(double *values, int64_t count, double shift) {
  for (int64_t i = 0; i < count; ++i)
    values[i] = std::exp(values[i] - shift);
}

} // namespace dlc::rt
