// 16-bit matrices turned and packed, against element by element: whole blocks,
// their edges, and strides larger than a row.

#include "runtime/cpu/PackedOperand.h"
#include "runtime/cpu/Transpose.h"

#include <gtest/gtest.h>
#include <numeric>
#include <vector>

using namespace dlc::rt;

namespace {

std::vector<uint16_t> numbers(int64_t count) {
  std::vector<uint16_t> values(static_cast<size_t>(count));
  std::iota(values.begin(), values.end(), uint16_t(1));
  return values;
}

TEST(PackedOperandTest, TransposeHalves_EveryEdge_TurnsRowsAndColumns) {
  for (int64_t rows : {1, 15, 16, 33, 64})
    for (int64_t columns : {1, 16, 31, 48}) {
      int64_t fromStride = columns + 3, toStride = rows + 5;
      std::vector<uint16_t> from = numbers(rows * fromStride);
      std::vector<uint16_t> to(static_cast<size_t>(columns * toStride));
      transposeHalves(from.data(), fromStride, rows, columns, to.data(),
                      toStride);
      for (int64_t j = 0; j < columns; ++j)
        for (int64_t i = 0; i < toStride; ++i) {
          uint16_t want =
              i < rows ? from[size_t(i * fromStride + j)] : uint16_t(0);
          ASSERT_EQ(to[size_t(j * toStride + i)], want)
              << rows << " " << columns << " " << i << " " << j;
        }
    }
}

TEST(PackedOperandTest, PackBlock_BothLayouts_PairsRowsAndFillsUpWithZeros) {
  for (int64_t rows : {1, 2, 31, 32, 50, 96})
    for (int64_t columns : {1, 63, 64})
      for (bool isTransposed : {false, true}) {
        int64_t stride = (isTransposed ? rows : columns) + 2;
        int64_t rowStride = isTransposed ? 1 : stride;
        int64_t columnStride = isTransposed ? stride : 1;
        std::vector<uint16_t> from = numbers(stride * (rows + columns));
        auto size = static_cast<size_t>(packedElements(rows, packedColumns));
        std::vector<uint16_t> to(size, 0xffff);
        packBlock(from.data(), rowStride, columnStride, rows, columns,
                  to.data());
        for (size_t at = 0; at < size; ++at) {
          int64_t i = int64_t(at) / 128 * 2 + int64_t(at) % 2;
          int64_t j = int64_t(at) % 128 / 2;
          uint16_t want =
              i < rows && j < columns
                  ? from[size_t(i * rowStride + j * columnStride)]
                  : uint16_t(0);
          ASSERT_EQ(to[at], want) << rows << " " << columns << " "
                                  << isTransposed << " " << i << " " << j;
        }
      }
}

} // namespace
