//===- Attention.cpp - what attention is made of --------------------------===//
#include "dialects/dlc/IR/Attention.h"

#include <limits>

using namespace mlir;

namespace dlc {

double AttentionSizes::pairs(bool isCausal) const {
  double count = double(rows) * double(keys);
  if (isCausal) {
    // Row i sees min(i + 1, keys) of them.
    double inside = double(std::min(rows, keys));
    count = inside * (inside + 1) / 2 +
            double(std::max<int64_t>(rows - keys, 0)) * double(keys);
  }
  for (int64_t size : batch)
    count *= double(size);
  return count;
}

bool isGeneratedAttention(Operation *op) {
  constexpr int64_t mostColumns = 128, mostRows = int64_t(1) << 24;
  AttentionSizes sizes = isa<AttentionOp>(op)
                             ? sizesOf(cast<AttentionOp>(op))
                             : sizesOf(cast<AttentionGradOp>(op));
  auto isHead = [](int64_t columns) {
    return columns > 0 && columns <= mostColumns;
  };
  int64_t heads = 1;
  for (int64_t size : sizes.batch)
    heads *= size;
  return isHead(sizes.depth) && isHead(sizes.width) &&
         std::max(sizes.rows, sizes.keys) <= mostRows &&
         heads <= mostRows;
}

static Value widened(OpBuilder &b, Location loc, Value value) {
  return castTo(b, loc, value, scoreType(elementTypeOf(value)));
}

AttentionParts::AttentionParts(OpBuilder &b, Location loc, Value q, Value k,
                               Value v, Value mask, double scale, bool isCausal)
    : q(widened(b, loc, q)), k(widened(b, loc, k)), v(widened(b, loc, v)), b(b),
      loc(loc), mask(mask), scale(scale), isCausal(isCausal) {}

Value AttentionParts::outer(Value x, Value y) const {
  int64_t last = rankOf(x) - 1;
  SmallVector<int64_t> batch = iotaDims(last - 1), contract = {last};
  return DotGeneralOp::create(b, loc, x, y, batch, batch, contract, contract);
}

Value AttentionParts::overKeys(Value scores, Value y) const {
  int64_t last = rankOf(scores) - 1;
  SmallVector<int64_t> batch = iotaDims(last - 1);
  return DotGeneralOp::create(b, loc, scores, y, batch, batch,
                              ArrayRef<int64_t>{last},
                              ArrayRef<int64_t>{last - 1});
}

Value AttentionParts::overRows(Value scores, Value x) const {
  int64_t last = rankOf(scores) - 1;
  SmallVector<int64_t> batch = iotaDims(last - 1), contract = {last - 1};
  return DotGeneralOp::create(b, loc, scores, x, batch, batch, contract,
                              contract);
}

Value AttentionParts::spread(Value perRow, Value like) const {
  return expandReduced(b, loc, widened(b, loc, perRow), shapeOf(like),
                       {rankOf(like) - 1});
}

Value AttentionParts::sumOfRow(Value value) const {
  return ReduceSumOp::create(b, loc, value,
                             ArrayRef<int64_t>{rankOf(value) - 1});
}

/// `scores` where `isSeen`, else minus infinity.
static Value hide(OpBuilder &b, Location loc, Value scores, Value isSeen) {
  Value silent =
      splatLike(b, loc, scores, -std::numeric_limits<double>::infinity());
  return SelectOp::create(b, loc, isSeen, scores, silent);
}

Value AttentionParts::scores() const {
  Value s = scaleBy(b, loc, outer(q, k), scale);
  ArrayRef<int64_t> shape = shapeOf(s);
  if (isCausal) {
    auto type = RankedTensorType::get(shape.take_back(2), b.getI64Type());
    Value row = IotaOp::create(b, loc, type, 0);
    Value key = IotaOp::create(b, loc, type, 1);
    Value isSeen =
        CompareOp::create(b, loc, ComparePredicate::LE, key, row);
    s = hide(b, loc, s, broadcastTo(b, loc, isSeen, shape));
  }
  if (!mask)
    return s;
  Value wide = broadcastTo(b, loc, mask, shape);
  return elementTypeOf(mask).isInteger(1) ? hide(b, loc, s, wide)
                                          : AddOp::create(b, loc, s, wide);
}

/// Minus infinity becomes 0, so that minus infinity can be taken from it: only
/// rows that a mask hides entirely have it.
Value AttentionParts::finite(Value perRow) const {
  if (!mask)
    return perRow;
  Value none =
      splatLike(b, loc, perRow, -std::numeric_limits<double>::infinity());
  Value isNone =
      CompareOp::create(b, loc, ComparePredicate::EQ, perRow, none);
  return SelectOp::create(b, loc, isNone, splatLike(b, loc, perRow, 0), perRow);
}

Value AttentionParts::probabilities(Value logsumexp) const {
  Value s = scores();
  Value shift = spread(finite(logsumexp), s);
  return ExpOp::create(b, loc, SubOp::create(b, loc, s, shift));
}

Value AttentionParts::sumToMask(Value scores) const {
  SmallVector<int64_t> dims;
  for (auto [dim, size] : llvm::enumerate(shapeOf(mask)))
    if (size != shapeOf(scores)[dim])
      dims.push_back(dim);
  Value sum = dims.empty() ? scores
                           : Value(ReduceSumOp::create(b, loc, scores, dims));
  return reshapeTo(b, loc, sum, shapeOf(mask));
}

AttentionParts::Forward AttentionParts::forward() const {
  Value s = scores();
  Value most = finite(ReduceMaxOp::create(
      b, loc, s, ArrayRef<int64_t>{rankOf(s) - 1}));
  Value e = ExpOp::create(b, loc, SubOp::create(b, loc, s, spread(most, s)));
  Value sum = sumOfRow(e);
  Value logsumexp =
      AddOp::create(b, loc, most, LogOp::create(b, loc, sum));
  Value inverse = DivOp::create(b, loc, splatLike(b, loc, sum, 1), sum);
  if (mask) {
    Value zero = splatLike(b, loc, sum, 0);
    Value isNone = CompareOp::create(b, loc, ComparePredicate::EQ, sum, zero);
    inverse = SelectOp::create(b, loc, isNone, zero, inverse);
  }
  Value p = MulOp::create(b, loc, e, spread(inverse, e));
  return {overKeys(p, v), logsumexp};
}

AttentionParts::Backward AttentionParts::backward(Value grad, Value output,
                                                  Value logsumexp) const {
  grad = widened(b, loc, grad);
  Backward parts;
  parts.p = probabilities(logsumexp);
  Value delta =
      sumOfRow(MulOp::create(b, loc, grad, widened(b, loc, output)));
  Value dp = outer(grad, v);
  parts.centered = SubOp::create(b, loc, dp, spread(delta, dp));
  parts.ds = MulOp::create(b, loc, parts.p, parts.centered);
  return parts;
}

} // namespace dlc
