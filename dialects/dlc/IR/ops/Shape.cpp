//===- Shape.cpp - verifiers and folds of the shape family ----------------===//
#include "dialects/dlc/IR/Builders.h"
#include "dialects/dlc/IR/ops/Verify.h"

#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace dlc;

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }

LogicalResult IotaOp::verify() {
  return verifyDim(*this, getDim(), getType().getRank());
}

LogicalResult BroadcastOp::verify() {
  auto from = getOperand().getType(), to = getType();
  if (failed(verifyElementType(*this, "result", to.getElementType(),
                               from.getElementType())) ||
      failed(verifyLength(*this, "dims", getDims().size(), from.getRank())) ||
      failed(verifyDims(*this, getDims(), to.getRank())))
    return failure();
  for (auto [i, dim] : llvm::enumerate(getDims()))
    if (from.getDimSize(i) != 1 && from.getDimSize(i) != to.getDimSize(dim))
      return emitOpError() << "expects operand dim " << i
                           << " to be 1 or the size of result dim " << dim
                           << ", but got " << from.getDimSize(i) << " and "
                           << to.getDimSize(dim);
  return success();
}

OpFoldResult BroadcastOp::fold(FoldAdaptor) {
  if (getOperand().getType() == getType())
    return getOperand();
  // A broadcast of a broadcast is one.
  if (auto inner = getOperand().getDefiningOp<BroadcastOp>()) {
    SmallVector<int64_t> dims;
    for (int64_t dim : inner.getDims())
      dims.push_back(getDims()[dim]);
    setDims(dims);
    getOperandMutable().assign(inner.getOperand());
    return getResult();
  }
  // Splat constants only change shape.
  if (auto constant = getOperand().getDefiningOp<ConstantOp>())
    if (auto elements = dyn_cast<DenseElementsAttr>(constant.getValue());
        elements && elements.isSplat())
      return elements.resizeSplat(getType());
  return {};
}

LogicalResult ReshapeOp::verify() {
  auto from = getOperand().getType(), to = getType();
  if (from.getNumElements() != to.getNumElements())
    return emitOpError() << "expects operand and result to have equally many "
                            "elements, but got "
                         << from.getNumElements() << " and "
                         << to.getNumElements();
  return verifyElementType(*this, "result", to.getElementType(),
                           from.getElementType());
}

OpFoldResult ReshapeOp::fold(FoldAdaptor adaptor) {
  if (getOperand().getType() == getType())
    return getOperand();
  if (auto elements =
          dyn_cast_if_present<DenseElementsAttr>(adaptor.getOperand()))
    return elements.reshape(getType());
  return {};
}

namespace {
/// reshape (reshape x) -> reshape x
struct MergeReshapes : OpRewritePattern<ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReshapeOp op,
                                PatternRewriter &rewriter) const override {
    auto inner = op.getOperand().getDefiningOp<ReshapeOp>();
    if (!inner)
      return rewriter.notifyMatchFailure(op, "the operand is no reshape");
    rewriter.replaceOpWithNewOp<ReshapeOp>(op, op.getType(),
                                           inner.getOperand());
    return success();
  }
};

/// transpose (transpose x) -> transpose x
struct MergeTransposes : OpRewritePattern<TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(TransposeOp op,
                                PatternRewriter &rewriter) const override {
    auto inner = op.getOperand().getDefiningOp<TransposeOp>();
    if (!inner)
      return rewriter.notifyMatchFailure(op, "the operand is no transpose");
    SmallVector<int64_t> permutation;
    for (int64_t dim : op.getPermutation())
      permutation.push_back(inner.getPermutation()[dim]);
    rewriter.replaceOp(op, transposeBy(rewriter, op.getLoc(),
                                       inner.getOperand(), permutation));
    return success();
  }
};

/// A transpose that only moves dims of size 1 is a reshape.
struct TransposeOfUnitDims : OpRewritePattern<TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(TransposeOp op,
                                PatternRewriter &rewriter) const override {
    int64_t last = -1;
    for (int64_t dim : op.getPermutation()) {
      if (shapeOf(op.getOperand())[dim] == 1)
        continue;
      if (dim < last)
        return rewriter.notifyMatchFailure(op, "it moves elements");
      last = dim;
    }
    rewriter.replaceOpWithNewOp<ReshapeOp>(op, op.getType(), op.getOperand());
    return success();
  }
};
} // namespace

void ReshapeOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                            MLIRContext *context) {
  patterns.add<MergeReshapes>(context);
}

LogicalResult TransposeOp::inferReturnTypes(MLIRContext *,
                                            std::optional<Location> location,
                                            Adaptor adaptor,
                                            SmallVectorImpl<Type> &types) {
  RankedTensorType from = tensorType(adaptor.getOperand());
  ArrayRef<int64_t> permutation = adaptor.getPermutation();
  SmallVector<bool> seen(from.getRank());
  SmallVector<int64_t> shape;
  for (int64_t dim : permutation) {
    if (dim < 0 || dim >= from.getRank() || seen[dim])
      return emitOptionalError(location,
                               "'dlc.transpose' op expects 'permutation' to "
                               "name each dim once, but got ",
                               dim);
    seen[dim] = true;
    shape.push_back(from.getDimSize(dim));
  }
  if (int64_t(shape.size()) != from.getRank())
    return emitOptionalError(
        location, "'dlc.transpose' op expects 'permutation' to have ",
        from.getRank(), " entries, but got ", shape.size());
  types.push_back(from.clone(shape));
  return success();
}

