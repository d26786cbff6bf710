//===- Kernel.cpp - verifier of fusion regions ----------------------------===//
#include "dialects/dlc/IR/ops/Verify.h"

using namespace mlir;
using namespace dlc;

LogicalResult KernelOp::verify() {
  Block &block = getBody().front();
  if (block.getArgumentTypes() != getInputs().getTypes())
    return emitOpError() << "expects block arguments of the inputs' types, but "
                            "got "
                         << block.getNumArguments() << " arguments for "
                         << getInputs().size() << " inputs";
  auto yield = cast<YieldOp>(block.getTerminator());
  if (yield.getOperandTypes() != getOutputs().getTypes())
    return emitOpError() << "expects to yield values of the outputs' types, "
                            "but got "
                         << yield.getNumOperands() << " values for "
                         << getOutputs().size() << " outputs";
  return success();
}
