//===- ContractionPatterns.cpp - dot_general sees plain operands ----------===//
//
// A contraction names its dims, so a transpose of an operand is a renaming:
//
//   %t = dlc.transpose %w [1, 0]
//   dlc.dot_general %x, %t contract [1] x [0] -> dlc.dot_general %x, %w
//   contract [1] x [1]
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
/// The product of other sides, summed to the element type that `old` has.
Value createDot(OpBuilder &b, DotGeneralOp old, const Side &lhs,
                const Side &rhs) {
  auto dot = DotGeneralOp::create(b, old.getLoc(), lhs.operand, rhs.operand,
                                  lhs.batch, rhs.batch, lhs.contract,
                                  rhs.contract);
  dot.getResult().setType(dot.getType().clone(elementTypeOf(old)));
  return dot;
}

/// The free dims of `side` lie together, in order, and so do the contracted
/// ones (dims of size 1 aside): one matrix per batch, as libraries take it.
bool isMatrix(const Side &side) {
  auto liesTogether = [&](ArrayRef<int64_t> dims) {
    int64_t last = -1;
    for (int64_t dim : dims) {
      if (shapeOf(side.operand)[dim] == 1)
        continue;
      for (int64_t between = last + 1; last >= 0 && between < dim; ++between)
        if (shapeOf(side.operand)[between] != 1)
          return false;
      if (dim < last)
        return false;
      last = dim;
    }
    return true;
  };
  return liesTogether(side.free()) && liesTogether(side.contract);
}

/// Contracted dims are listed in the order in which they lie in lhs.
struct SortContractedDims : OpRewritePattern<DotGeneralOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(DotGeneralOp op,
                                PatternRewriter &rewriter) const override {
    if (llvm::is_sorted(op.getLhsContract()))
      return rewriter.notifyMatchFailure(op, "they are in order");
    SmallVector<std::pair<int64_t, int64_t>> pairs;
    for (auto [left, right] :
         llvm::zip_equal(op.getLhsContract(), op.getRhsContract()))
      pairs.push_back({left, right});
    llvm::sort(pairs);
    Side lhs = lhsOf(op), rhs = rhsOf(op);
    lhs.contract = llvm::map_to_vector(pairs, [](auto &p) { return p.first; });
    rhs.contract = llvm::map_to_vector(pairs, [](auto &p) { return p.second; });
    rewriter.replaceOp(op, createDot(rewriter, op, lhs, rhs));
    return success();
  }
};

/// dot (transpose x, y) -> dot (x, y), if the free dims keep their order and
/// the operand stays a matrix.
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
      Side plain = side;
      plain.rename(transpose.getOperand(), transpose.getPermutation());
      if (isMatrix(side) && !isMatrix(plain))
        continue;
      side = plain;
      hasChanged = true;
    }
    if (!hasChanged)
      return rewriter.notifyMatchFailure(
          op, "no operand is a transpose that library calls can do without");
    rewriter.replaceOp(op,
                       createDot(rewriter, op, sides[0], sides[1]));
    return success();
  }
};

/// transpose (dot (x, y)) -> transpose (dot (y, x)), if that puts the free dims
/// of y first; and batch dims are listed in the order that is asked for. What
/// is left of the transpose moves longer runs, or is nothing.
struct ReorderResult : OpRewritePattern<TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(TransposeOp op,
                                PatternRewriter &rewriter) const override {
    auto dot = op.getOperand().getDefiningOp<DotGeneralOp>();
    if (!dot || !dot->hasOneUse())
      return rewriter.notifyMatchFailure(op, "no product used only here");
    Side lhs = lhsOf(dot), rhs = rhsOf(dot);
    SmallVector<int64_t> order(op.getPermutation());
    int64_t batch = lhs.batch.size(), left = lhs.free().size();
    bool isSwap = isSwapped(order, batch, left);
    if (isSwap) {
      // Old dims are batch, left, right; new ones batch, right, left.
      int64_t right = int64_t(order.size()) - batch - left;
      for (int64_t &dim : order)
        if (dim >= batch)
          dim += dim < batch + left ? right : -left;
      std::swap(lhs, rhs);
    }
    auto front = ArrayRef<int64_t>(order).take_front(batch);
    bool isBatchFirst =
        llvm::all_of(front, [&](int64_t dim) { return dim < batch; });
    bool isListed = !isBatchFirst || llvm::is_sorted(front);
    if (!isSwap && isListed)
      return rewriter.notifyMatchFailure(op, "it mixes dims of both operands");
    if (!isListed) {
      lhs.batch = mapDims(front, lhs.batch);
      rhs.batch = mapDims(front, rhs.batch);
      llvm::copy(iotaDims(batch), order.begin());
    }
    Value fresh = createDot(rewriter, dot, lhs, rhs);
    rewriter.replaceOp(op, transposeBy(rewriter, op.getLoc(), fresh, order));
    return success();
  }

