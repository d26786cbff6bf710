//===- Index.cpp - inference and verifiers of the index family ------------===//
#include "dialects/dlc/IR/Builders.h"
#include "dialects/dlc/IR/ops/Verify.h"

using namespace mlir;
using namespace dlc;

/// The shape of gather(operand, indices) along `dim`.
static SmallVector<int64_t> gatheredShape(ArrayRef<int64_t> operand,
                                          ArrayRef<int64_t> indices,
                                          int64_t dim) {
  SmallVector<int64_t> shape(operand.take_front(dim));
  shape.append(indices.begin(), indices.end());
  llvm::append_range(shape, operand.drop_front(dim + 1));
  return shape;
}

LogicalResult GatherOp::inferReturnTypes(MLIRContext *,
                                         std::optional<Location> location,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type> &types) {
  RankedTensorType operand = tensorType(adaptor.getOperand());
  int64_t dim = adaptor.getDim();
  if (dim < 0 || dim >= operand.getRank())
    return emitOptionalError(location, "'dlc.gather' op expects 'dim' in [0, ",
                             operand.getRank(), "), but got ", dim);
  types.push_back(operand.clone(
      gatheredShape(operand.getShape(), shapeOf(adaptor.getIndices()), dim)));
  return success();
}

/// Indices are clamped to the dim, so it needs an element to clamp to.
static LogicalResult verifyNotEmpty(Operation *op, RankedTensorType type,
                                    int64_t dim) {
  if (type.getDimSize(dim) == 0)
    return op->emitOpError()
           << "expects dim " << dim << " to have elements, but got size 0";
  return success();
}

LogicalResult GatherOp::verify() {
  if (failed(verifyInference(*this)))
    return failure();
  return verifyNotEmpty(*this, getOperand().getType(), getDim());
}

LogicalResult ScatterAddOp::verify() {
  if (failed(verifyDim(*this, getDim(), getType().getRank())) ||
      failed(verifyNotEmpty(*this, getType(), getDim())) ||
      failed(verifyElementType(*this, "result", getType().getElementType(),
                               getUpdates().getType().getElementType())))
    return failure();
  return verifyShape(*this, "updates", getUpdates().getType().getShape(),
                     gatheredShape(getType().getShape(),
                                   getIndices().getType().getShape(),
                                   getDim()));
}

/// All dims but `dim` of `whole` and `indices` agree.
static LogicalResult verifyElementsShape(Operation *op, RankedTensorType type,
                                         ArrayRef<int64_t> indices,
                                         int64_t dim) {
  ArrayRef<int64_t> whole = type.getShape();
  if (failed(verifyDim(op, dim, whole.size())) ||
      failed(verifyNotEmpty(op, type, dim)))
    return failure();
  SmallVector<int64_t> expected(whole);
  if (indices.size() == whole.size())
    expected[dim] = indices[dim];
  return verifyShape(op, "indices", indices, expected);
}

LogicalResult GatherElementsOp::verify() {
  if (failed(verifyElementsShape(*this, getOperand().getType(),
                                 getIndices().getType().getShape(),
                                 getDim())) ||
      failed(verifyElementType(*this, "result", getType().getElementType(),
                               getOperand().getType().getElementType())))
    return failure();
  return verifyShape(*this, "result", getType().getShape(),
                     getIndices().getType().getShape());
}

LogicalResult ScatterElementsAddOp::verify() {
  if (failed(verifyElementsShape(
          *this, getType(), getIndices().getType().getShape(), getDim())) ||
      failed(verifyElementType(*this, "result", getType().getElementType(),
                               getUpdates().getType().getElementType())))
    return failure();
  return verifyShape(*this, "updates", getUpdates().getType().getShape(),
                     getIndices().getType().getShape());
}
