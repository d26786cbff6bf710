//===- SharedSums.h - sums whose terms a workgroup shares -------*- C++ -*-===//
//
// A sum across rows with few results has one thread per result, and too few of
// them for a GPU. So a workgroup takes some neighbouring results, and its
// threads share their terms. Who walks so (the emitter) and who cuts sums that
// still have too few threads (dlc-split-reductions) read the same numbers here.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_DIALECTS_DLC_INDEXING_SHAREDSUMS_H
#define DLC_DIALECTS_DLC_INDEXING_SHAREDSUMS_H

#include <cstdint>

namespace dlc {

/// Threads of a workgroup that share terms.
constexpr int64_t sharingThreads = 512;
/// Terms of a result that make sharing worth it.
constexpr int64_t leastSharedSteps = 256;

/// Neighbouring results of one workgroup, where there are `results` in all: the
/// fewest that are a sector of memory, more while there are many workgroups.
constexpr int64_t sharedColumns(int64_t results) {
  int64_t columns = 32;
  while (columns > 8 && results / columns < 128)
    columns /= 2;
  return columns;
}

/// Threads that share the terms of each of `results`, if it has enough.
constexpr int64_t sharersOf(int64_t results) {
  return sharingThreads / sharedColumns(results);
}

} // namespace dlc

#endif
