//===- Evaluate.cpp - evaluating ops, blocks and functions ----------------===//
#include "dialects/dlc/reference/Evaluate.h"

#include "dialects/dlc/reference/ops/Families.h"

using namespace mlir;

namespace dlc::reference {

const OpTable<Evaluator> &evaluators() {
  static const EvaluatorTable table = [] {
    EvaluatorTable rows;
    addElementwiseEvaluators(rows);
    addShapeEvaluators(rows);
    addReductionEvaluators(rows);
    addContractionEvaluators(rows);
    addNormalizationEvaluators(rows);
    addAttentionEvaluators(rows);
    addIndexEvaluators(rows);
    addWindowEvaluators(rows);
    addRandomEvaluators(rows);
    addLossEvaluators(rows);
    addKernelEvaluators(rows);
    return rows;
  }();
  return table;
}

FailureOr<SmallVector<Tensor>> evaluate(Operation *op, Operands operands) {
  const Evaluator *evaluator = evaluators().lookup(op);
  if (!evaluator)
    return op->emitError() << "expects an op with a reference evaluation, but "
                              "got '"
                           << op->getName() << "'";
  assert(operands.size() == op->getNumOperands() && "one tensor per operand");
  SmallVector<Tensor> results;
  for (Type type : op->getResultTypes())
    results.emplace_back(cast<RankedTensorType>(type));
  if (failed((*evaluator)(op, operands, results)))
    return failure();
  return results;
}

FailureOr<SmallVector<Tensor>> evaluateBlock(Block &block,
                                             ArrayRef<Tensor> arguments) {
  llvm::DenseMap<Value, Tensor> computed;
  // How many uses of a value are still to come: big intermediates of a model
  // are freed once they are dead.
  llvm::DenseMap<Value, unsigned> usesLeft;
  for (auto [argument, tensor] :
       llvm::zip_equal(block.getArguments(), arguments)) {
    assert(argument.getType() == tensor.getType() && "the argument's type");
    computed.try_emplace(argument, tensor);
  }
  for (Operation &op : block.without_terminator()) {
    SmallVector<const Tensor *> operands;
    for (Value operand : op.getOperands())
      operands.push_back(&computed.at(operand));
    FailureOr<SmallVector<Tensor>> results = evaluate(&op, operands);
    if (failed(results))
      return failure();
    for (Value operand : op.getOperands()) {
      auto [it, isNew] = usesLeft.try_emplace(operand, 0);
      if (isNew)
        it->second = std::distance(operand.use_begin(), operand.use_end());
      if (--it->second == 0)
        computed.erase(operand);
    }
    for (auto [value, tensor] : llvm::zip_equal(op.getResults(), *results))
      if (!value.use_empty())
        computed.try_emplace(value, std::move(tensor));
  }
  SmallVector<Tensor> values;
  for (Value operand : block.getTerminator()->getOperands())
    values.push_back(computed.at(operand));
  return values;
}

FailureOr<SmallVector<Tensor>> evaluateFunction(func::FuncOp function,
                                                ArrayRef<Tensor> arguments) {
  if (!function.getBody().hasOneBlock())
    return function.emitError()
           << "expects a function with one block, but got '"
           << function.getName() << "' with "
           << function.getBody().getBlocks().size();
  return evaluateBlock(function.getBody().front(), arguments);
}

} // namespace dlc::reference
