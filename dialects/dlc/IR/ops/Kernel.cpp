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
  ScheduleAttr schedule = getSchedule();
  if (schedule.getKind() == ScheduleKind::Mixed &&
      (schedule.getDomain().size() != 3 ||
       schedule.getCols() != ArrayRef<int64_t>{2}))
    return emitOpError() << "expects a mixed schedule to have groups, rows of a "
                            "group and columns, but got "
                         << schedule;
  return success();
}
