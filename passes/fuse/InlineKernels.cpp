//===- InlineKernels.cpp - fusion regions back to plain ops ---------------===//
//
//   %y = dlc.kernel "k" <…> (%x) {          %e = dlc.exp %x
//     %e = dlc.exp %a                  ->   %y = dlc.neg %e
//     dlc.yield (dlc.neg %e)
//   }
//
//===----------------------------------------------------------------------===//
#include "passes/fuse/Passes.h"

#include "dialects/dlc/IR/Dlc.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace dlc {
#define GEN_PASS_DEF_INLINEKERNELSPASS
#include "passes/fuse/Passes.h.inc"
} // namespace dlc

using namespace dlc;

namespace {

struct InlineKernels : dlc::impl::InlineKernelsPassBase<InlineKernels> {
  void runOnOperation() override {
    SmallVector<KernelOp> kernels;
    getOperation().walk([&](KernelOp kernel) { kernels.push_back(kernel); });
    for (KernelOp kernel : kernels) {
      OpBuilder b(kernel);
      IRMapping mapping;
      Block &body = kernel.getBody().front();
      mapping.map(body.getArguments(), kernel.getInputs());
      for (Operation &op : body.without_terminator())
        b.clone(op, mapping);
      for (auto [result, value] :
           llvm::zip_equal(kernel.getOutputs(),
                           body.getTerminator()->getOperands()))
        result.replaceAllUsesWith(mapping.lookupOrDefault(value));
      kernel.erase();
    }
  }
};

} // namespace
