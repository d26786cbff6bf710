//===- Normalization.cpp - verifiers of the normalization family ----------===//
#include "dialects/dlc/IR/Builders.h"
#include "dialects/dlc/IR/ops/Verify.h"

using namespace mlir;
using namespace dlc;

LogicalResult SoftmaxOp::verify() {
  return verifyDim(*this, getDim(), getType().getRank());
}

LogicalResult LogSoftmaxOp::verify() {
  return verifyDim(*this, getDim(), getType().getRank());
}

/// All operands and results have the element type of `type`.
static LogicalResult
verifyOneElementType(Operation *op, RankedTensorType type,
                     ArrayRef<std::pair<StringRef, Value>> values) {
  for (auto [what, value] : values)
    if (failed(verifyElementType(op, what, elementTypeOf(value),
                                 type.getElementType())))
      return failure();
  return success();
}

LogicalResult LayerNormOp::verify() {
  auto type = getOperand().getType();
  if (failed(verifyDim(*this, getAxis(), type.getRank())) ||
      failed(verifyOneElementType(*this, type,
                                  {{"scale", getScale()},
                                   {"bias", getBias()},
                                   {"result", getResult()},
                                   {"mean", getMean()},
                                   {"rstd", getRstd()}})))
    return failure();
  ArrayRef<int64_t> rows = type.getShape().take_front(getAxis());
  ArrayRef<int64_t> cols = type.getShape().drop_front(getAxis());
  if (failed(
          verifyShape(*this, "scale", getScale().getType().getShape(), cols)) ||
      failed(
          verifyShape(*this, "bias", getBias().getType().getShape(), cols)) ||
      failed(
          verifyShape(*this, "mean", getMean().getType().getShape(), rows)) ||
      failed(verifyShape(*this, "rstd", getRstd().getType().getShape(), rows)))
    return failure();
  return verifyShape(*this, "result", getResult().getType().getShape(),
                     type.getShape());
}

LogicalResult BatchNormOp::verify() {
  auto type = getOperand().getType();
  if (failed(verifyDim(*this, getChannel(), type.getRank())) ||
      failed(verifyOneElementType(*this, type,
                                  {{"scale", getScale()},
                                   {"bias", getBias()},
                                   {"result", getResult()},
                                   {"mean", getMean()},
                                   {"variance", getVariance()}})))
    return failure();
  int64_t channels = type.getDimSize(getChannel());
  for (auto [what, value] : {std::pair<StringRef, Value>{"scale", getScale()},
                             {"bias", getBias()},
                             {"mean", getMean()},
                             {"variance", getVariance()}})
    if (failed(verifyShape(*this, what, shapeOf(value), {channels})))
      return failure();
  return verifyShape(*this, "result", getResult().getType().getShape(),
                     type.getShape());
}
