//===- Kernel.cpp - reference evaluation of fusion regions ----------------===//
//
// A kernel computes what its body computes; the schedule changes nothing.
//
//===----------------------------------------------------------------------===//
#include "dialects/dlc/reference/ops/Families.h"

using namespace mlir;

namespace dlc::reference {

static LogicalResult kernel(Operation *op, Operands in, Results out) {
  SmallVector<Tensor> arguments;
  for (const Tensor *operand : in)
    arguments.push_back(*operand);
  FailureOr<SmallVector<Tensor>> values =
      evaluateBlock(cast<KernelOp>(op).getBody().front(), arguments);
  if (failed(values))
    return failure();
  llvm::move(*values, out.begin());
  return success();
}

/// What a yield yields; `evaluateBlock` reads its operands itself.
static LogicalResult yield(Operation *, Operands, Results) { return success(); }

void addKernelEvaluators(EvaluatorTable &table) {
  table.add<KernelOp>(kernel);
  table.add<YieldOp>(yield);
}

} // namespace dlc::reference
