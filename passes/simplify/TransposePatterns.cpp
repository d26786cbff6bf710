//===- TransposePatterns.cpp - transposes sink until they meet ------------===//
//
// An importer writes conv -> transpose to NCHW, …, transpose to NHWC -> conv.
// Each transpose sinks through what lies between, whose dim attributes are
// renamed instead, until it meets its inverse:
//
//   %n = dlc.transpose %c [0, 3, 1, 2]
//   %r = dlc.relu %n                          %r = dlc.relu %c
//   %m = dlc.reduce_sum %r dims [2, 3]   ->   %m = dlc.reduce_sum %r dims [1,
//   2]
//
// An op with several operands lets a transpose pass if every operand either
// comes from an equal transpose or costs little to transpose back (splats,
// constants, broadcasts of smaller tensors).
//
//===----------------------------------------------------------------------===//
#include "passes/simplify/Layout.h"
#include "passes/simplify/Patterns.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace dlc {
namespace {

/// The permutation of the first operand that a transpose makes.
std::optional<SmallVector<int64_t>> operandPermutation(ValueRange operands) {
  for (Value operand : operands)
    if (auto transpose = operand.getDefiningOp<TransposeOp>())
      return SmallVector<int64_t>(transpose.getPermutation());
  return std::nullopt;
}

/// All of `operands` before the transpose, or none.
std::optional<SmallVector<Value>>
untransposeAll(RewriterBase &b, Location loc, ValueRange operands,
               ArrayRef<int64_t> permutation) {
  if (!llvm::all_of(operands, [&](Value operand) {
        return canUntranspose(operand, permutation);
      }))
    return std::nullopt;
  return llvm::map_to_vector(operands, [&](Value operand) {
    return untranspose(b, loc, operand, permutation);
  });
}

/// op (transpose x, transpose y) -> transpose (op (x, y))
struct SinkThroughElementwise : RewritePattern {
  SinkThroughElementwise(MLIRContext *context)
      : RewritePattern(MatchAnyOpTypeTag(), 1, context) {}
  LogicalResult matchAndRewrite(Operation *op,
                                PatternRewriter &rewriter) const override {
    if (!isElementwise(op))
      return failure();
    auto permutation = operandPermutation(op->getOperands());
    if (!permutation)
      return rewriter.notifyMatchFailure(op, "no operand is transposed");
    auto operands =
        untransposeAll(rewriter, op->getLoc(), op->getOperands(), *permutation);
    if (!operands)
      return rewriter.notifyMatchFailure(op,
                                         "an operand is laid out otherwise");
    Value result =
        cloneWithShape(rewriter, op, *operands, shapeOf(operands->front()));
    rewriter.replaceOp(
        op, transposeBy(rewriter, op->getLoc(), result, *permutation));
    return success();
  }
};

/// What is left of `permutation` when the dims `dropped` (of the transposed
/// tensor) go away on both sides.
SmallVector<int64_t> dropDims(ArrayRef<int64_t> permutation,
                              ArrayRef<int64_t> dropped) {
  SmallVector<int64_t> sources = mapDims(dropped, permutation);
  SmallVector<int64_t> rest;
  for (auto [i, source] : llvm::enumerate(permutation))
    if (!llvm::is_contained(dropped, int64_t(i)))
      rest.push_back(source - llvm::count_if(sources, [&](int64_t gone) {
                       return gone < source;
                     }));
  return rest;
}

/// reduce (transpose x) -> transpose (reduce x)
template <typename OpTy> struct SinkThroughReduce : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    auto transpose = op.getOperand().template getDefiningOp<TransposeOp>();
    if (!transpose)
      return rewriter.notifyMatchFailure(op, "the operand is no transpose");
    ArrayRef<int64_t> permutation = transpose.getPermutation();
    SmallVector<int64_t> dims = mapDims(op.getDims(), permutation);
    llvm::sort(dims);
    Value reduced =
        OpTy::create(rewriter, op.getLoc(), transpose.getOperand(), dims);
    rewriter.replaceOp(op, transposeBy(rewriter, op.getLoc(), reduced,
                                       dropDims(permutation, op.getDims())));
    return success();
  }
};

