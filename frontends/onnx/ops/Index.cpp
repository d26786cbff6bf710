//===- Index.cpp - ONNX gathers and scatters ------------------------------===//
//
// dlc gathers along one dim. The N-dimensional forms turn their index tuples
// into one index over the indexed dims, flattened. A scatter without reduction
// is written with the sums that dlc has: where something was scattered, take
// the sum (of one element, as indices must be distinct), else the old element.
//
//===----------------------------------------------------------------------===//
#include "frontends/onnx/EvaluateConstants.h"
#include "frontends/onnx/NodeContext.h"

using namespace mlir;

namespace dlc::frontend {

namespace {

LogicalResult checkIndices(NodeContext &c, size_t operand) {
  Type element = elementTypeOf(c.in(operand));
  if (element.isInteger(32) || element.isInteger(64))
    return success();
  return c.invalid(llvm::formatv(
      "indices must be 32- or 64-bit integers, but got {0}", element));
}

/// Indices known at import time must lie in a dim of `size` elements; others
/// are checked when they arrive.
LogicalResult checkRange(NodeContext &c, size_t operand, int64_t size) {
  auto known = constantValue(c.in(operand));
  for (int64_t i = 0, n = known ? known->stored() : 0; i < n; ++i)
    if (int64_t index = known->integer(i); index < -size || index >= size)
      return c.invalid(llvm::formatv(
          "indices must be in [{0}, {1}), but got {2}", -size, size, index));
  return success();
}

/// Counts negative indices of a dim of `size` elements from its end.
Value fromStart(NodeContext &c, Value indices, int64_t size) {
  Value isNegative =
      CompareOp::create(c.b, c.loc, ComparePredicate::LT, indices,
                        splatLike(c.b, c.loc, indices, 0));
  return SelectOp::create(c.b, c.loc, isNegative,
                          addNumber(c.b, c.loc, indices, double(size)),
                          indices);
}

LogicalResult gather(NodeContext &c) {
  Value data = c.in(0), indices = c.in(1);
  auto axis = c.axis(c.attr("axis", 0), rankOf(data));
  if (failed(axis) || failed(checkIndices(c, 1)))
    return failure();
  int64_t size = shapeOf(data)[*axis];
  if (size == 0)
    return c.invalid("axis must have elements, but got size 0");
  if (failed(checkRange(c, 1, size)))
    return failure();
  if (rankOf(data) - 1 + rankOf(indices) > maxRank)
    return c.invalid("result must have at most 16 dims");
  c.noteRange(indices, size);
  return c.out(GatherOp::create(c.b, c.loc, data, indices, *axis));
}

LogicalResult gatherElements(NodeContext &c) {
  Value data = c.in(0), indices = c.in(1);
  auto axis = c.axis(c.attr("axis", 0), rankOf(data));
  if (failed(axis) || failed(checkIndices(c, 1)))
    return failure();
  if (rankOf(indices) != rankOf(data) || shapeOf(data)[*axis] == 0)
    return c.invalid("indices must have as many dims as the data, whose axis "
                     "has elements, but got shapes " +
                     shapeText(shapeOf(indices)) + " and " +
                     shapeText(shapeOf(data)));
  // dlc's op takes equal sizes off the axis; indices may cover less.
  SmallVector<int64_t> shape(shapeOf(indices)), starts(shape.size());
  SmallVector<int64_t> steps(shape.size(), 1);
  shape[*axis] = shapeOf(data)[*axis];
  for (auto [i, size] : llvm::enumerate(shape))
    if (size > shapeOf(data)[i])
      return c.invalid("indices must not exceed the data off the axis, but got "
                       "shapes " +
                       shapeText(shapeOf(indices)) + " and " +
                       shapeText(shapeOf(data)));
  auto type = RankedTensorType::get(shape, elementTypeOf(data));
  if (type != data.getType())
    data = SliceOp::create(c.b, c.loc, type, data, starts, steps);
  c.noteRange(indices, shape[*axis]);
  return c.out(GatherElementsOp::create(
      c.b, c.loc,
      RankedTensorType::get(shapeOf(indices), type.getElementType()), data,
      indices, *axis));
}

/// The index tuples in the last dim of `indices`, as positions in the flattened
/// dims `sizes`: sum of index i times the product of the sizes after it.
Value flattenTuples(NodeContext &c, Value indices, ArrayRef<int64_t> sizes) {
  SmallVector<int64_t> shape(shapeOf(indices));
  int64_t last = int64_t(shape.size()) - 1;
  shape[last] = 1;
  auto type = RankedTensorType::get(shape, elementTypeOf(indices));
  SmallVector<int64_t> starts(shape.size()), steps(shape.size(), 1);
  Value sum;
  for (auto [i, size] : llvm::enumerate(sizes)) {
    starts[last] = int64_t(i);
    Value index = indices;
    if (sizes.size() > 1)
      index = SliceOp::create(c.b, c.loc, type, indices, starts, steps);
    c.noteRange(index, size);
    index = fromStart(c, index, size);
    int64_t stride = ShapedType::getNumElements(sizes.drop_front(i + 1));
    index = scaleBy(c.b, c.loc, index, double(stride));
    sum = sum ? AddOp::create(c.b, c.loc, sum, index) : index;
  }
  return reshapeTo(c.b, c.loc, sum, ArrayRef(shape).drop_back());
}

LogicalResult checkTuples(NodeContext &c, int64_t batchDims) {
  ArrayRef<int64_t> data = c.shape(0), indices = c.shape(1);
  bool fits = !indices.empty() && !data.empty() && batchDims >= 0 &&
              batchDims < int64_t(indices.size()) &&
              batchDims < int64_t(data.size()) && indices.back() >= 1 &&
              batchDims + indices.back() <= int64_t(data.size()) &&
              data.take_front(batchDims) == indices.take_front(batchDims) &&
              !llvm::is_contained(data, 0);
  if (!fits)
    return c.invalid("the last dim of indices must be 1 to the number of the "
                     "data's dims, which must have elements, but got shapes " +
                     shapeText(indices) + " and " + shapeText(data));
  return checkIndices(c, 1);
}

LogicalResult gatherND(NodeContext &c) {
  int64_t batchDims = c.attr("batch_dims", 0);
  if (failed(checkTuples(c, batchDims)))
    return failure();
  Value data = c.in(0), indices = c.in(1);
  int64_t depth = shapeOf(indices).back();
  ArrayRef<int64_t> shape = shapeOf(data);
  ArrayRef<int64_t> batch = shape.take_front(batchDims);
  ArrayRef<int64_t> indexed = shape.slice(batchDims, depth);
  ArrayRef<int64_t> rest = shape.drop_front(batchDims + depth);
  Value positions = flattenTuples(c, indices, indexed);
  // Batch dims join the flattened dim: position += batch index * block.
  int64_t block = ShapedType::getNumElements(indexed);
  for (int64_t dim = batchDims - 1; dim >= 0; --dim) {
    Value index = IotaOp::create(c.b, c.loc, tensorType(positions), dim);
    positions = AddOp::create(c.b, c.loc, positions,
                              scaleBy(c.b, c.loc, index, double(block)));
    block *= batch[dim];
  }
  SmallVector<int64_t> flat = {block};
  llvm::append_range(flat, rest);
  return c.out(GatherOp::create(c.b, c.loc, reshapeTo(c.b, c.loc, data, flat),
                                positions, 0));
}

/// Combines `data` with what was scattered: `sum` of the updates, and `count`
/// of them, per element.
LogicalResult combine(NodeContext &c, Value data, Value sum, Value count) {
  StringRef reduction = c.attrText("reduction", "none");
  if (reduction == "add")
    return c.out(AddOp::create(c.b, c.loc, data, sum));
  Value hits = CompareOp::create(c.b, c.loc, ComparePredicate::GT, count,
                                 splatLike(c.b, c.loc, count, 0));
  return c.out(SelectOp::create(c.b, c.loc, hits, sum, data));
}

LogicalResult checkReduction(NodeContext &c) {
  StringRef reduction = c.attrText("reduction", "none");
  if (reduction == "none" || reduction == "add")
    return success();
  return c.unsupported("reduction must be 'none' or 'add', but got '" +
                       reduction + "'");
}

LogicalResult scatterElements(NodeContext &c) {
  Value data = c.in(0), indices = c.in(1), updates = c.in(2);
  auto axis = c.axis(c.attr("axis", 0), rankOf(data));
  if (failed(axis) || failed(checkReduction(c)) || failed(checkIndices(c, 1)))
    return failure();
  SmallVector<int64_t> shape(shapeOf(indices));
  if (shape.size() != size_t(rankOf(data)) ||
      shapeOf(updates) != shapeOf(indices) ||
      elementTypeOf(updates) != elementTypeOf(data))
    return c.invalid(llvm::formatv(
        "indices and updates must have one shape and as many dims as the data, "
        "but got {0}, {1} and {2}",
        indices.getType(), updates.getType(), data.getType()));
  shape[*axis] = shapeOf(data)[*axis];
  for (auto [i, size] : llvm::enumerate(shape))
    if (size > shapeOf(data)[i])
      return c.invalid("indices must not exceed the data off the axis, but got "
                       "shapes " +
                       shapeText(shapeOf(indices)) + " and " +
                       shapeText(shapeOf(data)));
  c.noteRange(indices, shape[*axis]);
  auto scatter = [&](Value values) -> Value {
    auto type = RankedTensorType::get(shape, elementTypeOf(values));
    Value sum =
        ScatterElementsAddOp::create(c.b, c.loc, type, indices, values, *axis);
    if (ArrayRef<int64_t>(shape) == shapeOf(data))
      return sum;
    SmallVector<int64_t> zeros(shape.size());
    Value zero =
        splat(c.b, c.loc, RankedTensorType::get({}, type.getElementType()), 0);
    return PadOp::create(
        c.b, c.loc, RankedTensorType::get(shapeOf(data), type.getElementType()),
        sum, zero, zeros, zeros);
  };
  return combine(c, data, scatter(updates),
                 scatter(splatLike(c.b, c.loc, updates, 1)));
}

LogicalResult scatterND(NodeContext &c) {
  if (failed(checkReduction(c)) || failed(checkTuples(c, 0)))
    return failure();
  Value data = c.in(0), indices = c.in(1), updates = c.in(2);
  int64_t depth = shapeOf(indices).back();
  ArrayRef<int64_t> indexed = shapeOf(data).take_front(depth);
  ArrayRef<int64_t> rest = shapeOf(data).drop_front(depth);
  SmallVector<int64_t> expected(shapeOf(indices).drop_back());
  int64_t count = ShapedType::getNumElements(expected);
  llvm::append_range(expected, rest);
  if (shapeOf(updates) != ArrayRef<int64_t>(expected) ||
      elementTypeOf(updates) != elementTypeOf(data))
    return c.invalid(llvm::formatv(
        "updates must have shape {0} and the data's element type {1}, but got "
        "{2}",
        shapeText(expected), elementTypeOf(data), updates.getType()));
  Value positions =
      reshapeTo(c.b, c.loc, flattenTuples(c, indices, indexed), {count});
  SmallVector<int64_t> flat = {ShapedType::getNumElements(indexed)};
  SmallVector<int64_t> flatUpdates = {count};
  llvm::append_range(flat, rest);
  llvm::append_range(flatUpdates, rest);
  auto scatter = [&](Value values) -> Value {
    Value sum = ScatterAddOp::create(
        c.b, c.loc, RankedTensorType::get(flat, elementTypeOf(values)),
        positions, reshapeTo(c.b, c.loc, values, flatUpdates), 0);
    return reshapeTo(c.b, c.loc, sum, shapeOf(data));
  };
  return combine(c, data, scatter(updates),
                 scatter(splatLike(c.b, c.loc, updates, 1)));
}

/// on where the index equals the position along the new axis, off elsewhere.
LogicalResult oneHot(NodeContext &c) {
  Value indices = c.in(0), values = c.in(2);
  auto depth = c.number(1);
  if (failed(depth))
    return failure();
  int64_t size =
      *depth >= 1 && *depth <= double(maxElements) ? int64_t(*depth) : 0;
  int64_t rank = rankOf(indices) + 1;
  auto axis = c.axis(c.attr("axis", -1), rank);
  if (failed(axis))
    return failure();
  if (size == 0 || shapeOf(values) != ArrayRef<int64_t>(2))
    return c.invalid(llvm::formatv(
        "depth must be from 1 to 2^40 and values a pair, but got {0} and shape "
        "{1}",
        *depth, shapeText(shapeOf(values))));
  SmallVector<int64_t> shape(shapeOf(indices)), dims;
  shape.insert(shape.begin() + *axis, size);
  for (int64_t dim = 0; dim < rank; ++dim)
    if (dim != *axis)
      dims.push_back(dim);
  Value index = castTo(c.b, c.loc, indices, c.b.getI64Type());
  index = broadcastInDim(c.b, c.loc, fromStart(c, index, size), shape, dims);
  Value position = IotaOp::create(c.b, c.loc, tensorType(index), *axis);
  auto one = [&](int64_t start) {
    Value value = SliceOp::create(
        c.b, c.loc, RankedTensorType::get({1}, elementTypeOf(values)), values,
        ArrayRef<int64_t>{start}, ArrayRef<int64_t>{1});
    return broadcastTo(c.b, c.loc, value, shape);
  };
  Value isOn =
      CompareOp::create(c.b, c.loc, ComparePredicate::EQ, index, position);
  return c.out(SelectOp::create(c.b, c.loc, isOn, one(1), one(0)));
}

//===- Sorting ------------------------------------------------------------===//

/// How many elements of its row come before each element of `x` along the last
/// dim: larger ones (or smaller ones), and equal ones of a lower index.
Value ranks(NodeContext &c, Value x, bool isLargestFirst) {
  int64_t rank = rankOf(x);
  SmallVector<int64_t> pairs(shapeOf(x));
  pairs.push_back(pairs.back());
  SmallVector<int64_t> rows = iotaDims(rank), others = iotaDims(rank);
  others.back() = rank;
  Value own = broadcastInDim(c.b, c.loc, x, pairs, rows);
  Value other = broadcastInDim(c.b, c.loc, x, pairs, others);
  auto compare = [&](ComparePredicate predicate, Value a, Value b) {
    return CompareOp::create(c.b, c.loc, predicate, a, b).getResult();
  };
  auto type = RankedTensorType::get(pairs, c.b.getI32Type());
  Value isLower =
      compare(ComparePredicate::LT, IotaOp::create(c.b, c.loc, type, rank),
              IotaOp::create(c.b, c.loc, type, rank - 1));
  Value isTie = AndOp::create(
      c.b, c.loc, compare(ComparePredicate::EQ, other, own), isLower);
  Value isBefore = OrOp::create(
      c.b, c.loc,
      compare(isLargestFirst ? ComparePredicate::GT : ComparePredicate::LT,
              other, own),
      isTie);
  return ReduceSumOp::create(c.b, c.loc,
                             castTo(c.b, c.loc, isBefore, c.b.getI32Type()),
                             ArrayRef<int64_t>{rank});
}

/// For each place 0 … count - 1 the index of the element whose rank it is. A
/// rank that NaN leaves out gives index 0.
Value elementsAt(NodeContext &c, Value ranks, int64_t count) {
  int64_t rank = rankOf(ranks);
  SmallVector<int64_t> pairs(shapeOf(ranks)), dims = iotaDims(rank);
  pairs.insert(pairs.end() - 1, count);
  dims.back() = rank;
  Value wide = broadcastInDim(c.b, c.loc, ranks, pairs, dims);
  auto type = tensorType(wide);
  Value isThere = CompareOp::create(c.b, c.loc, ComparePredicate::EQ, wide,
                                    IotaOp::create(c.b, c.loc, type, rank - 1));
  Value index = SelectOp::create(c.b, c.loc, isThere,
                                 IotaOp::create(c.b, c.loc, type, rank),
                                 splat(c.b, c.loc, type, 0));
  return ReduceMaxOp::create(c.b, c.loc, index, ArrayRef<int64_t>{rank});
}

/// Every element is compared with every other of its row: no loop carries
/// state, so that rows sort side by side. Ties go to the lower index.
LogicalResult topK(NodeContext &c) {
  Value x = c.in(0);
  auto axis = c.axis(c.attr("axis", -1), rankOf(x));
  auto stated =
      c.opset < 10 ? FailureOr<int64_t>(c.attr("k", 0)) : c.integer(1);
  if (failed(axis) || failed(stated))
    return failure();
  int64_t size = shapeOf(x)[*axis];
  if (*stated < 0 || *stated > size || rankOf(x) + 1 > maxRank)
    return c.invalid(llvm::formatv("k must be in [0, {0}] for axis {1} of a "
                                   "tensor of at most 15 dims, but got {2}",
                                   size, *axis, *stated));
  SmallVector<int64_t> order = iotaDims(rankOf(x));
  std::swap(order[*axis], order.back());
  Value rows = transposeBy(c.b, c.loc, x, order);
  bool isLargestFirst = c.opset < 11 || c.attr("largest", 1) != 0;
  Value indices = elementsAt(c, ranks(c, rows, isLargestFirst), *stated);
  indices = castTo(c.b, c.loc, transposeBy(c.b, c.loc, indices, order),
                   c.b.getI64Type());
  Value values = GatherElementsOp::create(
      c.b, c.loc, RankedTensorType::get(shapeOf(indices), elementTypeOf(x)), x,
      indices, *axis);
  if (c.wants(0) && failed(c.out(0, values)))
    return failure();
  return c.wants(1) ? c.out(1, indices) : success();
}

} // namespace

void registerIndexOps(OpTable &table) {
  table.add({
      {"Gather", 1, latest, "pl", gather},
      {"GatherElements", 11, latest, "dl", gatherElements},
      {"GatherND", 11, latest, "dl", gatherND},
      {"OneHot", 9, latest, "lll", oneHot},
      {"Scatter", 9, 11, "dld", scatterElements},
      {"ScatterElements", 11, latest, "dld", scatterElements},
      {"ScatterND", 11, latest, "dld", scatterND},
      {"TopK", 1, 10, "d", topK},
      {"TopK", 10, latest, "dl", topK},
  });
}

} // namespace dlc::frontend
