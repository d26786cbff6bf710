//===- Contraction.cpp - inference and verifiers of the contractions ------===//
#include "dialects/dlc/IR/Builders.h"
#include "dialects/dlc/IR/ops/Verify.h"

using namespace mlir;
using namespace dlc;

/// Checks that `batch` and `contract` are distinct dims of a tensor of rank
/// `rank`.
static LogicalResult checkDims(std::optional<Location> location, StringRef side,
                               int64_t rank, ArrayRef<int64_t> batch,
                               ArrayRef<int64_t> contract) {
  SmallVector<bool> seen(rank);
  for (int64_t dim : llvm::concat<const int64_t>(batch, contract)) {
    if (dim < 0 || dim >= rank || seen[dim])
      return emitOptionalError(location, "'dlc.dot_general' op expects the ",
                               side,
                               " batch and contracted dims to be distinct and "
                               "in [0, ",
                               rank, "), but got ", dim);
    seen[dim] = true;
  }
  return success();
}

LogicalResult DotGeneralOp::inferReturnTypes(MLIRContext *,
                                             std::optional<Location> location,
                                             Adaptor adaptor,
                                             SmallVectorImpl<Type> &types) {
  RankedTensorType lhs = tensorType(adaptor.getLhs());
  RankedTensorType rhs = tensorType(adaptor.getRhs());
  if (failed(checkDims(location, "lhs", lhs.getRank(), adaptor.getLhsBatch(),
                       adaptor.getLhsContract())) ||
      failed(checkDims(location, "rhs", rhs.getRank(), adaptor.getRhsBatch(),
                       adaptor.getRhsContract())))
    return failure();
  SmallVector<int64_t> shape;
  for (int64_t dim : adaptor.getLhsBatch())
    shape.push_back(lhs.getDimSize(dim));
  auto addFree = [&](RankedTensorType type, ArrayRef<int64_t> batch,
                     ArrayRef<int64_t> contract) {
    for (int64_t dim = 0; dim < type.getRank(); ++dim)
      if (!llvm::is_contained(batch, dim) && !llvm::is_contained(contract, dim))
        shape.push_back(type.getDimSize(dim));
  };
  addFree(lhs, adaptor.getLhsBatch(), adaptor.getLhsContract());
  addFree(rhs, adaptor.getRhsBatch(), adaptor.getRhsContract());
  types.push_back(RankedTensorType::get(shape, lhs.getElementType()));
  return success();
}

/// The element type is the verifier's matter, which may say more.
bool DotGeneralOp::isCompatibleReturnTypes(TypeRange inferred,
                                           TypeRange actual) {
  return llvm::equal(inferred, actual, [](Type x, Type y) {
    return cast<RankedTensorType>(x).getShape() ==
           cast<RankedTensorType>(y).getShape();
  });
}

LogicalResult DotGeneralOp::verify() {
  if (failed(verifyInference(*this)))
    return failure();
  Type element = elementTypeOf(getLhs()), result = elementTypeOf(getResult());
  bool isWide = (element.isF16() || element.isBF16()) && result.isF32();
  if (result != element && !isWide)
    return emitOpError() << "expects a result of element type " << element
                         << ", but got " << result;
  auto lhs = getLhs().getType(), rhs = getRhs().getType();
  if (failed(verifyElementType(*this, "rhs", rhs.getElementType(),
                               lhs.getElementType())) ||
      failed(verifyLength(*this, "rhsBatch", getRhsBatch().size(),
                          getLhsBatch().size())) ||
      failed(verifyLength(*this, "rhsContract", getRhsContract().size(),
                          getLhsContract().size())))
    return failure();
  auto check = [&](ArrayRef<int64_t> l, ArrayRef<int64_t> r) -> LogicalResult {
    for (auto [i, j] : llvm::zip_equal(l, r))
      if (lhs.getDimSize(i) != rhs.getDimSize(j))
        return emitOpError() << "expects lhs dim " << i << " and rhs dim " << j
                             << " to be equal, but got " << lhs.getDimSize(i)
                             << " and " << rhs.getDimSize(j);
    return success();
  };
  if (failed(check(getLhsBatch(), getRhsBatch())))
    return failure();
  return check(getLhsContract(), getRhsContract());
}

/// The checks of all three convolution ops, given what each tensor is.
template <typename OpTy>
static LogicalResult verifyConv(OpTy op, RankedTensorType src,
                                RankedTensorType weights,
                                RankedTensorType dst) {
  int64_t spatial = src.getRank() - 2;
  if (spatial < 1 || spatial > 3)
    return op.emitOpError()
           << "expects 1 to 3 spatial dims, but got " << spatial;
  Type element = src.getElementType();
  // The sums of a weight gradient need not be rounded.
  bool isWide = std::is_same_v<OpTy, ConvGradWeightsOp> &&
                (element.isF16() || element.isBF16()) &&
                weights.getElementType().isF32();
  if ((!isWide && failed(verifyElementType(op, "weights",
                                           weights.getElementType(),
                                           element))) ||
      failed(verifyElementType(op, "result", dst.getElementType(), element)) ||
      failed(verifyLength(op, "strides", op.getStrides().size(), spatial)) ||
      failed(
          verifyLength(op, "dilations", op.getDilations().size(), spatial)) ||
      failed(
          verifyLength(op, "padsBegin", op.getPadsBegin().size(), spatial)) ||
      failed(verifyLength(op, "padsEnd", op.getPadsEnd().size(), spatial)) ||
      failed(
          verifyLength(op, "weights shape", weights.getRank(), spatial + 2)) ||
      failed(verifyLength(op, "result shape", dst.getRank(), spatial + 2)))
    return failure();
  int64_t groups = op.getGroups();
  if (groups < 1 || src.getShape().back() % groups ||
      weights.getDimSize(0) % groups)
    return op.emitOpError()
           << "expects 'groups' to divide " << src.getShape().back() << " and "
           << weights.getDimSize(0) << " channels, but got " << groups;
  SmallVector<int64_t> expected = {src.getDimSize(0)};
  for (int64_t i = 0; i < spatial; ++i) {
    int64_t reach = op.getDilations()[i] * (weights.getDimSize(i + 2) - 1) + 1;
    int64_t padded =
        src.getDimSize(i + 1) + op.getPadsBegin()[i] + op.getPadsEnd()[i];
    if (padded < reach || op.getStrides()[i] < 1 || op.getDilations()[i] < 1)
      return op.emitOpError()
             << "expects spatial dim " << i << " to hold the kernel's reach of "
             << reach << " at a stride of at least 1, but got size " << padded
             << " with pads and stride " << op.getStrides()[i];
    expected.push_back((padded - reach) / op.getStrides()[i] + 1);
  }
  expected.push_back(weights.getDimSize(0));
  if (weights.getDimSize(1) != src.getShape().back() / groups)
    return op.emitOpError() << "expects weights dim 1 to be channels / groups, "
                               "but got "
                            << weights.getDimSize(1) << " and "
                            << src.getShape().back() / groups;
  return verifyShape(op, "the convolution's output", dst.getShape(), expected);
}

LogicalResult ConvOp::verify() {
  return verifyConv(*this, getSrc().getType(), getWeights().getType(),
                    getType());
}

LogicalResult ConvGradDataOp::verify() {
  return verifyConv(*this, getType(), getWeights().getType(),
                    getGrad().getType());
}

LogicalResult ConvGradWeightsOp::verify() {
  return verifyConv(*this, getSrc().getType(), getType(), getGrad().getType());
}
