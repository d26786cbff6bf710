//===- Elements.cpp - helpers and tables of element functions -------------===//
#include "compiler/codegen/emitter/Elements.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace dlc::emit {

Type computeType(Type storage) {
  if (auto floatType = dyn_cast<FloatType>(storage))
    return floatType.getWidth() < 32 ? Float32Type::get(storage.getContext())
                                     : storage;
  return IntegerType::get(storage.getContext(), storage.getIntOrFloatBitWidth());
}

Value ElementBuilder::number(Type type, double number) {
  if (isa<FloatType>(type))
    return arith::ConstantOp::create(b, loc, b.getFloatAttr(type, number));
  return integer(type, int64_t(number));
}

Value ElementBuilder::integer(Type type, int64_t value) {
  return arith::ConstantOp::create(
      b, loc,
      IntegerAttr::get(type, APInt(type.getIntOrFloatBitWidth(), value, true,
                                   /*implicitTrunc=*/true)));
}

Value ElementBuilder::splat(Value value) {
  if (isa<VectorType>(value.getType()) || lanes == 0)
    return value;
  return vector::BroadcastOp::create(
      b, loc, VectorType::get({int64_t(lanes)}, value.getType()), value);
}

SmallVector<Value> ElementBuilder::unify(ArrayRef<Value> values) {
  bool hasVector = llvm::any_of(
      values, [](Value v) { return isa<VectorType>(v.getType()); });
  SmallVector<Value> result(values);
  if (hasVector)
    for (Value &value : result)
      value = splat(value);
  return result;
}

Value ElementBuilder::match(Value scalar, Value like) {
  auto type = dyn_cast<VectorType>(like.getType());
  if (!type || isa<VectorType>(scalar.getType()))
    return scalar;
  return vector::BroadcastOp::create(
      b, loc, VectorType::get(type.getShape(), scalar.getType()), scalar);
}

Value ElementBuilder::numberLike(Value like, double value) {
  return match(number(getElementTypeOrSelf(like.getType()), value), like);
}

Value ElementBuilder::select(Value condition, Value onTrue, Value onFalse) {
  SmallVector<Value> values = unify({onTrue, onFalse, condition});
  // A scalar condition can choose between vectors as it is.
  Value chooser = isa<VectorType>(condition.getType()) ? values[2] : condition;
  return arith::SelectOp::create(b, loc, chooser, values[0], values[1]);
}

const OpTable<ElementFunction> &elementFunctions() {
  static const OpTable<ElementFunction> table = [] {
    OpTable<ElementFunction> functions;
    addElementwiseElements(functions);
    addShapeElements(functions);
    addIndexElements(functions);
    addRandomElements(functions);
    return functions;
  }();
  return table;
}

const OpTable<ReduceFunction> &reduceFunctions() {
  static const OpTable<ReduceFunction> table = [] {
    OpTable<ReduceFunction> functions;
    addReductionElements(functions);
    addContractionElements(functions);
    addIndexReductions(functions);
    addWindowElements(functions);
    return functions;
  }();
  return table;
}

} // namespace dlc::emit
