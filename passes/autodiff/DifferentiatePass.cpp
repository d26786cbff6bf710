//===- DifferentiatePass.cpp - gradients of a function's loss -------------===//
//
// func @f(%x) -> (%loss) {dlc.loss = 0}   becomes   func @f(%x) -> (%loss, %dx)
//
//===----------------------------------------------------------------------===//
#include "passes/autodiff/Passes.h"

#include "dialects/dlc/IR/Builders.h"
#include "passes/autodiff/Differentiate.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace dlc {
#define GEN_PASS_DEF_DIFFERENTIATEPASS
#include "passes/autodiff/Passes.h.inc"
} // namespace dlc

using namespace mlir;

namespace {
constexpr llvm::StringLiteral lossAttribute = "dlc.loss";

/// The function's float arguments.
SmallVector<Value> floatArguments(func::FuncOp function) {
  SmallVector<Value> arguments;
  for (Value argument : function.getArguments())
    if (auto type = dyn_cast<RankedTensorType>(argument.getType());
        type && isa<FloatType>(type.getElementType()))
      arguments.push_back(argument);
  return arguments;
}

struct DifferentiatePass : dlc::impl::DifferentiatePassBase<DifferentiatePass> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    auto which = function->getAttrOfType<IntegerAttr>(lossAttribute);
    if (!which)
      return;
    if (!function.getBody().hasOneBlock() || which.getInt() < 0 ||
        which.getInt() >= function.getNumResults()) {
      function.emitError() << "DLC2102: 'dlc.loss' must name one of "
                           << function.getNumResults()
                           << " results of a function with one block, but got "
                           << which.getInt();
      return signalPassFailure();
    }
    Operation *terminator = function.getBody().front().getTerminator();
    OpBuilder builder(terminator);
    FailureOr<SmallVector<Value>> gradients =
        dlc::differentiate(builder, terminator->getOperand(which.getInt()),
                           floatArguments(function));
    if (failed(gradients))
      return signalPassFailure();
    terminator->insertOperands(terminator->getNumOperands(), *gradients);
    function.setType(builder.getFunctionType(function.getArgumentTypes(),
                                             terminator->getOperandTypes()));
    function->removeAttr(lossAttribute);
  }
};
} // namespace
