// 16-bit matrices turned while they are copied: oneDNN's own copy of a
// transposed operand costs its products a tenth of their time and more.
#ifndef DLC_RUNTIME_CPU_TRANSPOSE_H
#define DLC_RUNTIME_CPU_TRANSPOSE_H

#include <cstdint>

namespace dlc::rt {

/// to[j * toStride + i] = from[i * fromStride + j] for i < rows, j < columns.
/// Strides in elements; the two do not overlap.
void transposeHalves(const uint16_t *from, int64_t fromStride, int64_t rows,
                     int64_t columns, uint16_t *to, int64_t toStride);

} // namespace dlc::rt

#endif // DLC_RUNTIME_CPU_TRANSPOSE_H
