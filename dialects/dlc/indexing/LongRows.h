//===- LongRows.h - rows that a GPU's workgroup shares ----------*- C++ -*-===//
//
// A warp that walks a row of a hundred kilobytes alone has little of it in
// flight, and as many rows as a GPU has warps do not fit its cache. From
// `leastLongRow` elements on, a workgroup shares the row. Its sums then have
// an order of their own, a function of the length alone, so that whatever a sum
// is fused with, and however often it is computed, its bits are the same:
//
//   term i      is added to partial sum i mod (threads * elements), in order
//   thread t    has the partial sums [t * elements, (t + 1) * elements), which
//               it joins as a balanced tree
//   warp        joins its 32 threads' by shuffles
//   workgroup   joins its warps' as a balanced tree
//
//===----------------------------------------------------------------------===//
#ifndef DLC_DIALECTS_DLC_INDEXING_LONGROWS_H
#define DLC_DIALECTS_DLC_INDEXING_LONGROWS_H

#include <cstdint>

namespace dlc {

/// How the threads of a workgroup share a row.
struct SharedRow {
  /// A power of two, at least two warps. 0: the row is short, a warp walks it.
  int64_t threads = 0;
  /// Neighbouring elements that a thread takes at once, of a row whose length
  /// they divide.
  unsigned elements = 1;
};

/// For a row of `size` elements that sums walk along.
SharedRow sharedRow(int64_t size);

} // namespace dlc

#endif
