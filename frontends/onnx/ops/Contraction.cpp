//===- Contraction.cpp - ONNX products and convolutions -------------------===//
//
// MatMul and Gemm become dot_general with the operand dims as they are, no
// transposes. Convolutions are channels-last in dlc, so their operands are
// transposed on the way in and back on the way out; simplification cancels the
// pairs between layers.
//
//===----------------------------------------------------------------------===//
#include "frontends/onnx/ops/Contraction.h"
#include "frontends/onnx/ops/Window.h"

using namespace mlir;

namespace dlc::frontend {

FailureOr<Value> dot(NodeContext &c, Value lhs, Value rhs,
                     const DotDims &dims) {
  auto sizes = [](Value value, ArrayRef<int64_t> dims) {
    SmallVector<int64_t> sizes;
    for (int64_t dim : dims)
      sizes.push_back(shapeOf(value)[dim]);
    return sizes;
  };
  if (elementTypeOf(lhs) != elementTypeOf(rhs))
    return c.invalid(llvm::formatv(
        "operands must have one element type, but got {0} and {1}",
        elementTypeOf(lhs), elementTypeOf(rhs)));
  if (sizes(lhs, dims.lhsContract) != sizes(rhs, dims.rhsContract) ||
      sizes(lhs, dims.lhsBatch) != sizes(rhs, dims.rhsBatch))
    return c.invalid("operands must have equal sizes in the dims that are "
                     "multiplied, but got shapes " +
                     shapeText(shapeOf(lhs)) + " and " +
                     shapeText(shapeOf(rhs)));
  return Value(DotGeneralOp::create(c.b, c.loc, lhs, rhs, dims.lhsBatch,
                                    dims.rhsBatch, dims.lhsContract,
                                    dims.rhsContract));
}

FailureOr<Value> matMul(NodeContext &c, Value lhs, Value rhs) {
  int64_t lhsRank = rankOf(lhs), rhsRank = rankOf(rhs);
  if (lhsRank == 0 || rhsRank == 0)
    return c.invalid("operands must have at least one dim, but got a scalar");
  // One matrix on the right serves every batch: no batch dims are needed.
  if (rhsRank <= 2)
    return dot(c, lhs, rhs,
               {{}, {}, {lhsRank - 1}, {rhsRank == 2 ? 0 : rhsRank - 1}});
  bool isVector = lhsRank == 1;
  if (isVector) {
    lhs = reshapeTo(c.b, c.loc, lhs, {1, shapeOf(lhs)[0]});
    lhsRank = 2;
  }
  auto batch = broadcastShapes(shapeOf(lhs).drop_back(2),
                               shapeOf(rhs).drop_back(2));
  if (failed(batch))
    return c.invalid("operands must have batch dims that broadcast, but got "
                     "shapes " +
                     shapeText(shapeOf(lhs)) + " and " +
                     shapeText(shapeOf(rhs)));
  auto spread = [&](Value value) {
    SmallVector<int64_t> shape(*batch);
    llvm::append_range(shape, shapeOf(value).take_back(2));
    return broadcastTo(c.b, c.loc, value, shape);
  };
  int64_t count = int64_t(batch->size());
  auto dims = iotaDims(count);
  auto product =
      dot(c, spread(lhs), spread(rhs), {dims, dims, {count + 1}, {count}});
  if (failed(product) || !isVector)
    return product;
  SmallVector<int64_t> shape(*batch);
  shape.push_back(shapeOf(*product).back());
  return reshapeTo(c.b, c.loc, *product, shape);
}

namespace {

LogicalResult matMulNode(NodeContext &c) {
  auto product = matMul(c, c.in(0), c.in(1));
  return failed(product) ? failure() : c.out(*product);
}

/// alpha A' B' + beta C.
LogicalResult gemm(NodeContext &c) {
  Value a = c.in(0), b = c.in(1);
  if (rankOf(a) != 2 || rankOf(b) != 2)
    return c.invalid("operands must have 2 dims, but got shapes " +
                     shapeText(shapeOf(a)) + " and " + shapeText(shapeOf(b)));
  int64_t aContract = c.attr("transA", 0) ? 0 : 1;
  int64_t bContract = c.attr("transB", 0) ? 1 : 0;
  auto product = dot(c, a, b, {{}, {}, {aContract}, {bContract}});
  if (failed(product))
    return failure();
  Value result = scaleBy(c.b, c.loc, *product, c.attrNumber("alpha", 1));
  double beta = c.attrNumber("beta", 1);
  if (!c.has(2) || beta == 0)
    return c.out(result);
  auto operands = c.broadcast({result, scaleBy(c.b, c.loc, c.in(2), beta)});
  if (failed(operands))
    return failure();
  if (shapeOf((*operands)[0]) != shapeOf(result))
    return c.invalid("operand 2 must broadcast to shape " +
                     shapeText(shapeOf(result)) + ", but got " +
                     shapeText(c.shape(2)));
  return c.out(AddOp::create(c.b, c.loc, (*operands)[0], (*operands)[1]));
}

/// Adds a bias of C elements to a channels-last value, unless it is all zeros.
FailureOr<Value> addBias(NodeContext &c, Value value) {
  Value bias = c.optional(2);
  if (!bias || splatValue(bias) == 0.0)
    return value;
  int64_t channels = shapeOf(value).back();
  if (shapeOf(bias) != ArrayRef(channels))
    return c.invalid("bias must have shape " + Twine(channels) + ", but got " +
                     shapeText(shapeOf(bias)));
  auto operands = c.broadcast({value, bias});
  if (failed(operands))
    return failure();
  return Value(AddOp::create(c.b, c.loc, value, (*operands)[1]));
}

LogicalResult checkConvOperands(NodeContext &c) {
  int64_t rank = rankOf(c.in(0));
  if (rank < 3 || rank > 5 || rankOf(c.in(1)) != rank)
    return c.invalid("operands 0 and 1 must have equally many dims, 3 to 5, "
                     "but got shapes " +
                     shapeText(c.shape(0)) + " and " + shapeText(c.shape(1)));
  if (!isa<FloatType>(elementTypeOf(c.in(0))) ||
      elementTypeOf(c.in(0)) != elementTypeOf(c.in(1)))
    return c.invalid(llvm::formatv(
        "operands must have one float element type, but got {0} and {1}",
        elementTypeOf(c.in(0)), elementTypeOf(c.in(1))));
  return success();
}

LogicalResult conv(NodeContext &c) {
  if (failed(checkConvOperands(c)))
    return failure();
  ArrayRef<int64_t> input = c.shape(0), weights = c.shape(1);
  int64_t groups = c.attr("group", 1);
  if (groups < 1 || input[1] % groups || input[1] / groups != weights[1] ||
      weights[0] % groups)
    return c.invalid(llvm::formatv(
        "operands must have {0} x {1} input channels and a number of output "
        "channels that {0} groups divide, but got {2} and {3}",
        groups, weights[1], input[1], weights[0]));
  auto window = readWindow(c, input.drop_front(2), weights.drop_front(2));
  if (failed(window))
    return failure();
  SmallVector<int64_t> shape = {input[0]};
  llvm::append_range(shape, window->windows);
  shape.push_back(weights[0]);
  Value result = ConvOp::create(
      c.b, c.loc, RankedTensorType::get(shape, elementTypeOf(c.in(0))),
      toChannelsLast(c, c.in(0)), c.in(1), window->strides, window->dilations,
      window->padsBegin, window->padsEnd, groups);
  auto biased = addBias(c, result);
  return failed(biased) ? failure() : c.out(toChannelsFirst(c, *biased));
}

/// The spatial sizes of a transposed convolution, and its pads.
FailureOr<SmallVector<int64_t>> transposedSizes(NodeContext &c,
                                                WindowGeometry &window) {
  ArrayRef<int64_t> input = c.shape(0).drop_front(2);
  SmallVector<int64_t> extra = c.attrInts("output_padding");
  SmallVector<int64_t> wanted = c.attrInts("output_shape");
  if (extra.empty())
    extra.assign(input.size(), 0);
  if (wanted.size() > input.size())
    wanted.erase(wanted.begin(), wanted.end() - input.size());
  if (extra.size() != input.size() ||
      (!wanted.empty() && wanted.size() != input.size()))
    return c.invalid("'output_padding' and 'output_shape' must have one entry "
                     "per spatial dim");
  StringRef autoPad = c.attrText("auto_pad", "NOTSET");
  bool isSame = autoPad.starts_with("SAME");
  constexpr int64_t most = int64_t(1) << 31;
  SmallVector<int64_t> sizes;
  for (size_t i = 0; i < input.size(); ++i) {
    int64_t reach = (window.kernel[i] - 1) * window.dilations[i] + 1;
    // Keeps the sum below in range: strides and dilations are at most 2^20.
    bool isWanted = wanted.empty() || (wanted[i] > 0 && wanted[i] <= most);
    if (input[i] > most || extra[i] < 0 || extra[i] > most || !isWanted)
      return c.invalid(llvm::formatv(
          "sizes must be at most 2^31 and output padding not negative, but got "
          "{0} and {1} in spatial dim {2}",
          input[i], extra[i], i));
    int64_t full =
        (input[i] - 1) * window.strides[i] + reach + extra[i];
    if (wanted.empty() && !isSame) {
      sizes.push_back(full - window.padsBegin[i] - window.padsEnd[i]);
      continue;
    }
    sizes.push_back(wanted.empty() ? input[i] * window.strides[i]
                                   : wanted[i]);
    int64_t pads = full - sizes[i];
    bool moreAtEnd = autoPad == "SAME_UPPER";
    window.padsBegin[i] = moreAtEnd ? pads / 2 : pads - pads / 2;
    window.padsEnd[i] = pads - window.padsBegin[i];
  }
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] < 1 || window.padsBegin[i] < 0 || window.padsEnd[i] < 0)
      return c.invalid(llvm::formatv(
          "output and pads must not be negative, but got size {0} and pads {1} "
          "and {2} in spatial dim {3}",
          sizes[i], window.padsBegin[i], window.padsEnd[i], i));
  }
  return sizes;
}

