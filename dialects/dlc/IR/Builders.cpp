//===- Builders.cpp - helpers to build dlc graphs -------------------------===//
#include "dialects/dlc/IR/Builders.h"

#include "mlir/IR/Matchers.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace dlc {

Value splat(OpBuilder &b, Location loc, RankedTensorType type, double number) {
  Type element = type.getElementType();
  Attribute value;
  if (auto floatType = dyn_cast<FloatType>(element)) {
    APFloat converted(number);
    bool losesInfo;
    converted.convert(floatType.getFloatSemantics(),
                      APFloat::rmNearestTiesToEven, &losesInfo);
    value = FloatAttr::get(element, converted);
  } else {
    auto width = cast<IntegerType>(element).getWidth();
    // 2^63 is the first double that no int64_t holds.
    constexpr double limit = 9223372036854775808.0;
    int64_t whole = number >= limit    ? INT64_MAX
                    : number >= -limit ? int64_t(number)
                                       : INT64_MIN;
    uint64_t bits = width == 1 ? number != 0 : whole;
    value = IntegerAttr::get(element,
                             APInt(width, bits, !element.isUnsignedInteger(),
                                   /*implicitTrunc=*/true));
  }
  return ConstantOp::create(b, loc, type, DenseElementsAttr::get(type, value));
}

Value splatLike(OpBuilder &b, Location loc, Value like, double number) {
  return splat(b, loc, tensorType(like), number);
}

Value i64Constant(OpBuilder &b, Location loc, ArrayRef<int64_t> values) {
  auto type = RankedTensorType::get({int64_t(values.size())}, b.getI64Type());
  return ConstantOp::create(b, loc, type, DenseElementsAttr::get(type, values));
}

std::optional<double> splatValue(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (auto constant = dyn_cast<ConstantOp>(op)) {
      auto elements = dyn_cast<DenseElementsAttr>(constant.getValue());
      if (!elements || !elements.isSplat())
        return std::nullopt;
      if (auto number = dyn_cast<FloatAttr>(elements.getSplatValue<Attribute>()))
        return number.getValueAsDouble();
      APInt bits = elements.getSplatValue<APInt>();
      bool isUnsigned = elements.getElementType().isUnsignedInteger() ||
                        bits.getBitWidth() == 1;
      return isUnsigned ? double(bits.getZExtValue())
                        : double(bits.getSExtValue());
    }
    if (!isa<BroadcastOp, ReshapeOp, TransposeOp>(op))
      return std::nullopt;
    value = op->getOperand(0);
  }
  return std::nullopt;
}

Value broadcastInDim(OpBuilder &b, Location loc, Value value,
                     ArrayRef<int64_t> shape, ArrayRef<int64_t> dims) {
  if (shapeOf(value) == shape)
    return value;
  auto type = RankedTensorType::get(shape, elementTypeOf(value));
  return BroadcastOp::create(b, loc, type, value, dims);
}

Value broadcastTo(OpBuilder &b, Location loc, Value value,
                  ArrayRef<int64_t> shape) {
  int64_t offset = int64_t(shape.size()) - rankOf(value);
  auto dims = llvm::to_vector(
      llvm::seq<int64_t>(offset, int64_t(shape.size())));
  return broadcastInDim(b, loc, value, shape, dims);
}

FailureOr<SmallVector<int64_t>> broadcastShapes(ArrayRef<int64_t> lhs,
                                                ArrayRef<int64_t> rhs) {
  if (lhs.size() < rhs.size())
    std::swap(lhs, rhs);
  SmallVector<int64_t> shape(lhs);
  size_t offset = lhs.size() - rhs.size();
  for (auto [i, size] : llvm::enumerate(rhs)) {
    int64_t &other = shape[offset + i];
    if (other == 1)
      other = size;
    else if (size != 1 && size != other)
      return failure();
  }
  return shape;
}

Value expandReduced(OpBuilder &b, Location loc, Value value,
                    ArrayRef<int64_t> shape, ArrayRef<int64_t> dims) {
  return broadcastInDim(b, loc, value, shape, otherDims(shape.size(), dims));
}

Value reshapeTo(OpBuilder &b, Location loc, Value value,
                ArrayRef<int64_t> shape) {
  if (shapeOf(value) == shape)
    return value;
  return ReshapeOp::create(
      b, loc, RankedTensorType::get(shape, elementTypeOf(value)), value);
}

Value transposeBy(OpBuilder &b, Location loc, Value value,
                  ArrayRef<int64_t> permutation) {
  if (llvm::equal(permutation, iotaDims(permutation.size())))
    return value;
  return TransposeOp::create(b, loc, value, permutation);
}

Value castTo(OpBuilder &b, Location loc, Value value, Type elementType) {
  if (elementTypeOf(value) == elementType)
    return value;
  return CastOp::create(
      b, loc, RankedTensorType::get(shapeOf(value), elementType), value);
}

Value meanOver(OpBuilder &b, Location loc, Value value,
               ArrayRef<int64_t> dims) {
  int64_t count = 1;
  for (int64_t dim : dims)
    count *= shapeOf(value)[dim];
  Value sum = ReduceSumOp::create(b, loc, value, dims);
  return scaleBy(b, loc, sum, 1.0 / double(count));
}

Value scaleBy(OpBuilder &b, Location loc, Value operand, double factor) {
  if (factor == 1.0)
    return operand;
  return MulOp::create(b, loc, operand, splatLike(b, loc, operand, factor));
}

Value addNumber(OpBuilder &b, Location loc, Value operand, double term) {
  return AddOp::create(b, loc, operand, splatLike(b, loc, operand, term));
}

SmallVector<int64_t> iotaDims(int64_t rank) {
  return llvm::to_vector(llvm::seq<int64_t>(0, rank));
}

SmallVector<int64_t> inversePermutation(ArrayRef<int64_t> p) {
  SmallVector<int64_t> inverse(p.size());
  for (auto [i, from] : llvm::enumerate(p))
    inverse[from] = i;
  return inverse;
}

SmallVector<int64_t> otherDims(int64_t rank, ArrayRef<int64_t> dims) {
  SmallVector<int64_t> others;
  for (int64_t i = 0; i < rank; ++i)
    if (!llvm::is_contained(dims, i))
      others.push_back(i);
  return others;
}

} // namespace dlc
