//===- Random.cpp - gradients of the random family ------------------------===//
#include "passes/autodiff/GradientRules.h"

namespace dlc {

void addRandomGradients(GradientTable &table) {
  table.add<RandomUniformOp>(
      zeroGradient("its numbers depend on integers alone"));
}

} // namespace dlc
