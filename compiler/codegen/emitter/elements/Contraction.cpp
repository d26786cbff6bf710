//===- Contraction.cpp - element functions of the contractions ------------===//
#include "compiler/codegen/emitter/elements/Sum.h"
#include "dialects/dlc/IR/Dlc.h"

using namespace mlir;
using namespace dlc;
using namespace dlc::emit;

/// sum += a * b; a guarded element is zero where it does not exist.
static SmallVector<Value> combineProduct(ElementBuilder &e, Operation *,
                                         ArrayRef<Value> sums, const Index &,
                                         const Index &,
                                         ArrayRef<Element> operands) {
  return {multiplyAdd(e, operands[0].value, operands[1].value, sums[0])};
}

void dlc::emit::addContractionElements(OpTable<ReduceFunction> &table) {
  table.add<DotGeneralOp, ConvOp, ConvGradDataOp, ConvGradWeightsOp>(
      {initSum, combineProduct, mergeSum});
}
