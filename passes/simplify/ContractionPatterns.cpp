//===- ContractionPatterns.cpp - dot_general sees plain operands ----------===//
//
// A contraction names its dims, so a transpose of an operand is a renaming:
//
//   %t = dlc.transpose %w [1, 0]
//   dlc.dot_general %x, %t contract [1] x [0] -> dlc.dot_general %x, %w contract [1] x [1]
//
// A reshape of free dims goes below the product; a batch dim along which one
// side only repeats itself becomes a free dim of the other, so that
// [B, T, C] x broadcast [C, N] is one product with B T rows; batch dims of size
// 1 vanish.
//
//===----------------------------------------------------------------------===//
#include "passes/simplify/Layout.h"
#include "passes/simplify/Patterns.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace dlc {
namespace {

/// One side of a product.
struct Side {
  Value operand;
  SmallVector<int64_t> batch, contract;

  SmallVector<int64_t> free() const {
    SmallVector<int64_t> named(batch);
    llvm::append_range(named, contract);
    return otherDims(rankOf(operand), named);
  }
  /// Replaces the operand, whose dim i is called `to[i]` in the new one.
  void rename(Value newOperand, ArrayRef<int64_t> to) {
    operand = newOperand;
    batch = mapDims(batch, to);
    contract = mapDims(contract, to);
  }
};

Side lhsOf(DotGeneralOp op) {
  return {op.getLhs(), SmallVector<int64_t>(op.getLhsBatch()),
          SmallVector<int64_t>(op.getLhsContract())};
}
Side rhsOf(DotGeneralOp op) {
  return {op.getRhs(), SmallVector<int64_t>(op.getRhsBatch()),
          SmallVector<int64_t>(op.getRhsContract())};
}
Value createDot(OpBuilder &b, Location loc, const Side &lhs, const Side &rhs) {
  return DotGeneralOp::create(b, loc, lhs.operand, rhs.operand, lhs.batch,
                              rhs.batch, lhs.contract, rhs.contract);
}

/// dot (transpose x, y) -> dot (x, y), if the free dims keep their order.
struct FoldTranspose : OpRewritePattern<DotGeneralOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(DotGeneralOp op,
                                PatternRewriter &rewriter) const override {
    Side sides[] = {lhsOf(op), rhsOf(op)};
    bool hasChanged = false;
    for (Side &side : sides) {
      auto transpose = side.operand.getDefiningOp<TransposeOp>();
      if (!transpose ||
          !llvm::is_sorted(mapDims(side.free(), transpose.getPermutation())))
        continue;
      side.rename(transpose.getOperand(), transpose.getPermutation());
      hasChanged = true;
    }
    if (!hasChanged)
      return rewriter.notifyMatchFailure(
          op, "no operand is transposed with its free dims in order");
    rewriter.replaceOp(op, createDot(rewriter, op.getLoc(), sides[0], sides[1]));
    return success();
  }
};

/// transpose (dot (x, y)) -> dot (y, x), if it puts the free dims of y first.
struct SwapOperands : OpRewritePattern<TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(TransposeOp op,
                                PatternRewriter &rewriter) const override {
    auto dot = op.getOperand().getDefiningOp<DotGeneralOp>();
    if (!dot || !dot->hasOneUse())
      return rewriter.notifyMatchFailure(op, "no product used only here");
    Side lhs = lhsOf(dot), rhs = rhsOf(dot);
    int64_t batch = lhs.batch.size(), left = lhs.free().size();
    int64_t rank = op.getType().getRank();
    auto order = op.getPermutation();
    SmallVector<int64_t> swapped;
    llvm::append_range(swapped, llvm::seq<int64_t>(batch + left, rank));
    llvm::append_range(swapped, llvm::seq<int64_t>(batch, batch + left));
    bool isSwap = order.drop_front(batch) == ArrayRef<int64_t>(swapped);
    bool isKept = llvm::is_sorted(order.drop_front(batch)) &&
                  order.size() != size_t(batch) && order[batch] == batch;
    if (!isSwap && !isKept)
      return rewriter.notifyMatchFailure(op, "it mixes dims of both operands");
    for (Side *side : {&lhs, &rhs})
      side->batch = mapDims(order.take_front(batch), side->batch);
    if (isSwap)
      std::swap(lhs, rhs);
    rewriter.replaceOp(op, createDot(rewriter, op.getLoc(), lhs, rhs));
    return success();
  }
};

/// dot (reshape x, y) -> reshape (dot (x, y)), if the reshape changes free dims
/// alone.
struct SinkReshape : OpRewritePattern<DotGeneralOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(DotGeneralOp op,
                                PatternRewriter &rewriter) const override {
    Side sides[] = {lhsOf(op), rhsOf(op)};
    bool hasChanged = false;
    for (Side &side : sides)
      hasChanged |= succeeded(lookThroughReshape(side));
    if (!hasChanged)
      return rewriter.notifyMatchFailure(op,
                                         "no operand has only free dims reshaped");
    Value dot = createDot(rewriter, op.getLoc(), sides[0], sides[1]);
    rewriter.replaceOp(op, reshapeTo(rewriter, op.getLoc(), dot,
                                     op.getType().getShape()));
    return success();
  }

