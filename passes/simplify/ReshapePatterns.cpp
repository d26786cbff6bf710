//===- ReshapePatterns.cpp - reshapes sink until they vanish --------------===//
//
// A reshape splits or joins some dims; ops that treat those dims alike do not
// care, so the reshape goes below them, to meet the one that undoes it:
//
//   %f = dlc.reshape %x : [B, T, C] -> [BT, C]
//   %g = dlc.exp %f                                  %g = dlc.exp %x
//   %h = dlc.reshape %g : [BT, C] -> [B, T, C]   ->
//
// Broadcasts are kept without dims of size 1 in their operand, so that equal
// ones look equal.
//
//===----------------------------------------------------------------------===//
#include "passes/simplify/Layout.h"
#include "passes/simplify/Patterns.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace dlc {
namespace {

/// op (reshape x, reshape y) -> reshape (op (x, y))
struct SinkThroughElementwise : RewritePattern {
  SinkThroughElementwise(MLIRContext *context)
      : RewritePattern(MatchAnyOpTypeTag(), 1, context) {}
  LogicalResult matchAndRewrite(Operation *op,
                                PatternRewriter &rewriter) const override {
    if (!isElementwise(op))
      return failure();
    ReshapeOp reshape;
    for (Value operand : op->getOperands())
      if (!reshape)
        reshape = operand.getDefiningOp<ReshapeOp>();
    if (!reshape)
      return rewriter.notifyMatchFailure(op, "no operand is reshaped");
    SmallVector<int64_t> shape(shapeOf(reshape.getOperand()));
    if (!llvm::all_of(op->getOperands(), [&](Value operand) {
          return canUnreshape(operand, shape);
        }))
      return rewriter.notifyMatchFailure(op, "an operand has no such shape");
    auto operands = llvm::map_to_vector(op->getOperands(), [&](Value operand) {
      return unreshape(rewriter, op->getLoc(), operand, shape);
    });
    Value result = cloneWithShape(rewriter, op, operands, shape);
    rewriter.replaceOp(op, reshapeTo(rewriter, op->getLoc(), result,
                                     shapeOf(op->getResult(0))));
    return success();
  }
};

/// The operand dims of a reshape behind the result dims `dims`, if each run is
/// either in `dims` as a whole or not at all.
std::optional<SmallVector<int64_t>> wholeRuns(const ReshapeGroups &groups,
                                              ArrayRef<int64_t> dims) {
  SmallVector<int64_t> sources;
  for (const DimGroup &run : groups.groups()) {
    int64_t inside = llvm::count_if(dims, [&](int64_t dim) {
      return dim >= run.outBegin && dim < run.outEnd;
    });
    if (inside == 0)
      continue;
    if (inside != run.outEnd - run.outBegin)
      return std::nullopt;
    llvm::append_range(sources, llvm::seq<int64_t>(run.inBegin, run.inEnd));
  }
  return sources;
}

/// reduce (reshape x) -> reshape (reduce x)
template <typename OpTy> struct SinkThroughReduce : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    auto reshape = op.getOperand().template getDefiningOp<ReshapeOp>();
    if (!reshape)
      return rewriter.notifyMatchFailure(op, "the operand is no reshape");
    Value source = reshape.getOperand();
    auto groups = ReshapeGroups::get(shapeOf(source), shapeOf(op.getOperand()));
    if (!groups)
      return rewriter.notifyMatchFailure(op, "the tensor has no elements");
    auto dims = wholeRuns(*groups, op.getDims());
    if (!dims)
      return rewriter.notifyMatchFailure(op, "part of a run is reduced");
    Value reduced = OpTy::create(rewriter, op.getLoc(), source, *dims);
    rewriter.replaceOp(
        op, reshapeTo(rewriter, op.getLoc(), reduced, shapeOf(op.getResult())));
    return success();
  }
};

/// Ops along one dim that the reshape leaves alone.
template <typename OpTy> struct SinkThroughDimOp : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    auto reshape = op.getOperand().template getDefiningOp<ReshapeOp>();
    if (!reshape)
      return rewriter.notifyMatchFailure(op, "the operand is no reshape");
    Value source = reshape.getOperand();
    auto groups = ReshapeGroups::get(shapeOf(source), shapeOf(op.getOperand()));
    auto dim = groups ? groups->inDimOf(op.getDim()) : std::nullopt;
    if (!dim)
      return rewriter.notifyMatchFailure(op, "its dim is split or joined");
    auto moved =
        cast<OpTy>(cloneWithShape(rewriter, op, {source}, shapeOf(source))
                       .getDefiningOp());
    moved.setDim(*dim);
    rewriter.replaceOp(
        op, reshapeTo(rewriter, op.getLoc(), moved, shapeOf(op.getResult())));
    return success();
  }
};

