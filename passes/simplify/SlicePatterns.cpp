//===- SlicePatterns.cpp - slices, joins, pads and known gathers ----------===//
//
//   slice (slice x) -> slice x            slice (concat x y) -> slice y
//   concat (slice x 0..2, slice x 2..5) -> slice x 0..5
//   gather (x, [4, 5, 6]) -> slice x 4..7
//
// A gather by known, evenly rising indices is a slice, whose gradient is a pad
// instead of a scatter.
//
//===----------------------------------------------------------------------===//
#include "passes/simplify/Layout.h"
#include "passes/simplify/Patterns.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace dlc {
namespace {

/// slice (slice x) -> slice x
struct MergeSlices : OpRewritePattern<SliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(SliceOp op,
                                PatternRewriter &rewriter) const override {
    auto inner = op.getOperand().getDefiningOp<SliceOp>();
    if (!inner)
      return rewriter.notifyMatchFailure(op, "the operand is no slice");
    SmallVector<int64_t> starts, steps;
    for (int64_t i = 0; i < op.getType().getRank(); ++i) {
      starts.push_back(inner.getStarts()[i] +
                       op.getStarts()[i] * inner.getSteps()[i]);
      steps.push_back(op.getSteps()[i] * inner.getSteps()[i]);
    }
    rewriter.replaceOpWithNewOp<SliceOp>(op, op.getType(), inner.getOperand(),
                                         starts, steps);
    return success();
  }
};

/// slice (concat …) -> slice of the one operand it lies in
struct SliceOfConcat : OpRewritePattern<SliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(SliceOp op,
                                PatternRewriter &rewriter) const override {
    auto concat = op.getOperand().getDefiningOp<ConcatOp>();
    if (!concat || op.getType().getNumElements() == 0)
      return rewriter.notifyMatchFailure(op, "the operand is no concatenation");
    int64_t dim = concat.getDim(), begin = 0;
    int64_t first = op.getStarts()[dim];
    int64_t last =
        first + (op.getType().getDimSize(dim) - 1) * op.getSteps()[dim];
    for (Value part : concat.getOperands()) {
      int64_t end = begin + shapeOf(part)[dim];
      if (first >= begin && last < end) {
        SmallVector<int64_t> starts(op.getStarts());
        starts[dim] -= begin;
        rewriter.replaceOpWithNewOp<SliceOp>(op, op.getType(), part, starts,
                                             op.getSteps());
        return success();
      }
      begin = end;
    }
    return rewriter.notifyMatchFailure(op, "it spans several operands");
  }
};

/// slice (pad x) -> slice x, if it lies inside x
struct SliceOfPad : OpRewritePattern<SliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(SliceOp op,
                                PatternRewriter &rewriter) const override {
    auto pad = op.getOperand().getDefiningOp<PadOp>();
    if (!pad || op.getType().getNumElements() == 0)
      return rewriter.notifyMatchFailure(op, "the operand is no pad");
    SmallVector<int64_t> starts;
    for (int64_t i = 0; i < op.getType().getRank(); ++i) {
      int64_t start = op.getStarts()[i] - pad.getLow()[i];
      int64_t last =
          start + (op.getType().getDimSize(i) - 1) * op.getSteps()[i];
      if (start < 0 || last >= shapeOf(pad.getOperand())[i] ||
          pad.getInterior()[i] != 0)
        return rewriter.notifyMatchFailure(op, "it reads padding");
      starts.push_back(start);
    }
    rewriter.replaceOpWithNewOp<SliceOp>(op, op.getType(), pad.getOperand(),
                                         starts, op.getSteps());
    return success();
  }
};

/// pad with nothing -> x
struct PadOfNothing : OpRewritePattern<PadOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(PadOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getType() != op.getOperand().getType() ||
        op.getType().getNumElements() == 0)
      return rewriter.notifyMatchFailure(op, "it adds elements");
    rewriter.replaceOp(op, op.getOperand());
    return success();
  }
};

/// pad x + pad y -> pad (concat x y), if x and y lie side by side and all else
/// is zero: what the gradients of neighbouring slices are.
struct JoinPads : OpRewritePattern<AddOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AddOp op,
                                PatternRewriter &rewriter) const override {
    auto left = op.getLhs().getDefiningOp<PadOp>();
    auto right = op.getRhs().getDefiningOp<PadOp>();
    if (!left || !right || !isPlain(left) || !isPlain(right))
      return rewriter.notifyMatchFailure(op, "no two pads with zeros");
    std::optional<int64_t> dim = sharedDim(left, right);
    if (!dim)
      return rewriter.notifyMatchFailure(op,
                                         "the parts differ in several dims");
    if (left.getLow()[*dim] > right.getLow()[*dim])
      std::swap(left, right);
    if (left.getLow()[*dim] + shapeOf(left.getOperand())[*dim] !=
        right.getLow()[*dim])
      return rewriter.notifyMatchFailure(op, "the parts are not side by side");
    Value joined = ConcatOp::create(
        rewriter, op.getLoc(),
        ValueRange{left.getOperand(), right.getOperand()}, *dim);
    rewriter.replaceOpWithNewOp<PadOp>(op, op.getType(), joined,
                                       left.getValue(), left.getLow(),
                                       left.getInterior());
    return success();
  }

