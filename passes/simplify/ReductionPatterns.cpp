//===- ReductionPatterns.cpp - reductions merge and shrink ----------------===//
//
//   %s = dlc.reduce_sum %x dims [2]
//   %t = dlc.reduce_sum %s dims [1]     ->   %t = dlc.reduce_sum %x dims [1, 2]
//
// Constant factors and signs leave a sum, so that means of means and scaled
// gradients multiply the small result instead of every element.
//
//===----------------------------------------------------------------------===//
#include "passes/simplify/Layout.h"
#include "passes/simplify/Patterns.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace dlc {
namespace {

/// Reducing over no dims, or over dims of size 1, moves nothing.
template <typename OpTy> struct ReduceOfNothing : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    ArrayRef<int64_t> shape = shapeOf(op.getOperand());
    if (!llvm::all_of(op.getDims(),
                      [&](int64_t dim) { return shape[dim] == 1; }))
      return rewriter.notifyMatchFailure(op, "it combines elements");
    rewriter.replaceOp(op, reshapeTo(rewriter, op.getLoc(), op.getOperand(),
                                     shapeOf(op.getResult())));
    return success();
  }
};

/// reduce (reduce x) -> reduce x, of one kind
template <typename OpTy> struct MergeReductions : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    auto inner = op.getOperand().template getDefiningOp<OpTy>();
    if (!inner || !inner->hasOneUse())
      return rewriter.notifyMatchFailure(
          op, "the operand is no reduction of this kind used only here");
    SmallVector<int64_t> kept =
        otherDims(rankOf(inner.getOperand()), inner.getDims());
    SmallVector<int64_t> dims(inner.getDims());
    llvm::append_range(dims, mapDims(op.getDims(), kept));
    llvm::sort(dims);
    rewriter.replaceOpWithNewOp<OpTy>(op, inner.getOperand(), dims);
    return success();
  }
};

/// sum (x * c) -> (sum x) * c, sum (-x) -> -(sum x)
struct FactorOutOfSum : OpRewritePattern<ReduceSumOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReduceSumOp op,
                                PatternRewriter &rewriter) const override {
    Operation *inner = op.getOperand().getDefiningOp();
    if (!inner || !isa<MulOp, NegOp>(inner) || !inner->hasOneUse() ||
        !isa<FloatType>(elementTypeOf(op)))
      return rewriter.notifyMatchFailure(op, "no factor is known");
    std::optional<double> factor =
        isa<NegOp>(inner) ? -1.0 : splatValue(inner->getOperand(1));
    if (!factor)
      return rewriter.notifyMatchFailure(op, "the factor is no constant");
    Value sum = ReduceSumOp::create(rewriter, op.getLoc(), inner->getOperand(0),
                                    op.getDims());
    if (isa<NegOp>(inner))
      rewriter.replaceOpWithNewOp<NegOp>(op, sum);
    else
      rewriter.replaceOp(op, scaleBy(rewriter, op.getLoc(), sum, *factor));
    return success();
  }
};

/// sum (x * y * broadcast s) -> (sum (x * y)) * s, where s does not vary along
/// the dims summed over. Gradients of normalizations then share their sums with
/// the gradients of scale and bias.
struct FactorBroadcastOutOfSum : OpRewritePattern<ReduceSumOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReduceSumOp op,
                                PatternRewriter &rewriter) const override {
    SmallVector<Value> factors, inside;
    SmallVector<BroadcastOp> outside;
    collectFactors(op.getOperand(), kMaxDepth, factors);
    for (Value factor : factors) {
      auto broadcast = factor.getDefiningOp<BroadcastOp>();
      if (broadcast && llvm::none_of(broadcast.getDims(), [&](int64_t dim) {
            return llvm::is_contained(op.getDims(), dim);
          }))
        outside.push_back(broadcast);
      else
        inside.push_back(factor);
    }
    if (outside.empty() || inside.empty() || !isa<FloatType>(elementTypeOf(op)))
      return rewriter.notifyMatchFailure(op,
                                         "no factor is the same throughout");
    Value product = inside.front();
    for (Value factor : ArrayRef<Value>(inside).drop_front())
      product = MulOp::create(rewriter, op.getLoc(), product, factor);
    Value sum =
        ReduceSumOp::create(rewriter, op.getLoc(), product, op.getDims());
    SmallVector<int64_t> kept = otherDims(rankOf(product), op.getDims());
    for (BroadcastOp broadcast : outside) {
      auto dims = llvm::map_to_vector(broadcast.getDims(), [&](int64_t dim) {
        return int64_t(llvm::find(kept, dim) - kept.begin());
      });
      Value factor = broadcastInDim(rewriter, op.getLoc(),
                                    broadcast.getOperand(), shapeOf(sum), dims);
      sum = MulOp::create(rewriter, op.getLoc(), sum, factor);
    }
    rewriter.replaceOp(op, sum);
    return success();
  }

private:
  /// Products are looked into this deep.
  static constexpr int kMaxDepth = 3;

  static void collectFactors(Value value, int depth,
                             SmallVectorImpl<Value> &factors) {
    // A product that a contraction reads is in memory as it is; reading its
    // factors instead would keep them in memory too.
    auto mul = value.getDefiningOp<MulOp>();
    if (!mul || depth == 0 ||
        !llvm::all_of(mul->getUsers(), [](Operation *user) {
          return isElementwise(user) || isa<ReduceSumOp>(user);
        })) {
      factors.push_back(value);
      return;
    }
    collectFactors(mul.getLhs(), depth - 1, factors);
    collectFactors(mul.getRhs(), depth - 1, factors);
  }
};

} // namespace

void populateReductionPatterns(RewritePatternSet &patterns) {
  patterns.add<ReduceOfNothing<ReduceSumOp>, ReduceOfNothing<ReduceProdOp>,
               ReduceOfNothing<ReduceMaxOp>, ReduceOfNothing<ReduceMinOp>,
               MergeReductions<ReduceSumOp>, MergeReductions<ReduceProdOp>,
               MergeReductions<ReduceMaxOp>, MergeReductions<ReduceMinOp>,
               FactorOutOfSum, FactorBroadcastOutOfSum>(patterns.getContext());
}

} // namespace dlc
