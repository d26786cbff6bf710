//===- Shape.cpp - element functions of the shape family ------------------===//
#include "compiler/codegen/emitter/Elements.h"
#include "dialects/dlc/IR/Builders.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace dlc;
using namespace dlc::emit;

/// The element that the access rule found.
static Value pass(ElementBuilder &, Operation *, const Index &,
                  ArrayRef<Element> operands) {
  return operands[0].value;
}

/// A splat; other constants are operands of the kernel.
static Value constant(ElementBuilder &e, Operation *op, const Index &,
                      ArrayRef<Element>) {
  auto elements = cast<DenseElementsAttr>(cast<ConstantOp>(op).getValue());
  Type type = computeType(elements.getElementType());
  if (auto number = dyn_cast<FloatAttr>(elements.getSplatValue<Attribute>()))
    return e.number(type, number.getValueAsDouble());
  return e.integer(type, elements.getSplatValue<APInt>().getSExtValue());
}

static Value iota(ElementBuilder &e, Operation *op, const Index &at,
                  ArrayRef<Element>) {
  Value position = e.indexValue(at[cast<IotaOp>(op).getDim()]);
  Type type = computeType(elementTypeOf(op->getResult(0)));
  Type to = type;
  if (auto vector = dyn_cast<VectorType>(position.getType()))
    to = VectorType::get(vector.getShape(), type);
  if (isa<FloatType>(type))
    return arith::SIToFPOp::create(e.b, e.loc, to, position);
  if (type.getIntOrFloatBitWidth() == 64)
    return position;
  return arith::TruncIOp::create(e.b, e.loc, to, position);
}

static Value pad(ElementBuilder &e, Operation *, const Index &,
                 ArrayRef<Element> operands) {
  if (!operands[0].condition)
    return operands[0].value;
  return e.select(operands[0].condition, operands[0].value, operands[1].value);
}

static Value concat(ElementBuilder &e, Operation *, const Index &,
                    ArrayRef<Element> operands) {
  Value result = operands.back().value;
  for (const Element &element : llvm::reverse(operands.drop_back()))
    result = e.select(element.condition, element.value, result);
  return result;
}

void dlc::emit::addShapeElements(OpTable<ElementFunction> &table) {
  table.add<BroadcastOp, ReshapeOp, TransposeOp, SliceOp, ReverseOp>(pass);
  table.add<ConstantOp>(constant);
  table.add<IotaOp>(iota);
  table.add<PadOp>(pad);
  table.add<ConcatOp>(concat);
}