LogicalResult TransposeOp::verify() { return verifyInference(*this); }

OpFoldResult TransposeOp::fold(FoldAdaptor adaptor) {
  if (llvm::equal(getPermutation(), iotaDims(getPermutation().size())))
    return getOperand();
  if (auto elements =
          dyn_cast_if_present<DenseElementsAttr>(adaptor.getOperand());
      elements && elements.isSplat())
    return elements.resizeSplat(getType());
  return {};
}

void TransposeOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                              MLIRContext *context) {
  patterns.add<MergeTransposes, TransposeOfUnitDims>(context);
}

LogicalResult SliceOp::verify() {
  auto from = getOperand().getType(), to = getType();
  size_t rank = from.getRank();
  if (failed(verifyElementType(*this, "result", to.getElementType(),
                               from.getElementType())) ||
      failed(verifyLength(*this, "starts", getStarts().size(), rank)) ||
      failed(verifyLength(*this, "steps", getSteps().size(), rank)) ||
      failed(verifyLength(*this, "result shape", to.getRank(), rank)))
    return failure();
  for (size_t i = 0; i < rank; ++i) {
    int64_t start = getStarts()[i], step = getSteps()[i];
    int64_t size = to.getDimSize(i);
    int64_t last = start + (size - 1) * step;
    if (start < 0 || step < 1 || (size > 0 && last >= from.getDimSize(i)))
      return emitOpError() << "expects dim " << i << " to stay in [0, "
                           << from.getDimSize(i) << "), but got start " << start
                           << ", step " << step << " and size " << size;
  }
  return success();
}

OpFoldResult SliceOp::fold(FoldAdaptor adaptor) {
  if (getOperand().getType() == getType())
    return getOperand();
  if (auto elements =
          dyn_cast_if_present<DenseElementsAttr>(adaptor.getOperand());
      elements && elements.isSplat())
    return elements.resizeSplat(getType());
  return {};
}

LogicalResult PadOp::verify() {
  auto from = getOperand().getType(), to = getType();
  size_t rank = from.getRank();
  if (failed(verifyElementType(*this, "result", to.getElementType(),
                               from.getElementType())) ||
      failed(verifyElementType(*this, "value",
                               getValue().getType().getElementType(),
                               from.getElementType())) ||
      failed(
          verifyShape(*this, "value", getValue().getType().getShape(), {})) ||
      failed(verifyLength(*this, "low", getLow().size(), rank)) ||
      failed(verifyLength(*this, "interior", getInterior().size(), rank)) ||
      failed(verifyLength(*this, "result shape", to.getRank(), rank)))
    return failure();
  for (size_t i = 0; i < rank; ++i) {
    int64_t low = getLow()[i], interior = getInterior()[i];
    int64_t size = from.getDimSize(i);
    if (low < 0 || interior < 0)
      return emitOpError() << "expects 'low' and 'interior' of dim " << i
                           << " to be at least 0, but got " << low << " and "
                           << interior;
    int64_t need = low + (size ? (size - 1) * (interior + 1) + 1 : 0);
    if (need > to.getDimSize(i))
      return emitOpError() << "expects dim " << i << " to need at most "
                           << to.getDimSize(i) << " elements, but got " << need;
  }
  return success();
}

LogicalResult ConcatOp::inferReturnTypes(MLIRContext *,
                                         std::optional<Location> location,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type> &types) {
  if (adaptor.getOperands().empty())
    return emitOptionalError(
        location, "'dlc.concat' op expects at least one operand, but got none");
  RankedTensorType first = tensorType(adaptor.getOperands().front());
  int64_t dim = adaptor.getDim();
  if (dim < 0 || dim >= first.getRank())
    return emitOptionalError(location, "'dlc.concat' op expects 'dim' in [0, ",
                             first.getRank(), "), but got ", dim);
  SmallVector<int64_t> shape(first.getShape());
  for (Value operand : adaptor.getOperands().drop_front()) {
    RankedTensorType type = tensorType(operand);
    SmallVector<int64_t> other(type.getShape());
    if (type.getRank() != first.getRank() ||
        type.getElementType() != first.getElementType())
      return emitOptionalError(location,
                               "'dlc.concat' op expects operands of one rank "
                               "and element type, but got ",
                               first, " and ", type);
    shape[dim] += other[dim];
    other[dim] = shape[dim];
    if (other != shape)
      return emitOptionalError(
          location, "'dlc.concat' op expects operands to differ in dim ", dim,
          " alone, but got ", first, " and ", type);
  }
  types.push_back(first.clone(shape));
  return success();
}

LogicalResult ConcatOp::verify() { return verifyInference(*this); }

OpFoldResult ConcatOp::fold(FoldAdaptor) {
  return getOperands().size() == 1 ? OpFoldResult(getOperands().front())
                                   : OpFoldResult();
}

LogicalResult ReverseOp::verify() {
  return verifyDims(*this, getDims(), getType().getRank());
}
