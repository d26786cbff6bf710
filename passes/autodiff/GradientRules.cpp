//===- GradientRules.cpp - the table of gradient answers ------------------===//
#include "passes/autodiff/GradientRules.h"

using namespace mlir;

namespace dlc {

void GradientBuilder::set(unsigned operand, Value gradient) {
  if (!wanted[operand])
    return;
  assert(!contributions[operand] && "one gradient per operand");
  assert(gradient.getType() == op->getOperand(operand).getType() &&
         "a gradient has the type of what it is the gradient of");
  contributions[operand] = gradient;
}

const GradientTable &gradientTable() {
  static const GradientTable table = [] {
    GradientTable rows;
    addElementwiseGradients(rows);
    addShapeGradients(rows);
    addReductionGradients(rows);
    addContractionGradients(rows);
    addNormalizationGradients(rows);
    addAttentionGradients(rows);
    addIndexGradients(rows);
    addWindowGradients(rows);
    addRandomGradients(rows);
    addLossGradients(rows);
    addKernelGradients(rows);
    return rows;
  }();
  return table;
}

} // namespace dlc
