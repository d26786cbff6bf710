//===- Window.cpp - accesses of the window family -------------------------===//
#include "dialects/dlc/IR/Builders.h"
#include "dialects/dlc/indexing/Access.h"

using namespace mlir;
using namespace dlc;

/// The window's box (dims of size 1 included, so positions are row-major).
template <typename OpTy>
static SmallVector<int64_t> reducedWindow(Operation *op) {
  return SmallVector<int64_t>(cast<OpTy>(op).getWindow());
}

/// operand[o * stride - pad + w * dilation]
template <typename OpTy>
static void accessWindow(Operation *op, IndexSpace &space, const Index &at,
                         const Index &step,
                         SmallVectorImpl<Access> &accesses) {
  auto pool = cast<OpTy>(op);
  Access access = {0, {}, {}};
  for (size_t i = 0; i < at.size(); ++i) {
    AffineExpr position =
        space.simplify(at[i] * pool.getStrides()[i] - pool.getPadsBegin()[i] +
                       step[i] * pool.getDilations()[i]);
    int64_t size = shapeOf(pool.getOperand())[i];
    access.index.push_back(position);
    if (!space.bounds(position).isWithin(size))
      access.guards.push_back({position, size});
  }
  accesses.push_back(access);
}

/// The windows o that hold element i at position w: o * stride = i + pad -
/// w * dilation.
template <typename OpTy>
static void accessWindowGrad(Operation *op, IndexSpace &space, const Index &at,
                             const Index &step,
                             SmallVectorImpl<Access> &accesses) {
  auto pool = cast<OpTy>(op);
  Access access = {0, {}, {}};
  for (size_t i = 0; i < at.size(); ++i) {
    int64_t stride = pool.getStrides()[i];
    int64_t windows = shapeOf(pool.getGrad())[i];
    AffineExpr scaled =
        space.simplify(at[i] + pool.getPadsBegin()[i] -
                       step[i] * pool.getDilations()[i]);
    access.index.push_back(space.simplify(scaled.floorDiv(stride)));
    int64_t reach = (windows - 1) * stride + 1;
    if (stride != 1 || !space.bounds(scaled).isWithin(reach))
      access.guards.push_back({scaled, reach, stride});
  }
  accesses.push_back(access);
  if (op->getNumOperands() > 1) {
    access.operand = 1;
    accesses.push_back(access);
  }
}

void dlc::addWindowAccess(OpTable<AccessRule> &table) {
  table.add<PoolMaxOp>({reducedWindow<PoolMaxOp>, accessWindow<PoolMaxOp>});
  table.add<PoolSumOp>({reducedWindow<PoolSumOp>, accessWindow<PoolSumOp>});
  table.add<PoolMaxGradOp>(
      {reducedWindow<PoolMaxGradOp>, accessWindowGrad<PoolMaxGradOp>});
  table.add<PoolSumGradOp>(
      {reducedWindow<PoolSumGradOp>, accessWindowGrad<PoolSumGradOp>});
}
