//===- Views.cpp - strided views of buffers, and GEMMs on them ------------===//
#include "passes/fuse/Views.h"

#include "dialects/dlc/IR/Attention.h"
#include "passes/fuse/AttentionViews.h"

using namespace mlir;

namespace dlc {

View wholeView(Value value) {
  View view = {value, 0, SmallVector<int64_t>(shapeOf(value)), {}};
  view.strides.resize(view.sizes.size());
  int64_t stride = 1;
  for (size_t i = view.sizes.size(); i-- > 0;) {
    view.strides[i] = stride;
    stride *= view.sizes[i];
  }
  return view;
}

std::optional<View> reshapeView(const View &view, ArrayRef<int64_t> shape) {
  View result = {view.base, view.offset, SmallVector<int64_t>(shape), {}};
  result.strides.assign(shape.size(), 0);
  if (llvm::is_contained(shape, 0))
    return result;
  // Merge what is contiguous, ignoring dims of size 1.
  SmallVector<std::pair<int64_t, int64_t>> merged; // size, stride
  for (auto [size, stride] : llvm::zip_equal(view.sizes, view.strides)) {
    if (size == 1)
      continue;
    if (!merged.empty() && merged.back().second == stride * size)
      merged.back() = {merged.back().first * size, stride};
    else
      merged.push_back({size, stride});
  }
  // Then each new dim must lie within one of them.
  size_t current = merged.size();
  int64_t left = 1, stride = 0;
  for (size_t i = shape.size(); i-- > 0;) {
    if (shape[i] == 1)
      continue;
    if (left == 1) {
      if (current == 0)
        return std::nullopt;
      std::tie(left, stride) = merged[--current];
    }
    if (left % shape[i])
      return std::nullopt;
    result.strides[i] = stride;
    stride *= shape[i];
    left /= shape[i];
  }
  return result;
}

/// Whether a product writes its result as this transpose of it, and only so:
/// there is nothing to look at behind it.
static bool isWrittenByProduct(Value value) {
  auto transpose = value.getDefiningOp<TransposeOp>();
  auto dot = transpose ? transpose.getOperand().getDefiningOp<DotGeneralOp>()
                       : DotGeneralOp();
  return dot && isLibraryOp(dot) &&
         planGemm(dot, [](Value) { return false; }).writes == value;
}

View viewOf(Value value, function_ref<bool(Value)> isKept) {
  Operation *op = value.getDefiningOp();
  if (isKept(value) || !isa_and_nonnull<ReshapeOp, TransposeOp, SliceOp>(op) ||
      isWrittenByAttention(value) || isWrittenByProduct(value))
    return wholeView(value);
  View inner = viewOf(op->getOperand(0), isKept);
  if (isa<ReshapeOp>(op)) {
    std::optional<View> reshaped = reshapeView(inner, shapeOf(value));
    return reshaped ? *reshaped : wholeView(value);
  }
  View view = {inner.base, inner.offset, SmallVector<int64_t>(shapeOf(value)),
               {}};
  if (auto transpose = dyn_cast<TransposeOp>(op)) {
    for (int64_t dim : transpose.getPermutation())
      view.strides.push_back(inner.strides[dim]);
    return view;
  }
  auto slice = cast<SliceOp>(op);
  for (auto [start, step, stride] : llvm::zip_equal(
           slice.getStarts(), slice.getSteps(), inner.strides)) {
    view.offset += start * stride;
    view.strides.push_back(step * stride);
  }
  return view;
}

namespace {
/// One dim of a product: its size, and its stride in two of the tensors.
struct ProductDim {
  int64_t size, first, second, third;
};
} // namespace

/// Merges neighbours that are contiguous in every tensor; drops unit dims.
static SmallVector<ProductDim> collapse(ArrayRef<ProductDim> dims) {
  SmallVector<ProductDim> result;
  for (const ProductDim &dim : dims) {
    if (dim.size == 1)
      continue;
    if (!result.empty()) {
      ProductDim &last = result.back();
      if (last.first == dim.first * dim.size &&
          last.second == dim.second * dim.size &&
          last.third == dim.third * dim.size) {
        last = {last.size * dim.size, dim.first, dim.second, dim.third};
        continue;
      }
    }
    result.push_back(dim);
  }
  return result;
}

/// The dims of one side that are neither batch nor contracted.
static SmallVector<int64_t> freeDims(int64_t rank, ArrayRef<int64_t> batch,
                                     ArrayRef<int64_t> contract) {
  SmallVector<int64_t> dims;
  for (int64_t dim = 0; dim < rank; ++dim)
    if (!llvm::is_contained(batch, dim) && !llvm::is_contained(contract, dim))
      dims.push_back(dim);
  return dims;
}

/// A matrix that a library reads: one unit stride, and a leading dimension that
/// rows do not overlap in.
static bool isMatrix(int64_t rows, int64_t rowStride, int64_t columns,
                     int64_t columnStride) {
  if (rows == 1 || columns == 1)
    return rows == 1 ? columns == 1 || columnStride == 1 || rowStride == 1
                     : rowStride == 1 || columnStride == 1 || rowStride > 0;
  return (columnStride == 1 && rowStride >= columns) ||
         (rowStride == 1 && columnStride >= rows);
}

std::optional<GemmShape> matchGemm(DotGeneralOp dot, const View &lhs,
                                   const View &rhs, const View &result) {
  SmallVector<ProductDim> batch, rows, columns, inner;
  size_t position = 0;
  for (auto [l, r] : llvm::zip_equal(dot.getLhsBatch(), dot.getRhsBatch())) {
    batch.push_back({lhs.sizes[l], lhs.strides[l], rhs.strides[r],
                     result.strides[position]});
    ++position;
  }
  for (int64_t dim :
       freeDims(lhs.sizes.size(), dot.getLhsBatch(), dot.getLhsContract()))
    rows.push_back(
        {lhs.sizes[dim], lhs.strides[dim], 0, result.strides[position++]});
  for (int64_t dim :
       freeDims(rhs.sizes.size(), dot.getRhsBatch(), dot.getRhsContract()))
    columns.push_back(
        {rhs.sizes[dim], 0, rhs.strides[dim], result.strides[position++]});
  for (auto [l, r] :
       llvm::zip_equal(dot.getLhsContract(), dot.getRhsContract()))
    inner.push_back({lhs.sizes[l], lhs.strides[l], rhs.strides[r], 0});
  batch = collapse(batch);
  rows = collapse(rows);
  columns = collapse(columns);
  inner = collapse(inner);
  // Outer rows that do not merge can be batches of the same right side.
  while (rows.size() > 1 && batch.size() < 2) {
    batch.push_back(rows.front());
    rows.erase(rows.begin());
  }
  if (batch.size() > 2 || rows.size() > 1 || columns.size() > 1 ||
      inner.size() > 1)
    return std::nullopt;

  auto only = [](ArrayRef<ProductDim> dims, ProductDim none) {
    return dims.empty() ? none : dims.front();
  };
  ProductDim b1 = batch.empty() ? ProductDim{1, 0, 0, 0} : batch.back();
  ProductDim b0 = batch.size() < 2 ? ProductDim{1, 0, 0, 0} : batch.front();
  ProductDim k = only(inner, {1, 1, 1, 0});
  ProductDim m = only(rows, {1, k.size, 0, 1});
  ProductDim n = only(columns, {1, 0, k.size, 1});
  if (rows.empty())
    m.third = std::max<int64_t>(n.size * n.third, 1);
  if (rows.empty() && k.first != 1)
    m.first = 1;
  if (columns.empty() && k.second != 1)
    n.second = 1;
  GemmShape shape;
  shape.batch0 = b0.size;
  shape.batch1 = b1.size;
  shape.m = m.size;
  shape.n = n.size;
  shape.k = k.size;
  shape.a = lhs;
  shape.b = rhs;
  shape.c = result;
  shape.aStrides = {b0.first, b1.first, m.first, k.first};
  shape.bStrides = {b0.second, b1.second, k.second, n.second};
  shape.cStrides = {b0.third, b1.third, m.third, n.third};
  bool isReadable = isMatrix(m.size, m.first, k.size, k.first) &&
                    isMatrix(k.size, k.second, n.size, n.second);
  bool isWritable = n.size == 1 || (n.third == 1 && (m.size == 1 ||
                                                     m.third >= n.size));
  if (!isReadable || !isWritable || (n.size == 1 && columns.empty() == false))
    return std::nullopt;
  return shape;
}

bool isLibraryOp(Operation *op) {
  if (isLibraryAttention(op))
    return true;
  if (!isa<DotGeneralOp, ConvOp, ConvGradDataOp, ConvGradWeightsOp>(op) ||
      op->hasAttr(names::generated))
    return false;
  Type element = elementTypeOf(op->getOperand(0));
  return element.isF32() || element.isBF16() || element.isF16();
}

GemmCall planGemm(DotGeneralOp dot, function_ref<bool(Value)> isKept) {
  View lhs = viewOf(dot.getLhs(), isKept), rhs = viewOf(dot.getRhs(), isKept);
  View wholeLhs = wholeView(dot.getLhs()), wholeRhs = wholeView(dot.getRhs());
  View result = wholeView(dot.getResult());
  // Written as its transpose, where that is all that is read.
  if (dot->hasOneUse()) {
    auto transpose = dyn_cast<TransposeOp>(*dot->user_begin());
    if (transpose) {
      View written = wholeView(transpose.getResult());
      View permuted = written;
      for (auto [i, dim] : llvm::enumerate(transpose.getPermutation())) {
        permuted.sizes[dim] = written.sizes[i];
        permuted.strides[dim] = written.strides[i];
      }
      if (auto shape = matchGemm(dot, lhs, rhs, permuted))
        return {*shape, transpose.getResult()};
    }
  }
  for (auto [l, r] : {std::pair(&lhs, &rhs), std::pair(&lhs, &wholeRhs),
                      std::pair(&wholeLhs, &rhs),
                      std::pair(&wholeLhs, &wholeRhs)})
    if (auto shape = matchGemm(dot, *l, *r, result))
      return {*shape, dot.getResult()};
  return {{}, nullptr};
}

} // namespace dlc
