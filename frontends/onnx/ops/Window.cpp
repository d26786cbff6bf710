//===- Window.cpp - ONNX pooling ------------------------------------------===//
//
// Geometry of moving windows (explicit, SAME and VALID pads, ceil mode), and
// the pools over them. Pools are channels-last in dlc like convolutions.
//
//===----------------------------------------------------------------------===//
#include "frontends/onnx/ops/Window.h"
#include "frontends/onnx/EvaluateConstants.h"
#include "frontends/onnx/ops/Contraction.h"
#include <cmath>

using namespace mlir;

namespace dlc::frontend {

/// Largest kernel, stride, dilation and pad: an artifact's, see
/// runtime/artifact/Verify.cpp.
static constexpr int64_t maxWindow = 1 << 20;

FailureOr<WindowGeometry> readStrides(NodeContext &c,
                                      ArrayRef<int64_t> kernel) {
  size_t rank = kernel.size();
  WindowGeometry g;
  g.kernel.assign(kernel.begin(), kernel.end());
  g.strides = c.attrInts("strides");
  g.dilations = c.attrInts("dilations");
  SmallVector<int64_t> pads = c.attrInts("pads");
  if (g.strides.empty())
    g.strides.assign(rank, 1);
  if (g.dilations.empty())
    g.dilations.assign(rank, 1);
  if (pads.empty())
    pads.assign(2 * rank, 0);
  SmallVector<int64_t> stated = c.attrInts("kernel_shape");
  if (g.strides.size() != rank || g.dilations.size() != rank ||
      pads.size() != 2 * rank || (!stated.empty() && stated != g.kernel))
    return c.invalid(llvm::formatv(
        "'strides', 'dilations' and 'kernel_shape' must have {0} entries and "
        "'pads' {1}, and 'kernel_shape' must be {2}, but got {3}, {4}, {5} and "
        "{6} entries",
        rank, 2 * rank, shapeText(kernel), g.strides.size(),
        g.dilations.size(), stated.size(), pads.size()));
  g.padsBegin.assign(pads.begin(), pads.begin() + rank);
  g.padsEnd.assign(pads.begin() + rank, pads.end());
  for (size_t i = 0; i < rank; ++i)
    for (auto [value, least] :
         {std::pair<int64_t, int64_t>{g.kernel[i], 1}, {g.strides[i], 1},
          {g.dilations[i], 1}, {g.padsBegin[i], 0}, {g.padsEnd[i], 0}})
      if (value < least || value > maxWindow)
        return c.invalid(llvm::formatv(
            "kernel, strides and dilations must be at least 1, pads 0, and "
            "none above 2^20, but got {0} in spatial dim {1}",
            value, i));
  return g;
}

/// How many windows fit into a padded dim.
static int64_t countWindows(const WindowGeometry &g, size_t i, int64_t input,
                            bool ceils) {
  int64_t reach = g.dilations[i] * (g.kernel[i] - 1) + 1;
  int64_t room = input + g.padsBegin[i] + g.padsEnd[i] - reach;
  if (room < 0)
    return 0;
  int64_t count = room / g.strides[i] + 1;
  // With ceil mode a last window may hang over the end, but must start inside
  // the input or the pad before it.
  if (ceils && room % g.strides[i] != 0 &&
      count * g.strides[i] < input + g.padsBegin[i])
    ++count;
  return count;
}

FailureOr<WindowGeometry> readWindow(NodeContext &c, ArrayRef<int64_t> input,
                                     ArrayRef<int64_t> kernel) {
  auto geometry = readStrides(c, kernel);
  if (failed(geometry))
    return failure();
  WindowGeometry &g = *geometry;
  StringRef autoPad = c.attrText("auto_pad", "NOTSET");
  bool isSame = autoPad == "SAME_UPPER" || autoPad == "SAME_LOWER";
  if (!isSame && autoPad != "NOTSET" && autoPad != "VALID" && autoPad != "")
    return c.fail("DLC1012", "auto_pad must be 'NOTSET', 'VALID', 'SAME_UPPER' "
                             "or 'SAME_LOWER', but got '" +
                                 autoPad + "'");
  for (size_t i = 0; i < input.size(); ++i) {
    if (autoPad == "VALID")
      g.padsBegin[i] = g.padsEnd[i] = 0;
    if (isSame) {
      int64_t reach = g.dilations[i] * (g.kernel[i] - 1) + 1;
      int64_t windows = (input[i] + g.strides[i] - 1) / g.strides[i];
      int64_t pads = std::max<int64_t>(
          0, (windows - 1) * g.strides[i] + reach - input[i]);
      bool moreAtEnd = autoPad == "SAME_UPPER";
      if (pads > maxWindow)
        return c.invalid(llvm::formatv(
            "pads must be at most 2^20, but got {0} in spatial dim {1}", pads,
            i));
      g.padsBegin[i] = moreAtEnd ? pads / 2 : pads - pads / 2;
      g.padsEnd[i] = pads - g.padsBegin[i];
    }
    g.windows.push_back(countWindows(g, i, input[i], c.attr("ceil_mode", 0)));
    if (g.windows.back() < 1)
      return c.invalid(llvm::formatv(
          "the window must fit into the padded input, but got kernel {0} over "
          "size {1} in spatial dim {2}",
          g.kernel[i], input[i], i));
  }
  return geometry;
}

namespace {

/// A pool over channels-last data: the operand and its attributes, one entry
/// per dim.
struct Pool {
  Value operand;
  RankedTensorType type;
  WindowGeometry geometry;
  SmallVector<int64_t> window, strides, dilations, pads;
};

LogicalResult requireFloats(NodeContext &c) {
  if (isa<FloatType>(elementTypeOf(c.in(0))))
    return success();
  return c.invalid(llvm::formatv("operand 0 must hold floats, but got {0}",
                                 elementTypeOf(c.in(0))));
}

FailureOr<Pool> readPool(NodeContext &c) {
  Value x = c.in(0);
  SmallVector<int64_t> kernel = c.attrInts("kernel_shape");
  if (rankOf(x) < 3 || int64_t(kernel.size()) != rankOf(x) - 2)
    return c.invalid("'kernel_shape' must have an entry for each of at least "
                     "one spatial dim, but got " +
                     Twine(kernel.size()) + " for shape " +
                     shapeText(shapeOf(x)));
  auto geometry = readWindow(c, shapeOf(x).drop_front(2), kernel);
  if (failed(geometry))
    return failure();
  auto perDim = [](ArrayRef<int64_t> spatial, int64_t other) {
    SmallVector<int64_t> all = {other};
    llvm::append_range(all, spatial);
    all.push_back(other);
    return all;
  };
  SmallVector<int64_t> shape = {shapeOf(x)[0]};
  llvm::append_range(shape, geometry->windows);
  shape.push_back(shapeOf(x)[1]);
  return Pool{toChannelsLast(c, x),
              RankedTensorType::get(shape, elementTypeOf(x)),
              *geometry,
              perDim(geometry->kernel, 1),
              perDim(geometry->strides, 1),
              perDim(geometry->dilations, 1),
              perDim(geometry->padsBegin, 0)};
}

Value poolSum(NodeContext &c, const Pool &pool, Value operand) {
  return PoolSumOp::create(c.b, c.loc, pool.type, operand, pool.window,
                           pool.strides, pool.dilations, pool.pads);
}

LogicalResult maxPool(NodeContext &c) {
  auto pool = readPool(c);
  if (failed(pool))
    return failure();
  auto position = RankedTensorType::get(pool->type.getShape(),
                                        c.b.getI32Type());
  auto op = PoolMaxOp::create(c.b, c.loc, pool->type, position, pool->operand,
                              pool->window, pool->strides, pool->dilations,
                              pool->pads);
  return c.out(toChannelsFirst(c, op.getResult()));
}

/// For each window of spatial dim `i`, how many of its positions count in an
/// average. A window in ceil mode may hang over the pads; positions there never
/// count.
SmallVector<int64_t> countsAlong(const Pool &pool, size_t i, bool countsPads) {
  const WindowGeometry &g = pool.geometry;
  int64_t size = shapeOf(pool.operand)[i + 1];
  int64_t begin = countsPads ? -g.padsBegin[i] : 0;
  int64_t end = countsPads ? size + g.padsEnd[i] : size;
  SmallVector<int64_t> counts;
  for (int64_t o = 0; o < g.windows[i]; ++o) {
    int64_t first = o * g.strides[i] - g.padsBegin[i];
    // How many of the positions lie before `bound`.
    auto before = [&](int64_t bound) {
      int64_t steps = (bound - first + g.dilations[i] - 1) / g.dilations[i];
      return std::clamp<int64_t>(steps, 0, g.kernel[i]);
    };
    counts.push_back(std::max<int64_t>(0, before(end) - before(begin)));
  }
  return counts;
}

/// The same for whole windows, in the result's shape. One factor per dim, so
/// that the constants stay small; they multiply to one when folded.
Value windowCounts(NodeContext &c, const Pool &pool, bool countsPads) {
  Value product;
  for (size_t i = 0; i < pool.geometry.kernel.size(); ++i) {
    SmallVector<int64_t> counts = countsAlong(pool, i, countsPads);
    HostTensor factor(RankedTensorType::get({int64_t(counts.size())},
                                            elementTypeOf(pool.operand)),
                      /*isSplat=*/llvm::all_equal(counts));
    for (int64_t o = 0; o < factor.stored(); ++o)
      factor.setNumber(o, double(counts[o]));
    Value value =
        ConstantOp::create(c.b, c.loc, factor.type(),
                           cast<ElementsAttr>(factor.toAttribute()));
    SmallVector<int64_t> shape(pool.type.getShape());
    shape.front() = shape.back() = 1;
    value = broadcastInDim(c.b, c.loc, value, shape, {int64_t(i) + 1});
    product = product ? MulOp::create(c.b, c.loc, product, value) : value;
  }
  return broadcastTo(c.b, c.loc, product, pool.type.getShape());
}

LogicalResult averagePool(NodeContext &c) {
  if (failed(requireFloats(c)))
    return failure();
  auto pool = readPool(c);
  if (failed(pool))
    return failure();
  for (auto [size, count] :
       llvm::zip(pool->geometry.kernel, pool->geometry.windows))
    if (size > (1 << 12) || count > (1 << 20))
      return c.unsupported("a window must have at most 2^12 elements in a dim, "
                           "and a dim 2^20 windows");
  Value counts = windowCounts(c, *pool, c.attr("count_include_pad", 0));
  Value sum = poolSum(c, *pool, pool->operand);
  return c.out(
      toChannelsFirst(c, DivOp::create(c.b, c.loc, sum, counts)));
}

/// (sum |x|^p)^(1/p).
Value rootOfSum(NodeContext &c, Value sum, int64_t p) {
  if (p == 1)
    return sum;
  if (p == 2)
    return SqrtOp::create(c.b, c.loc, sum);
  return PowOp::create(c.b, c.loc, sum,
                       splatLike(c.b, c.loc, sum, 1.0 / double(p)));
}

Value powerOfAbs(NodeContext &c, Value x, int64_t p) {
  if (p == 2)
    return MulOp::create(c.b, c.loc, x, x);
  Value size = AbsOp::create(c.b, c.loc, x);
  return p == 1 ? size
                : Value(PowOp::create(
                      c.b, c.loc, size,
                      splatLike(c.b, c.loc, size, double(p))));
}

LogicalResult lpPool(NodeContext &c) {
  auto pool = readPool(c);
  if (failed(pool))
    return failure();
  int64_t p = c.attr("p", 2);
  if (p < 1)
    return c.invalid("'p' must be at least 1, but got " + Twine(p));
  Value sum = poolSum(c, *pool, powerOfAbs(c, pool->operand, p));
  return c.out(toChannelsFirst(c, rootOfSum(c, sum, p)));
}

/// Reduces all spatial dims, which stay as ones.
template <typename Reduce>
LogicalResult globalPool(NodeContext &c, Reduce reduce) {
  Value x = c.in(0);
  if (rankOf(x) < 3)
    return c.invalid("operand 0 must have at least one spatial dim, but got "
                     "shape " +
                     shapeText(shapeOf(x)));
  SmallVector<int64_t> dims, shape(shapeOf(x).take_front(2));
  for (int64_t dim = 2; dim < rankOf(x); ++dim)
    dims.push_back(dim);
  shape.resize(rankOf(x), 1);
  return c.out(reshapeTo(c.b, c.loc, reduce(x, dims), shape));
}

LogicalResult globalAveragePool(NodeContext &c) {
  if (failed(requireFloats(c)))
    return failure();
  return globalPool(c, [&](Value x, ArrayRef<int64_t> dims) {
    return meanOver(c.b, c.loc, x, dims);
  });
}

LogicalResult globalMaxPool(NodeContext &c) {
  return globalPool(c, [&](Value x, ArrayRef<int64_t> dims) -> Value {
    return ReduceMaxOp::create(c.b, c.loc, x, dims);
  });
}

LogicalResult globalLpPool(NodeContext &c) {
  int64_t p = c.attr("p", 2);
  if (p < 1)
    return c.invalid("'p' must be at least 1, but got " + Twine(p));
  return globalPool(c, [&](Value x, ArrayRef<int64_t> dims) {
    return rootOfSum(
        c, ReduceSumOp::create(c.b, c.loc, powerOfAbs(c, x, p), dims), p);
  });
}

} // namespace

void registerWindowOps(OpTable &table) {
  table.add({
      {"AveragePool", 7, latest, "d", averagePool},
      {"GlobalAveragePool", 1, latest, "d", globalAveragePool},
      {"GlobalLpPool", 2, latest, "d", globalLpPool},
      {"GlobalMaxPool", 1, latest, "d", globalMaxPool},
      {"LpPool", 2, latest, "d", lpPool},
      {"MaxPool", 1, latest, "d", maxPool},
  });
}

} // namespace dlc::frontend
