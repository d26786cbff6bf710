//===- BiasGradients.cpp - sums that libraries do beside products ---------===//
//
// A sum is followed back to the memory that it reads, through the stages that
// it may have and the casts before them; each step keeps where results and
// terms are, as sizes and strides. It is a product's if those are the rows
// (columns) of its operand and the dim that it contracts.
//
//===----------------------------------------------------------------------===//
#include "dialects/dlc/IR/Builders.h"
#include "passes/fuse/AttentionViews.h"
#include "passes/fuse/LibraryKernels.h"

using namespace mlir;
using namespace dlc;

namespace {

/// Sums of a value's elements: a view of the results, where each stands at its
/// first term, and the dims of the terms as size and stride.
struct SumView {
  View view;
  SmallVector<std::pair<int64_t, int64_t>> terms;
};

} // namespace

/// Of a 16-bit float made f32.
static bool isWidening(Operation *op) {
  Type from = elementTypeOf(op->getOperand(0));
  return elementTypeOf(op->getResult(0)).isF32() &&
         (from.isBF16() || from.isF16());
}

/// `value` as sums of what it was computed from, up to what is no sum, view or
/// wider copy; `ops` gets what is between.
static std::optional<SumView> sumViewOf(Value value,
                                        SmallVector<Operation *> &ops) {
  Operation *op = value.getDefiningOp();
  if (!isa_and_nonnull<ReduceSumOp, CastOp, ReshapeOp, TransposeOp>(op) ||
      (isa<CastOp>(op) && !isWidening(op)) || isWrittenByAttention(value))
    return SumView{wholeView(value), {}};
  std::optional<SumView> sums = sumViewOf(op->getOperand(0), ops);
  if (!sums)
    return std::nullopt;
  ops.push_back(op);
  if (isa<CastOp>(op))
    return sums;
  View inner = sums->view;
  if (isa<ReshapeOp>(op)) {
    std::optional<View> reshaped = reshapeView(inner, shapeOf(value));
    if (!reshaped)
      return std::nullopt;
    sums->view = *reshaped;
    return sums;
  }
  sums->view.sizes.clear();
  sums->view.strides.clear();
  auto keep = [&](int64_t dim) {
    sums->view.sizes.push_back(inner.sizes[dim]);
    sums->view.strides.push_back(inner.strides[dim]);
  };
  if (auto transpose = dyn_cast<TransposeOp>(op)) {
    llvm::for_each(transpose.getPermutation(), keep);
    return sums;
  }
  ArrayRef<int64_t> summed = cast<ReduceSumOp>(op).getDims();
  for (int64_t dim = 0; dim < int64_t(inner.sizes.size()); ++dim)
    if (llvm::is_contained(summed, dim))
      sums->terms.push_back({inner.sizes[dim], inner.strides[dim]});
    else
      keep(dim);
  return sums;
}

/// Whether dims of these sizes and strides are `size` elements, `stride` apart.
static bool isLine(ArrayRef<std::pair<int64_t, int64_t>> dims, int64_t size,
                   int64_t stride) {
  int64_t count = 1;
  for (auto [extent, step] : llvm::reverse(dims)) {
    if (extent != 1 && step != stride * count)
      return false;
    count *= extent;
  }
  return count == size;
}

std::optional<BiasGradient> dlc::biasGradientOf(DotGeneralOp dot, Value sum) {
  BiasGradient found;
  found.call = planGemm(dot, [](Value) { return false; });
  const GemmShape &shape = found.call.shape;
  std::optional<SumView> sums = sumViewOf(sum, found.ops);
  if (!sums || !found.call.writes || !elementTypeOf(sum).isF32() ||
      !elementTypeOf(dot.getResult()).isF32() || shape.batch0 != 1 ||
      shape.batch1 != 1)
    return std::nullopt;
  SmallVector<std::pair<int64_t, int64_t>> kept;
  for (auto [size, stride] :
       llvm::zip_equal(sums->view.sizes, sums->view.strides))
    kept.push_back({size, stride});
  // In which order it adds is up to whoever adds.
  llvm::sort(sums->terms, [](auto a, auto b) { return a.second > b.second; });
  auto isOf = [&](const View &operand, int64_t size, int64_t stride,
                  int64_t termStride) {
    return sums->view.base == operand.base &&
           sums->view.offset == operand.offset && size > 1 && shape.k > 1 &&
           isLine(kept, size, stride) &&
           isLine(sums->terms, shape.k, termStride);
  };
  found.isOfLhs = isOf(shape.a, shape.m, shape.aStrides[2], shape.aStrides[3]);
  if (found.isOfLhs ||
      isOf(shape.b, shape.n, shape.bStrides[3], shape.bStrides[2]))
    return found;
  return std::nullopt;
}
