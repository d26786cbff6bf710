//===- Constant.cpp - ONNX ops that make tensors from nothing -------------===//
//
// Constants, ranges, filled tensors and shapes. Their results are known when
// the model is imported, so what is computed from them is evaluated then.
//
//===----------------------------------------------------------------------===//
#include "frontends/onnx/EvaluateConstants.h"
#include "frontends/onnx/NodeContext.h"
#include <cmath>

using namespace mlir;

namespace dlc::frontend {

namespace {

Value i64Scalar(NodeContext &c, int64_t value) {
  auto type = RankedTensorType::get({}, c.b.getI64Type());
  return ConstantOp::create(c.b, c.loc, type,
                            DenseElementsAttr::get(type, value));
}

Value floatConstant(NodeContext &c, ArrayRef<float> values, bool isScalar) {
  Type element = c.options().f64 ? Type(c.b.getF64Type()) : c.b.getF32Type();
  SmallVector<int64_t> shape;
  if (!isScalar)
    shape.push_back(int64_t(values.size()));
  HostTensor tensor(RankedTensorType::get(shape, element), false);
  for (auto [i, value] : llvm::enumerate(values))
    tensor.setNumber(int64_t(i), intendedNumber(value));
  return ConstantOp::create(c.b, c.loc, tensor.type(),
                            cast<ElementsAttr>(tensor.toAttribute()));
}

LogicalResult constant(NodeContext &c) {
  if (const onnx::AttributeProto *tensor = c.find("value")) {
    auto value = c.constant(tensor->t());
    return failed(value) ? failure() : c.out(*value);
  }
  if (const onnx::AttributeProto *number = c.find("value_float"))
    return c.out(floatConstant(c, number->f(), /*isScalar=*/true));
  if (const onnx::AttributeProto *numbers = c.find("value_floats"))
    return c.out(floatConstant(
        c, SmallVector<float>(numbers->floats().begin(),
                              numbers->floats().end()),
        /*isScalar=*/false));
  if (const onnx::AttributeProto *number = c.find("value_int"))
    return c.out(i64Scalar(c, number->i()));
  if (c.find("value_ints"))
    return c.out(i64Constant(c.b, c.loc, c.attrInts("value_ints")));
  return c.unsupported("the value must be a dense tensor of numbers "
                       "('value', 'value_float', 'value_floats', 'value_int' "
                       "or 'value_ints')");
}

/// A shape that the file states, checked.
FailureOr<SmallVector<int64_t>> shapeOperand(NodeContext &c, size_t operand) {
  auto shape = c.integers(operand);
  if (failed(shape))
    return failure();
  if (int64_t(shape->size()) > maxRank || !checkedElements(*shape)) {
    (void)c.invalid("shape must have at most 16 dims that are not negative and "
                    "2^40 elements, but got " +
                    shapeText(ArrayRef(*shape).take_front(17)));
    return failure();
  }
  return shape;
}

LogicalResult constantOfShape(NodeContext &c) {
  auto shape = shapeOperand(c, 0);
  if (failed(shape))
    return failure();
  Value one = splat(c.b, c.loc,
                    RankedTensorType::get({}, c.options().f64
                                                  ? Type(c.b.getF64Type())
                                                  : c.b.getF32Type()),
                    0);
  if (const onnx::AttributeProto *tensor = c.find("value")) {
    auto value = c.constant(tensor->t());
    if (failed(value))
      return failure();
    if (tensorType(*value).getNumElements() != 1)
      return c.invalid("value must hold one number, but got shape " +
                       shapeText(shapeOf(*value)));
    one = reshapeTo(c.b, c.loc, *value, {});
  }
  return c.out(broadcastTo(c.b, c.loc, one, *shape));
}

/// start, start + delta, … below limit.
LogicalResult range(NodeContext &c) {
  auto start = c.number(0), limit = c.number(1), delta = c.number(2);
  if (failed(start) || failed(limit) || failed(delta))
    return failure();
  double count = std::ceil((*limit - *start) / *delta);
  if (*delta == 0 || !(count < double(maxElements)))
    return c.invalid(
        llvm::formatv("range must end, but got start {0}, limit {1}, delta {2}",
                      *start, *limit, *delta));
  auto type = RankedTensorType::get({int64_t(std::max(0.0, count))},
                                    elementTypeOf(c.in(0)));
  Value steps = IotaOp::create(c.b, c.loc, type, 0);
  steps = scaleBy(c.b, c.loc, steps, *delta);
  return c.out(*start == 0 ? steps : addNumber(c.b, c.loc, steps, *start));
}

LogicalResult shape(NodeContext &c) {
  ArrayRef<int64_t> all = c.shape(0);
  int64_t rank = int64_t(all.size());
  auto clamped = [&](int64_t i) {
    return std::clamp<int64_t>(i < 0 ? i + rank : i, 0, rank);
  };
  int64_t start = clamped(c.attr("start", 0));
  int64_t end = std::max(start, clamped(c.attr("end", rank)));
  return c.out(i64Constant(c.b, c.loc, all.slice(start, end - start)));
}

LogicalResult size(NodeContext &c) {
  return c.out(i64Scalar(c, tensorType(c.in(0)).getNumElements()));
}

/// Ones where column - row = k.
LogicalResult eyeLike(NodeContext &c) {
  Value x = c.in(0);
  if (rankOf(x) != 2)
    return c.invalid("operand 0 must have 2 dims, but got shape " +
                     shapeText(shapeOf(x)));
  Type element = elementTypeOf(x);
  if (c.hasAttr("dtype")) {
    auto stated = c.elementTypeFor(c.attr("dtype", 0));
    if (failed(stated))
      return failure();
    element = *stated;
  }
  auto type = RankedTensorType::get(shapeOf(x), c.b.getI64Type());
  Value row = IotaOp::create(c.b, c.loc, type, 0);
  Value column = IotaOp::create(c.b, c.loc, type, 1);
  Value diagonal = addNumber(c.b, c.loc, row, double(c.attr("k", 0)));
  Value isOne = CompareOp::create(c.b, c.loc, ComparePredicate::EQ, column,
                                  diagonal);
  return c.out(castTo(c.b, c.loc, isOne, element));
}

} // namespace

void registerConstantOps(OpTable &table) {
  table.add({
      {"Constant", 1, latest, "", constant},
      {"ConstantOfShape", 9, latest, "l", constantOfShape},
      {"EyeLike", 9, latest, "l", eyeLike},
      {"Range", 11, latest, "lll", range},
      {"Shape", 1, latest, "l", shape},
      {"Size", 1, latest, "l", size},
  });
}

} // namespace dlc::frontend
