//===- Contraction.cpp - accesses of the contractions ---------------------===//
//
// These serve the types that no library has (f64, integers); f32 contractions
// are library calls and never reach a kernel.
//
//===----------------------------------------------------------------------===//
#include "dialects/dlc/IR/Builders.h"
#include "dialects/dlc/indexing/Access.h"

using namespace mlir;
using namespace dlc;

/// The index of one side of a dot_general; `free` is consumed from `at`.
static Index sideIndex(int64_t rank, ArrayRef<int64_t> batch,
                       ArrayRef<int64_t> contract, const Index &at,
                       size_t firstFree, const Index &step) {
  Index index(rank);
  for (auto [i, dim] : llvm::enumerate(batch))
    index[dim] = at[i];
  for (auto [i, dim] : llvm::enumerate(contract))
    index[dim] = step[i];
  for (AffineExpr &expr : index)
    if (!expr)
      expr = at[firstFree++];
  return index;
}

static void accessDot(Operation *op, IndexSpace &, const Index &at,
                      const Index &step, SmallVectorImpl<Access> &accesses) {
  auto dot = cast<DotGeneralOp>(op);
  int64_t lhsRank = rankOf(dot.getLhs()), rhsRank = rankOf(dot.getRhs());
  size_t batch = dot.getLhsBatch().size();
  size_t lhsFree = lhsRank - batch - dot.getLhsContract().size();
  accesses.push_back({0,
                      sideIndex(lhsRank, dot.getLhsBatch(),
                                dot.getLhsContract(), at, batch, step),
                      {}});
  accesses.push_back({1,
                      sideIndex(rhsRank, dot.getRhsBatch(),
                                dot.getRhsContract(), at, batch + lhsFree,
                                step),
                      {}});
}

static SmallVector<int64_t> reducedDot(Operation *op) {
  auto dot = cast<DotGeneralOp>(op);
  SmallVector<int64_t> sizes;
  for (int64_t dim : dot.getLhsContract())
    sizes.push_back(shapeOf(dot.getLhs())[dim]);
  return sizes;
}

namespace {
/// Geometry of a convolution of any of the three kinds.
template <typename OpTy>
struct Geometry {
  OpTy op;
  int64_t spatial, channelsPerGroup, outPerGroup;
  ArrayRef<int64_t> in, kernel;

  Geometry(OpTy op, Value src, Value weights) : op(op) {
    spatial = rankOf(src) - 2;
    channelsPerGroup = shapeOf(weights)[1];
    outPerGroup = shapeOf(weights)[0] / int64_t(op.getGroups());
    in = shapeOf(src).slice(1, spatial);
    kernel = shapeOf(weights).drop_front(2);
  }

  /// Source position of window position `out`, kernel tap `tap`.
  AffineExpr source(IndexSpace &space, int64_t i, AffineExpr out,
                    AffineExpr tap) {
    return space.simplify(out * op.getStrides()[i] - op.getPadsBegin()[i] +
                          tap * op.getDilations()[i]);
  }
};
} // namespace

/// out[n, o…, oc] = sum over ic, k… of src[n, o s - p + k d, ic] w[oc, ic, k…]
static void accessConv(Operation *op, IndexSpace &space, const Index &at,
                       const Index &step, SmallVectorImpl<Access> &accesses) {
  auto conv = cast<ConvOp>(op);
  Geometry<ConvOp> geometry(conv, conv.getSrc(), conv.getWeights());
  AffineExpr out = at.back();
  AffineExpr group = space.simplify(out.floorDiv(geometry.outPerGroup));
  Access src = {0, {at[0]}, {}};
  Index weights = {out, step.back()};
  for (int64_t i = 0; i < geometry.spatial; ++i) {
    AffineExpr position = geometry.source(space, i, at[i + 1], step[i]);
    src.index.push_back(position);
    if (!space.bounds(position).isWithin(geometry.in[i]))
      src.guards.push_back({position, geometry.in[i]});
    weights.push_back(step[i]);
  }
  src.index.push_back(
      space.simplify(group * geometry.channelsPerGroup + step.back()));
  accesses.push_back(src);
  accesses.push_back({1, weights, {}});
}

