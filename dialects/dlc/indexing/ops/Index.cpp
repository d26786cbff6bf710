//===- Index.cpp - accesses of the index family ---------------------------===//
//
// The scatters are reductions over the indices: element i of the result sums
// the updates whose index is i. (`scatter_add` has a schedule of its own.)
//
//===----------------------------------------------------------------------===//
#include "dialects/dlc/IR/Builders.h"
#include "dialects/dlc/indexing/Access.h"

using namespace mlir;
using namespace dlc;

static void accessGather(Operation *op, IndexSpace &space, const Index &at,
                         const Index &, SmallVectorImpl<Access> &accesses) {
  auto gather = cast<GatherOp>(op);
  int64_t dim = gather.getDim(), indexRank = rankOf(gather.getIndices());
  Index where(ArrayRef<AffineExpr>(at).slice(dim, indexRank));
  Index index(ArrayRef<AffineExpr>(at).take_front(dim));
  index.push_back(space.dynamic(gather.getIndices(), where,
                                shapeOf(gather.getOperand())[dim]));
  llvm::append_range(index,
                     ArrayRef<AffineExpr>(at).drop_front(dim + indexRank));
  accesses.push_back({0, index, {}});
}

static void accessGatherElements(Operation *op, IndexSpace &space,
                                 const Index &at, const Index &,
                                 SmallVectorImpl<Access> &accesses) {
  auto gather = cast<GatherElementsOp>(op);
  Index index = at;
  index[gather.getDim()] =
      space.dynamic(gather.getIndices(), at,
                    shapeOf(gather.getOperand())[gather.getDim()]);
  accesses.push_back({0, index, {}});
}

/// The index that must equal the own position, and the update.
static void accessScatterElements(Operation *op, IndexSpace &, const Index &at,
                                  const Index &step,
                                  SmallVectorImpl<Access> &accesses) {
  Index index = at;
  index[cast<ScatterElementsAddOp>(op).getDim()] = step[0];
  accesses.push_back({0, index, {}});
  accesses.push_back({1, index, {}});
}

static SmallVector<int64_t> reducedScatterElements(Operation *op) {
  auto scatter = cast<ScatterElementsAddOp>(op);
  return {shapeOf(scatter.getIndices())[scatter.getDim()]};
}

static void accessScatter(Operation *op, IndexSpace &, const Index &at,
                          const Index &step,
                          SmallVectorImpl<Access> &accesses) {
  int64_t dim = cast<ScatterAddOp>(op).getDim();
  Index update(ArrayRef<AffineExpr>(at).take_front(dim));
  llvm::append_range(update, step);
  llvm::append_range(update, ArrayRef<AffineExpr>(at).drop_front(dim + 1));
  accesses.push_back({0, step, {}});
  accesses.push_back({1, update, {}});
}

static SmallVector<int64_t> reducedScatter(Operation *op) {
  return SmallVector<int64_t>(shapeOf(cast<ScatterAddOp>(op).getIndices()));
}

void dlc::addIndexAccess(OpTable<AccessRule> &table) {
  table.add<GatherOp>({nullptr, accessGather});
  table.add<GatherElementsOp>({nullptr, accessGatherElements});
  table.add<ScatterAddOp>({reducedScatter, accessScatter});
  table.add<ScatterElementsAddOp>(
      {reducedScatterElements, accessScatterElements});
}
