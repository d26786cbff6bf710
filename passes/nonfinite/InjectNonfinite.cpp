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
    int64_t count = 0;
    Operation *chosen = nullptr;
    for (Operation &op : target.getBody().front().without_terminator()) {
      SmallVector<TracedOp> traced = tracedOps(op.getLoc());
      if (traced.empty())
        continue;
      ++count;
      if (traced.front().number == number)
        chosen = &op;
    }
    bool isKnown = value == "nan" || value == "inf" || value == "-inf";
    if (!chosen || !isKnown) {
      target.emitError() << "DLC2018: a fault is 'nan', 'inf' or '-inf' in an "
                            "op below "
                         << count << ", but got '" << value << "' in op "
                         << int64_t(number);
      return signalPassFailure();
    }
    chosen->setAttr(names::inject, StringAttr::get(&getContext(), value));
    ++numInjected;
  }
};

} // namespace