/// A transposed convolution is the gradient of one with respect to its input.
LogicalResult convTranspose(NodeContext &c) {
  if (failed(checkConvOperands(c)))
    return failure();
  ArrayRef<int64_t> input = c.shape(0), weights = c.shape(1);
  int64_t groups = c.attr("group", 1);
  if (groups < 1 || groups > weights[0] || input[1] != weights[0] ||
      weights[0] % groups)
    return c.invalid(llvm::formatv(
        "operands must have equally many input channels, a multiple of {0} "
        "groups, but got {1} and {2}",
        groups, input[1], weights[0]));
  auto window = readStrides(c, weights.drop_front(2));
  if (failed(window))
    return failure();
  auto sizes = transposedSizes(c, *window);
  if (failed(sizes))
    return failure();
  SmallVector<int64_t> shape = {input[0]};
  llvm::append_range(shape, *sizes);
  shape.push_back(weights[1] * groups);
  Value result = ConvGradDataOp::create(
      c.b, c.loc, RankedTensorType::get(shape, elementTypeOf(c.in(0))),
      toChannelsLast(c, c.in(0)), c.in(1), window->strides, window->dilations,
      window->padsBegin, window->padsEnd, groups);
  auto biased = addBias(c, result);
  return failed(biased) ? failure() : c.out(toChannelsFirst(c, *biased));
}

} // namespace

Value toChannelsLast(NodeContext &c, Value value) {
  SmallVector<int64_t> order = {0};
  for (int64_t dim = 2; dim < rankOf(value); ++dim)
    order.push_back(dim);
  order.push_back(1);
  return transposeBy(c.b, c.loc, value, order);
}

Value toChannelsFirst(NodeContext &c, Value value) {
  SmallVector<int64_t> order = {0, rankOf(value) - 1};
  for (int64_t dim = 1; dim < rankOf(value) - 1; ++dim)
    order.push_back(dim);
  return transposeBy(c.b, c.loc, value, order);
}

LogicalResult einsum(NodeContext &c);

void registerContractionOps(OpTable &table) {
  table.add({
      {"Conv", 1, latest, "dww?", conv},
      {"ConvTranspose", 1, latest, "dww?", convTranspose},
      {"Einsum", 12, latest, "d*", einsum},
      {"Gemm", 7, latest, "ddd?", gemm},
      {"MatMul", 1, latest, "dd", matMulNode},
  });
}

} // namespace dlc::frontend