private:
  static bool isPlain(PadOp pad) {
    std::optional<double> value = splatValue(pad.getValue());
    return value && *value == 0 && pad->hasOneUse() &&
           llvm::all_of(pad.getInterior(),
                        [](int64_t count) { return count == 0; });
  }

  /// The one dim in which the parts lie apart.
  static std::optional<int64_t> sharedDim(PadOp left, PadOp right) {
    std::optional<int64_t> found;
    for (int64_t i = 0; i < left.getType().getRank(); ++i) {
      if (left.getLow()[i] == right.getLow()[i] &&
          shapeOf(left.getOperand())[i] == shapeOf(right.getOperand())[i])
        continue;
      if (found)
        return std::nullopt;
      found = i;
    }
    return found;
  }
};

/// Operands without elements leave a concatenation, and a concatenation along
/// the same dim gives its operands.
struct FlattenConcat : OpRewritePattern<ConcatOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ConcatOp op,
                                PatternRewriter &rewriter) const override {
    SmallVector<Value> parts;
    for (Value operand : op.getOperands()) {
      auto inner = operand.getDefiningOp<ConcatOp>();
      if (inner && inner.getDim() == op.getDim())
        llvm::append_range(parts, inner.getOperands());
      else if (shapeOf(operand)[op.getDim()] != 0)
        parts.push_back(operand);
    }
    if (parts.empty() || llvm::equal(parts, op.getOperands()))
      return rewriter.notifyMatchFailure(op, "it is flat");
    rewriter.replaceOpWithNewOp<ConcatOp>(op, parts, op.getDim());
    return success();
  }
};

/// concat (slice x a..b, slice x b..c) -> slice x a..c
struct JoinSlices : OpRewritePattern<ConcatOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ConcatOp op,
                                PatternRewriter &rewriter) const override {
    SmallVector<Value> parts;
    for (Value operand : op.getOperands()) {
      Value joined = parts.empty()
                         ? Value()
                         : join(rewriter, parts.back(), operand, op.getDim());
      if (joined)
        parts.back() = joined;
      else
        parts.push_back(operand);
    }
    if (parts.size() == op.getOperands().size())
      return rewriter.notifyMatchFailure(op, "no neighbours join");
    if (parts.size() == 1)
      rewriter.replaceOp(op, parts.front());
    else
      rewriter.replaceOpWithNewOp<ConcatOp>(op, parts, op.getDim());
    return success();
  }

private:
  /// One slice for two neighbours along `dim`, or null.
  static Value join(PatternRewriter &b, Value left, Value right, int64_t dim) {
    auto first = left.getDefiningOp<SliceOp>();
    auto second = right.getDefiningOp<SliceOp>();
    if (!first || !second || first.getOperand() != second.getOperand() ||
        first.getSteps() != second.getSteps())
      return {};
    SmallVector<int64_t> starts(first.getStarts()), shape(shapeOf(left));
    starts[dim] += shape[dim] * first.getSteps()[dim];
    if (ArrayRef<int64_t>(starts) != second.getStarts())
      return {};
    shape[dim] += shapeOf(right)[dim];
    return SliceOp::create(b, right.getLoc(), tensorType(left).clone(shape),
                           first.getOperand(), first.getStarts(),
                           first.getSteps());
  }
};

/// gather (x, [s, s + d, s + 2 d, …]) -> slice x
struct GatherOfKnownRange : OpRewritePattern<GatherOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(GatherOp op,
                                PatternRewriter &rewriter) const override {
    SmallVector<int64_t> indices;
    if (!readIndices(op.getIndices(), indices) || indices.empty())
      return rewriter.notifyMatchFailure(op, "the indices are not known");
    int64_t dim = op.getDim(), size = shapeOf(op.getOperand())[dim];
    for (int64_t &index : indices)
      index =
          std::clamp<int64_t>(index < 0 ? index + size : index, 0, size - 1);
    int64_t step = indices.size() > 1 ? indices[1] - indices[0] : 1;
    for (auto [i, index] : llvm::enumerate(indices))
      if (step < 1 || index != indices[0] + int64_t(i) * step)
        return rewriter.notifyMatchFailure(op, "they do not rise evenly");
    SmallVector<int64_t> shape(shapeOf(op.getOperand()));
    SmallVector<int64_t> starts(shape.size(), 0), steps(shape.size(), 1);
    shape[dim] = indices.size();
    starts[dim] = indices[0];
    steps[dim] = step;
    Value slice =
        SliceOp::create(rewriter, op.getLoc(), op.getType().clone(shape),
                        op.getOperand(), starts, steps);
    rewriter.replaceOp(
        op, reshapeTo(rewriter, op.getLoc(), slice, op.getType().getShape()));
    return success();
  }

private:
  /// The elements of a constant, or of an iota of rank 1.
  static bool readIndices(Value value, SmallVectorImpl<int64_t> &indices) {
    if (auto iota = value.getDefiningOp<IotaOp>();
        iota && iota.getType().getRank() == 1) {
      llvm::append_range(indices,
                         llvm::seq<int64_t>(0, iota.getType().getDimSize(0)));
      return true;
    }
    auto constant = value.getDefiningOp<ConstantOp>();
    auto elements = constant ? dyn_cast<DenseElementsAttr>(constant.getValue())
                             : DenseElementsAttr();
    if (!elements)
      return false;
    for (const APInt &element : elements.getValues<APInt>())
      indices.push_back(element.getSExtValue());
    return true;
  }
};

} // namespace

void populateSlicePatterns(RewritePatternSet &patterns) {
  patterns.add<MergeSlices, SliceOfConcat, SliceOfPad, PadOfNothing, JoinPads,
               FlattenConcat, JoinSlices, GatherOfKnownRange>(
      patterns.getContext());
}

} // namespace dlc
