//===- Shape.cpp - sharding of the shape family ---------------------------===//
//
// Dims that an op only passes on may be split; dims along which elements move
// to other places may not.
//
//===----------------------------------------------------------------------===//
#include "passes/shard/ShardingRules.h"

namespace dlc {
namespace {

using B = ShardingRuleBuilder;

void iota(IotaOp, B &b) {
  b.tieAll();
  b.rule.needsOffset = true;
}

void broadcast(BroadcastOp op, B &b) {
  auto from = shapeOf(op.getOperand()), to = shapeOf(op.getResult());
  auto dims = op.getDims();
  for (int64_t dim = 0; dim < int64_t(to.size()); ++dim) {
    unsigned factor = b.factor(to[dim]);
    b.result(0, dim, factor);
    const auto *it = llvm::find(dims, dim);
    if (it != dims.end() && from[it - dims.begin()] == to[dim])
      b.operand(0, it - dims.begin(), factor);
  }
}

/// A factor that a dim of the operand and a dim of the result share.
struct Shared {
  int64_t from, to, size;
};

/// The factors of two runs of dims with equal products, major first; none if
/// they do not divide each other.
std::optional<llvm::SmallVector<Shared>>
sharedFactors(llvm::ArrayRef<int64_t> from, llvm::ArrayRef<int64_t> to) {
  llvm::SmallVector<Shared> shared;
  // What is left of the current dims.
  int64_t left = 1, right = 1;
  size_t i = 0, j = 0;
  while ((i < from.size() || left > 1) && (j < to.size() || right > 1)) {
    if (left == 1)
      left = from[i++];
    if (right == 1)
      right = to[j++];
    int64_t size = std::min(left, right);
    if (left % size != 0 || right % size != 0)
      return std::nullopt;
    if (size > 1)
      shared.push_back({int64_t(i) - 1, int64_t(j) - 1, size});
    left /= size;
    right /= size;
  }
  return shared;
}

/// Dims [i0, i) of the operand are dims [j0, j) of the result.
void reshapeRun(ReshapeOp op, B &b, size_t i0, size_t i, size_t j0, size_t j) {
  auto from = shapeOf(op.getOperand()), to = shapeOf(op.getResult());
  if (auto shared =
          sharedFactors(from.slice(i0, i - i0), to.slice(j0, j - j0))) {
    for (const Shared &one : *shared) {
      unsigned factor = b.factor(one.size);
      b.operand(0, i0 + one.from, factor).result(0, j0 + one.to, factor);
    }
    return;
  }
  for (size_t dim = i0; dim < i; ++dim)
    b.wholeOperandDim(0, dim);
  for (size_t dim = j0; dim < j; ++dim)
    b.wholeResultDim(0, dim);
}

/// The shapes are cut into the smallest runs of dims with equal products, and
/// these into common factors as far as they divide each other: 2x6 -> 4x3 is
/// (a)(bc) -> (ab)(c) with a = 2, b = 2, c = 3.
void reshape(ReshapeOp op, B &b) {
  auto from = shapeOf(op.getOperand()), to = shapeOf(op.getResult());
  size_t i = 0, j = 0;
  if (op.getType().getNumElements() == 0) {
    for (size_t dim = 0; dim < from.size(); ++dim)
      b.wholeOperandDim(0, dim);
    for (size_t dim = 0; dim < to.size(); ++dim)
      b.wholeResultDim(0, dim);
    return;
  }
  while (i < from.size() || j < to.size()) {
    size_t i0 = i, j0 = j;
    int64_t left = i < from.size() ? from[i++] : 1;
    int64_t right = j < to.size() ? to[j++] : 1;
    while (left != right)
      if (left < right)
        left *= from[i++];
      else
        right *= to[j++];
    reshapeRun(op, b, i0, i, j0, j);
  }
}

void transpose(TransposeOp op, B &b) {
  for (auto [to, from] : llvm::enumerate(op.getPermutation())) {
    unsigned factor = b.factor(shapeOf(op.getResult())[to]);
    b.operand(0, from, factor).result(0, to, factor);
  }
}

/// Ties dim `dim` of operand 0 and the result if the op passes it on.
void passOrKeep(B &b, int64_t dim, bool passes, int64_t size) {
  if (passes) {
    unsigned factor = b.factor(size);
    b.operand(0, dim, factor).result(0, dim, factor);
    return;
  }
  b.wholeOperandDim(0, dim);
  b.wholeResultDim(0, dim);
}

void slice(SliceOp op, B &b) {
  auto from = shapeOf(op.getOperand()), to = shapeOf(op.getResult());
  for (size_t dim = 0; dim < to.size(); ++dim)
    passOrKeep(b, dim, from[dim] == to[dim], to[dim]);
}

void pad(PadOp op, B &b) {
  auto from = shapeOf(op.getOperand()), to = shapeOf(op.getResult());
  for (size_t dim = 0; dim < to.size(); ++dim)
    passOrKeep(b, dim, from[dim] == to[dim], to[dim]);
}

void concat(ConcatOp op, B &b) {
  auto to = shapeOf(op.getResult());
  for (int64_t dim = 0; dim < int64_t(to.size()); ++dim) {
    bool isJoined = dim == int64_t(op.getDim());
    unsigned factor = b.factor(to[dim], isJoined);
    b.result(0, dim, factor);
    for (unsigned i = 0; i < op.getNumOperands(); ++i)
      if (isJoined)
        b.wholeOperandDim(i, dim);
      else
        b.operand(i, dim, factor);
  }
}

void reverse(ReverseOp op, B &b) {
  for (auto [dim, size] : llvm::enumerate(op.getType().getShape()))
    passOrKeep(b, dim, !llvm::is_contained(op.getDims(), int64_t(dim)), size);
}

} // namespace

void addShapeSharding(ShardingTable &table) {
  // A part of a constant is another constant.
  addSharding<ConstantOp>(table, [](ConstantOp, B &b) {
    b.tieAll();
    b.rule.needsOffset = true;
  });
  addSharding<IotaOp>(table, iota);
  addSharding<BroadcastOp>(table, broadcast);
  addSharding<ReshapeOp>(table, reshape);
  addSharding<TransposeOp>(table, transpose);
  addSharding<SliceOp>(table, slice);
  addSharding<PadOp>(table, pad);
  addSharding<ConcatOp>(table, concat);
  addSharding<ReverseOp>(table, reverse);
}

} // namespace dlc
