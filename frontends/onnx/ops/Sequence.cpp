//===- Sequence.cpp - ONNX sequences of known structure -------------------===//
//
// Exporters split a tensor into a sequence and pick elements by constant
// positions. The sequence exists while importing only; its elements are values.
//
//===----------------------------------------------------------------------===//
#include "frontends/onnx/NodeContext.h"

using namespace mlir;

namespace dlc::frontend {

namespace {

LogicalResult construct(NodeContext &c) { return c.outSequence(0, c.all()); }

LogicalResult empty(NodeContext &c) { return c.outSequence(0, {}); }

/// A position in a sequence of `count` elements, from the end if negative.
FailureOr<int64_t> position(NodeContext &c, size_t operand, int64_t count) {
  auto stated = c.integer(operand);
  if (failed(stated))
    return failure();
  return c.axis(*stated, count);
}

LogicalResult at(NodeContext &c) {
  auto elements = c.sequence(0);
  if (failed(elements))
    return failure();
  auto index = position(c, 1, int64_t(elements->size()));
  if (failed(index))
    return failure();
  return c.out((*elements)[*index]);
}

LogicalResult length(NodeContext &c) {
  auto elements = c.sequence(0);
  if (failed(elements))
    return failure();
  auto type = RankedTensorType::get({}, c.b.getI64Type());
  return c.out(ConstantOp::create(
      c.b, c.loc, type,
      DenseElementsAttr::get(type, int64_t(elements->size()))));
}

LogicalResult insert(NodeContext &c) {
  auto elements = c.sequence(0);
  if (failed(elements))
    return failure();
  SmallVector<Value> longer(*elements);
  int64_t index = int64_t(longer.size());
  if (c.has(2)) {
    auto stated = position(c, 2, index + 1);
    if (failed(stated))
      return failure();
    index = *stated;
  }
  longer.insert(longer.begin() + index, c.in(1));
  return c.outSequence(0, longer);
}

LogicalResult erase(NodeContext &c) {
  auto elements = c.sequence(0);
  if (failed(elements))
    return failure();
  SmallVector<Value> shorter(*elements);
  auto index = c.has(1) ? position(c, 1, int64_t(shorter.size()))
                        : FailureOr<int64_t>(int64_t(shorter.size()) - 1);
  if (failed(index))
    return failure();
  if (shorter.empty())
    return c.invalid("the sequence must have elements, but got none");
  shorter.erase(shorter.begin() + *index);
  return c.outSequence(0, shorter);
}

/// The sizes of the parts: stated, chunks of one size, or ones.
FailureOr<SmallVector<int64_t>> partSizes(NodeContext &c, int64_t whole) {
  SmallVector<int64_t> sizes;
  if (c.has(1) && rankOf(c.in(1)) == 1) {
    auto stated = c.integers(1);
    if (failed(stated))
      return failure();
    int64_t left = whole;
    for (int64_t size : *stated) {
      if (size < 0 || size > left)
        return c.invalid("parts must add up to " + Twine(whole) +
                         " and not be negative, but got " + Twine(size));
      left -= size;
    }
    if (left != 0)
      return c.invalid("parts must add up to " + Twine(whole) + ", but got " +
                       Twine(whole - left));
    return *stated;
  }
  int64_t chunk = 1;
  if (c.has(1)) {
    auto stated = c.integer(1);
    if (failed(stated))
      return failure();
    chunk = *stated;
  }
  if (chunk < 1 || whole / chunk > maxNodes)
    return c.invalid("parts must have at least 1 element and there be at most "
                     "10^6, but got size " +
                     Twine(chunk) + " for " + Twine(whole));
  for (int64_t left = whole; left > 0; left -= chunk)
    sizes.push_back(std::min(left, chunk));
  return sizes;
}

LogicalResult split(NodeContext &c) {
  Value x = c.in(0);
  auto axis = c.axis(c.attr("axis", 0), rankOf(x));
  if (failed(axis))
    return failure();
  auto sizes = partSizes(c, shapeOf(x)[*axis]);
  if (failed(sizes))
    return failure();
  bool drops = !c.has(1) && !c.attr("keepdims", 1);
  SmallVector<Value> parts;
  SmallVector<int64_t> shape(shapeOf(x)), starts(shape.size());
  SmallVector<int64_t> steps(shape.size(), 1);
  for (int64_t size : *sizes) {
    shape[*axis] = size;
    Value part = SliceOp::create(
        c.b, c.loc, RankedTensorType::get(shape, elementTypeOf(x)), x, starts,
        steps);
    if (drops) {
      SmallVector<int64_t> dropped(shape);
      dropped.erase(dropped.begin() + *axis);
      part = reshapeTo(c.b, c.loc, part, dropped);
    }
    parts.push_back(part);
    starts[*axis] += size;
  }
  return c.outSequence(0, parts);
}

LogicalResult concat(NodeContext &c) {
  auto elements = c.sequence(0);
  if (failed(elements))
    return failure();
  if (elements->empty())
    return c.invalid("the sequence must have elements, but got none");
  SmallVector<Value> parts(*elements);
  bool stacks = c.attr("new_axis", 0);
  auto axis = c.axis(c.attr("axis", 0), rankOf(parts.front()) + stacks);
  if (failed(axis))
    return failure();
  SmallVector<int64_t> first(shapeOf(parts.front()));
  for (Value &part : parts) {
    SmallVector<int64_t> shape(shapeOf(part));
    if (!stacks && shape.size() == first.size())
      shape[*axis] = first[*axis];
    if (shape != first ||
        elementTypeOf(part) != elementTypeOf(parts.front()))
      return c.invalid("elements must have shapes that fit, but got " +
                       shapeText(first) + " and " + shapeText(shapeOf(part)));
    if (stacks) {
      shape.insert(shape.begin() + *axis, 1);
      part = reshapeTo(c.b, c.loc, part, shape);
    }
  }
  return c.out(ConcatOp::create(c.b, c.loc, parts, *axis));
}

} // namespace

void registerSequenceOps(OpTable &table) {
  table.add({
      {"ConcatFromSequence", 11, latest, "p", concat},
      {"SequenceAt", 11, latest, "pl", at},
      {"SequenceConstruct", 11, latest, "p*", construct},
      {"SequenceEmpty", 11, latest, "", empty},
      {"SequenceErase", 11, latest, "pl?", erase},
      {"SequenceInsert", 11, latest, "ppl?", insert},
      {"SequenceLength", 11, latest, "l", length},
      {"SplitToSequence", 11, latest, "pl?", split},
  });
}

} // namespace dlc::frontend
