//===- Attention.cpp - gradients of attention -----------------------------===//
//
// What the output's gradient gives q, k and v is an op of its own. The rest is
// rare and built from ops that exist:
//
//   the logsumexp's gradient l   ds = p l, so dq = scale l (p k): attention
//                                whose values are the keys; dk likewise
//   a mask of numbers            ds, summed over what the mask repeats
//   attention_grad itself        its parts differentiated one by one, with the
//                                scores in memory
//
//===----------------------------------------------------------------------===//
#include "passes/autodiff/GradientRules.h"

#include "dialects/dlc/IR/Attention.h"

using namespace mlir;

namespace dlc {
namespace {

using G = GradientBuilder;

/// `sum + more`, either of which may be null, in the type of `like`.
Value plus(G &g, Value sum, Value more, Value like) {
  if (!more)
    return sum;
  more = castTo(g.b, g.loc, more, elementTypeOf(like));
  return sum ? g.add(sum, more) : more;
}

/// The gradients of q, k, v and the mask so far; null where there is none.
struct Sums {
  Value q, k, v, mask;
};

/// ds = p * l, for the gradient l of the logsumexp.
void addLogsumexp(AttentionOp op, G &g, Value l, Sums &sums) {
  Value q = op.getQ(), k = op.getK(), mask = op.getMask();
  double scale = op.getScale().convertToDouble();
  auto perRow = [&](Value like) {
    Value spread = g.expand(l, like, {rankOf(like) - 1});
    return g.scale(castTo(g.b, g.loc, spread, elementTypeOf(like)), scale);
  };
  auto mix = AttentionOp::create(g.b, g.loc, q.getType(),
                                 op.getLogsumexp().getType(), q, k, k, mask,
                                 op.getScaleAttr(), op.getCausalAttr());
  sums.q = plus(g, sums.q, g.mul(perRow(q), mix.getOutput()), q);
  Value grad = g.mul(perRow(q), q);
  auto back = AttentionGradOp::create(
      g.b, g.loc, q.getType(), k.getType(), k.getType(), grad, q, k, k,
      mix.getOutput(), op.getLogsumexp(), mask, op.getScaleAttr(),
      op.getCausalAttr());
  sums.k = plus(g, sums.k, back.getDv(), k);
}

void attentionGradient(AttentionOp op, G &g) {
  Value q = op.getQ(), k = op.getK(), v = op.getV(), mask = op.getMask();
  Value grad = g.gradient(0), l = g.gradient(1);
  Sums sums;
  if (grad) {
    auto back = AttentionGradOp::create(
        g.b, g.loc, q.getType(), k.getType(), v.getType(), grad, q, k, v,
        op.getOutput(), op.getLogsumexp(), mask, op.getScaleAttr(),
        op.getCausalAttr());
    sums = {back.getDq(), back.getDk(), back.getDv(), nullptr};
  }
  if (l)
    addLogsumexp(op, g, l, sums);
  if (mask && g.wants(3)) {
    AttentionParts parts(g.b, g.loc, op);
    if (grad)
      sums.mask = parts.sumToMask(
          parts.backward(grad, op.getOutput(), op.getLogsumexp()).ds);
    if (l) {
      Value p = parts.probabilities(op.getLogsumexp());
      Value ds = g.mul(p, parts.spread(l, p));
      sums.mask = plus(g, sums.mask, parts.sumToMask(ds), mask);
    }
    g.set(3, sums.mask);
  }
  g.set(0, sums.q);
  g.set(1, sums.k);
  if (sums.v)
    g.set(2, sums.v);
}

/// With gradients a, c, e of dq, dk, dv, where u = scale (a k^T + q c^T):
///   of p              grad e^T + u * (dp - delta), which times p is s
///   of dp             u * p, and minus its row sums of delta
void attentionGradGradient(AttentionGradOp op, G &g) {
  AttentionParts parts(g.b, g.loc, op);
  double scale = op.getScale().convertToDouble();
  auto wide = [&](Value value) {
    return value ? castTo(g.b, g.loc, value, elementTypeOf(parts.q)) : value;
  };
  Value a = wide(g.gradient(0)), c = wide(g.gradient(1)),
        e = wide(g.gradient(2));
  Value grad = wide(op.getGrad()), output = wide(op.getOutput());
  AttentionParts::Backward back =
      parts.backward(grad, output, op.getLogsumexp());
  Value u, s, dq, dk, dv, dGrad, dOutput;
  auto add = [&](Value &sum, Value more) {
    sum = sum ? g.add(sum, more) : more;
  };
  if (a) {
    add(u, parts.outer(g.scale(a, scale), parts.k));
    add(dk, g.scale(parts.overRows(back.ds, a), scale));
  }
  if (c) {
    add(u, parts.outer(parts.q, g.scale(c, scale)));
    add(dq, g.scale(parts.overKeys(back.ds, c), scale));
  }
  if (e) {
    add(s, parts.outer(grad, e));
    add(dGrad, parts.overKeys(back.p, e));
  }
  if (u) {
    Value dDp = g.mul(u, back.p);
    Value dDelta = parts.spread(g.neg(parts.sumOfRow(dDp)), output);
    add(s, g.mul(u, back.centered));
    add(dGrad, g.add(parts.overKeys(dDp, parts.v), g.mul(dDelta, output)));
    add(dv, parts.overRows(dDp, grad));
    add(dOutput, g.mul(dDelta, grad));
  }
  s = g.mul(s, back.p);
  add(dq, g.scale(parts.overKeys(s, parts.k), scale));
  add(dk, g.scale(parts.overRows(s, parts.q), scale));
  Value gradients[] = {dGrad, dq, dk, dv, dOutput, g.neg(parts.sumOfRow(s)),
                       op.getMask() && g.wants(6) ? parts.sumToMask(s)
                                                  : Value()};
  for (auto [i, operand] : llvm::enumerate(op->getOperands()))
    if (gradients[i])
      g.set(i, castTo(g.b, g.loc, gradients[i], elementTypeOf(operand)));
}

} // namespace

void addAttentionGradients(GradientTable &table) {
  addGradient<AttentionOp>(table, attentionGradient);
  addGradient<AttentionGradOp>(table, attentionGradGradient);
}

} // namespace dlc
