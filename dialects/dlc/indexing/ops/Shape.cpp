//===- Shape.cpp - accesses of the shape family ---------------------------===//
#include "dialects/dlc/IR/Builders.h"
#include "dialects/dlc/indexing/Access.h"

using namespace mlir;
using namespace dlc;

static void accessNothing(Operation *, IndexSpace &, const Index &,
                          const Index &, SmallVectorImpl<Access> &) {}

static void accessBroadcast(Operation *op, IndexSpace &space, const Index &at,
                            const Index &, SmallVectorImpl<Access> &accesses) {
  auto broadcast = cast<BroadcastOp>(op);
  Index index;
  for (auto [i, dim] : llvm::enumerate(broadcast.getDims())) {
    bool isRepeated = shapeOf(broadcast.getOperand())[i] == 1;
    index.push_back(isRepeated ? space.constant(0) : at[dim]);
  }
  accesses.push_back({0, index, {}});
}

static void accessReshape(Operation *op, IndexSpace &space, const Index &at,
                          const Index &, SmallVectorImpl<Access> &accesses) {
  accesses.push_back({0,
                      space.reshape(at, shapeOf(op->getResult(0)),
                                    shapeOf(op->getOperand(0))),
                      {}});
}

static void accessTranspose(Operation *op, IndexSpace &, const Index &at,
                            const Index &, SmallVectorImpl<Access> &accesses) {
  Index index(at.size());
  for (auto [i, dim] :
       llvm::enumerate(cast<TransposeOp>(op).getPermutation()))
    index[dim] = at[i];
  accesses.push_back({0, index, {}});
}

static void accessSlice(Operation *op, IndexSpace &space, const Index &at,
                        const Index &, SmallVectorImpl<Access> &accesses) {
  auto slice = cast<SliceOp>(op);
  Index index;
  for (auto [expr, start, step] :
       llvm::zip_equal(at, slice.getStarts(), slice.getSteps()))
    index.push_back(space.simplify(expr * step + start));
  accesses.push_back({0, index, {}});
}

static void accessReverse(Operation *op, IndexSpace &space, const Index &at,
                          const Index &, SmallVectorImpl<Access> &accesses) {
  Index index = at;
  for (int64_t dim : cast<ReverseOp>(op).getDims())
    index[dim] =
        space.simplify(at[dim] * -1 + (shapeOf(op->getResult(0))[dim] - 1));
  accesses.push_back({0, index, {}});
}

/// The operand where the guards hold; the pad value always.
static void accessPad(Operation *op, IndexSpace &space, const Index &at,
                      const Index &, SmallVectorImpl<Access> &accesses) {
  auto pad = cast<PadOp>(op);
  Access inside = {0, {}, {}};
  for (size_t i = 0; i < at.size(); ++i) {
    int64_t step = pad.getInterior()[i] + 1;
    int64_t size = shapeOf(pad.getOperand())[i];
    AffineExpr shifted = space.simplify(at[i] - pad.getLow()[i]);
    inside.index.push_back(space.simplify(shifted.floorDiv(step)));
    int64_t reach = size ? (size - 1) * step + 1 : 0;
    if (step != 1 || !space.bounds(shifted).isWithin(reach))
      inside.guards.push_back({shifted, reach, step});
  }
  accesses.push_back(inside);
  accesses.push_back({1, {}, {}});
}

/// Each operand, guarded by its part of the dim.
static void accessConcat(Operation *op, IndexSpace &space, const Index &at,
                         const Index &, SmallVectorImpl<Access> &accesses) {
  auto concat = cast<ConcatOp>(op);
  int64_t dim = concat.getDim(), start = 0;
  for (auto [i, operand] : llvm::enumerate(concat.getOperands())) {
    int64_t size = shapeOf(operand)[dim];
    Index index = at;
    index[dim] = space.simplify(at[dim] - start);
    accesses.push_back({unsigned(i), index, {{index[dim], size}}});
    start += size;
  }
}

void dlc::addShapeAccess(OpTable<AccessRule> &table) {
  table.add<ConstantOp, IotaOp>({nullptr, accessNothing});
  table.add<BroadcastOp>({nullptr, accessBroadcast});
  table.add<ReshapeOp>({nullptr, accessReshape});
  table.add<TransposeOp>({nullptr, accessTranspose});
  table.add<SliceOp>({nullptr, accessSlice});
  table.add<ReverseOp>({nullptr, accessReverse});
  table.add<PadOp>({nullptr, accessPad});
  table.add<ConcatOp>({nullptr, accessConcat});
}
