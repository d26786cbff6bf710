//===- Random.cpp - reference evaluation of the random family -------------===//
//
// Philox4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as
// easy as 1, 2, 3" (SC'11), with the layout that `dlc.random_uniform` states.
//
//===----------------------------------------------------------------------===//
#include "dialects/dlc/reference/ops/Families.h"

#include <array>
#include <cmath>

using namespace mlir;

namespace dlc::reference {
namespace {

using Words = std::array<uint32_t, 4>;

Words philox(Words counter, std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    uint64_t p0 = uint64_t(0xD2511F53) * counter[0];
    uint64_t p1 = uint64_t(0xCD9E8D57) * counter[2];
    counter = {uint32_t(p1 >> 32) ^ counter[1] ^ key[0], uint32_t(p1),
               uint32_t(p0 >> 32) ^ counter[3] ^ key[1], uint32_t(p0)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

void randomUniform(RandomUniformOp op, Operands in, Results out) {
  uint64_t seed = uint64_t(in[0]->integer(0));
  uint64_t calls = uint64_t(in[0]->integer(1));
  auto type = cast<FloatType>(op.getType().getElementType());
  unsigned precision = type.getFPMantissaWidth();
  for (int64_t i = 0; i < out[0].size(); ++i) {
    Words words = philox({uint32_t(i), uint32_t(uint64_t(i) >> 32),
                          uint32_t(op.getStream()), uint32_t(calls)},
                         {uint32_t(seed), uint32_t(seed >> 32)});
    // 27 bits of word 0 and 26 of word 1; f32 and narrower need word 0 alone.
    uint64_t bits = uint64_t(words[0] >> 5) << 26 | words[1] >> 6;
    out[0].setNumber(
        i, std::ldexp(double(bits >> (53 - precision)), -int(precision)));
  }
}

} // namespace

void addRandomEvaluators(EvaluatorTable &table) {
  addEvaluator<RandomUniformOp>(table, randomUniform);
}

} // namespace dlc::reference