template <typename OpTy> struct SinkThroughArgReduce : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    auto transpose = op.getOperand().template getDefiningOp<TransposeOp>();
    if (!transpose)
      return rewriter.notifyMatchFailure(op, "the operand is no transpose");
    ArrayRef<int64_t> permutation = transpose.getPermutation();
    int64_t dim = op.getDim();
    Value reduced = OpTy::create(rewriter, op.getLoc(), transpose.getOperand(),
                                 permutation[dim], op.getLast());
    rewriter.replaceOp(op, transposeBy(rewriter, op.getLoc(), reduced,
                                       dropDims(permutation, {dim})));
    return success();
  }
};

/// Ops whose result is shaped as their operand and that act along `dim`.
template <typename OpTy> struct SinkThroughDimOp : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    auto transpose = op.getOperand().template getDefiningOp<TransposeOp>();
    if (!transpose)
      return rewriter.notifyMatchFailure(op, "the operand is no transpose");
    Value source = transpose.getOperand();
    auto moved =
        cast<OpTy>(cloneWithShape(rewriter, op, {source}, shapeOf(source))
                       .getDefiningOp());
    moved.setDim(transpose.getPermutation()[op.getDim()]);
    rewriter.replaceOp(op, transposeBy(rewriter, op.getLoc(), moved,
                                       transpose.getPermutation()));
    return success();
  }
};

struct SinkThroughReverse : OpRewritePattern<ReverseOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReverseOp op,
                                PatternRewriter &rewriter) const override {
    auto transpose = op.getOperand().getDefiningOp<TransposeOp>();
    if (!transpose)
      return rewriter.notifyMatchFailure(op, "the operand is no transpose");
    SmallVector<int64_t> dims =
        mapDims(op.getDims(), transpose.getPermutation());
    llvm::sort(dims);
    Value source = transpose.getOperand();
    Value moved = ReverseOp::create(rewriter, op.getLoc(), source.getType(),
                                    source, dims);
    rewriter.replaceOp(op, transposeBy(rewriter, op.getLoc(), moved,
                                       transpose.getPermutation()));
    return success();
  }
};

struct SinkThroughBatchNorm : OpRewritePattern<BatchNormOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(BatchNormOp op,
                                PatternRewriter &rewriter) const override {
    auto transpose = op.getOperand().getDefiningOp<TransposeOp>();
    if (!transpose)
      return rewriter.notifyMatchFailure(op, "the operand is no transpose");
    ArrayRef<int64_t> permutation = transpose.getPermutation();
    Value source = transpose.getOperand();
    auto type = op.getResult().getType().clone(shapeOf(source));
    auto moved = BatchNormOp::create(
        rewriter, op.getLoc(),
        TypeRange{type, op.getMean().getType(), op.getVariance().getType()},
        source, op.getScale(), op.getBias(), permutation[op.getChannel()],
        op.getEpsilon());
    Value result =
        transposeBy(rewriter, op.getLoc(), moved.getResult(), permutation);
    rewriter.replaceOp(op, {result, moved.getMean(), moved.getVariance()});
    return success();
  }
};

/// Only the dims before the normalized ones may move.
struct SinkThroughLayerNorm : OpRewritePattern<LayerNormOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(LayerNormOp op,
                                PatternRewriter &rewriter) const override {
    auto transpose = op.getOperand().getDefiningOp<TransposeOp>();
    if (!transpose)
      return rewriter.notifyMatchFailure(op, "the operand is no transpose");
    ArrayRef<int64_t> permutation = transpose.getPermutation();
    int64_t axis = op.getAxis();
    for (int64_t i = axis, rank = permutation.size(); i < rank; ++i)
      if (permutation[i] != i)
        return rewriter.notifyMatchFailure(op, "a normalized dim would move");
    Value source = transpose.getOperand();
    auto type = op.getResult().getType().clone(shapeOf(source));
    auto rows = shapeOf(source).take_front(axis);
    auto moved = LayerNormOp::create(
        rewriter, op.getLoc(),
        TypeRange{type, op.getMean().getType().clone(rows),
                  op.getRstd().getType().clone(rows)},
        source, op.getScale(), op.getBias(), axis, op.getEpsilon());
    auto back = [&](Value value) {
      return transposeBy(rewriter, op.getLoc(), value,
                         permutation.take_front(rankOf(value)));
    };
    rewriter.replaceOp(op, {back(moved.getResult()), back(moved.getMean()),
                            back(moved.getRstd())});
    return success();
  }
};

