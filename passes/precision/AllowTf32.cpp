//===- AllowTf32.cpp - f32 contractions on tensor cores -------------------===//
//
//   %y = dlc.dot_general %x, %w …   ->   … {dlc.allows_tf32}
//
// An attribute, and not a type: tensors keep their 32 bits in memory, and each
// device rounds where it multiplies, or does not.
//
//===----------------------------------------------------------------------===//
#include "passes/precision/Passes.h"

#include "dialects/dlc/IR/Builders.h"
#include "passes/fuse/Views.h"
#include "passes/precision/KeptNodes.h"

namespace dlc {
#define GEN_PASS_DEF_ALLOWTF32PASS
#include "passes/precision/Passes.h.inc"
} // namespace dlc

using namespace mlir;
using namespace dlc;

namespace {

bool isContractionOfF32(Operation *op) {
  auto dlcOp = dyn_cast<DlcOpInterface>(op);
  return dlcOp && dlcOp.getPrecisionClass() == PrecisionClass::LowerFreely &&
         elementTypeOf(op->getOperand(0)).isF32();
}

struct AllowTf32 : dlc::impl::AllowTf32PassBase<AllowTf32> {
  using AllowTf32PassBase::AllowTf32PassBase;

  LogicalResult initialize(MLIRContext *context) override {
    return kept.set(context, {keep.begin(), keep.end()});
  }

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (function.getName() == "forward" || function.isDeclaration())
      return;
    for (Operation &op : function.getBody().front()) {
      if (!isContractionOfF32(&op))
        continue;
      if (kept.contains(&op)) {
        ++numKept;
        continue;
      }
      op.setAttr(names::allowsTf32, UnitAttr::get(&getContext()));
      ++numAllowed;
    }
  }

private:
  KeptNodes kept;
};

} // namespace
