//===- Reduction.cpp - inference, verifiers, folds of the reductions ------===//
#include "dialects/dlc/IR/Builders.h"
#include "dialects/dlc/IR/ops/Verify.h"

using namespace mlir;
using namespace dlc;

static LogicalResult inferReduced(std::optional<Location> location,
                                  Value operand, ArrayRef<int64_t> dims,
                                  Type elementType,
                                  SmallVectorImpl<Type> &types) {
  RankedTensorType from = tensorType(operand);
  SmallVector<int64_t> shape;
  for (int64_t dim : otherDims(from.getRank(), dims))
    shape.push_back(from.getDimSize(dim));
  if (shape.size() + dims.size() != size_t(from.getRank()))
    return emitOptionalError(location,
                             "expects 'dims' to be strictly increasing in [0, ",
                             from.getRank(), "), but got ", dims);
  types.push_back(RankedTensorType::get(shape, elementType));
  return success();
}

#define DLC_REDUCE_OP(OpTy)                                                    \
  LogicalResult OpTy::inferReturnTypes(                                        \
      MLIRContext *, std::optional<Location> location, Adaptor adaptor,        \
      SmallVectorImpl<Type> &types) {                                          \
    return inferReduced(location, adaptor.getOperand(), adaptor.getDims(),     \
                        elementTypeOf(adaptor.getOperand()), types);           \
  }                                                                            \
  LogicalResult OpTy::verify() {                                               \
    return verifyDims(*this, getDims(), getOperand().getType().getRank());     \
  }
DLC_REDUCE_OP(ReduceSumOp)
DLC_REDUCE_OP(ReduceProdOp)
DLC_REDUCE_OP(ReduceMaxOp)
DLC_REDUCE_OP(ReduceMinOp)
#undef DLC_REDUCE_OP

#define DLC_ARG_REDUCE_OP(OpTy)                                                \
  LogicalResult OpTy::inferReturnTypes(                                        \
      MLIRContext *context, std::optional<Location> location, Adaptor adaptor, \
      SmallVectorImpl<Type> &types) {                                          \
    return inferReduced(location, adaptor.getOperand(),                        \
                        {int64_t(adaptor.getDim())},                           \
                        IntegerType::get(context, 64), types);                 \
  }                                                                            \
  LogicalResult OpTy::verify() {                                               \
    auto type = getOperand().getType();                                        \
    if (failed(verifyDim(*this, getDim(), type.getRank())))                    \
      return failure();                                                        \
    if (type.getDimSize(getDim()) == 0)                                        \
      return emitOpError() << "expects dim " << getDim()                       \
                           << " to have elements, but got size 0";             \
    return success();                                                          \
  }
DLC_ARG_REDUCE_OP(ArgMaxOp)
DLC_ARG_REDUCE_OP(ArgMinOp)
#undef DLC_ARG_REDUCE_OP

/// Reducing over dims of size 1 is a reshape; over no dims nothing.
OpFoldResult ReduceSumOp::fold(FoldAdaptor) {
  if (getOperand().getType() == getType())
    return getOperand();
  return {};
}

LogicalResult CumSumOp::verify() {
  return verifyDim(*this, getDim(), getType().getRank());
}
