//===- LongRows.cpp - rows that a GPU's workgroup shares ------------------===//
#include "dialects/dlc/indexing/LongRows.h"

#include "dialects/dlc/indexing/Region.h"

#include <algorithm>
#include <bit>
#include <numeric>

namespace dlc {

/// Shorter rows keep the order of CPUs (SumOrder.h), in which mixed regions add,
/// too: a sum has one order, whichever kernel it is in.
constexpr int64_t leastLongRow = mostMixedColumns + 1;
/// Elements of a thread that make up for meeting the others.
constexpr int64_t leastPerThread = 32;
/// Three or four such workgroups run on a processor at once, and the rows that
/// are being walked (132 processors, 50304 elements of two bytes) fit a cache
/// of 50 MB.
constexpr int64_t mostThreads = 512;
/// 16 bytes of bf16.
constexpr int64_t mostElements = 8;

SharedRow sharedRow(int64_t size) {
  SharedRow row;
  if (size < leastLongRow)
    return row;
  int64_t threads = int64_t(std::bit_floor(uint64_t(size / leastPerThread)));
  row.threads = std::min(threads, mostThreads);
  row.elements = unsigned(std::gcd(size, mostElements));
  return row;
}

} // namespace dlc