struct SinkThroughPad : OpRewritePattern<PadOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(PadOp op,
                                PatternRewriter &rewriter) const override {
    auto transpose = op.getOperand().getDefiningOp<TransposeOp>();
    if (!transpose)
      return rewriter.notifyMatchFailure(op, "the operand is no transpose");
    ArrayRef<int64_t> permutation = transpose.getPermutation();
    auto type =
        op.getType().clone(unpermute(op.getType().getShape(), permutation));
    Value moved =
        PadOp::create(rewriter, op.getLoc(), type, transpose.getOperand(),
                      op.getValue(), unpermute(op.getLow(), permutation),
                      unpermute(op.getInterior(), permutation));
    rewriter.replaceOp(op,
                       transposeBy(rewriter, op.getLoc(), moved, permutation));
    return success();
  }
};

struct SinkThroughSlice : OpRewritePattern<SliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(SliceOp op,
                                PatternRewriter &rewriter) const override {
    auto transpose = op.getOperand().getDefiningOp<TransposeOp>();
    if (!transpose)
      return rewriter.notifyMatchFailure(op, "the operand is no transpose");
    ArrayRef<int64_t> permutation = transpose.getPermutation();
    auto type =
        op.getType().clone(unpermute(op.getType().getShape(), permutation));
    Value moved =
        SliceOp::create(rewriter, op.getLoc(), type, transpose.getOperand(),
                        unpermute(op.getStarts(), permutation),
                        unpermute(op.getSteps(), permutation));
    rewriter.replaceOp(op,
                       transposeBy(rewriter, op.getLoc(), moved, permutation));
    return success();
  }
};

struct SinkThroughConcat : OpRewritePattern<ConcatOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ConcatOp op,
                                PatternRewriter &rewriter) const override {
    auto permutation = operandPermutation(op.getOperands());
    if (!permutation)
      return rewriter.notifyMatchFailure(op, "no operand is transposed");
    auto operands =
        untransposeAll(rewriter, op.getLoc(), op.getOperands(), *permutation);
    if (!operands)
      return rewriter.notifyMatchFailure(op,
                                         "an operand is laid out otherwise");
    Value moved = ConcatOp::create(rewriter, op.getLoc(), *operands,
                                   (*permutation)[op.getDim()]);
    rewriter.replaceOp(op,
                       transposeBy(rewriter, op.getLoc(), moved, *permutation));
    return success();
  }
};

/// gather (transpose x) -> transpose (gather x)
struct SinkThroughGather : OpRewritePattern<GatherOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(GatherOp op,
                                PatternRewriter &rewriter) const override {
    auto transpose = op.getOperand().getDefiningOp<TransposeOp>();
    if (!transpose)
      return rewriter.notifyMatchFailure(op, "the operand is no transpose");
    ArrayRef<int64_t> permutation = transpose.getPermutation();
    int64_t sourceDim = permutation[op.getDim()];
    int64_t extra = rankOf(op.getIndices()) - 1;
    Value moved =
        GatherOp::create(rewriter, op.getLoc(), transpose.getOperand(),
                         op.getIndices(), sourceDim);
    SmallVector<int64_t> order;
    for (int64_t source : permutation) {
      if (source != sourceDim)
        order.push_back(source < sourceDim ? source : source + extra);
      else
        llvm::append_range(
            order, llvm::seq<int64_t>(sourceDim, sourceDim + extra + 1));
    }
    rewriter.replaceOp(op, transposeBy(rewriter, op.getLoc(), moved, order));
    return success();
  }
};