/// layer_norm (reshape x) -> reshape (layer_norm x), if the normalized dims are
/// the same ones.
struct SinkThroughLayerNorm : OpRewritePattern<LayerNormOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(LayerNormOp op,
                                PatternRewriter &rewriter) const override {
    auto reshape = op.getOperand().getDefiningOp<ReshapeOp>();
    if (!reshape)
      return rewriter.notifyMatchFailure(op, "the operand is no reshape");
    Value source = reshape.getOperand();
    ArrayRef<int64_t> cols = shapeOf(op.getScale());
    if (rankOf(source) <= int64_t(cols.size()) ||
        shapeOf(source).take_back(cols.size()) != cols)
      return rewriter.notifyMatchFailure(op, "normalized dims are reshaped");
    int64_t axis = rankOf(source) - cols.size();
    auto rows = shapeOf(source).take_front(axis);
    auto moved = LayerNormOp::create(
        rewriter, op.getLoc(),
        TypeRange{op.getResult().getType().clone(shapeOf(source)),
                  op.getMean().getType().clone(rows),
                  op.getRstd().getType().clone(rows)},
        source, op.getScale(), op.getBias(), axis, op.getEpsilon());
    SmallVector<Value> results;
    for (auto [fresh, old] : llvm::zip(moved->getResults(), op->getResults()))
      results.push_back(reshapeTo(rewriter, op.getLoc(), fresh, shapeOf(old)));
    rewriter.replaceOp(op, results);
    return success();
  }
};

/// slice (reshape x) -> reshape (slice x), if only whole dims are sliced.
struct SinkThroughSlice : OpRewritePattern<SliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(SliceOp op,
                                PatternRewriter &rewriter) const override {
    auto reshape = op.getOperand().getDefiningOp<ReshapeOp>();
    if (!reshape)
      return rewriter.notifyMatchFailure(op, "the operand is no reshape");
    Value source = reshape.getOperand();
    auto groups = ReshapeGroups::get(shapeOf(source), shapeOf(op.getOperand()));
    if (!groups)
      return rewriter.notifyMatchFailure(op, "the tensor has no elements");
    SmallVector<int64_t> shape(shapeOf(source)), starts(shape.size(), 0),
        steps(shape.size(), 1);
    for (int64_t i = 0; i < op.getType().getRank(); ++i) {
      if (op.getType().getDimSize(i) == shapeOf(op.getOperand())[i])
        continue;
      std::optional<int64_t> dim = groups->inDimOf(i);
      if (!dim)
        return rewriter.notifyMatchFailure(op, "a sliced dim is reshaped");
      shape[*dim] = op.getType().getDimSize(i);
      starts[*dim] = op.getStarts()[i];
      steps[*dim] = op.getSteps()[i];
    }
    Value moved =
        SliceOp::create(rewriter, op.getLoc(), op.getType().clone(shape),
                        source, starts, steps);
    rewriter.replaceOp(
        op, reshapeTo(rewriter, op.getLoc(), moved, op.getType().getShape()));
    return success();
  }
};

/// gather (x, reshape i) -> reshape (gather (x, i))
struct SinkThroughGatherIndices : OpRewritePattern<GatherOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(GatherOp op,
                                PatternRewriter &rewriter) const override {
    auto reshape = op.getIndices().getDefiningOp<ReshapeOp>();
    if (!reshape)
      return rewriter.notifyMatchFailure(op, "the indices are no reshape");
    Value moved = GatherOp::create(rewriter, op.getLoc(), op.getOperand(),
                                   reshape.getOperand(), op.getDim());
    rewriter.replaceOp(
        op, reshapeTo(rewriter, op.getLoc(), moved, op.getType().getShape()));
    return success();
  }
};

/// reshape (broadcast x) -> broadcast x
struct ReshapeOfBroadcast : OpRewritePattern<ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReshapeOp op,
                                PatternRewriter &rewriter) const override {
    auto broadcast = op.getOperand().getDefiningOp<BroadcastOp>();
    if (!broadcast || !canUnreshape(broadcast, op.getType().getShape()))
      return rewriter.notifyMatchFailure(op,
                                         "it is no broadcast, or splits it");
    rewriter.replaceOp(op, unreshape(rewriter, op.getLoc(), broadcast,
                                     op.getType().getShape()));
    return success();
  }
};

/// broadcast (x : [B, 1]) -> broadcast (reshape x : [B]); without repetition
/// it is a reshape.
struct BroadcastOfUnitDims : OpRewritePattern<BroadcastOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(BroadcastOp op,
                                PatternRewriter &rewriter) const override {
    Value operand = op.getOperand();
    if (tensorType(operand).getNumElements() == op.getType().getNumElements()) {
      rewriter.replaceOp(op, reshapeTo(rewriter, op.getLoc(), operand,
                                       op.getType().getShape()));
      return success();
    }
    SmallVector<int64_t> shape, dims;
    for (auto [size, dim] : llvm::zip_equal(shapeOf(operand), op.getDims()))
      if (size != 1) {
        shape.push_back(size);
        dims.push_back(dim);
      }
    if (dims.size() == op.getDims().size())
      return rewriter.notifyMatchFailure(op, "no operand dim has size 1");
    Value squeezed = reshapeTo(rewriter, op.getLoc(), operand, shape);
    rewriter.replaceOpWithNewOp<BroadcastOp>(op, op.getType(), squeezed, dims);
    return success();
  }
};

} // namespace

void populateReshapePatterns(RewritePatternSet &patterns) {
  patterns.add<SinkThroughElementwise, SinkThroughReduce<ReduceSumOp>,
               SinkThroughReduce<ReduceProdOp>, SinkThroughReduce<ReduceMaxOp>,
               SinkThroughReduce<ReduceMinOp>, SinkThroughDimOp<SoftmaxOp>,
               SinkThroughDimOp<LogSoftmaxOp>, SinkThroughDimOp<CumSumOp>,
               SinkThroughLayerNorm, SinkThroughSlice, SinkThroughGatherIndices,
               ReshapeOfBroadcast, BroadcastOfUnitDims>(patterns.getContext());
}

} // namespace dlc
