//===- Shape.cpp - gradients of the shape family --------------------------===//
//
// Each op moves elements; its gradient moves them back and sums what was
// copied.
//
//===----------------------------------------------------------------------===//
#include "passes/autodiff/GradientRules.h"

using namespace mlir;

namespace dlc {
namespace {

using G = GradientBuilder;

void broadcastGradient(BroadcastOp op, G &g) {
  ArrayRef<int64_t> from = shapeOf(op.getOperand());
  ArrayRef<int64_t> to = shapeOf(op.getResult());
  SmallVector<int64_t> repeated = otherDims(to.size(), op.getDims());
  for (auto [i, dim] : llvm::enumerate(op.getDims()))
    if (from[i] != to[dim])
      repeated.push_back(dim);
  llvm::sort(repeated);
  Value summed =
      repeated.empty() ? g.gradient() : g.sum(g.gradient(), repeated);
  g.set(0, reshapeTo(g.b, g.loc, summed, from));
}

void sliceGradient(SliceOp op, G &g) {
  auto scalar = RankedTensorType::get({}, elementTypeOf(op.getOperand()));
  SmallVector<int64_t> interior;
  for (int64_t step : op.getSteps())
    interior.push_back(step - 1);
  // The last dim of size 0 needs no room between elements.
  Value zero = splat(g.b, g.loc, scalar, 0);
  g.set(0, PadOp::create(g.b, g.loc, op.getOperand().getType(), g.gradient(),
                         zero, op.getStarts(), interior));
}

SmallVector<int64_t> stepsOf(PadOp op) {
  SmallVector<int64_t> steps;
  for (int64_t interior : op.getInterior())
    steps.push_back(interior + 1);
  return steps;
}

void padGradient(PadOp op, G &g) {
  if (g.wants(0))
    g.set(0, SliceOp::create(g.b, g.loc, op.getOperand().getType(),
                             g.gradient(), op.getLow(), stepsOf(op)));
  if (!g.wants(1))
    return;
  // Summing where the padding is, not all minus the rest, cancels nothing.
  Type boolean = g.b.getI1Type();
  auto scalar = RankedTensorType::get({}, boolean);
  Value inside = PadOp::create(
      g.b, g.loc, op.getType().clone(boolean),
      splat(g.b, g.loc, op.getOperand().getType().clone(boolean), 1),
      splat(g.b, g.loc, scalar, 0), op.getLow(), op.getInterior());
  Value outer = g.select(inside, g.number(g.gradient(), 0), g.gradient());
  g.set(1, g.sum(outer, iotaDims(op.getType().getRank())));
}

void concatGradient(ConcatOp op, G &g) {
  SmallVector<int64_t> starts(op.getType().getRank(), 0);
  SmallVector<int64_t> steps(op.getType().getRank(), 1);
  for (auto [i, operand] : llvm::enumerate(op.getOperands())) {
    if (g.wants(i))
      g.set(i, SliceOp::create(g.b, g.loc, operand.getType(), g.gradient(),
                               starts, steps));
    starts[op.getDim()] += shapeOf(operand)[op.getDim()];
  }
}

} // namespace

void addShapeGradients(GradientTable &table) {
  table.add<ConstantOp, IotaOp>(zeroGradient("it has no operands"));
  addGradient<BroadcastOp>(table, broadcastGradient);
  addGradient<ReshapeOp>(table, [](ReshapeOp op, G &g) {
    g.set(0, reshapeTo(g.b, g.loc, g.gradient(), shapeOf(op.getOperand())));
  });
  addGradient<TransposeOp>(table, [](TransposeOp op, G &g) {
    g.set(0, transposeBy(g.b, g.loc, g.gradient(),
                         inversePermutation(op.getPermutation())));
  });
  addGradient<SliceOp>(table, sliceGradient);
  addGradient<PadOp>(table, padGradient);
  addGradient<ConcatOp>(table, concatGradient);
  addGradient<ReverseOp>(table, [](ReverseOp op, G &g) {
    g.set(0, ReverseOp::create(g.b, g.loc, g.gradient(), op.getDims()));
  });
}

} // namespace dlc
