//===- Attention.cpp - ONNX's Attention op --------------------------------===//
//
//   softmax(softcap(scale Q K^T) + mask) V
//
// Q is [batch, heads, time, size] or [batch, time, heads * size]. Fewer heads
// of K and V than of Q (grouped queries) become a dim of their own on Q, so
// that K and V are not repeated. A causal mask compares positions.
//
//===----------------------------------------------------------------------===//
#include "frontends/onnx/EvaluateConstants.h"
#include "frontends/onnx/ops/Contraction.h"
#include <cmath>

using namespace mlir;

namespace dlc::frontend {

namespace {

struct Attention {
  Value q, k, v;
  /// Heads of K and V, query heads per one of those.
  int64_t heads, group;
  bool isPacked; ///< 3-D operands
  int64_t past = 0;
  int64_t batch() const { return shapeOf(q)[0]; }
  int64_t queries() const { return shapeOf(q)[2]; }
  int64_t keys() const { return shapeOf(k)[2]; }
};

/// [batch, time, heads * size] to [batch, heads, time, size].
FailureOr<Value> unpacked(NodeContext &c, Value x, int64_t heads) {
  if (rankOf(x) == 4)
    return x;
  ArrayRef<int64_t> shape = shapeOf(x);
  if (heads < 1 || shape[2] % heads)
    return c.invalid("'q_num_heads' and 'kv_num_heads' must divide the last "
                     "dim of the operands, but got " +
                     Twine(heads) + " and " + Twine(shape[2]));
  Value split = reshapeTo(c.b, c.loc, x,
                          {shape[0], shape[1], heads, shape[2] / heads});
  return transposeBy(c.b, c.loc, split, {0, 2, 1, 3});
}

/// Keys or values of earlier steps in front of this step's.
FailureOr<Value> withPast(NodeContext &c, Value now, size_t operand) {
  if (!c.has(operand))
    return now;
  SmallVector<int64_t> past(c.shape(operand)), present(shapeOf(now));
  if (past.size() == 4)
    past[2] = present[2];
  if (past != present ||
      elementTypeOf(c.in(operand)) != elementTypeOf(now))
    return c.invalid(llvm::formatv(
        "operand {0} must differ from the present one in dim 2 alone, but got "
        "{1} and {2}",
        operand, c.in(operand).getType(), now.getType()));
  return Value(
      ConcatOp::create(c.b, c.loc, ValueRange{c.in(operand), now}, 2));
}

FailureOr<Attention> readOperands(NodeContext &c) {
  int64_t rank = rankOf(c.in(0));
  for (size_t i = 0; i < 3; ++i)
    if ((rank != 3 && rank != 4) || rankOf(c.in(i)) != rank ||
        elementTypeOf(c.in(i)) != elementTypeOf(c.in(0)) ||
        !isa<FloatType>(elementTypeOf(c.in(i))))
      return c.invalid("operands 0 to 2 must be floats of one type with 3 or 4 "
                       "dims, but got shapes " +
                       shapeText(c.shape(0)) + ", " + shapeText(c.shape(1)) +
                       " and " + shapeText(c.shape(2)));
  int64_t queryHeads = c.attr("q_num_heads", 0);
  int64_t heads = c.attr("kv_num_heads", 0);
  auto q = unpacked(c, c.in(0), queryHeads);
  auto k = unpacked(c, c.in(1), heads);
  auto v = unpacked(c, c.in(2), heads);
  if (failed(q) || failed(k) || failed(v))
    return failure();
  Attention a{*q, *k, *v, shapeOf(*k)[1], 0, rank == 3};
  ArrayRef<int64_t> qs = shapeOf(*q), ks = shapeOf(*k), vs = shapeOf(*v);
  if (a.heads < 1 || qs[1] % a.heads || qs[0] != ks[0] || qs[0] != vs[0] ||
      vs[1] != ks[1] || qs[3] != ks[3] || vs[2] != ks[2] || qs[3] < 1)
    return c.invalid("queries, keys and values must agree in batch, head size "
                     "and time, and their heads divide, but got shapes " +
                     shapeText(qs) + ", " + shapeText(ks) + " and " +
                     shapeText(vs));
  a.group = qs[1] / a.heads;
  auto keys = withPast(c, *k, 4);
  auto values = withPast(c, *v, 5);
  if (failed(keys) || failed(values))
    return failure();
  a.past = shapeOf(*keys)[2] - ks[2];
  a.k = *keys;
  a.v = *values;
  if (shapeOf(a.v)[2] != a.keys())
    return c.invalid("past keys and values must have one length");
  return a;
}

/// Which keys each query may see: those up to its own position.
Value causalMask(NodeContext &c, const Attention &a) {
  auto type = RankedTensorType::get({a.queries(), a.keys()},
                                    c.b.getI64Type());
  Value query = addNumber(c.b, c.loc, IotaOp::create(c.b, c.loc, type, 0),
                          double(a.past));
  Value key = IotaOp::create(c.b, c.loc, type, 1);
  return CompareOp::create(c.b, c.loc, ComparePredicate::LE, key, query);
}

/// `mask`, which broadcasts to [batch, query heads, queries, keys], as it
/// broadcasts to the scores' shape [batch, heads, (group,) queries, keys].
FailureOr<Value> spreadMask(NodeContext &c, Value mask, const Attention &a,
                            ArrayRef<int64_t> scores) {
  SmallVector<int64_t> whole = {a.batch(), a.heads * a.group, a.queries(),
                                a.keys()};
  auto wide = broadcastShapes(shapeOf(mask), whole);
  if (failed(wide) || *wide != whole)
    return c.invalid("the mask must broadcast to shape " + shapeText(whole) +
                     ", but got " + shapeText(shapeOf(mask)));
  if (scores.size() == 5) {
    SmallVector<int64_t> shape(shapeOf(mask));
    shape.insert(shape.begin(), 4 - shape.size(), 1);
    bool isShared = shape[1] == 1;
    SmallVector<int64_t> split = {shape[0], isShared ? 1 : a.heads,
                                  isShared ? 1 : a.group, shape[2], shape[3]};
    mask = reshapeTo(c.b, c.loc, mask, split);
  }
  return broadcastTo(c.b, c.loc, mask, scores);
}

FailureOr<Value> maskedScores(NodeContext &c, const Attention &a,
                              Value scores) {
  Value silent = splatLike(c.b, c.loc, scores,
                           -std::numeric_limits<double>::infinity());
  ArrayRef<int64_t> shape = shapeOf(scores);
  if (c.attr("is_causal", 0))
    scores = SelectOp::create(
        c.b, c.loc, broadcastTo(c.b, c.loc, causalMask(c, a), shape), scores,
        silent);
  Value mask = c.optional(3);
  if (!mask)
    return scores;
  auto spread = spreadMask(c, mask, a, shape);
  if (failed(spread))
    return failure();
  if (elementTypeOf(mask).isInteger(1))
    return Value(SelectOp::create(c.b, c.loc, *spread, scores, silent));
  if (elementTypeOf(mask) != elementTypeOf(scores))
    return c.invalid(llvm::formatv(
        "the mask must hold booleans or {0}, but got {1}",
        elementTypeOf(scores), elementTypeOf(mask)));
  return Value(AddOp::create(c.b, c.loc, scores, *spread));
}

/// A query that a boolean mask lets see no key has NaN weights (0 / 0); they
/// are defined as 0. A mask known while importing is left alone if every row
/// sees a key.
FailureOr<Value> withoutMaskedRows(NodeContext &c, const Attention &a,
                                   Value weights) {
  Value mask = c.optional(3);
  if (!mask || !elementTypeOf(mask).isInteger(1))
    return weights;
  int64_t keys = rankOf(mask) ? shapeOf(mask).back() : 1;
  if (std::optional<HostTensor> known = constantValue(mask);
      known && keys > 0) {
    bool seesAll = true;
    for (int64_t row = 0; row + keys <= known->elements(); row += keys) {
      bool sees = false;
      for (int64_t key = 0; key < keys; ++key)
        sees |= known->integer(row + key) != 0;
      seesAll &= sees;
    }
    if (seesAll)
      return weights;
  }
  auto spread = spreadMask(c, mask, a, shapeOf(weights));
  if (failed(spread))
    return failure();
  return Value(SelectOp::create(c.b, c.loc, *spread, weights,
                                splatLike(c.b, c.loc, weights, 0)));
}

LogicalResult attention(NodeContext &c) {
  for (StringRef window : {"left_window_size", "right_window_size"})
    if (c.attr(window, -1) >= 0)
      return c.unsupported("'" + window + "' must be -1 (no window), but got " +
                           Twine(c.attr(window, -1)));
  if (c.wants(3))
    return c.unsupported("result 3 (the scores) is not computed; leave "
                         "'qk_matmul_output' out");
  auto a = readOperands(c);
  if (failed(a))
    return failure();
  ArrayRef<int64_t> qs = shapeOf(a->q);
  bool isGrouped = a->group > 1;
  Value q = a->q;
  if (isGrouped)
    q = reshapeTo(c.b, c.loc, q, {qs[0], a->heads, a->group, qs[2], qs[3]});
  int64_t depth = rankOf(q) - 1;
  auto scores = dot(c, q, a->k, {{0, 1}, {0, 1}, {depth}, {3}});
  if (failed(scores))
    return failure();
  Value scaled =
      scaleBy(c.b, c.loc, *scores,
              c.attrNumber("scale", 1 / std::sqrt(double(qs[3]))));
  if (double cap = c.attrNumber("softcap", 0); cap > 0)
    scaled = scaleBy(c.b, c.loc,
                     TanhOp::create(c.b, c.loc,
                                    scaleBy(c.b, c.loc, scaled, 1 / cap)),
                     cap);
  auto masked = maskedScores(c, *a, scaled);
  if (failed(masked))
    return failure();
  Value weights = SoftmaxOp::create(c.b, c.loc, (*masked).getType(), *masked,
                                    rankOf(*masked) - 1);
  auto kept = withoutMaskedRows(c, *a, weights);
  if (failed(kept))
    return failure();
  weights = *kept;
  auto mixed = dot(c, weights, a->v, {{0, 1}, {0, 1}, {depth}, {2}});
  if (failed(mixed))
    return failure();
  int64_t size = shapeOf(a->v)[3], queryHeads = a->heads * a->group;
  Value result = reshapeTo(c.b, c.loc, *mixed,
                           {qs[0], queryHeads, qs[2], size});
  if (a->isPacked)
    result = reshapeTo(c.b, c.loc,
                       transposeBy(c.b, c.loc, result, {0, 2, 1, 3}),
                       {qs[0], qs[2], queryHeads * size});
  (void)c.out(0, result);
  (void)c.out(1, a->k);
  return c.out(2, a->v);
}

} // namespace

void registerAttentionOps(OpTable &table) {
  table.add({
      {"Attention", 23, latest, "dddd?d?d?", attention},
  });
}

} // namespace dlc::frontend