static SmallVector<int64_t> reducedConv(Operation *op) {
  ArrayRef<int64_t> weights = shapeOf(cast<ConvOp>(op).getWeights());
  SmallVector<int64_t> sizes(weights.drop_front(2));
  sizes.push_back(weights[1]);
  return sizes;
}

/// dsrc[n, i…, c] = sum over o in c's group, k… with i = o s - p + k d.
static void accessConvGradData(Operation *op, IndexSpace &space,
                               const Index &at, const Index &step,
                               SmallVectorImpl<Access> &accesses) {
  auto conv = cast<ConvGradDataOp>(op);
  Geometry<ConvGradDataOp> geometry(conv, conv.getResult(), conv.getWeights());
  AffineExpr channel = at.back();
  AffineExpr group =
      space.simplify(channel.floorDiv(geometry.channelsPerGroup));
  AffineExpr out =
      space.simplify(group * geometry.outPerGroup + step.back());
  Access grad = {0, {at[0]}, {}};
  Index weights = {out,
                   space.simplify(channel % geometry.channelsPerGroup)};
  for (int64_t i = 0; i < geometry.spatial; ++i) {
    int64_t stride = conv.getStrides()[i];
    int64_t windows = shapeOf(conv.getGrad())[i + 1];
    AffineExpr scaled = space.simplify(at[i + 1] + conv.getPadsBegin()[i] -
                                       step[i] * conv.getDilations()[i]);
    grad.index.push_back(space.simplify(scaled.floorDiv(stride)));
    int64_t reach = (windows - 1) * stride + 1;
    if (stride != 1 || !space.bounds(scaled).isWithin(reach))
      grad.guards.push_back({scaled, reach, stride});
    weights.push_back(step[i]);
  }
  grad.index.push_back(out);
  accesses.push_back(grad);
  accesses.push_back({1, weights, {}});
}

static SmallVector<int64_t> reducedConvGradData(Operation *op) {
  auto conv = cast<ConvGradDataOp>(op);
  ArrayRef<int64_t> weights = shapeOf(conv.getWeights());
  SmallVector<int64_t> sizes(weights.drop_front(2));
  sizes.push_back(weights[0] / int64_t(conv.getGroups()));
  return sizes;
}

/// dw[oc, ic, k…] = sum over n, o… of src[n, o s - p + k d, c] grad[n, o…, oc]
static void accessConvGradWeights(Operation *op, IndexSpace &space,
                                  const Index &at, const Index &step,
                                  SmallVectorImpl<Access> &accesses) {
  auto conv = cast<ConvGradWeightsOp>(op);
  Geometry<ConvGradWeightsOp> geometry(conv, conv.getSrc(), conv.getResult());
  AffineExpr out = at[0];
  AffineExpr group = space.simplify(out.floorDiv(geometry.outPerGroup));
  Access src = {0, {step[0]}, {}};
  Index grad = {step[0]};
  for (int64_t i = 0; i < geometry.spatial; ++i) {
    AffineExpr position = geometry.source(space, i, step[i + 1], at[i + 2]);
    src.index.push_back(position);
    if (!space.bounds(position).isWithin(geometry.in[i]))
      src.guards.push_back({position, geometry.in[i]});
    grad.push_back(step[i + 1]);
  }
  src.index.push_back(
      space.simplify(group * geometry.channelsPerGroup + at[1]));
  grad.push_back(out);
  accesses.push_back(src);
  accesses.push_back({1, grad, {}});
}

static SmallVector<int64_t> reducedConvGradWeights(Operation *op) {
  return SmallVector<int64_t>(
      shapeOf(cast<ConvGradWeightsOp>(op).getGrad()).drop_back());
}

void dlc::addContractionAccess(OpTable<AccessRule> &table) {
  table.add<DotGeneralOp>({reducedDot, accessDot});
  table.add<ConvOp>({reducedConv, accessConv});
  table.add<ConvGradDataOp>({reducedConvGradData, accessConvGradData});
  table.add<ConvGradWeightsOp>(
      {reducedConvGradWeights, accessConvGradWeights});
}
