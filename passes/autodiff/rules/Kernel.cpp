//===- Kernel.cpp - fusion regions come after differentiation -------------===//
#include "passes/autodiff/GradientRules.h"

namespace dlc {

void addKernelGradients(GradientTable &table) {
  table.add<KernelOp, YieldOp>(
      notDifferentiable("kernels are formed after differentiation; inline it "
                        "first"));
}

} // namespace dlc
