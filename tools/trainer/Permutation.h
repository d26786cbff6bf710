//===- Permutation.h - the order of samples, without a list -----*- C++ -*-===//
//
// A permutation of [0, n) per seed and epoch that is computed one index at a
// time: nothing is stored, so a resumed run is at its place at once, and the
// order depends on nothing but (seed, epoch, n).
//
// The index is split into two halves of k bits, 4^k >= n, that pass six rounds
// of a Feistel network: (left, right) -> (right, left ^ f(right, round key)).
// Such a network is a bijection of [0, 4^k) whatever f is; an image outside
// [0, n) is put through it again until it is inside (cycle walking), which is
// below 4 passes on average. f is the finalizer of SplitMix64 (Steele, Lea,
// Flood 2014).
//
//===----------------------------------------------------------------------===//
#ifndef DLC_TOOLS_TRAINER_PERMUTATION_H
#define DLC_TOOLS_TRAINER_PERMUTATION_H

#include <array>
#include <cstdint>

namespace dlc::tools {

class Permutation {
public:
  /// Of [0, size), size >= 1.
  Permutation(int64_t size, int64_t seed, int64_t epoch);

  int64_t operator()(int64_t index) const;

private:
  static constexpr int kRounds = 6;
  uint64_t pass(uint64_t index) const;

  uint64_t size;
  unsigned halfBits = 0;
  std::array<uint64_t, kRounds> keys;
};

} // namespace dlc::tools

#endif
