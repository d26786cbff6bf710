//===- Normalization.cpp - ONNX normalizations and softmax ----------------===//
//
// BatchNormalization depends on the mode: batch statistics, whose running
// averages are state, while training; the stored statistics otherwise. The
// running variance takes the unbiased batch variance n / (n - 1), as PyTorch
// does (ONNX's own formula is biased), and momentum is ONNX's: the weight of
// the old value.
//
//===----------------------------------------------------------------------===//
#include "frontends/onnx/NodeContext.h"

using namespace mlir;

namespace dlc::frontend {

namespace {

//===- Softmax ------------------------------------------------------------===//

/// `build(value, dim)` along an axis; before opset 13 along all dims from the
/// axis on, taken as one.
template <typename Build> LogicalResult alongAxis(NodeContext &c, Build build) {
  Value x = c.in(0);
  auto axis = c.axis(c.attr("axis", c.opset < 13 ? 1 : -1), rankOf(x));
  if (failed(axis))
    return failure();
  if (!isa<FloatType>(elementTypeOf(x)))
    return c.invalid(llvm::formatv("operand 0 must hold floats, but got {0}",
                                   elementTypeOf(x)));
  if (c.opset >= 13)
    return c.out(build(x, *axis));
  ArrayRef<int64_t> shape = shapeOf(x);
  Value flat = reshapeTo(c.b, c.loc, x,
                         {ShapedType::getNumElements(shape.take_front(*axis)),
                          ShapedType::getNumElements(shape.drop_front(*axis))});
  return c.out(reshapeTo(c.b, c.loc, build(flat, 1), shape));
}

LogicalResult softmax(NodeContext &c) {
  return alongAxis(c, [&](Value x, int64_t dim) -> Value {
    return SoftmaxOp::create(c.b, c.loc, x.getType(), x, dim);
  });
}

LogicalResult logSoftmax(NodeContext &c) {
  return alongAxis(c, [&](Value x, int64_t dim) -> Value {
    return LogSoftmaxOp::create(c.b, c.loc, x.getType(), x, dim);
  });
}

/// One at the first largest element.
LogicalResult hardmax(NodeContext &c) {
  if (llvm::is_contained(c.shape(0), 0))
    return c.invalid("operand 0 must have elements, but got shape " +
                     shapeText(c.shape(0)));
  return alongAxis(c, [&](Value x, int64_t dim) {
    Value largest = ArgMaxOp::create(c.b, c.loc, x, dim, /*last=*/false);
    auto type = RankedTensorType::get(shapeOf(x), c.b.getI64Type());
    largest = expandReduced(c.b, c.loc, largest, shapeOf(x), {dim});
    Value position = IotaOp::create(c.b, c.loc, type, dim);
    return castTo(c.b, c.loc,
                  CompareOp::create(c.b, c.loc, ComparePredicate::EQ, position,
                                    largest),
                  elementTypeOf(x));
  });
}

//===- Per sample ---------------------------------------------------------===//

/// `value` spread over the dims of `x` that numpy broadcasting aligns it to.
FailureOr<Value> spreadTo(NodeContext &c, Value value, ArrayRef<int64_t> shape,
                          StringRef what) {
  auto wide = broadcastShapes(shapeOf(value), shape);
  if (failed(wide) || ArrayRef<int64_t>(*wide) != shape)
    return c.invalid(what + " must broadcast to shape " + shapeText(shape) +
                     ", but got " + shapeText(shapeOf(value)));
  return broadcastTo(c.b, c.loc, value, shape);
}

LogicalResult requireFloats(NodeContext &c) {
  for (size_t i = 0; i < c.numInputs(); ++i)
    if (c.has(i) && elementTypeOf(c.in(i)) != elementTypeOf(c.in(0)))
      return c.invalid(llvm::formatv(
          "operands must have one element type, but got {0} and {1}",
          elementTypeOf(c.in(0)), elementTypeOf(c.in(i))));
  if (isa<FloatType>(elementTypeOf(c.in(0))))
    return success();
  return c.invalid(llvm::formatv("operand 0 must hold floats, but got {0}",
                                 elementTypeOf(c.in(0))));
}

LogicalResult layerNorm(NodeContext &c) {
  Value x = c.in(0);
  auto axis = c.axis(c.attr("axis", -1), rankOf(x));
  if (failed(axis) || failed(requireFloats(c)))
    return failure();
  ArrayRef<int64_t> shape = shapeOf(x), cols = shape.drop_front(*axis);
  auto scale = spreadTo(c, c.in(1), cols, "scale");
  auto bias = c.has(2)
                  ? spreadTo(c, c.in(2), cols, "bias")
                  : splat(c.b, c.loc,
                          RankedTensorType::get(cols, elementTypeOf(x)), 0);
  if (failed(scale) || failed(bias))
    return failure();
  auto rows = RankedTensorType::get(shape.take_front(*axis), elementTypeOf(x));
  auto norm = LayerNormOp::create(c.b, c.loc, x.getType(), rows, rows, x,
                                  *scale, *bias, *axis,
                                  llvm::APFloat(c.attrNumber("epsilon", 1e-5)));
  SmallVector<int64_t> kept(shape.take_front(*axis));
  kept.resize(shape.size(), 1);
  (void)c.out(0, norm.getResult());
  if (c.wants(1))
    (void)c.out(1, reshapeTo(c.b, c.loc, norm.getMean(), kept));
  if (c.wants(2))
    (void)c.out(2, reshapeTo(c.b, c.loc, norm.getRstd(), kept));
  return success();
}

/// (x - mean) / sqrt(variance + epsilon) over `dims`; without `centers`, mean
/// is 0.
Value normalized(NodeContext &c, Value x, ArrayRef<int64_t> dims,
                 double epsilon, bool centers) {
  ArrayRef<int64_t> shape = shapeOf(x);
  if (centers) {
    Value mean = meanOver(c.b, c.loc, x, dims);
    x = SubOp::create(c.b, c.loc, x,
                      expandReduced(c.b, c.loc, mean, shape, dims));
  }
  Value square = MulOp::create(c.b, c.loc, x, x);
  Value variance =
      addNumber(c.b, c.loc, meanOver(c.b, c.loc, square, dims), epsilon);
  Value rstd = RsqrtOp::create(c.b, c.loc, variance);
  return MulOp::create(c.b, c.loc, x,
                       expandReduced(c.b, c.loc, rstd, shape, dims));
}

LogicalResult rmsNorm(NodeContext &c) {
  Value x = c.in(0);
  auto axis = c.axis(c.attr("axis", -1), rankOf(x));
  if (failed(axis) || failed(requireFloats(c)))
    return failure();
  auto scale =
      spreadTo(c, c.in(1), shapeOf(x).drop_front(*axis), "scale");
  if (failed(scale))
    return failure();
  auto dims = llvm::to_vector(llvm::seq<int64_t>(*axis, rankOf(x)));
  Value y = normalized(c, x, dims, c.attrNumber("epsilon", 1e-5),
                       /*centers=*/false);
  return c.out(MulOp::create(c.b, c.loc, y,
                             broadcastTo(c.b, c.loc, *scale, shapeOf(x))));
}

/// A value per channel (dim 1) of `shape`.
FailureOr<Value> perChannel(NodeContext &c, Value value,
                            ArrayRef<int64_t> shape, StringRef what) {
  if (shapeOf(value) != ArrayRef<int64_t>(shape[1]))
    return c.invalid(what + " must have shape " + Twine(shape[1]) +
                     ", but got " + shapeText(shapeOf(value)));
  return broadcastInDim(c.b, c.loc, value, shape, {1});
}

LogicalResult scaleAndShift(NodeContext &c, Value y, Value scale, Value bias) {
  auto wideScale = perChannel(c, scale, shapeOf(y), "scale");
  auto wideBias = perChannel(c, bias, shapeOf(y), "bias");
  if (failed(wideScale) || failed(wideBias))
    return failure();
  // Exporters write norms without parameters with constant ones and zeros.
  if (splatValue(scale) != 1.0)
    y = MulOp::create(c.b, c.loc, y, *wideScale);
  if (splatValue(bias) != 0.0)
    y = AddOp::create(c.b, c.loc, y, *wideBias);
  return c.out(y);
}

LogicalResult instanceNorm(NodeContext &c) {
  Value x = c.in(0);
  if (failed(requireFloats(c)))
    return failure();
  if (rankOf(x) < 3)
    return c.invalid("operand 0 must have at least 3 dims, but got shape " +
                     shapeText(shapeOf(x)));
  auto dims = llvm::to_vector(llvm::seq<int64_t>(2, rankOf(x)));
  Value y = normalized(c, x, dims, c.attrNumber("epsilon", 1e-5),
                       /*centers=*/true);
  return scaleAndShift(c, y, c.in(1), c.in(2));
}

/// Before opset 21 scale and bias have an entry per group, then per channel.
LogicalResult groupNorm(NodeContext &c) {
  Value x = c.in(0), scale = c.in(1), bias = c.in(2);
  ArrayRef<int64_t> shape = shapeOf(x);
  int64_t groups = c.attr("num_groups", 0);
  if (failed(requireFloats(c)))
    return failure();
  if (shape.size() < 2 || groups < 1 || shape[1] % groups)
    return c.invalid("'num_groups' must divide the channels of shape " +
                     shapeText(shape) + ", but got " + Twine(groups));
  SmallVector<int64_t> split = {shape[0], groups, shape[1] / groups};
  llvm::append_range(split, shape.drop_front(2));
  auto dims = llvm::to_vector(llvm::seq<int64_t>(2, int64_t(split.size())));
  Value y = normalized(c, reshapeTo(c.b, c.loc, x, split), dims,
                       c.attrNumber("epsilon", 1e-5), /*centers=*/true);
  y = reshapeTo(c.b, c.loc, y, shape);
  auto perGroup = [&](Value value) -> Value {
    if (shapeOf(value) != ArrayRef<int64_t>(groups) || groups == shape[1])
      return value;
    Value wide = broadcastInDim(c.b, c.loc, value,
                                {groups, shape[1] / groups}, {0});
    return reshapeTo(c.b, c.loc, wide, {shape[1]});
  };
  return scaleAndShift(c, y, perGroup(scale), perGroup(bias));
}

//===- BatchNormalization -------------------------------------------------===//

/// old * momentum + batch * (1 - momentum).
Value runningAverage(NodeContext &c, Value old, Value batch,
                     double momentum) {
  return AddOp::create(c.b, c.loc, scaleBy(c.b, c.loc, old, momentum),
                       scaleBy(c.b, c.loc, batch, 1 - momentum));
}

/// Normalizes with the batch's own statistics. `updates`: running statistics
/// that are state get their new values.
LogicalResult batchNormOverBatch(NodeContext &c, bool updates) {
  Value x = c.in(0);
  auto vector = RankedTensorType::get({shapeOf(x)[1]}, elementTypeOf(x));
  auto norm = BatchNormOp::create(
      c.b, c.loc, x.getType(), vector, vector, x, c.in(1), c.in(2),
      /*channel=*/1, llvm::APFloat(c.attrNumber("epsilon", 1e-5)));
  double momentum = c.attrNumber("momentum", 0.9);
  int64_t samples =
      tensorType(x).getNumElements() / std::max<int64_t>(1, shapeOf(x)[1]);
  Value mean = c.newestState(c.in(3)), variance = c.newestState(c.in(4));
  if (updates && mean && variance) {
    if (samples < 2)
      return c.invalid("batch statistics need at least 2 values per channel, "
                       "but got " +
                       Twine(samples) + " (see --batchnorm frozen)");
    double unbias = double(samples) / double(samples - 1);
    c.updateState(c.in(3),
                  runningAverage(c, mean, norm.getMean(), momentum));
    c.updateState(
        c.in(4),
        runningAverage(c, variance,
                       scaleBy(c.b, c.loc, norm.getVariance(), unbias),
                       momentum));
  }
  (void)c.out(0, norm.getResult());
  if (c.wants(1))
    (void)c.out(1, runningAverage(c, c.in(3), norm.getMean(), momentum));
  if (c.wants(2))
    (void)c.out(2, runningAverage(c, c.in(4), norm.getVariance(), momentum));
  return success();
}

/// (x - mean) * rsqrt(variance + epsilon) * scale + bias.
LogicalResult batchNormStored(NodeContext &c) {
  Value x = c.in(0);
  ArrayRef<int64_t> shape = shapeOf(x);
  Value rstd = RsqrtOp::create(
      c.b, c.loc,
      addNumber(c.b, c.loc, c.in(4), c.attrNumber("epsilon", 1e-5)));
  Value factor = MulOp::create(c.b, c.loc, rstd, c.in(1));
  auto spread = [&](Value value) {
    return broadcastInDim(c.b, c.loc, value, shape, {1});
  };
  Value y = SubOp::create(c.b, c.loc, x, spread(c.in(3)));
  y = MulOp::create(c.b, c.loc, y, spread(factor));
  y = AddOp::create(c.b, c.loc, y, spread(c.in(2)));
  (void)c.out(0, y);
  // Results that only the training form defines keep the stored statistics.
  (void)c.out(1, c.in(3));
  return c.out(2, c.in(4));
}

LogicalResult batchNorm(NodeContext &c) {
  Value x = c.in(0);
  if (failed(requireFloats(c)))
    return failure();
  if (rankOf(x) < 2)
    return c.invalid("operand 0 must have at least 2 dims, but got shape " +
                     shapeText(shapeOf(x)));
  for (size_t i = 1; i < 5; ++i)
    if (c.shape(i) != ArrayRef<int64_t>(shapeOf(x)[1]))
      return c.invalid("operand " + Twine(i) + " must have shape " +
                       Twine(shapeOf(x)[1]) + ", but got " +
                       shapeText(c.shape(i)));
  if (c.opset < 9 && !c.attr("spatial", 1))
    return c.unsupported("'spatial' must be 1");
  switch (c.mode()) {
  case ImportMode::Forward:
    return c.attr("training_mode", 0)
               ? batchNormOverBatch(c, /*updates=*/false)
               : batchNormStored(c);
  case ImportMode::Infer:
    return batchNormStored(c);
  case ImportMode::Train:
  case ImportMode::Grad:
    return c.options().batchNormTrains
               ? batchNormOverBatch(c, c.mode() == ImportMode::Train)
               : batchNormStored(c);
  }
  llvm_unreachable("a mode has four values");
}

/// x / (bias + alpha / size * sum of squares over `size` channels around)^beta.
LogicalResult localResponseNorm(NodeContext &c) {
  Value x = c.in(0);
  int64_t size = c.attr("size", 0);
  ArrayRef<int64_t> shape = shapeOf(x);
  if (failed(requireFloats(c)))
    return failure();
  if (shape.size() < 3 || size < 1 || size > shape[1] * 2)
    return c.invalid("'size' must be at least 1 and the data have 3 dims, but "
                     "got " +
                     Twine(size) + " and shape " + shapeText(shape));
  Value square = MulOp::create(c.b, c.loc, x, x);
  SmallVector<int64_t> window(shape.size(), 1), ones(shape.size(), 1);
  SmallVector<int64_t> pads(shape.size());
  window[1] = size;
  pads[1] = (size - 1) / 2;
  Value sum = PoolSumOp::create(c.b, c.loc, tensorType(x), square, window,
                                ones, ones, pads);
  double alpha = c.attrNumber("alpha", 1e-4) / double(size);
  Value base = addNumber(c.b, c.loc, scaleBy(c.b, c.loc, sum, alpha),
                         c.attrNumber("bias", 1));
  Value power = PowOp::create(
      c.b, c.loc, base,
      splatLike(c.b, c.loc, base, c.attrNumber("beta", 0.75)));
  return c.out(DivOp::create(c.b, c.loc, x, power));
}

/// x / |x|_p along an axis; 0 where |x|_p is.
LogicalResult lpNorm(NodeContext &c) {
  Value x = c.in(0);
  auto axis = c.axis(c.attr("axis", -1), rankOf(x));
  int64_t p = c.attr("p", 2);
  if (failed(axis) || failed(requireFloats(c)))
    return failure();
  if (p != 1 && p != 2)
    return c.unsupported("'p' must be 1 or 2, but got " + Twine(p));
  Value sized = p == 1 ? Value(AbsOp::create(c.b, c.loc, x))
                       : Value(MulOp::create(c.b, c.loc, x, x));
  Value sum = ReduceSumOp::create(c.b, c.loc, sized, ArrayRef<int64_t>(*axis));
  Value isZero = CompareOp::create(c.b, c.loc, ComparePredicate::EQ, sum,
                                   splatLike(c.b, c.loc, sum, 0));
  sum = SelectOp::create(c.b, c.loc, isZero, splatLike(c.b, c.loc, sum, 1),
                         sum);
  if (p == 2)
    sum = SqrtOp::create(c.b, c.loc, sum);
  return c.out(DivOp::create(
      c.b, c.loc, x,
      expandReduced(c.b, c.loc, sum, shapeOf(x), ArrayRef<int64_t>(*axis))));
}

/// (x - mean) / sqrt(variance + 1e-9) over the stated axes.
LogicalResult meanVarianceNorm(NodeContext &c) {
  SmallVector<int64_t> stated = {0, 2, 3};
  if (c.hasAttr("axes"))
    stated = c.attrInts("axes");
  auto dims = c.axes(stated, rankOf(c.in(0)));
  if (failed(dims) || failed(requireFloats(c)))
    return failure();
  return c.out(normalized(c, c.in(0), *dims, 1e-9, /*centers=*/true));
}

} // namespace

void registerNormalizationOps(OpTable &table) {
  table.add({
      {"BatchNormalization", 7, latest, "dwwss", batchNorm},
      {"GroupNormalization", 18, latest, "dww", groupNorm},
      {"Hardmax", 1, latest, "l", hardmax},
      {"InstanceNormalization", 6, latest, "dww", instanceNorm},
      {"LRN", 1, latest, "d", localResponseNorm},
      {"LayerNormalization", 17, latest, "dww?", layerNorm},
      {"LogSoftmax", 1, latest, "d", logSoftmax},
      {"LpNormalization", 1, latest, "d", lpNorm},
      {"MeanVarianceNormalization", 9, latest, "d", meanVarianceNorm},
      {"RMSNormalization", 23, latest, "dw", rmsNorm},
      {"Softmax", 1, latest, "d", softmax},
  });
}

} // namespace dlc::frontend
