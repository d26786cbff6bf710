// Is everything in a buffer finite, and if not, what is in it.
#ifndef DLC_RUNTIME_CORE_FINITESCAN_H
#define DLC_RUNTIME_CORE_FINITESCAN_H

#include "runtime/core/DType.h"

#include <cstddef>
#include <cstdint>

namespace dlc::rt {

/// Whether `bytes` bytes of elements hold a NaN, or, unless `allowsInfinity`,
/// an infinity. False for types that are no floats. Reads at memory speed.
bool holdsNonfinite(DType type, const std::byte *data, uint64_t bytes,
                    bool allowsInfinity);

/// The numbers in a buffer. Integers are read as numbers, booleans as 0 and 1.
struct ValueRange {
  int64_t count = 0;
  /// Of the finite elements; both 0 if there are none.
  double least = 0, largest = 0;
  int64_t nans = 0, plusInfinities = 0, minusInfinities = 0;
  /// Position of the first element that is not finite; -1: all are.
  int64_t firstNonfinite = -1;

  int64_t nonfinite() const { return nans + plusInfinities + minusInfinities; }
};

ValueRange rangeOf(DType type, const std::byte *data, uint64_t bytes);

} // namespace dlc::rt

#endif // DLC_RUNTIME_CORE_FINITESCAN_H
