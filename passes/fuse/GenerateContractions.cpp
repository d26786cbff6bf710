//===- GenerateContractions.cpp - contractions without a library ----------===//
//
// A library computes products and convolutions where there is one. Those that
// this pass marks become kernels like any other op, with what follows them
// fused; on GPUs they are walked by tiles.
//
//   %y = dlc.conv %x, %w …     ->     %y = dlc.conv %x, %w … {dlc.generated}
//
//===----------------------------------------------------------------------===//
#include "passes/fuse/Passes.h"

#include "passes/fuse/Views.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace dlc {
#define GEN_PASS_DEF_GENERATECONTRACTIONSPASS
#include "passes/fuse/Passes.h.inc"
} // namespace dlc

using namespace dlc;

namespace {

struct GenerateContractions
    : dlc::impl::GenerateContractionsPassBase<GenerateContractions> {
  using Base::Base;

  void runOnOperation() override {
    for (Operation &op : getOperation().getBody().front()) {
      bool isConvolution =
          isa<ConvOp, ConvGradDataOp, ConvGradWeightsOp>(op);
      if (!(isConvolution ? convolutions : products && isa<DotGeneralOp>(op)))
        continue;
      op.setAttr(names::generated, UnitAttr::get(&getContext()));
      ++numMarked;
    }
  }
};

} // namespace
