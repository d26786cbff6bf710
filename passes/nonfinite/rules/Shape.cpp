//===- Shape.cpp - infinities through ops that move elements --------------===//
#include "dialects/dlc/IR/Dlc.h"
#include "passes/nonfinite/Infinities.h"

using namespace mlir;
using namespace dlc;

void dlc::addShapeInfinities(OpTable<InfinityRule> &table) {
  table.add<BroadcastOp, ReshapeOp, TransposeOp, SliceOp, PadOp, ConcatOp,
            ReverseOp, GatherOp, GatherElementsOp>(unionOfOperands);
}
