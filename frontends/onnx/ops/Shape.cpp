//===- Shape.cpp - ONNX ops that rearrange elements -----------------------===//
#include "frontends/onnx/NodeContext.h"

using namespace mlir;

namespace dlc::frontend {

namespace {

LogicalResult identity(NodeContext &c) {
  if (!c.optional(0)) {
    auto elements = c.sequence(0);
    return failed(elements)
               ? failure()
               : c.outSequence(0, SmallVector<Value>(*elements));
  }
  return c.out(c.in(0));
}

LogicalResult reshapeChecked(NodeContext &c, Value value,
                             ArrayRef<int64_t> shape) {
  std::optional<int64_t> elements = checkedElements(shape);
  if (int64_t(shape.size()) > maxRank || !elements ||
      *elements != tensorType(value).getNumElements())
    return c.invalid("shape must have " +
                     Twine(tensorType(value).getNumElements()) +
                     " elements like the operand of shape " +
                     shapeText(shapeOf(value)) + ", but got " +
                     shapeText(ArrayRef(shape).take_front(17)));
  return c.out(reshapeTo(c.b, c.loc, value, shape));
}

/// 0 keeps the operand's dim (unless allowzero), -1 is what is left.
LogicalResult reshape(NodeContext &c) {
  auto stated = c.integers(1);
  if (failed(stated))
    return failure();
  SmallVector<int64_t> shape(*stated);
  if (int64_t(shape.size()) > maxRank)
    return c.invalid("shape must have at most 16 dims, but got " +
                     Twine(shape.size()));
  ArrayRef<int64_t> from = c.shape(0);
  int64_t known = 1, unknown = -1;
  for (auto [i, size] : llvm::enumerate(shape)) {
    if (size == 0 && !c.attr("allowzero", 0)) {
      if (i >= from.size())
        return c.invalid("shape must keep (0) only dims that operand 0 has, "
                         "but got 0 at " +
                         Twine(i) + " for shape " + shapeText(from));
      size = from[i];
    }
    if (size == -1 && unknown < 0)
      unknown = int64_t(i);
    else if (size < 0 || size > maxElements ||
             (size && known > maxElements / size))
      return c.invalid("shape must have sizes of at least 0 and at most one "
                       "-1, but got " +
                       shapeText(*stated));
    else
      known *= size;
  }
  if (unknown >= 0) {
    int64_t elements = tensorType(c.in(0)).getNumElements();
    if (known == 0 || elements % known)
      return c.invalid("shape must divide " + Twine(elements) +
                       " elements, but got " + shapeText(*stated) +
                       " for shape " + shapeText(from));
    shape[unknown] = elements / known;
  }
  return reshapeChecked(c, c.in(0), shape);
}

LogicalResult flatten(NodeContext &c) {
  ArrayRef<int64_t> shape = c.shape(0);
  int64_t rank = int64_t(shape.size()), axis = c.attr("axis", 1);
  if (axis < -rank || axis > rank)
    return c.invalid("axis must be in [" + Twine(-rank) + ", " + Twine(rank) +
                     "], but got " + Twine(axis));
  axis += axis < 0 ? rank : 0;
  return c.out(reshapeTo(
      c.b, c.loc, c.in(0),
      {ShapedType::getNumElements(shape.take_front(axis)),
       ShapedType::getNumElements(shape.drop_front(axis))}));
}

/// Axes are an attribute before opset 13, then an operand.
FailureOr<SmallVector<int64_t>> axesOf(NodeContext &c) {
  if (c.opset < 13)
    return c.attrInts("axes");
  return c.has(1) ? c.integers(1) : SmallVector<int64_t>();
}

LogicalResult squeeze(NodeContext &c) {
  ArrayRef<int64_t> from = c.shape(0);
  auto stated = axesOf(c);
  if (failed(stated))
    return failure();
  SmallVector<int64_t> shape;
  bool takesAll = c.opset < 13 ? !c.hasAttr("axes") : !c.has(1);
  auto dropped = c.axes(*stated, int64_t(from.size()));
  if (failed(dropped))
    return failure();
  for (auto [i, size] : llvm::enumerate(from)) {
    bool drops = takesAll ? size == 1
                          : llvm::is_contained(*dropped, int64_t(i));
    if (drops && size != 1)
      return c.invalid("axes must have size 1, but got axis " + Twine(i) +
                       " of shape " + shapeText(from));
    if (!drops)
      shape.push_back(size);
  }
  return c.out(reshapeTo(c.b, c.loc, c.in(0), shape));
}

LogicalResult unsqueeze(NodeContext &c) {
  auto stated = axesOf(c);
  if (failed(stated))
    return failure();
  ArrayRef<int64_t> from = c.shape(0);
  int64_t rank = int64_t(from.size() + stated->size());
  if (rank > maxRank)
    return c.invalid("result must have at most 16 dims, but got " +
                     Twine(rank));
  auto added = c.axes(*stated, rank);
  if (failed(added))
    return failure();
  SmallVector<int64_t> shape;
  size_t next = 0;
  for (int64_t i = 0; i < rank; ++i)
    shape.push_back(llvm::is_contained(*added, i) ? 1 : from[next++]);
  return c.out(reshapeTo(c.b, c.loc, c.in(0), shape));
}

LogicalResult transpose(NodeContext &c) {
  int64_t rank = rankOf(c.in(0));
  SmallVector<int64_t> order = c.attrInts("perm");
  if (!c.hasAttr("perm"))
    for (int64_t dim = rank; dim-- > 0;)
      order.push_back(dim);
  auto sorted = c.axes(order, rank);
  if (failed(sorted))
    return failure();
  if (int64_t(order.size()) != rank)
    return c.invalid("'perm' must name each of " + Twine(rank) +
                     " dims once, but got " + Twine(order.size()) +
                     " entries");
  for (int64_t &dim : order)
    dim += dim < 0 ? rank : 0;
  return c.out(transposeBy(c.b, c.loc, c.in(0), order));
}

LogicalResult expand(NodeContext &c) {
  auto stated = c.integers(1);
  if (failed(stated))
    return failure();
  if (int64_t(stated->size()) > maxRank || !checkedElements(*stated))
    return c.invalid("shape must have at most 16 dims that are not negative "
                     "and 2^40 elements, but got " +
                     shapeText(ArrayRef(*stated).take_front(17)));
  auto shape = broadcastShapes(c.shape(0), *stated);
  if (failed(shape))
    return c.invalid("shape must broadcast with that of operand 0, but got " +
                     shapeText(*stated) + " for " + shapeText(c.shape(0)));
  return c.out(broadcastTo(c.b, c.loc, c.in(0), *shape));
}

/// [a, b] tiled by [r, s]: broadcast to [r, a, s, b], then merge the pairs.
LogicalResult tile(NodeContext &c) {
  auto repeats = c.integers(1);
  if (failed(repeats))
    return failure();
  ArrayRef<int64_t> from = c.shape(0);
  if (repeats->size() != from.size() || !checkedElements(*repeats))
    return c.invalid("repeats must have one entry of at least 0 per dim, but "
                     "got " +
                     shapeText(*repeats) + " for shape " + shapeText(from));
  SmallVector<int64_t> wide, merged, dims;
  for (auto [size, count] : llvm::zip(from, *repeats)) {
    if (count && size > maxElements / count)
      return c.invalid("result must have at most 2^40 elements");
    dims.push_back(int64_t(wide.size()) + 1);
    wide.append({count, size});
    merged.push_back(count * size);
  }
  if (!checkedElements(merged))
    return c.invalid("result must have at most 2^40 elements");
  Value spread = broadcastInDim(c.b, c.loc, c.in(0), wide, dims);
  return c.out(reshapeTo(c.b, c.loc, spread, merged));
}

LogicalResult concat(NodeContext &c) {
  SmallVector<Value> operands = c.all();
  auto axis = c.axis(c.attr("axis", 0), rankOf(operands.front()));
  if (failed(axis))
    return failure();
  SmallVector<int64_t> first(shapeOf(operands.front()));
  for (Value operand : operands) {
    SmallVector<int64_t> other(shapeOf(operand));
    if (other.size() == first.size())
      other[*axis] = first[*axis];
    if (other != first ||
        elementTypeOf(operand) != elementTypeOf(operands.front()))
      return c.invalid(llvm::formatv(
          "operands must differ in dim {0} alone, but got {1} and {2}", *axis,
          operands.front().getType(), operand.getType()));
  }
  return c.out(ConcatOp::create(c.b, c.loc, operands, *axis));
}

/// One part of `value` along `axis`.
Value part(NodeContext &c, Value value, int64_t axis, int64_t start,
           int64_t size) {
  SmallVector<int64_t> shape(shapeOf(value));
  SmallVector<int64_t> starts(shape.size()), steps(shape.size(), 1);
  if (shape[axis] == size)
    return value;
  shape[axis] = size;
  starts[axis] = start;
  return SliceOp::create(c.b, c.loc,
                         RankedTensorType::get(shape, elementTypeOf(value)),
                         value, starts, steps);
}

/// The sizes of Split's parts: stated, or equal with a smaller last one.
FailureOr<SmallVector<int64_t>> splitSizes(NodeContext &c, int64_t whole) {
  SmallVector<int64_t> sizes;
  if (c.opset < 13 && c.hasAttr("split")) {
    sizes = c.attrInts("split");
  } else if (c.opset >= 13 && c.has(1)) {
    auto stated = c.integers(1);
    if (failed(stated))
      return failure();
    sizes = *stated;
  } else {
    int64_t parts = c.attr("num_outputs", int64_t(c.numOutputs()));
    if (parts < 1 || parts > int64_t(c.numOutputs()))
      return c.invalid("'num_outputs' must be the number of results, but got " +
                       Twine(parts));
    int64_t each = (whole + parts - 1) / parts;
    for (int64_t i = 0, left = whole; i < parts; ++i, left -= each)
      sizes.push_back(std::clamp<int64_t>(left, 0, each));
  }
  int64_t sum = 0;
  for (int64_t size : sizes) {
    if (size < 0 || size > whole)
      return c.invalid("parts must have sizes in [0, " + Twine(whole) +
                       "], but got " + Twine(size));
    sum += size;
  }
  if (sum != whole)
    return c.invalid("parts must add up to " + Twine(whole) + ", but got " +
                     Twine(sum));
  return sizes;
}

LogicalResult split(NodeContext &c) {
  auto axis = c.axis(c.attr("axis", 0), rankOf(c.in(0)));
  if (failed(axis))
    return failure();
  auto sizes = splitSizes(c, c.shape(0)[*axis]);
  if (failed(sizes))
    return failure();
  if (sizes->size() != c.numOutputs())
    return c.invalid("number of parts must be that of results, but got " +
                     Twine(sizes->size()) + " and " + Twine(c.numOutputs()));
  int64_t start = 0;
  for (auto [i, size] : llvm::enumerate(*sizes)) {
    if (c.wants(i))
      (void)c.out(i, part(c, c.in(0), *axis, start, size));
    start += size;
  }
  return success();
}

/// Starts, ends, axes and steps of Slice, by opset.
struct SliceBox {
  SmallVector<int64_t> starts, ends, axes, steps;
};

FailureOr<SliceBox> sliceBox(NodeContext &c) {
  SliceBox box;
  if (c.opset < 10) {
    box = {c.attrInts("starts"), c.attrInts("ends"), c.attrInts("axes"), {}};
  } else {
    SmallVector<int64_t> *fields[] = {&box.starts, &box.ends, &box.axes,
                                      &box.steps};
    for (size_t i = 1; i <= 4; ++i) {
      if (!c.has(i))
        continue;
      auto values = c.integers(i);
      if (failed(values))
        return failure();
      *fields[i - 1] = *values;
    }
  }
  size_t count = box.starts.size();
  if (box.axes.empty())
    box.axes = iotaDims(int64_t(count));
  if (box.steps.empty())
    box.steps.assign(count, 1);
  if (box.ends.size() != count || box.axes.size() != count ||
      box.steps.size() != count)
    return c.invalid("starts, ends, axes and steps must have equally many "
                     "entries, but got " +
                     Twine(count) + ", " + Twine(box.ends.size()) + ", " +
                     Twine(box.axes.size()) + " and " +
                     Twine(box.steps.size()));
  return box;
}

/// Numpy's slicing; a negative step is a reversal and a positive one.
LogicalResult slice(NodeContext &c) {
  auto box = sliceBox(c);
  if (failed(box))
    return failure();
  int64_t rank = rankOf(c.in(0));
  if (failed(c.axes(box->axes, rank)))
    return failure();
  SmallVector<int64_t> shape(c.shape(0)), starts(rank), steps(rank, 1),
      reversed;
  for (auto [start, end, axis, step] :
       llvm::zip(box->starts, box->ends, box->axes, box->steps)) {
    int64_t dim = axis < 0 ? axis + rank : axis, size = shape[dim];
    if (step == 0)
      return c.invalid("steps must not be 0");
    int64_t low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
    auto clamped = [&](int64_t at) {
      return std::clamp(at < 0 ? at + size : at, low, high);
    };
    int64_t first = clamped(start), last = clamped(end);
    // Far beyond any dim, a step takes one element.
    int64_t stride = std::clamp<int64_t>(step, -maxElements, maxElements);
    int64_t count =
        stride > 0 ? (last - first + stride - 1) / stride
                   : (first - last - stride - 1) / -stride;
    shape[dim] = std::max<int64_t>(0, count);
    if (shape[dim] == 0) {
      starts[dim] = 0;
    } else if (stride > 0) {
      starts[dim] = first;
      steps[dim] = stride;
    } else {
      // Element i is first + i * stride: the same box from its other end.
      starts[dim] = first + (count - 1) * stride;
      steps[dim] = -stride;
      reversed.push_back(dim);
    }
  }
  Value result = SliceOp::create(
      c.b, c.loc, RankedTensorType::get(shape, elementTypeOf(c.in(0))),
      c.in(0), starts, steps);
  llvm::sort(reversed);
  if (!reversed.empty())
    result = ReverseOp::create(c.b, c.loc, result, reversed);
  return c.out(result);
}

/// The positions of a dim of `size` elements that padding it by `low` and
/// `high` reads, for the modes that repeat elements.
SmallVector<int64_t> paddedPositions(StringRef mode, int64_t size, int64_t low,
                                     int64_t high) {
  SmallVector<int64_t> positions;
  int64_t period = std::max<int64_t>(1, 2 * (size - 1));
  for (int64_t i = -low; i < size + high; ++i) {
    int64_t at = i;
    if (mode == "edge")
      at = std::clamp<int64_t>(i, 0, size - 1);
    else if (mode == "wrap")
      at = ((i % size) + size) % size;
    else if (mode == "reflect") {
      at = ((i % period) + period) % period;
      at = at < size ? at : period - at;
    }
    positions.push_back(at);
  }
  return positions;
}

struct Pads {
  SmallVector<int64_t> low, high;
};

FailureOr<Pads> readPads(NodeContext &c) {
  int64_t rank = rankOf(c.in(0));
  SmallVector<int64_t> stated = c.attrInts("pads"), axes = iotaDims(rank);
  if (c.opset >= 11) {
    auto values = c.integers(1);
    if (failed(values))
      return failure();
    stated = *values;
  }
  if (c.has(3)) {
    auto values = c.integers(3);
    if (failed(values) || failed(c.axes(*values, rank)))
      return failure();
    axes = *values;
  }
  if (stated.size() != 2 * axes.size())
    return c.invalid("pads must have two entries per axis, but got " +
                     Twine(stated.size()) + " for " + Twine(axes.size()) +
                     " axes");
  Pads pads{SmallVector<int64_t>(rank), SmallVector<int64_t>(rank)};
  for (auto [i, axis] : llvm::enumerate(axes)) {
    int64_t dim = axis < 0 ? axis + rank : axis;
    pads.low[dim] = stated[i];
    pads.high[dim] = stated[i + axes.size()];
    int64_t size = c.shape(0)[dim];
    int64_t most = int64_t(1) << 31;
    if (std::abs(std::clamp(stated[i], -most, most)) == most ||
        std::abs(std::clamp(stated[i + axes.size()], -most, most)) == most ||
        size + std::min<int64_t>(0, pads.low[dim]) +
                std::min<int64_t>(0, pads.high[dim]) <
            0)
      return c.invalid("pads must leave a size of at least 0, but got " +
                       Twine(pads.low[dim]) + " and " + Twine(pads.high[dim]) +
                       " for size " + Twine(size));
  }
  return pads;
}

/// Negative pads cut elements off.
Value cutNegative(NodeContext &c, Value value, Pads &pads) {
  SmallVector<int64_t> shape(shapeOf(value)), starts(shape.size());
  SmallVector<int64_t> steps(shape.size(), 1);
  for (size_t i = 0; i < shape.size(); ++i) {
    starts[i] = std::max<int64_t>(0, -pads.low[i]);
    shape[i] -= starts[i] + std::max<int64_t>(0, -pads.high[i]);
    pads.low[i] = std::max<int64_t>(0, pads.low[i]);
    pads.high[i] = std::max<int64_t>(0, pads.high[i]);
  }
  if (ArrayRef<int64_t>(shape) == shapeOf(value))
    return value;
  return SliceOp::create(c.b, c.loc,
                         RankedTensorType::get(shape, elementTypeOf(value)),
                         value, starts, steps);
}

LogicalResult padConstant(NodeContext &c, Value value, const Pads &pads) {
  auto scalar = RankedTensorType::get({}, elementTypeOf(value));
  Value fill = splat(c.b, c.loc, scalar, c.attrNumber("value", 0));
  if (c.has(2)) {
    if (tensorType(c.in(2)).getNumElements() != 1)
      return c.invalid("the value must be one number, but got shape " +
                       shapeText(c.shape(2)));
    fill = reshapeTo(c.b, c.loc, c.in(2), {});
  }
  SmallVector<int64_t> shape(shapeOf(value));
  bool changes = false;
  for (size_t i = 0; i < shape.size(); ++i) {
    shape[i] += pads.low[i] + pads.high[i];
    changes |= pads.low[i] || pads.high[i];
  }
  if (!changes)
    return c.out(value);
  SmallVector<int64_t> interior(shape.size());
  return c.out(PadOp::create(
      c.b, c.loc, RankedTensorType::get(shape, elementTypeOf(value)), value,
      fill, pads.low, interior));
}

LogicalResult pad(NodeContext &c) {
  StringRef mode = c.attrText("mode", "constant");
  auto pads = readPads(c);
  if (failed(pads))
    return failure();
  Value value = cutNegative(c, c.in(0), *pads);
  if (mode == "constant")
    return padConstant(c, value, *pads);
  if (mode != "edge" && mode != "reflect" && mode != "wrap")
    return c.fail("DLC1012", "mode must be 'constant', 'edge', 'reflect' or "
                             "'wrap', but got '" +
                                 mode + "'");
  for (int64_t dim = 0; dim < rankOf(value); ++dim) {
    int64_t low = pads->low[dim], high = pads->high[dim];
    int64_t size = shapeOf(value)[dim];
    if (low == 0 && high == 0)
      continue;
    if (size == 0 || low + high + size > 1 << 24)
      return c.invalid("mode '" + mode +
                       "' needs a dim of 1 to 2^24 elements, but got " +
                       Twine(size));
    value = GatherOp::create(
        c.b, c.loc, value,
        i64Constant(c.b, c.loc, paddedPositions(mode, size, low, high)), dim);
  }
  return c.out(value);
}

/// Keeps the upper or lower triangle of the last two dims.
LogicalResult trilu(NodeContext &c) {
  Value x = c.in(0);
  int64_t rank = rankOf(x), k = 0;
  if (rank < 2)
    return c.invalid("operand 0 must have at least 2 dims, but got shape " +
                     shapeText(shapeOf(x)));
  if (c.has(1)) {
    auto stated = c.integer(1);
    if (failed(stated))
      return failure();
    k = std::clamp(*stated, -maxElements, maxElements);
  }
  auto type = RankedTensorType::get(shapeOf(x).take_back(2),
                                    c.b.getI64Type());
  Value row = IotaOp::create(c.b, c.loc, type, 0);
  Value column = IotaOp::create(c.b, c.loc, type, 1);
  Value bound = AddOp::create(
      c.b, c.loc, row,
      broadcastTo(c.b, c.loc,
                  ConstantOp::create(
                      c.b, c.loc, RankedTensorType::get({}, c.b.getI64Type()),
                      DenseElementsAttr::get(
                          RankedTensorType::get({}, c.b.getI64Type()), k)),
                  type.getShape()));
  auto predicate = c.attr("upper", 1) ? ComparePredicate::GE
                                      : ComparePredicate::LE;
  Value keeps = CompareOp::create(c.b, c.loc, predicate, column, bound);
  return c.out(SelectOp::create(c.b, c.loc,
                                broadcastTo(c.b, c.loc, keeps, shapeOf(x)), x,
                                splatLike(c.b, c.loc, x, 0)));
}

/// Its square times any dim fits 64 bits.
constexpr int64_t maxBlock = 1 << 10;

/// Both directions split a dim by the block size and move the parts.
LogicalResult moveBlocks(NodeContext &c, ArrayRef<int64_t> split,
                         ArrayRef<int64_t> order, ArrayRef<int64_t> result) {
  Value value = reshapeTo(c.b, c.loc, c.in(0), split);
  return c.out(
      reshapeTo(c.b, c.loc, transposeBy(c.b, c.loc, value, order), result));
}

LogicalResult depthToSpace(NodeContext &c) {
  ArrayRef<int64_t> s = c.shape(0);
  int64_t block = c.attr("blocksize", 0);
  if (s.size() != 4 || block < 1 || block > maxBlock ||
      s[1] % (block * block))
    return c.invalid("operand 0 must have 4 dims and channels that "
                     "'blocksize' squared divides, but got shape " +
                     shapeText(s) + " and blocksize " + Twine(block));
  int64_t depth = s[1] / (block * block);
  SmallVector<int64_t> result = {s[0], depth, s[2] * block, s[3] * block};
  if (c.attrText("mode", "DCR") == "CRD")
    return moveBlocks(c, {s[0], depth, block, block, s[2], s[3]},
                      {0, 1, 4, 2, 5, 3}, result);
  return moveBlocks(c, {s[0], block, block, depth, s[2], s[3]},
                    {0, 3, 4, 1, 5, 2}, result);
}

LogicalResult spaceToDepth(NodeContext &c) {
  ArrayRef<int64_t> s = c.shape(0);
  int64_t block = c.attr("blocksize", 0);
  if (s.size() != 4 || block < 1 || block > maxBlock || s[2] % block ||
      s[3] % block)
    return c.invalid("operand 0 must have 4 dims and a height and width that "
                     "'blocksize' divides, but got shape " +
                     shapeText(s) + " and blocksize " + Twine(block));
  SmallVector<int64_t> order = {0, 3, 5, 1, 2, 4};
  if (c.attrText("mode", "DCR") == "CRD")
    order = {0, 1, 3, 5, 2, 4};
  return moveBlocks(
      c, {s[0], s[1], s[2] / block, block, s[3] / block, block}, order,
      {s[0], s[1] * block * block, s[2] / block, s[3] / block});
}

} // namespace

void registerShapeOps(OpTable &table) {
  table.add({
      {"Concat", 4, latest, "p*", concat},
      {"DepthToSpace", 1, latest, "p", depthToSpace},
      {"Expand", 8, latest, "pl", expand},
      {"Flatten", 1, latest, "p", flatten},
      {"Identity", 1, latest, "p", identity},
      {"Pad", 2, 11, "p", pad},
      {"Pad", 11, latest, "pll?l?", pad},
      {"Reshape", 5, latest, "pl", reshape},
      {"Slice", 1, 10, "p", slice},
      {"Slice", 10, latest, "plll?l?", slice},
      {"SpaceToDepth", 1, latest, "p", spaceToDepth},
      {"Split", 2, 13, "p", split},
      {"Split", 13, latest, "pl?", split},
      {"Squeeze", 1, 13, "p", squeeze},
      {"Squeeze", 13, latest, "pl?", squeeze},
      {"Tile", 6, latest, "pl", tile},
      {"Transpose", 1, latest, "p", transpose},
      {"Trilu", 14, latest, "pl?", trilu},
      {"Unsqueeze", 1, 13, "p", unsqueeze},
      {"Unsqueeze", 13, latest, "pl", unsqueeze},
  });
}

} // namespace dlc::frontend
