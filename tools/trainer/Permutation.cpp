//===- Permutation.cpp - the order of samples, without a list -------------===//
#include "tools/trainer/Permutation.h"

namespace dlc::tools {

static uint64_t mix(uint64_t x) {
  x += 0x9E3779B97F4A7C15;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

Permutation::Permutation(int64_t size, int64_t seed, int64_t epoch)
    : size(static_cast<uint64_t>(size)) {
  while ((uint64_t(1) << (2 * halfBits)) < this->size)
    ++halfBits;
  uint64_t key =
      mix(mix(static_cast<uint64_t>(seed)) ^ static_cast<uint64_t>(epoch));
  for (uint64_t &roundKey : keys)
    roundKey = key = mix(key);
}

uint64_t Permutation::pass(uint64_t index) const {
  const uint64_t mask = (uint64_t(1) << halfBits) - 1;
  uint64_t left = index >> halfBits, right = index & mask;
  for (uint64_t key : keys) {
    uint64_t next = left ^ (mix(right ^ key) & mask);
    left = right;
    right = next;
  }
  return left << halfBits | right;
}

int64_t Permutation::operator()(int64_t index) const {
  uint64_t image = pass(static_cast<uint64_t>(index));
  while (image >= size)
    image = pass(image);
  return static_cast<int64_t>(image);
}

} // namespace dlc::tools