/// Window ops: the geometry moves along. The dims in which windows extend keep
/// their order, since `position` counts in it.
template <typename OpTy> struct SinkThroughWindow : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    auto found = operandPermutation(op->getOperands());
    if (!found)
      return rewriter.notifyMatchFailure(op, "no operand is transposed");
    SmallVector<int64_t> permutation = *found;
    int64_t last = -1;
    for (auto [size, source] : llvm::zip_equal(op.getWindow(), permutation)) {
      if (size > 1 && source < last)
        return rewriter.notifyMatchFailure(op,
                                           "window dims would change order");
      last = size > 1 ? source : last;
    }
    auto operands =
        untransposeAll(rewriter, op.getLoc(), op->getOperands(), permutation);
    if (!operands)
      return rewriter.notifyMatchFailure(op,
                                         "an operand is laid out otherwise");
    SmallVector<Type> types;
    for (Value result : op->getResults())
      types.push_back(
          tensorType(result).clone(unpermute(shapeOf(result), permutation)));
    OperationState state(op.getLoc(), OpTy::getOperationName(), *operands,
                         types, op->getAttrs());
    auto moved = cast<OpTy>(rewriter.create(state));
    moved.setWindow(unpermute(op.getWindow(), permutation));
    moved.setStrides(unpermute(op.getStrides(), permutation));
    moved.setDilations(unpermute(op.getDilations(), permutation));
    moved.setPadsBegin(unpermute(op.getPadsBegin(), permutation));
    SmallVector<Value> results;
    for (Value result : moved->getResults())
      results.push_back(
          transposeBy(rewriter, op.getLoc(), result, permutation));
    rewriter.replaceOp(op, results);
    return success();
  }
};

/// reshape (transpose x) -> transpose (reshape x), if each run of dims that the
/// reshape joins or splits is a run of x too. Dims of size 1 do not count.
struct SinkThroughReshape : OpRewritePattern<ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReshapeOp op,
                                PatternRewriter &rewriter) const override {
    auto transpose = op.getOperand().getDefiningOp<TransposeOp>();
    if (!transpose)
      return rewriter.notifyMatchFailure(op, "the operand is no transpose");
    auto groups =
        ReshapeGroups::get(shapeOf(op.getOperand()), op.getType().getShape());
    if (!groups)
      return rewriter.notifyMatchFailure(op, "the tensor has no elements");
    auto order = sourceOrder(*groups, transpose);
    if (!order)
      return rewriter.notifyMatchFailure(op, "it joins dims that are apart");
    SmallVector<int64_t> shape, outDims;
    for (const DimGroup *run : *order)
      for (int64_t dim = run->outBegin; dim < run->outEnd; ++dim) {
        outDims.push_back(dim);
        shape.push_back(op.getType().getDimSize(dim));
      }
    Value moved =
        reshapeTo(rewriter, op.getLoc(), transpose.getOperand(), shape);
    rewriter.replaceOp(op, transposeBy(rewriter, op.getLoc(), moved,
                                       inversePermutation(outDims)));
    return success();
  }

private:
  /// The runs in the order in which they lie in the transpose's operand, or
  /// none if one of them does not lie together there.
  static std::optional<SmallVector<const DimGroup *>>
  sourceOrder(const ReshapeGroups &groups, TransposeOp transpose) {
    // Dims of size 1 are dropped, the others numbered in the source's order.
    Value source = transpose.getOperand();
    SmallVector<int64_t> number(rankOf(source));
    for (int64_t i = 0, next = 0; i < rankOf(source); ++i)
      number[i] = shapeOf(source)[i] == 1 ? -1 : next++;
    // Runs of dims of size 1 alone stay behind the run before them.
    SmallVector<std::pair<int64_t, const DimGroup *>> keyed;
    int64_t previous = -1;
    for (const DimGroup &run : groups.groups()) {
      int64_t first = -1, last = -1;
      for (int64_t i = run.inBegin; i < run.inEnd; ++i) {
        int64_t position = number[transpose.getPermutation()[i]];
        if (position < 0)
          continue;
        if (last >= 0 && position != last + 1)
          return std::nullopt;
        first = first < 0 ? position : first;
        last = position;
      }
      previous = first < 0 ? previous : first;
      keyed.push_back({previous, &run});
    }
    llvm::sort(keyed);
    return llvm::map_to_vector(keyed, [](auto &pair) { return pair.second; });
  }
};