private:
  /// Each free dim of rhs comes before each of lhs, and there are both.
  static bool isSwapped(ArrayRef<int64_t> order, int64_t batch, int64_t left) {
    bool hasRight = false, hasLeft = false;
    for (int64_t dim : order) {
      if (dim < batch)
        continue;
      bool isLeft = dim < batch + left;
      if (!isLeft && hasLeft)
        return false;
      (isLeft ? hasLeft : hasRight) = true;
    }
    return hasLeft && hasRight && order.size() > 1 &&
           *llvm::find_if(order, [&](int64_t dim) { return dim >= batch; }) >=
               batch + left;
  }
};

/// dot (reshape x, y) -> reshape (dot (x, y)) as far as the reshape changes
/// free dims; what it does to batch and contracted dims stays above:
///
///   [B, T, H, D] -> [BT, HD] x [HD, C]   becomes
///   [B, T, H, D] -> [B, T, HD] x [HD, C] -> [BT, C]
struct SinkReshape : OpRewritePattern<DotGeneralOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(DotGeneralOp op,
                                PatternRewriter &rewriter) const override {
    Side sides[] = {lhsOf(op), rhsOf(op)};
    bool hasChanged = false;
    for (Side &side : sides)
      hasChanged |= succeeded(lookThroughReshape(rewriter, side));
    if (!hasChanged)
      return rewriter.notifyMatchFailure(op, "no free dims are reshaped");
    Value dot = createDot(rewriter, op, sides[0], sides[1]);
    rewriter.replaceOp(
        op, reshapeTo(rewriter, op.getLoc(), dot, op.getType().getShape()));
    return success();
  }

private:
  /// Gives `side` an operand in which runs of free dims have the source's dims
  /// and all others the reshaped ones.
  static LogicalResult lookThroughReshape(PatternRewriter &b, Side &side) {
    auto reshape = side.operand.getDefiningOp<ReshapeOp>();
    if (!reshape)
      return failure();
    ArrayRef<int64_t> in = shapeOf(reshape.getOperand());
    ArrayRef<int64_t> out = shapeOf(side.operand);
    auto groups = ReshapeGroups::get(in, out);
    if (!groups)
      return failure();
    SmallVector<int64_t> freeDims = side.free(), shape, to(out.size(), -1);
    for (const DimGroup &run : groups->groups()) {
      int64_t inside = llvm::count_if(freeDims, [&](int64_t dim) {
        return dim >= run.outBegin && dim < run.outEnd;
      });
      if (inside == run.outEnd - run.outBegin) {
        llvm::append_range(shape,
                           in.slice(run.inBegin, run.inEnd - run.inBegin));
        continue;
      }
      for (int64_t dim = run.outBegin; dim < run.outEnd; ++dim) {
        to[dim] = shape.size();
        shape.push_back(out[dim]);
      }
    }
    if (ArrayRef<int64_t>(shape) == out)
      return failure();
    side.rename(reshapeTo(b, reshape.getLoc(), reshape.getOperand(), shape),
                to);
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
        return rewriter.notifyMatchFailure(op,
                                           "a batch dim between is repeated");
    if (dropped.empty())
      return rewriter.notifyMatchFailure(op, "no batch dim is repeated");
    SmallVector<int64_t> freeDims = lhs.free();
    if (ArrayRef<int64_t>(freeDims).take_front(dropped.size()) !=
        ArrayRef<int64_t>(dropped))
      return rewriter.notifyMatchFailure(op, "the result would be transposed");
    rhs.rename(source, to);
    rewriter.replaceOp(op, createDot(rewriter, op, lhs, rhs));
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
    Value dot = createDot(rewriter, op, lhs, rhs);
    rewriter.replaceOp(
        op, reshapeTo(rewriter, op.getLoc(), dot, op.getType().getShape()));
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
    side.rename(
        reshapeTo(b, loc, side.operand, mapDims(kept, shapeOf(side.operand))),
        to);
  }
};

} // namespace

void populateContractionPatterns(RewritePatternSet &patterns) {
  patterns.add<SortContractedDims, FoldTranspose, ReorderResult, SinkReshape,
               DropBroadcastBatch, DropUnitBatch>(patterns.getContext());
}

} // namespace dlc
