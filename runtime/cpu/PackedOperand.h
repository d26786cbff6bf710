// The right operand of a 16-bit product in the form that oneDNN's kernels read
// (its tag BA16a64b2a). A tile that gets it so is not copied by every call.
//
// Columns in blocks of 64; in a block, pairs of rows; of a pair, column by
// column the upper and the lower row's element. Rows and columns are filled up
// with zeros to multiples of 32 and 64.
#ifndef DLC_RUNTIME_CPU_PACKEDOPERAND_H
#define DLC_RUNTIME_CPU_PACKEDOPERAND_H

#include <cstdint>

namespace dlc::rt {

constexpr int64_t packedRows = 32, packedColumns = 64;

/// Elements of a packed operand, zeros included.
int64_t packedElements(int64_t rows, int64_t columns);

/// Packs one block: `columns` <= 64 of them, where element (i, j) is
/// from[i * rowStride + j * columnStride] and one of the strides is 1. Writes
/// packedElements(rows, 64).
void packBlock(const uint16_t *from, int64_t rowStride, int64_t columnStride,
               int64_t rows, int64_t columns, uint16_t *to);

} // namespace dlc::rt

#endif // DLC_RUNTIME_CPU_PACKEDOPERAND_H