/// broadcast (transpose x) -> transpose (broadcast x) where little is repeated,
/// as when an image is enlarged. New dims stay behind the dim they follow.
struct SinkThroughBroadcast : OpRewritePattern<BroadcastOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(BroadcastOp op,
                                PatternRewriter &rewriter) const override {
    auto transpose = op.getOperand().getDefiningOp<TransposeOp>();
    if (!transpose)
      return rewriter.notifyMatchFailure(op, "the operand is no transpose");
    Value source = transpose.getOperand();
    if (repeatsMuch(op))
      return rewriter.notifyMatchFailure(op, "the transpose would grow");
    // order[k]: the dim of `op` that is dim k of the broadcast of the source.
    SmallVector<int64_t> order, dims;
    ArrayRef<int64_t> mapped = op.getDims();
    int64_t rank = op.getType().getRank();
    auto appendNewDims = [&](int64_t from) {
      for (; from < rank && !llvm::is_contained(mapped, from); ++from)
        order.push_back(from);
    };
    appendNewDims(0);
    for (int64_t position : inversePermutation(transpose.getPermutation())) {
      dims.push_back(order.size());
      order.push_back(mapped[position]);
      appendNewDims(mapped[position] + 1);
    }
    auto type = op.getType().clone(mapDims(order, op.getType().getShape()));
    Value moved =
        BroadcastOp::create(rewriter, op.getLoc(), type, source, dims);
    rewriter.replaceOp(op, transposeBy(rewriter, op.getLoc(), moved,
                                       inversePermutation(order)));
    return success();
  }
};

/// transpose (broadcast x) -> broadcast (transpose x): the smaller moves.
struct TransposeOfBroadcast : OpRewritePattern<TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(TransposeOp op,
                                PatternRewriter &rewriter) const override {
    Value operand = op.getOperand();
    SmallVector<int64_t> inverse = inversePermutation(op.getPermutation());
    if (!isa_and_present<BroadcastOp, IotaOp>(operand.getDefiningOp()) ||
        !canUntranspose(operand, inverse))
      return rewriter.notifyMatchFailure(op, "no smaller operand is known");
    rewriter.replaceOp(op,
                       untranspose(rewriter, op.getLoc(), operand, inverse));
    return success();
  }
};

} // namespace

void populateTransposePatterns(RewritePatternSet &patterns) {
  patterns.add<SinkThroughElementwise, SinkThroughReduce<ReduceSumOp>,
               SinkThroughReduce<ReduceProdOp>, SinkThroughReduce<ReduceMaxOp>,
               SinkThroughReduce<ReduceMinOp>, SinkThroughArgReduce<ArgMaxOp>,
               SinkThroughArgReduce<ArgMinOp>, SinkThroughDimOp<SoftmaxOp>,
               SinkThroughDimOp<LogSoftmaxOp>, SinkThroughDimOp<CumSumOp>,
               SinkThroughReverse, SinkThroughBatchNorm, SinkThroughLayerNorm,
               SinkThroughPad, SinkThroughSlice, SinkThroughConcat,
               SinkThroughGather, SinkThroughWindow<PoolMaxOp>,
               SinkThroughWindow<PoolSumOp>, SinkThroughWindow<PoolMaxGradOp>,
               SinkThroughWindow<PoolSumGradOp>, SinkThroughReshape,
               SinkThroughBroadcast, TransposeOfBroadcast>(
      patterns.getContext());
}

} // namespace dlc
