//===- Resize.cpp - Resize and Upsample -----------------------------------===//
//
// Interpolation is linear in the data and separable, so one axis after another
// is resized. Every output position of an axis is a weighted sum of few input
// positions, and both weights and positions are known at import time:
//
// - whole-number repetition (nearest, the common case) is a broadcast;
// - one position of weight 1 each (other nearest forms) is a gather;
// - all else (linear, cubic) is a product with the constant matrix of weights.
//
// Gradients are those of these ops. The formulas for positions are ONNX's.
//
//===----------------------------------------------------------------------===//
#include "dialects/dlc/IR/Builders.h"
#include "frontends/onnx/EvaluateConstants.h"
#include "frontends/onnx/NodeContext.h"
#include "frontends/onnx/OpTable.h"
#include "frontends/onnx/ops/Contraction.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <algorithm>
#include <cmath>

using namespace mlir;

namespace dlc::frontend {
namespace {

/// One axis to resize.
struct Axis {
  int64_t dim, from, to;
  /// Output positions per input position.
  double scale;
};

/// The attributes that choose positions and weights.
struct Form {
  StringRef mode, coordinates, nearest;
  double cubic;
  bool excludesOutside;
};

/// An input position and its weight.
struct Tap {
  int64_t position;
  double weight;
};

/// The input position, not rounded, of output position `i`.
double coordinate(const Form &form, const Axis &axis, int64_t i) {
  double at = double(i);
  if (form.coordinates == "asymmetric")
    return at / axis.scale;
  if (form.coordinates == "align_corners") {
    // ONNX's length of the result is not rounded here.
    double whole = double(axis.from) * axis.scale;
    return axis.to == 1 ? 0 : at * double(axis.from - 1) / (whole - 1);
  }
  if (form.coordinates == "pytorch_half_pixel" && axis.to == 1)
    return 0;
  double middle = (at + 0.5) / axis.scale - 0.5;
  if (form.coordinates == "half_pixel_symmetric") {
    double whole = double(axis.from) * axis.scale;
    return middle + double(axis.from) / 2 * (1 - double(axis.to) / whole);
  }
  return middle;
}

double rounded(StringRef nearest, double x) {
  if (nearest == "floor")
    return std::floor(x);
  if (nearest == "ceil")
    return std::ceil(x);
  return nearest == "round_prefer_ceil" ? std::floor(x + 0.5)
                                        : std::ceil(x - 0.5);
}

/// Keys' cubic convolution kernel at distance `t` in [0, 2].
double cubicWeight(double a, double t) {
  return t <= 1 ? ((a + 2) * t - (a + 3)) * t * t + 1
                : ((a * t - 5 * a) * t + 8 * a) * t - 4 * a;
}

SmallVector<Tap> tapsAt(const Form &form, const Axis &axis, int64_t i) {
  double x = coordinate(form, axis, i);
  SmallVector<Tap> taps;
  if (form.mode == "nearest") {
    taps.push_back({int64_t(rounded(form.nearest, x)), 1});
  } else {
    int64_t base = int64_t(std::floor(x));
    double part = x - double(base);
    if (form.mode == "linear")
      taps = {{base, 1 - part}, {base + 1, part}};
    else
      for (int64_t k = -1; k <= 2; ++k)
        taps.push_back(
            {base + k, cubicWeight(form.cubic, std::fabs(part - double(k)))});
  }
  double total = 0;
  for (Tap &tap : taps) {
    if (form.excludesOutside && (tap.position < 0 || tap.position >= axis.from))
      tap.weight = 0;
    tap.position = std::clamp<int64_t>(tap.position, 0, axis.from - 1);
    total += tap.weight;
  }
  if (form.excludesOutside && total != 0)
    for (Tap &tap : taps)
      tap.weight /= total;
  return taps;
}

/// `value` with each position along `axis` repeated `times`.
Value repeat(NodeContext &c, Value value, const Axis &axis, int64_t times) {
  SmallVector<int64_t> wide, dims, merged(shapeOf(value));
  for (auto [dim, size] : llvm::enumerate(shapeOf(value))) {
    dims.push_back(int64_t(wide.size()));
    wide.push_back(size);
    if (int64_t(dim) == axis.dim)
      wide.push_back(times);
  }
  merged[axis.dim] *= times;
  Value spread = broadcastInDim(c.b, c.loc, value, wide, dims);
  return reshapeTo(c.b, c.loc, spread, merged);
}

FailureOr<Value> weigh(NodeContext &c, Value value, const Axis &axis,
                       ArrayRef<SmallVector<Tap>> taps) {
  auto type = RankedTensorType::get({axis.from, axis.to}, elementTypeOf(value));
  HostTensor matrix(type, false);
  SmallVector<double> numbers(axis.from * axis.to);
  for (auto [i, row] : llvm::enumerate(taps))
    for (const Tap &tap : row)
      numbers[tap.position * axis.to + int64_t(i)] += tap.weight;
  for (auto [i, number] : llvm::enumerate(numbers))
    matrix.setNumber(int64_t(i), number);
  Value weights = ConstantOp::create(c.b, c.loc, type,
                                     cast<ElementsAttr>(matrix.toAttribute()));
  auto product = dot(c, value, weights, {{}, {}, {axis.dim}, {0}});
  if (failed(product))
    return failure();
  // The new dim comes last.
  SmallVector<int64_t> back;
  int64_t rank = rankOf(value);
  for (int64_t dim = 0; dim < rank; ++dim)
    back.push_back(dim == axis.dim ? rank - 1 : dim - (dim > axis.dim));
  return transposeBy(c.b, c.loc, *product, back);
}

FailureOr<Value> resizeAxis(NodeContext &c, Value value, const Axis &axis,
                            const Form &form) {
  SmallVector<SmallVector<Tap>> taps;
  SmallVector<int64_t> positions;
  bool repeats = axis.to % axis.from == 0;
  for (int64_t i = 0; i < axis.to; ++i) {
    taps.push_back(tapsAt(form, axis, i));
    positions.push_back(taps.back().front().position);
    repeats = repeats && positions.back() == i / (axis.to / axis.from);
  }
  if (form.mode != "nearest")
    return weigh(c, value, axis, taps);
  if (repeats)
    return repeat(c, value, axis, axis.to / axis.from);
  return Value(GatherOp::create(c.b, c.loc, value,
                                i64Constant(c.b, c.loc, positions), axis.dim));
}

/// The numbers of a float operand known at import time.
FailureOr<SmallVector<double>> numbers(NodeContext &c, size_t index) {
  auto constant = constantValue(c.in(index));
  if (!constant)
    return c.invalid("scales must be known at import time");
  SmallVector<double> result;
  for (int64_t i = 0; i < constant->elements(); ++i)
    result.push_back(constant->number(i));
  return result;
}

bool hasElements(NodeContext &c, size_t index) {
  return index < c.numInputs() && c.has(index) &&
         tensorType(c.in(index)).getNumElements() > 0;
}

/// Sizes by the policy for keeping the aspect ratio.
LogicalResult applySizes(NodeContext &c, ArrayRef<int64_t> sizes,
                         SmallVectorImpl<Axis> &axes) {
  StringRef policy = c.attrText("keep_aspect_ratio_policy", "stretch");
  double common = 0;
  for (auto [axis, size] : llvm::zip(axes, sizes)) {
    double ratio = double(size) / double(axis.from);
    common = common == 0              ? ratio
             : policy == "not_larger" ? std::min(common, ratio)
                                      : std::max(common, ratio);
  }
  for (auto [axis, size] : llvm::zip(axes, sizes)) {
    double whole = std::floor(common * double(axis.from) + 0.5);
    axis.to = policy == "stretch"
                  ? size
                  : int64_t(std::clamp(whole, 0.0, double(maxElements)));
    axis.scale =
        policy == "stretch" ? double(size) / double(axis.from) : common;
  }
  return success();
}

LogicalResult resizeBy(NodeContext &c, const Form &form, ArrayRef<Axis> axes) {
  Value value = c.in(0);
  if (!isa<FloatType>(elementTypeOf(value)) && form.mode != "nearest")
    return c.unsupported("data must be floats unless mode is 'nearest'");
  SmallVector<int64_t> merged(shapeOf(value));
  for (const Axis &axis : axes) {
    if (axis.to < 1)
      return c.invalid(
          llvm::formatv("sizes must be at least 1, but got {0} for dim {1}",
                        axis.to, axis.dim));
    merged[axis.dim] = axis.to;
    // Positions and weights of an axis are held while importing.
    constexpr int64_t mostAlong = 1 << 22, mostWeights = 1 << 26;
    std::optional<int64_t> elements = checkedElements(merged);
    if (!elements || *elements > int64_t(1) << 32 || axis.to > mostAlong ||
        (form.mode != "nearest" && axis.from > mostWeights / axis.to))
      return c.invalid(
          llvm::formatv("sizes must be at most 2^22, 2^26 times that of the "
                        "data and 2^32 elements in all, but got {0} from {1} "
                        "for dim {2}",
                        axis.to, axis.from, axis.dim));
  }
  for (const Axis &axis : axes) {
    if (axis.from == axis.to && axis.scale == 1)
      continue;
    auto next = resizeAxis(c, value, axis, form);
    if (failed(next))
      return failure();
    value = *next;
  }
  return c.out(value);
}

LogicalResult chosen(NodeContext &c, const char *attribute, StringRef value,
                     ArrayRef<StringRef> known) {
  if (llvm::is_contained(known, value))
    return success();
  return c.unsupported(llvm::formatv("{0} must be one of {1}, but got '{2}'",
                                     attribute, llvm::join(known, ", "),
                                     value));
}

LogicalResult checkForm(NodeContext &c, const Form &form) {
  return success(
      succeeded(chosen(c, "mode", form.mode, {"nearest", "linear", "cubic"})) &&
      succeeded(chosen(c, "coordinate_transformation_mode", form.coordinates,
                       {"half_pixel", "pytorch_half_pixel", "align_corners",
                        "asymmetric", "half_pixel_symmetric"})) &&
      succeeded(chosen(
          c, "nearest_mode", form.nearest,
          {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"})));
}

FailureOr<SmallVector<Axis>> axesOf(NodeContext &c) {
  int64_t rank = rankOf(c.in(0));
  SmallVector<int64_t> dims = c.attrInts("axes");
  if (dims.empty())
    dims = iotaDims(rank);
  SmallVector<Axis> axes;
  for (int64_t dim : dims) {
    auto checked = c.axis(dim, rank);
    if (failed(checked))
      return failure();
    int64_t size = c.shape(0)[*checked];
    if (size == 0)
      return c.invalid("data must have elements, but got a dim of 0");
    axes.push_back({*checked, size, size, 1});
  }
  return axes;
}

/// Sets the sizes from `scales`, one per axis.
LogicalResult applyScales(NodeContext &c, ArrayRef<double> scales,
                          SmallVectorImpl<Axis> &axes) {
  if (scales.size() != axes.size())
    return c.invalid(
        llvm::formatv("scales must have one number per axis, {0}, but got {1}",
                      axes.size(), scales.size()));
  for (auto [axis, scale] : llvm::zip(axes, scales)) {
    if (!(scale > 0 && scale < 1 << 20))
      return c.invalid("scales must be positive and below 2^20");
    axis.scale = scale;
    axis.to = int64_t(std::floor(double(axis.from) * scale));
  }
  return success();
}

/// X, roi, scales or sizes (since 11).
LogicalResult resize(NodeContext &c) {
  Form form{c.attrText("mode", "nearest"),
            c.attrText("coordinate_transformation_mode", "half_pixel"),
            c.attrText("nearest_mode", "round_prefer_floor"),
            c.attrNumber("cubic_coeff_a", -0.75),
            c.attr("exclude_outside", 0) != 0};
  auto axes = axesOf(c);
  if (failed(axes) || failed(checkForm(c, form)))
    return failure();
  if (c.attr("antialias", 0) != 0)
    return c.unsupported("antialias must be 0, but got 1");
  if (hasElements(c, 3)) {
    auto sizes = c.integers(3);
    if (failed(sizes))
      return failure();
    if (sizes->size() != axes->size())
      return c.invalid(
          llvm::formatv("sizes must have one number per axis, {0}, but got {1}",
                        axes->size(), sizes->size()));
    if (failed(applySizes(c, *sizes, *axes)))
      return failure();
    return resizeBy(c, form, *axes);
  }
  if (!hasElements(c, 2))
    return c.invalid("scales or sizes must be given, but got neither");
  auto scales = numbers(c, 2);
  if (failed(scales) || failed(applyScales(c, *scales, *axes)))
    return failure();
  return resizeBy(c, form, *axes);
}

/// X, scales: Upsample since 9, and Resize of 10.
LogicalResult upsample(NodeContext &c) {
  StringRef mode = c.attrText("mode", "nearest");
  Form form{mode, "asymmetric", "floor", 0, false};
  auto axes = axesOf(c);
  if (failed(axes) || failed(checkForm(c, form)))
    return failure();
  auto scales = numbers(c, 1);
  if (failed(scales) || failed(applyScales(c, *scales, *axes)))
    return failure();
  return resizeBy(c, form, *axes);
}

} // namespace

void registerResizeOps(OpTable &table) {
  table.add({
      {"Resize", 10, 11, "dl", upsample},
      {"Resize", 11, latest, "dl?l?l?", resize},
      {"Upsample", 9, 10, "dl", upsample},
  });
}

} // namespace dlc::frontend
