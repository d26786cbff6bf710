//===- Reduction.cpp - accesses of the reduction family -------------------===//
#include "dialects/dlc/IR/Builders.h"
#include "dialects/dlc/indexing/Access.h"

using namespace mlir;
using namespace dlc;

/// The index of an operand whose dims `dims` are reduced.
static Index mergeDims(int64_t rank, ArrayRef<int64_t> dims, const Index &at,
                       const Index &step) {
  Index index(rank);
  for (auto [i, dim] : llvm::enumerate(dims))
    index[dim] = step[i];
  for (auto [i, dim] : llvm::enumerate(otherDims(rank, dims)))
    index[dim] = at[i];
  return index;
}

template <typename OpTy>
static SmallVector<int64_t> reducedDims(OpTy op) {
  if constexpr (requires { op.getDims(); })
    return SmallVector<int64_t>(op.getDims());
  else
    return {int64_t(op.getDim())};
}

template <typename OpTy>
static void addReduce(OpTable<AccessRule> &table) {
  AccessRule rule;
  rule.reduced = [](Operation *op) {
    SmallVector<int64_t> sizes;
    for (int64_t dim : reducedDims(cast<OpTy>(op)))
      sizes.push_back(shapeOf(op->getOperand(0))[dim]);
    return sizes;
  };
  rule.accesses = [](Operation *op, IndexSpace &, const Index &at,
                     const Index &step, SmallVectorImpl<Access> &accesses) {
    accesses.push_back({0,
                        mergeDims(rankOf(op->getOperand(0)),
                                  reducedDims(cast<OpTy>(op)), at, step),
                        {}});
  };
  table.add<OpTy>(rule);
}

/// A running sum as a sum over the elements up to the own one.
static void addCumSum(OpTable<AccessRule> &table) {
  AccessRule rule;
  rule.reduced = [](Operation *op) {
    auto cumsum = cast<CumSumOp>(op);
    return SmallVector<int64_t>{
        cumsum.getType().getDimSize(cumsum.getDim())};
  };
  rule.accesses = [](Operation *op, IndexSpace &space, const Index &at,
                     const Index &step, SmallVectorImpl<Access> &accesses) {
    auto cumsum = cast<CumSumOp>(op);
    int64_t dim = cumsum.getDim(), size = cumsum.getType().getDimSize(dim);
    AffineExpr ahead = cumsum.getReverse() ? step[0] - at[dim]
                                           : at[dim] - step[0];
    Index index = at;
    index[dim] = step[0];
    accesses.push_back(
        {0,
         index,
         {{space.simplify(ahead - (cumsum.getExclusive() ? 1 : 0)), size}}});
  };
  table.add<CumSumOp>(rule);
}

void dlc::addReductionAccess(OpTable<AccessRule> &table) {
  addReduce<ReduceSumOp>(table);
  addReduce<ReduceProdOp>(table);
  addReduce<ReduceMaxOp>(table);
  addReduce<ReduceMinOp>(table);
  addReduce<ArgMaxOp>(table);
  addReduce<ArgMinOp>(table);
  addCumSum(table);
}
