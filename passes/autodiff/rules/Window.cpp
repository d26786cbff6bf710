//===- Window.cpp - gradients of the window family ------------------------===//
#include "passes/autodiff/GradientRules.h"

using namespace mlir;

namespace dlc {
namespace {

using G = GradientBuilder;

/// A window op with the geometry of `op`.
template <typename NewOp, typename OpTy, typename... Operands>
Value like(G &g, OpTy op, Value result, Operands... operands) {
  return NewOp::create(g.b, g.loc, result.getType(), operands...,
                       op.getWindow(), op.getStrides(), op.getDilations(),
                       op.getPadsBegin());
}

void poolMaxGradient(PoolMaxOp op, G &g) {
  if (g.wants(0))
    g.set(0, like<PoolMaxGradOp>(g, op, op.getOperand(), g.gradient(0),
                                 op.getPosition()));
}

/// For each window: the row-major position in the operand (of shape
/// `operand`) of its element number `position`, and whether it is inside.
std::pair<Value, Value> elementOfWindow(G &g, PoolMaxGradOp op,
                                        ArrayRef<int64_t> operand) {
  Value rest = castTo(g.b, g.loc, op.getPosition(), g.b.getI64Type());
  auto type = tensorType(rest);
  Value zero = splat(g.b, g.loc, type, 0), element = zero;
  Value inside = splat(g.b, g.loc, type.clone(g.b.getI1Type()), 1);
  int64_t stride = 1;
  for (int64_t i = type.getRank() - 1; i >= 0; --i) {
    Value size = splat(g.b, g.loc, type, double(op.getWindow()[i]));
    Value offset = RemOp::create(g.b, g.loc, rest, size);
    rest = g.div(rest, size);
    Value start = g.plus(g.scale(IotaOp::create(g.b, g.loc, type, i),
                                 double(op.getStrides()[i])),
                         -double(op.getPadsBegin()[i]));
    Value at = g.add(start, g.scale(offset, double(op.getDilations()[i])));
    Value limit = splat(g.b, g.loc, type, double(operand[i]));
    for (Value holds : {g.compare(ComparePredicate::GE, at, zero),
                        g.compare(ComparePredicate::LT, at, limit)})
      inside = AndOp::create(g.b, g.loc, inside, holds);
    element = g.add(element, g.scale(at, double(stride)));
    stride *= operand[i];
  }
  return {element, inside};
}

/// Each window reads the gradient at the element that it had sent its own to.
void poolMaxGradGradient(PoolMaxGradOp op, G &g) {
  if (!g.wants(0))
    return;
  Value dx = g.gradient(), grad = op.getGrad();
  Value zero = g.number(grad, 0);
  int64_t elements = tensorType(dx).getNumElements();
  if (elements == 0)
    return g.set(0, zero);
  auto [element, inside] = elementOfWindow(g, op, shapeOf(dx));
  Value flat = reshapeTo(g.b, g.loc, dx, {elements});
  Value read = GatherOp::create(g.b, g.loc, flat, element, 0);
  g.set(0, g.select(inside, read, zero));
}

} // namespace

void addWindowGradients(GradientTable &table) {
  addGradient<PoolMaxOp>(table, poolMaxGradient);
  addGradient<PoolMaxGradOp>(table, poolMaxGradGradient);
  addGradient<PoolSumOp>(table, [](PoolSumOp op, G &g) {
    g.set(0, like<PoolSumGradOp>(g, op, op.getOperand(), g.gradient()));
  });
  addGradient<PoolSumGradOp>(table, [](PoolSumGradOp op, G &g) {
    g.set(0, like<PoolSumOp>(g, op, op.getGrad(), g.gradient()));
  });
}

} // namespace dlc
