//===- InjectNonfinite.cpp - break one op ---------------------------------===//
#include "passes/nonfinite/Passes.h"

#include "dialects/dlc/IR/Traced.h"

using namespace mlir;

namespace dlc {
#define GEN_PASS_DEF_INJECTNONFINITEPASS
#include "passes/nonfinite/Passes.h.inc"
} // namespace dlc

using namespace dlc;

namespace {

struct InjectNonfinite : dlc::impl::InjectNonfinitePassBase<InjectNonfinite> {
  using InjectNonfinitePassBase::InjectNonfinitePassBase;
  void runOnOperation() override {
    func::FuncOp target = getOperation();
    if (target.getName() != function)
      return;
    bool isKnown = value == "nan" || value == "inf" || value == "-inf";
    for (Operation &op : target.getBody().front().without_terminator()) {
      SmallVector<TracedOp> traced = tracedOps(op.getLoc());
      if (!isKnown || traced.empty() || traced.front().number != number)
        continue;
      op.setAttr(names::inject, StringAttr::get(&getContext(), value));
      ++numInjected;
      return;
    }
    target.emitError() << "DLC2018: a fault is 'nan', 'inf' or '-inf' in one "
                          "of the ops that 'dlc-trace-nonfinite' has numbered, "
                          "but got '"
                       << value << "' in op " << number;
    signalPassFailure();
  }
};

} // namespace
