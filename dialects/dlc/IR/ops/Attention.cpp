//===- Attention.cpp - verifiers of attention and its gradient ------------===//
#include "dialects/dlc/IR/Attention.h"
#include "dialects/dlc/IR/ops/Verify.h"

using namespace mlir;
using namespace dlc;

static LogicalResult verifyRank(Operation *op, StringRef what, Value value,
                                int64_t rank) {
  if (rankOf(value) == rank)
    return success();
  return op->emitOpError() << "expects " << what << " of rank " << rank
                           << ", but got " << rankOf(value);
}

/// `mask` has the rank of the scores, and in each dim their size or 1.
static LogicalResult verifyMask(Operation *op, Value mask,
                                ArrayRef<int64_t> scores, Type number) {
  ArrayRef<int64_t> shape = shapeOf(mask);
  bool fits = shape.size() == scores.size();
  for (size_t i = 0; fits && i < shape.size(); ++i)
    fits = shape[i] == scores[i] || shape[i] == 1;
  if (!fits)
    return op->emitOpError() << "expects mask to broadcast to shape "
                             << shapeText(scores) << ", but got "
                             << shapeText(shape);
  if (elementTypeOf(mask).isInteger(1))
    return success();
  return verifyElementType(op, "mask", elementTypeOf(mask), number);
}

namespace {
/// A tensor of the op, and the shape that it must have.
struct Expected {
  StringRef what;
  Value value;
  SmallVector<int64_t> shape;
};
} // namespace

template <typename OpTy>
static LogicalResult verifyTensors(OpTy op, ArrayRef<Expected> more) {
  Value q = op.getQ();
  if (rankOf(q) < 2)
    return op.emitOpError()
           << "expects q of rank at least 2, but got " << rankOf(q);
  Type element = elementTypeOf(q), wide = scoreType(element);
  for (auto [what, value] : {std::pair<StringRef, Value>{"k", op.getK()},
                             {"v", op.getV()}})
    if (failed(verifyElementType(op, what, elementTypeOf(value), element)) ||
        failed(verifyRank(op, what, value, rankOf(q))))
      return failure();
  AttentionSizes s = sizesOf(op);
  int64_t keys = shapeOf(op.getK())[rankOf(q) - 2];
  SmallVector<Expected> all = {
      {"k", op.getK(), s.shape({keys, s.depth})},
      {"v", op.getV(), s.shape({keys, s.width})},
      {"output", op.getOutput(), s.shape({s.rows, s.width})},
      {"logsumexp", op.getLogsumexp(), s.shape({s.rows})}};
  all.append(more.begin(), more.end());
  for (const Expected &e : all) {
    Type type = e.what == "logsumexp" ? wide : element;
    if (failed(verifyElementType(op, e.what, elementTypeOf(e.value), type)) ||
        failed(verifyShape(op, e.what, shapeOf(e.value), e.shape)))
      return failure();
  }
  return op.getMask() ? verifyMask(op, op.getMask(),
                                   s.shape({s.rows, s.keys}), wide)
                      : success();
}

LogicalResult AttentionOp::verify() { return verifyTensors(*this, {}); }

LogicalResult AttentionGradOp::verify() {
  if (rankOf(getQ()) < 2)
    return verifyTensors(*this, {});
  SmallVector<int64_t> q(shapeOf(getQ())), k(shapeOf(getK())),
      v(shapeOf(getV())), output(q);
  output.back() = v.empty() ? 0 : v.back();
  return verifyTensors(*this, {{"grad", getGrad(), output},
                               {"dq", getDq(), q},
                               {"dk", getDk(), k},
                               {"dv", getDv(), v}});
}

bool AttentionOp::staysWide(Value value) {
  return value == getMask() || value == getLogsumexp();
}
bool AttentionGradOp::staysWide(Value value) {
  return value == getMask() || value == getLogsumexp();
}
