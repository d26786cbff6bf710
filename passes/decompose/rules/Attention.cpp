//===- Attention.cpp - attention in primitive ops -------------------------===//
#include "passes/decompose/Decompositions.h"

#include "dialects/dlc/IR/Attention.h"

using namespace mlir;

namespace dlc {
namespace {

SmallVector<Value> decomposeAttention(OpBuilder &b, AttentionOp op) {
  auto [output, logsumexp] = AttentionParts(b, op.getLoc(), op).forward();
  return {output, logsumexp};
}

SmallVector<Value> decomposeAttentionGrad(OpBuilder &b, AttentionGradOp op) {
  Location loc = op.getLoc();
  double scale = op.getScale().convertToDouble();
  AttentionParts parts(b, loc, op);
  AttentionParts::Backward back =
      parts.backward(op.getGrad(), op.getOutput(), op.getLogsumexp());
  Value ds = scaleBy(b, loc, back.ds, scale);
  return {parts.overKeys(ds, parts.k), parts.overRows(ds, parts.q),
          parts.overRows(back.p, toComputeType(b, loc, op.getGrad()))};
}

} // namespace

void addAttentionDecompositions(DecompositionTable &table) {
  addDecomposition<AttentionOp>(table, decomposeAttention);
  addDecomposition<AttentionGradOp>(table, decomposeAttentionGrad);
}

} // namespace dlc