private:
  static LogicalResult lookThroughReshape(Side &side) {
    auto reshape = side.operand.getDefiningOp<ReshapeOp>();
    if (!reshape)
      return failure();
    Value source = reshape.getOperand();
    auto groups = ReshapeGroups::get(shapeOf(source), shapeOf(side.operand));
    if (!groups)
      return failure();
    SmallVector<int64_t> to(rankOf(side.operand), -1);
    for (SmallVector<int64_t> *dims : {&side.batch, &side.contract})
      for (int64_t dim : *dims) {
        std::optional<int64_t> mapped = groups->inDimOf(dim);
        if (!mapped || llvm::is_contained(to, *mapped))
          return failure();
        to[dim] = *mapped;
      }
    side.rename(source, to);
    return success();
  }
};

/// dot (x, broadcast y) batched over a dim that y does not have -> dot (x, y):
/// that dim is a free one of x.
struct DropBroadcastBatch : OpRewritePattern<DotGeneralOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(DotGeneralOp op,
                                PatternRewriter &rewriter) const override {
    Side lhs = lhsOf(op), rhs = rhsOf(op);
    auto broadcast = rhs.operand.getDefiningOp<BroadcastOp>();
    if (!broadcast)
      return rewriter.notifyMatchFailure(op, "rhs is no broadcast");
    Value source = broadcast.getOperand();
    SmallVector<int64_t> to(rankOf(rhs.operand), -1);
    for (auto [i, dim] : llvm::enumerate(broadcast.getDims()))
      if (shapeOf(source)[i] == shapeOf(rhs.operand)[dim])
        to[dim] = i;
    // Dropped batch dims come before everything else in the result, so they
    // must come first among the free dims of lhs, in order, and be the last
    // (or only) batch dims.
    SmallVector<int64_t> dropped;
    while (!rhs.batch.empty() && to[rhs.batch.back()] < 0) {
      dropped.insert(dropped.begin(), lhs.batch.pop_back_val());
      rhs.batch.pop_back();
    }
    SmallVector<int64_t> named(rhs.batch);
    llvm::append_range(named, rhs.contract);
    for (auto [dim, source] : llvm::enumerate(to))
      if (source < 0 && !llvm::is_contained(op.getRhsBatch(), int64_t(dim)))
        return rewriter.notifyMatchFailure(op, "a dim that stays is repeated");
    for (int64_t dim : named)
      if (to[dim] < 0)
        return rewriter.notifyMatchFailure(op, "a batch dim between is repeated");
    if (dropped.empty())
      return rewriter.notifyMatchFailure(op, "no batch dim is repeated");
    SmallVector<int64_t> freeDims = lhs.free();
    if (ArrayRef<int64_t>(freeDims).take_front(dropped.size()) !=
        ArrayRef<int64_t>(dropped))
      return rewriter.notifyMatchFailure(op, "the result would be transposed");
    rhs.rename(source, to);
    rewriter.replaceOp(op, createDot(rewriter, op.getLoc(), lhs, rhs));
    return success();
  }
};

/// Batch dims of size 1 leave both operands and come back in the result.
struct DropUnitBatch : OpRewritePattern<DotGeneralOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(DotGeneralOp op,
                                PatternRewriter &rewriter) const override {
    Side lhs = lhsOf(op), rhs = rhsOf(op);
    SmallVector<size_t> units;
    for (auto [i, dim] : llvm::enumerate(lhs.batch))
      if (shapeOf(lhs.operand)[dim] == 1)
        units.push_back(i);
    if (units.empty())
      return rewriter.notifyMatchFailure(op, "no batch dim has size 1");
    for (Side *side : {&lhs, &rhs})
      drop(rewriter, op.getLoc(), *side, units);
    Value dot = createDot(rewriter, op.getLoc(), lhs, rhs);
    rewriter.replaceOp(op, reshapeTo(rewriter, op.getLoc(), dot,
                                     op.getType().getShape()));
    return success();
  }

private:
  static void drop(PatternRewriter &b, Location loc, Side &side,
                   ArrayRef<size_t> units) {
    SmallVector<int64_t> gone;
    for (size_t i : units)
      gone.push_back(side.batch[i]);
    for (size_t i : llvm::reverse(units))
      side.batch.erase(side.batch.begin() + i);
    SmallVector<int64_t> kept = otherDims(rankOf(side.operand), gone);
    SmallVector<int64_t> to(rankOf(side.operand), -1);
    for (auto [i, dim] : llvm::enumerate(kept))
      to[dim] = i;
    side.rename(reshapeTo(b, loc, side.operand,
                          mapDims(kept, shapeOf(side.operand))),
                to);
  }
};

} // namespace

void populateContractionPatterns(RewritePatternSet &patterns) {
  patterns.add<FoldTranspose, SwapOperands, SinkReshape, DropBroadcastBatch,
               DropUnitBatch>(patterns.getContext());
}

} // namespace dlc
