//===- Reduction.cpp - ONNX reductions ------------------------------------===//
#include "frontends/onnx/NodeContext.h"

using namespace mlir;

namespace dlc::frontend {

namespace {

/// What a reduction runs over, and the shape that `keepdims` asks for.
struct ReduceDims {
  SmallVector<int64_t> dims, resultShape;
  bool isNoop = false;
};

/// `operandSince`: the opset from which axes are an operand.
FailureOr<ReduceDims> readDims(NodeContext &c, int64_t operandSince) {
  SmallVector<int64_t> stated = c.attrInts("axes");
  if (c.opset >= operandSince && c.has(1)) {
    auto values = c.integers(1);
    if (failed(values))
      return failure();
    stated = *values;
  }
  ReduceDims result;
  ArrayRef<int64_t> shape = c.shape(0);
  int64_t rank = int64_t(shape.size());
  auto dims = c.axes(stated, rank);
  if (failed(dims))
    return failure();
  result.isNoop = stated.empty() && c.attr("noop_with_empty_axes", 0);
  result.dims = stated.empty() && !result.isNoop ? iotaDims(rank) : *dims;
  for (auto [i, size] : llvm::enumerate(shape)) {
    bool isReduced = llvm::is_contained(result.dims, int64_t(i));
    if (!isReduced)
      result.resultShape.push_back(size);
    else if (c.attr("keepdims", 1))
      result.resultShape.push_back(1);
  }
  return result;
}

using Step = Value (*)(NodeContext &, Value);
Value same(NodeContext &, Value x) { return x; }
Value absolute(NodeContext &c, Value x) {
  return AbsOp::create(c.b, c.loc, x);
}
Value square(NodeContext &c, Value x) {
  return MulOp::create(c.b, c.loc, x, x);
}
Value logarithm(NodeContext &c, Value x) {
  return LogOp::create(c.b, c.loc, x);
}
/// The root of a sum of squares. Its gradient where that is 0 is 0, one of the
/// norm's there, and not the infinity of a root.
Value root(NodeContext &c, Value x) {
  Value zero = splatLike(c.b, c.loc, x, 0);
  Value isZero =
      CompareOp::create(c.b, c.loc, ComparePredicate::EQ, x, zero);
  Value safe = SelectOp::create(c.b, c.loc, isZero,
                                splatLike(c.b, c.loc, x, 1), x);
  return SelectOp::create(c.b, c.loc, isZero, zero,
                          SqrtOp::create(c.b, c.loc, safe));
}

/// after(reduce(before(x))); `since` is when axes became an operand.
template <typename OpTy, int since, Step before, Step after>
LogicalResult reduce(NodeContext &c) {
  auto dims = readDims(c, since);
  if (failed(dims))
    return failure();
  Value x = before(c, c.in(0));
  if (!dims->isNoop)
    x = OpTy::create(c.b, c.loc, x, dims->dims);
  return c.out(reshapeTo(c.b, c.loc, after(c, x), dims->resultShape));
}

/// Booleans are reduced as unsigned bytes, whose neutral elements convert to
/// false (of a maximum) and true (of a minimum).
template <typename OpTy> LogicalResult reduceExtreme(NodeContext &c) {
  auto dims = readDims(c, 18);
  if (failed(dims))
    return failure();
  Type element = elementTypeOf(c.in(0));
  Value x = element.isInteger(1)
                ? castTo(c.b, c.loc, c.in(0),
                         c.b.getIntegerType(8, /*isSigned=*/false))
                : c.in(0);
  if (!dims->isNoop)
    x = OpTy::create(c.b, c.loc, x, dims->dims);
  return c.out(reshapeTo(c.b, c.loc, castTo(c.b, c.loc, x, element),
                         dims->resultShape));
}

LogicalResult reduceMean(NodeContext &c) {
  auto dims = readDims(c, 18);
  if (failed(dims))
    return failure();
  Value x = c.in(0);
  if (!isa<FloatType>(elementTypeOf(x)))
    return c.unsupported(llvm::formatv(
        "operand 0 must hold floats, but got {0}", elementTypeOf(x)));
  if (!dims->isNoop)
    x = meanOver(c.b, c.loc, x, dims->dims);
  return c.out(reshapeTo(c.b, c.loc, x, dims->resultShape));
}

/// max + ln sum e^(x - max), so that no exponential overflows.
LogicalResult reduceLogSumExp(NodeContext &c) {
  auto dims = readDims(c, 18);
  if (failed(dims))
    return failure();
  Value x = c.in(0);
  if (dims->isNoop || dims->dims.empty())
    return c.out(x);
  Value most = ReduceMaxOp::create(c.b, c.loc, x, dims->dims);
  // A maximum of -inf (or inf) would give NaN; 0 gives the right limit.
  Value isFinite = NotOp::create(c.b, c.loc,
                                 IsInfOp::create(c.b, c.loc, most));
  most = SelectOp::create(c.b, c.loc, isFinite, most,
                          splatLike(c.b, c.loc, most, 0));
  Value shifted = SubOp::create(
      c.b, c.loc, x,
      expandReduced(c.b, c.loc, most, shapeOf(x), dims->dims));
  Value sum = ReduceSumOp::create(c.b, c.loc,
                                  ExpOp::create(c.b, c.loc, shifted),
                                  dims->dims);
  Value result = AddOp::create(c.b, c.loc, most,
                               LogOp::create(c.b, c.loc, sum));
  return c.out(reshapeTo(c.b, c.loc, result, dims->resultShape));
}

template <typename OpTy> LogicalResult argReduce(NodeContext &c) {
  Value x = c.in(0);
  auto axis = c.axis(c.attr("axis", 0), rankOf(x));
  if (failed(axis))
    return failure();
  if (shapeOf(x)[*axis] == 0)
    return c.invalid("axis must have elements, but got size 0");
  Value index = OpTy::create(c.b, c.loc, x, *axis,
                             c.attr("select_last_index", 0) != 0);
  SmallVector<int64_t> shape(shapeOf(x));
  shape[*axis] = 1;
  return c.out(c.attr("keepdims", 1) ? reshapeTo(c.b, c.loc, index, shape)
                                     : index);
}

LogicalResult cumSum(NodeContext &c) {
  auto stated = c.integer(1);
  if (failed(stated))
    return failure();
  auto axis = c.axis(*stated, rankOf(c.in(0)));
  if (failed(axis))
    return failure();
  return c.out(CumSumOp::create(c.b, c.loc, c.in(0).getType(), c.in(0), *axis,
                                c.attr("exclusive", 0) != 0,
                                c.attr("reverse", 0) != 0));
}

} // namespace

void registerReductionOps(OpTable &table) {
  table.add({
      {"ArgMax", 1, latest, "l", argReduce<ArgMaxOp>},
      {"ArgMin", 1, latest, "l", argReduce<ArgMinOp>},
      {"CumSum", 11, latest, "dl", cumSum},
      {"ReduceL1", 1, latest, "dl?", reduce<ReduceSumOp, 18, absolute, same>},
      {"ReduceL2", 1, latest, "dl?", reduce<ReduceSumOp, 18, square, root>},
      {"ReduceLogSum", 1, latest, "dl?",
       reduce<ReduceSumOp, 18, same, logarithm>},
      {"ReduceLogSumExp", 1, latest, "dl?", reduceLogSumExp},
      {"ReduceMax", 1, latest, "dl?", reduceExtreme<ReduceMaxOp>},
      {"ReduceMean", 1, latest, "dl?", reduceMean},
      {"ReduceMin", 1, latest, "dl?", reduceExtreme<ReduceMinOp>},
      {"ReduceProd", 1, latest, "dl?", reduce<ReduceProdOp, 18, same, same>},
      {"ReduceSum", 1, latest, "dl?", reduce<ReduceSumOp, 13, same, same>},
      {"ReduceSumSquare", 1, latest, "dl?",
       reduce<ReduceSumOp, 18, square, same>},
  });
}

} // namespace dlc::frontend
