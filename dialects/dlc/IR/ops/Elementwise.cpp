//===- Elementwise.cpp - folds of the elementwise family ------------------===//
#include "dialects/dlc/IR/Builders.h"

#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace dlc;

static bool isSplat(Value value, double number) {
  std::optional<double> splat = splatValue(value);
  return splat && *splat == number;
}

static LogicalResult inferBool(Value operand, SmallVectorImpl<Type> &types) {
  RankedTensorType type = tensorType(operand);
  types.push_back(type.clone(IntegerType::get(type.getContext(), 1)));
  return success();
}

LogicalResult IsNanOp::inferReturnTypes(MLIRContext *, std::optional<Location>,
                                        Adaptor adaptor,
                                        SmallVectorImpl<Type> &types) {
  return inferBool(adaptor.getOperand(), types);
}

LogicalResult IsInfOp::inferReturnTypes(MLIRContext *, std::optional<Location>,
                                        Adaptor adaptor,
                                        SmallVectorImpl<Type> &types) {
  return inferBool(adaptor.getOperand(), types);
}

LogicalResult CompareOp::inferReturnTypes(MLIRContext *,
                                          std::optional<Location>,
                                          Adaptor adaptor,
                                          SmallVectorImpl<Type> &types) {
  return inferBool(adaptor.getLhs(), types);
}

OpFoldResult CastOp::fold(FoldAdaptor) {
  if (getOperand().getType() == getType())
    return getOperand();
  return {};
}

// x + 0. (-0 + 0 is 0, not -0; equal under every comparison, so accepted.)
OpFoldResult AddOp::fold(FoldAdaptor) {
  if (isSplat(getRhs(), 0))
    return getLhs();
  if (isSplat(getLhs(), 0))
    return getRhs();
  return {};
}

OpFoldResult SubOp::fold(FoldAdaptor) {
  return isSplat(getRhs(), 0) ? OpFoldResult(getLhs()) : OpFoldResult();
}

// x * 1; x * 0 stays, since it is NaN for a NaN.
OpFoldResult MulOp::fold(FoldAdaptor) {
  if (isSplat(getRhs(), 1))
    return getLhs();
  if (isSplat(getLhs(), 1))
    return getRhs();
  return {};
}

OpFoldResult DivOp::fold(FoldAdaptor) {
  return isSplat(getRhs(), 1) ? OpFoldResult(getLhs()) : OpFoldResult();
}

OpFoldResult SelectOp::fold(FoldAdaptor) {
  if (getOnTrue() == getOnFalse())
    return getOnTrue();
  if (std::optional<double> condition = splatValue(getCondition()))
    return *condition != 0 ? getOnTrue() : getOnFalse();
  return {};
}

namespace {
/// x^1 -> x, x^2 -> x x, x^3 -> x x x, x^0.5 -> sqrt x, x^-0.5 -> rsqrt x,
/// x^-1 -> 1 / x: what exporters write for squares and norms.
struct ExpandPow : OpRewritePattern<PowOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(PowOp op,
                                PatternRewriter &rewriter) const override {
    std::optional<double> exponent = splatValue(op.getRhs());
    if (!exponent)
      return rewriter.notifyMatchFailure(op, "the exponent is no constant");
    Location loc = op.getLoc();
    Value x = op.getLhs(), result;
    if (*exponent == 1)
      result = x;
    else if (*exponent == 2)
      result = MulOp::create(rewriter, loc, x, x);
    else if (*exponent == 3)
      result =
          MulOp::create(rewriter, loc, MulOp::create(rewriter, loc, x, x), x);
    else if (*exponent == 0.5)
      result = SqrtOp::create(rewriter, loc, x);
    else if (*exponent == -0.5)
      result = RsqrtOp::create(rewriter, loc, x);
    else if (*exponent == -1)
      result = DivOp::create(rewriter, loc, splatLike(rewriter, loc, x, 1), x);
    else
      return rewriter.notifyMatchFailure(op, "no shorter form is known");
    rewriter.replaceOp(op, result);
    return success();
  }
};
} // namespace

void PowOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                        MLIRContext *context) {
  patterns.add<ExpandPow>(context);
}
