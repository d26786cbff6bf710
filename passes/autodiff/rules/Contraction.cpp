//===- Contraction.cpp - gradients of the contractions --------------------===//
//
// The three convolution ops are bilinear, and each is the adjoint of the other
// two, so they are closed under differentiation.
//
//===----------------------------------------------------------------------===//
#include "passes/autodiff/GradientRules.h"

using namespace mlir;

namespace dlc {
namespace {

using G = GradientBuilder;

/// One operand of a dot_general and what its dims are.
struct Side {
  Value value;
  ArrayRef<int64_t> batch, contract;
  SmallVector<int64_t> free;

  Side(Value value, ArrayRef<int64_t> batch, ArrayRef<int64_t> contract)
      : value(value), batch(batch), contract(contract) {
    SmallVector<int64_t> used(batch);
    llvm::append_range(used, contract);
    free = otherDims(rankOf(value), used);
  }
};

/// The gradient of `side`: the result's gradient contracted with `other` over
/// the other's free dims (`gradientFree` are these dims in the gradient). The
/// dims come out as batch, then the free dims of whichever is written first:
/// of the two orders, one that needs no transpose is taken if there is one,
/// since the libraries read any layout but write rows only.
Value sideGradient(G &g, const Side &side, const Side &other,
                   ArrayRef<int64_t> gradientFree) {
  SmallVector<int64_t> batch = iotaDims(side.batch.size());
  // What the other's contracted dims, in its own order, are called in `side`.
  SmallVector<std::pair<int64_t, int64_t>> pairs;
  for (auto [mine, theirs] : llvm::zip_equal(side.contract, other.contract))
    pairs.emplace_back(theirs, mine);
  llvm::sort(pairs);
  SmallVector<int64_t> contracted;
  for (auto [theirs, mine] : pairs)
    contracted.push_back(mine);
  auto layout = [&](ArrayRef<int64_t> first, ArrayRef<int64_t> second) {
    SmallVector<int64_t> dims(side.batch);
    llvm::append_range(dims, first);
    llvm::append_range(dims, second);
    return inversePermutation(dims);
  };
  SmallVector<int64_t> otherFirst = layout(contracted, side.free);
  if (llvm::equal(otherFirst, iotaDims(otherFirst.size())))
    return DotGeneralOp::create(g.b, g.loc, other.value, g.gradient(),
                                other.batch, batch, other.free, gradientFree);
  Value product =
      DotGeneralOp::create(g.b, g.loc, g.gradient(), other.value, batch,
                           other.batch, gradientFree, other.free);
  return transposeBy(g.b, g.loc, product, layout(side.free, contracted));
}

void dotGradient(DotGeneralOp op, G &g) {
  Side lhs(op.getLhs(), op.getLhsBatch(), op.getLhsContract());
  Side rhs(op.getRhs(), op.getRhsBatch(), op.getRhsContract());
  int64_t batches = lhs.batch.size(), rows = lhs.free.size();
  auto lhsFree = llvm::to_vector(llvm::seq(batches, batches + rows));
  auto rhsFree =
      llvm::to_vector(llvm::seq(batches + rows, op.getType().getRank()));
  if (g.wants(0))
    g.set(0, sideGradient(g, lhs, rhs, rhsFree));
  if (g.wants(1))
    g.set(1, sideGradient(g, rhs, lhs, lhsFree));
}

/// A convolution op with the geometry of `op`.
template <typename NewOp, typename OpTy>
Value like(G &g, OpTy op, Value result, Value first, Value second) {
  return NewOp::create(g.b, g.loc, result.getType(), first, second,
                       op.getStrides(), op.getDilations(), op.getPadsBegin(),
                       op.getPadsEnd(), op.getGroups());
}

void convGradient(ConvOp op, G &g) {
  Value src = op.getSrc(), weights = op.getWeights(), dy = g.gradient();
  if (g.wants(0))
    g.set(0, like<ConvGradDataOp>(g, op, src, dy, weights));
  if (g.wants(1))
    g.set(1, like<ConvGradWeightsOp>(g, op, weights, src, dy));
}

void convGradDataGradient(ConvGradDataOp op, G &g) {
  Value grad = op.getGrad(), weights = op.getWeights(), dx = g.gradient();
  if (g.wants(0))
    g.set(0, like<ConvOp>(g, op, grad, dx, weights));
  if (g.wants(1))
    g.set(1, like<ConvGradWeightsOp>(g, op, weights, dx, grad));
}

void convGradWeightsGradient(ConvGradWeightsOp op, G &g) {
  Value src = op.getSrc(), grad = op.getGrad(), dw = g.gradient();
  if (g.wants(0))
    g.set(0, like<ConvGradDataOp>(g, op, src, grad, dw));
  if (g.wants(1))
    g.set(1, like<ConvOp>(g, op, grad, src, dw));
}

} // namespace

void addContractionGradients(GradientTable &table) {
  addGradient<DotGeneralOp>(table, dotGradient);
  addGradient<ConvOp>(table, convGradient);
  addGradient<ConvGradDataOp>(table, convGradDataGradient);
  addGradient<ConvGradWeightsOp>(table, convGradWeightsGradient);
}

} // namespace dlc
