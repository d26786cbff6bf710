//===- BroadcastPatterns.cpp - arithmetic before broadcasting -------------===//
//
// What does not vary along a dim need not be computed along it:
//
//   %a = dlc.broadcast %x dims [0] : [B] -> [B, C]
//   %b = dlc.broadcast %y dims [0] : [B] -> [B, C]      %p = dlc.mul %x, %y
//   %p = dlc.mul %a, %b                             ->  %r = dlc.broadcast %p
//   dims [0]
//
//===----------------------------------------------------------------------===//
#include "passes/simplify/Layout.h"
#include "passes/simplify/Patterns.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace dlc {
namespace {

/// The dims along which `value` is known to vary; none if that is unknown.
std::optional<SmallVector<int64_t>> varyingDims(Value value) {
  if (auto broadcast = value.getDefiningOp<BroadcastOp>())
    return SmallVector<int64_t>(broadcast.getDims());
  if (auto iota = value.getDefiningOp<IotaOp>())
    return SmallVector<int64_t>{int64_t(iota.getDim())};
  if (isSplatConstant(value))
    return SmallVector<int64_t>();
  return std::nullopt;
}

/// `value`, which does not vary along other dims, in the dims `kept` alone.
Value restrictTo(OpBuilder &b, Location loc, Value value,
                 ArrayRef<int64_t> kept) {
  SmallVector<int64_t> shape = mapDims(kept, shapeOf(value));
  auto positionOf = [&](int64_t dim) {
    return int64_t(llvm::find(kept, dim) - kept.begin());
  };
  if (auto broadcast = value.getDefiningOp<BroadcastOp>())
    return broadcastInDim(b, loc, broadcast.getOperand(), shape,
                          llvm::map_to_vector(broadcast.getDims(), positionOf));
  if (auto iota = value.getDefiningOp<IotaOp>())
    return IotaOp::create(b, loc, tensorType(value).clone(shape),
                          positionOf(iota.getDim()));
  auto elements =
      cast<DenseElementsAttr>(value.getDefiningOp<ConstantOp>().getValue());
  return ConstantOp::create(
      b, loc, elements.resizeSplat(tensorType(value).clone(shape)));
}

/// op (broadcast x, broadcast y) -> broadcast (op (x, y)), in the dims that x
/// or y has.
struct ComputeBeforeBroadcast : RewritePattern {
  ComputeBeforeBroadcast(MLIRContext *context)
      : RewritePattern(MatchAnyOpTypeTag(), 1, context) {}
  LogicalResult matchAndRewrite(Operation *op,
                                PatternRewriter &rewriter) const override {
    if (!isElementwise(op))
      return failure();
    SmallVector<bool> varies(rankOf(op->getResult(0)));
    for (Value operand : op->getOperands()) {
      auto dims = varyingDims(operand);
      if (!dims)
        return rewriter.notifyMatchFailure(op, "an operand varies in all dims");
      for (int64_t dim : *dims)
        varies[dim] = true;
    }
    SmallVector<int64_t> kept;
    int64_t repeats = 1;
    for (auto [dim, size] : llvm::enumerate(shapeOf(op->getResult(0)))) {
      if (varies[dim])
        kept.push_back(dim);
      else
        repeats *= size;
    }
    if (repeats <= 1)
      return rewriter.notifyMatchFailure(op, "nothing is repeated");
    auto operands = llvm::map_to_vector(op->getOperands(), [&](Value operand) {
      return restrictTo(rewriter, op->getLoc(), operand, kept);
    });
    Value result =
        cloneWithShape(rewriter, op, operands, shapeOf(operands.front()));
    rewriter.replaceOp(op, broadcastInDim(rewriter, op->getLoc(), result,
                                          shapeOf(op->getResult(0)), kept));
    return success();
  }
};

/// slice (broadcast x) -> broadcast (slice x)
struct SliceOfBroadcast : OpRewritePattern<SliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(SliceOp op,
                                PatternRewriter &rewriter) const override {
    auto broadcast = op.getOperand().getDefiningOp<BroadcastOp>();
    if (!broadcast)
      return rewriter.notifyMatchFailure(op, "the operand is no broadcast");
    Value operand = broadcast.getOperand();
    SmallVector<int64_t> shape, starts, steps;
    for (auto [size, dim] :
         llvm::zip_equal(shapeOf(operand), broadcast.getDims())) {
      bool isRepeated = size == 1;
      shape.push_back(isRepeated ? 1 : op.getType().getDimSize(dim));
      starts.push_back(isRepeated ? 0 : op.getStarts()[dim]);
      steps.push_back(isRepeated ? 1 : op.getSteps()[dim]);
    }
    if (op.getType().getNumElements() == 0)
      return rewriter.notifyMatchFailure(op, "the slice is empty");
    Value sliced = operand;
    if (shapeOf(operand) != ArrayRef<int64_t>(shape))
      sliced = SliceOp::create(rewriter, op.getLoc(), op.getType().clone(shape),
                               operand, starts, steps);
    rewriter.replaceOp(op, broadcastInDim(rewriter, op.getLoc(), sliced,
                                          op.getType().getShape(),
                                          broadcast.getDims()));
    return success();
  }
};

/// reduce (broadcast x) -> broadcast (reduce x); a sum over repeated elements
/// is a product, an extreme one of them.
template <typename OpTy> struct ReduceOfBroadcast : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    auto broadcast = op.getOperand().template getDefiningOp<BroadcastOp>();
    if (!broadcast)
      return rewriter.notifyMatchFailure(op, "the operand is no broadcast");
    Value operand = broadcast.getOperand();
    ArrayRef<int64_t> whole = broadcast.getType().getShape();
    SmallVector<int64_t> reduced, kept;
    int64_t repeats = 1;
    for (int64_t dim : op.getDims())
      if (!llvm::is_contained(broadcast.getDims(), dim))
        repeats *= whole[dim];
    for (auto [i, dim] : llvm::enumerate(broadcast.getDims())) {
      if (!llvm::is_contained(op.getDims(), dim)) {
        kept.push_back(
            dim - llvm::count_if(op.getDims(),
                                 [dim = dim](int64_t d) { return d < dim; }));
        continue;
      }
      if (shapeOf(operand)[i] != whole[dim])
        return rewriter.notifyMatchFailure(op, "a dim of size 1 is repeated");
      reduced.push_back(i);
    }
    if (repeats == 0)
      return rewriter.notifyMatchFailure(op, "nothing is reduced");
    Value result = operand;
    if (!reduced.empty())
      result = OpTy::create(rewriter, op.getLoc(), operand, reduced);
    if constexpr (std::is_same_v<OpTy, ReduceSumOp>)
      result = scaleBy(rewriter, op.getLoc(), result, double(repeats));
    rewriter.replaceOp(op, broadcastInDim(rewriter, op.getLoc(), result,
                                          shapeOf(op.getResult()), kept));
    return success();
  }
};

} // namespace

void populateBroadcastPatterns(RewritePatternSet &patterns) {
  patterns.add<ComputeBeforeBroadcast, SliceOfBroadcast,
               ReduceOfBroadcast<ReduceSumOp>, ReduceOfBroadcast<ReduceMaxOp>,
               ReduceOfBroadcast<ReduceMinOp>>(patterns.getContext());
}

} // namespace dlc
