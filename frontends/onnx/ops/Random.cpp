//===- Random.cpp - ONNX dropout and random tensors -----------------------===//
//
// Random numbers are functions of the state `rng` (seed, calls), the op's
// stream and the element, so the backward pass recomputes a mask instead of
// keeping it. Seeds in the file are not used: a run's seed decides.
//
//===----------------------------------------------------------------------===//
#include "frontends/onnx/NodeContext.h"
#include <cmath>

using namespace mlir;

namespace dlc::frontend {

namespace {

/// Whether elements are dropped in this mode.
FailureOr<bool> isActive(NodeContext &c) {
  switch (c.mode()) {
  case ImportMode::Infer:
  case ImportMode::Grad:
    return false;
  case ImportMode::Train:
    return true;
  case ImportMode::Forward:
    // Before opset 12 there is no training form.
    if (c.opset < 12 || !c.has(2))
      return false;
    auto flag = c.number(2);
    if (failed(flag))
      return failure();
    return *flag != 0;
  }
  llvm_unreachable("a mode has four values");
}

LogicalResult dropout(NodeContext &c) {
  Value x = c.in(0);
  double ratio = c.attrNumber("ratio", 0.5);
  if (c.opset >= 12 && c.has(1)) {
    auto stated = c.number(1);
    if (failed(stated))
      return failure();
    // An f32 literal; see intendedNumber.
    ratio = intendedNumber(float(*stated));
  }
  auto active = isActive(c);
  if (failed(active))
    return failure();
  if (!(ratio >= 0 && ratio < 1))
    return c.invalid("ratio must be in [0, 1), but got " +
                     llvm::formatv("{0}", ratio).str());
  auto bits = RankedTensorType::get(shapeOf(x), c.b.getI1Type());
  if (!*active || ratio == 0) {
    if (c.wants(1))
      (void)c.out(1, splat(c.b, c.loc, bits, 1));
    return c.out(x);
  }
  Value uniform = c.uniform(tensorType(x));
  Value keeps = CompareOp::create(c.b, c.loc, ComparePredicate::GE, uniform,
                                  splatLike(c.b, c.loc, uniform, ratio));
  Value scaled = scaleBy(c.b, c.loc, x, 1 / (1 - ratio));
  (void)c.out(1, keeps);
  return c.out(SelectOp::create(c.b, c.loc, keeps, scaled,
                                splatLike(c.b, c.loc, x, 0)));
}

/// The type of a random tensor: stated, or `like` operand 0.
FailureOr<RankedTensorType> randomType(NodeContext &c, bool isLike) {
  SmallVector<int64_t> shape =
      isLike ? SmallVector<int64_t>(c.shape(0)) : c.attrInts("shape");
  if (int64_t(shape.size()) > maxRank || !checkedElements(shape))
    return c.invalid("shape must have at most 16 dims and 2^40 elements");
  Type element = isLike ? elementTypeOf(c.in(0)) : Type(c.b.getF32Type());
  if (c.hasAttr("dtype") || !isLike) {
    auto stated = c.elementTypeFor(
        c.attr("dtype", onnx::TensorProto::FLOAT));
    if (failed(stated))
      return failure();
    element = *stated;
  }
  if (!isa<FloatType>(element))
    return c.invalid(
        llvm::formatv("element type must be a float, but got {0}", element));
  return RankedTensorType::get(shape, element);
}

template <bool isLike> LogicalResult randomUniform(NodeContext &c) {
  auto type = randomType(c, isLike);
  if (failed(type))
    return failure();
  double low = c.attrNumber("low", 0), high = c.attrNumber("high", 1);
  Value unit = scaleBy(c.b, c.loc, c.uniform(*type), high - low);
  return c.out(low == 0 ? unit : addNumber(c.b, c.loc, unit, low));
}

/// Box and Muller: sqrt(-2 ln (1 - u)) cos(2 pi v) is normal.
template <bool isLike> LogicalResult randomNormal(NodeContext &c) {
  auto type = randomType(c, isLike);
  if (failed(type))
    return failure();
  Value u = NegOp::create(c.b, c.loc, c.uniform(*type));
  Value radius = SqrtOp::create(
      c.b, c.loc,
      scaleBy(c.b, c.loc, Log1pOp::create(c.b, c.loc, u), -2));
  Value angle = CosOp::create(
      c.b, c.loc, scaleBy(c.b, c.loc, c.uniform(*type), 2 * M_PI));
  Value normal = MulOp::create(c.b, c.loc, radius, angle);
  normal = scaleBy(c.b, c.loc, normal, c.attrNumber("scale", 1));
  double mean = c.attrNumber("mean", 0);
  return c.out(mean == 0 ? normal : addNumber(c.b, c.loc, normal, mean));
}

/// One with the probability that operand 0 states.
LogicalResult bernoulli(NodeContext &c) {
  Value p = c.in(0);
  Type element = elementTypeOf(p);
  if (c.hasAttr("dtype")) {
    auto stated = c.elementTypeFor(c.attr("dtype", 0));
    if (failed(stated))
      return failure();
    element = *stated;
  }
  if (!isa<FloatType>(elementTypeOf(p)))
    return c.invalid("operand 0 must hold floats");
  Value isOne = CompareOp::create(c.b, c.loc, ComparePredicate::LT,
                                  c.uniform(tensorType(p)), p);
  return c.out(castTo(c.b, c.loc, isOne, element));
}

} // namespace

void registerRandomOps(OpTable &table) {
  table.add({
      {"Bernoulli", 15, latest, "l", bernoulli},
      {"Dropout", 7, 12, "d", dropout},
      {"Dropout", 12, latest, "dl?l?", dropout},
      {"RandomNormal", 1, latest, "", randomNormal<false>},
      {"RandomNormalLike", 1, latest, "l", randomNormal<true>},
      {"RandomUniform", 1, latest, "", randomUniform<false>},
      {"RandomUniformLike", 1, latest, "l", randomUniform<true>},
  });
}

} // namespace dlc::frontend
