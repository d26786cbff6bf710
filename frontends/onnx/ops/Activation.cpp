//===- Activation.cpp - ONNX activation functions -------------------------===//
//
// Written out in dlc's elementwise ops; fusion makes that free. Bounds are
// selects on strict comparisons, so that the gradient at a bound is the one
// that PyTorch gives.
//
//===----------------------------------------------------------------------===//
#include "frontends/onnx/NodeContext.h"
#include <cmath>

using namespace mlir;

namespace dlc::frontend {

namespace {

/// Builds formulas over one operand.
struct Formula {
  explicit Formula(NodeContext &c) : b(c.b), loc(c.loc), x(c.in(0)) {}
  OpBuilder &b;
  Location loc;
  Value x;

  Value number(double value) { return splatLike(b, loc, x, value); }
  Value add(Value p, Value q) { return AddOp::create(b, loc, p, q); }
  Value sub(Value p, Value q) { return SubOp::create(b, loc, p, q); }
  Value mul(Value p, Value q) { return MulOp::create(b, loc, p, q); }
  Value div(Value p, Value q) { return DivOp::create(b, loc, p, q); }
  Value select(ComparePredicate predicate, Value p, Value q, Value yes,
               Value no) {
    return SelectOp::create(b, loc,
                            CompareOp::create(b, loc, predicate, p, q), yes,
                            no);
  }
  /// `yes` where x > 0, else `no`.
  Value ifPositive(Value yes, Value no) {
    return select(ComparePredicate::GT, x, number(0), yes, no);
  }
  Value expm1(Value p) { return Expm1Op::create(b, loc, p); }
  /// min(x, 0). What is not taken where x > 0 must not overflow there: its
  /// derivative would be 0 * inf.
  Value negativePart() { return ifPositive(number(0), x); }
  Value sigmoid(Value p) { return SigmoidOp::create(b, loc, p); }
  Value tanh(Value p) { return TanhOp::create(b, loc, p); }

  /// low where p < low, high where p > high. A gradient passes on the bounds.
  Value clamp(Value p, Value low, Value high) {
    if (low)
      p = select(ComparePredicate::LT, p, low, low, p);
    if (high)
      p = select(ComparePredicate::GT, p, high, high, p);
    return p;
  }
  /// ln (1 + e^p) without overflow: max(p, 0) + log1p(e^-|p|).
  Value softplus(Value p) {
    Value tail = Log1pOp::create(
        b, loc,
        ExpOp::create(b, loc,
                      NegOp::create(b, loc, AbsOp::create(b, loc, p))));
    return add(ReluOp::create(b, loc, p), tail);
  }
};

/// The operand must hold floats: these formulas have no meaning for integers.
LogicalResult requireFloats(NodeContext &c) {
  Type element = elementTypeOf(c.in(0));
  if (isa<FloatType>(element))
    return success();
  return c.invalid(
      llvm::formatv("operand 0 must hold floats, but got {0}", element));
}

template <Value (*formula)(NodeContext &, Formula)>
LogicalResult activation(NodeContext &c) {
  if (failed(requireFloats(c)))
    return failure();
  return c.out(formula(c, Formula(c)));
}

Value celu(NodeContext &c, Formula f) {
  double alpha = c.attrNumber("alpha", 1);
  Value bent = scaleBy(
      f.b, f.loc,
      f.expm1(scaleBy(f.b, f.loc, f.negativePart(), 1 / alpha)), alpha);
  return f.ifPositive(f.x, bent);
}

Value elu(NodeContext &c, Formula f) {
  double alpha = c.attrNumber("alpha", 1);
  return f.ifPositive(
      f.x, scaleBy(f.b, f.loc, f.expm1(f.negativePart()), alpha));
}

Value selu(NodeContext &c, Formula f) {
  double alpha = c.attrNumber("alpha", seluAlpha);
  double gamma = c.attrNumber("gamma", seluScale);
  return f.ifPositive(scaleBy(f.b, f.loc, f.x, gamma),
                      scaleBy(f.b, f.loc, f.expm1(f.negativePart()),
                              alpha * gamma));
}

/// 0.5 x (1 + erf(x / sqrt 2)), or with tanh of a cubic.
Value gelu(NodeContext &c, Formula f) {
  Value half = scaleBy(f.b, f.loc, f.x, 0.5), inner;
  if (c.attrText("approximate", "none") == "tanh") {
    Value cube = f.mul(f.mul(f.x, f.x), f.x);
    Value sum = f.add(f.x, scaleBy(f.b, f.loc, cube, 0.044715));
    inner = f.tanh(scaleBy(f.b, f.loc, sum, std::sqrt(2 / M_PI)));
  } else {
    inner = ErfOp::create(f.b, f.loc,
                          scaleBy(f.b, f.loc, f.x, std::sqrt(0.5)));
  }
  return f.mul(half, addNumber(f.b, f.loc, inner, 1));
}

Value hardSigmoidOf(Formula &f, double alpha, double beta) {
  Value line =
      addNumber(f.b, f.loc, scaleBy(f.b, f.loc, f.x, alpha), beta);
  return f.clamp(line, f.number(0), f.number(1));
}

Value hardSigmoid(NodeContext &c, Formula f) {
  return hardSigmoidOf(f, c.attrNumber("alpha", 0.2),
                       c.attrNumber("beta", 0.5));
}

/// x clamp(x / 6 + 1/2, 0, 1).
Value hardSwish(NodeContext &, Formula f) {
  return f.mul(f.x, hardSigmoidOf(f, 1.0 / 6, 0.5));
}

Value leakyRelu(NodeContext &c, Formula f) {
  double alpha = c.attrNumber("alpha", 0.01);
  return f.ifPositive(f.x, scaleBy(f.b, f.loc, f.x, alpha));
}

Value mish(NodeContext &, Formula f) {
  return f.mul(f.x, f.tanh(f.softplus(f.x)));
}

Value relu(NodeContext &, Formula f) {
  return ReluOp::create(f.b, f.loc, f.x);
}

/// x + bias below -lambd, x - bias above lambd, else 0.
Value shrink(NodeContext &c, Formula f) {
  double lambd = c.attrNumber("lambd", 0.5), bias = c.attrNumber("bias", 0);
  Value above = f.select(ComparePredicate::GT, f.x, f.number(lambd),
                         addNumber(f.b, f.loc, f.x, -bias), f.number(0));
  return f.select(ComparePredicate::LT, f.x, f.number(-lambd),
                  addNumber(f.b, f.loc, f.x, bias), above);
}

Value sigmoid(NodeContext &, Formula f) { return f.sigmoid(f.x); }

Value softplus(NodeContext &, Formula f) { return f.softplus(f.x); }

Value softsign(NodeContext &, Formula f) {
  return f.div(f.x, addNumber(f.b, f.loc, AbsOp::create(f.b, f.loc, f.x), 1));
}

/// x sigmoid(alpha x).
Value swish(NodeContext &c, Formula f) {
  Value scaled = scaleBy(f.b, f.loc, f.x, c.attrNumber("alpha", 1));
  return f.mul(f.x, f.sigmoid(scaled));
}

Value tanhOf(NodeContext &, Formula f) { return f.tanh(f.x); }

Value thresholdedRelu(NodeContext &c, Formula f) {
  return f.select(ComparePredicate::GT, f.x,
                  f.number(c.attrNumber("alpha", 1)), f.x, f.number(0));
}

/// A slope per channel or one for all; it trains.
LogicalResult prelu(NodeContext &c) {
  Value x = c.in(0), slope = c.in(1);
  // Before opset 9 a slope of C elements went with dim 1; numpy broadcasting
  // would put it last.
  bool isPerChannel = c.opset < 9 && rankOf(slope) == 1 && rankOf(x) > 2 &&
                      shapeOf(slope)[0] == shapeOf(x)[1];
  if (isPerChannel) {
    SmallVector<int64_t> shape(rankOf(x) - 1, 1);
    shape[0] = shapeOf(slope)[0];
    slope = reshapeTo(c.b, c.loc, slope, shape);
  }
  auto operands = c.broadcast({x, slope});
  if (failed(operands))
    return failure();
  if (shapeOf((*operands)[0]) != shapeOf(x))
    return c.invalid("slope must broadcast to shape " +
                     shapeText(shapeOf(x)) + ", but got " +
                     shapeText(shapeOf(slope)));
  Formula f(c);
  return c.out(f.ifPositive(x, f.mul(x, (*operands)[1])));
}

/// A bound as a tensor of the operand's shape, or null if it bounds nothing.
FailureOr<Value> clipBound(NodeContext &c, size_t operand, StringRef attribute,
                           double none) {
  Value x = c.in(0);
  if (c.opset < 11) {
    double bound = c.attrNumber(attribute, none);
    return bound == none ? Value() : splatLike(c.b, c.loc, x, bound);
  }
  Value bound = c.optional(operand);
  if (!bound)
    return Value();
  if (elementTypeOf(bound) != elementTypeOf(x) ||
      tensorType(bound).getNumElements() != 1) {
    (void)c.invalid(llvm::formatv("'{0}' must be one number of type {1}, but "
                                  "got {2}",
                                  attribute, elementTypeOf(x),
                                  bound.getType()));
    return failure();
  }
  // The exact literal matters in f64, so it is not passed through a reshape.
  if (std::optional<double> value = splatValue(bound);
      value && isa<FloatType>(elementTypeOf(x)))
    return splatLike(c.b, c.loc, x, *value);
  return broadcastTo(c.b, c.loc, reshapeTo(c.b, c.loc, bound, {}),
                     shapeOf(x));
}

LogicalResult clip(NodeContext &c) {
  // The f32 extremes are the attributes' defaults.
  auto low = clipBound(c, 1, "min", -3.4028234663852886e+38);
  auto high = clipBound(c, 2, "max", 3.4028234663852886e+38);
  if (failed(low) || failed(high))
    return failure();
  return c.out(Formula(c).clamp(c.in(0), *low, *high));
}

} // namespace

void registerActivationOps(OpTable &table) {
  table.add({
      {"Celu", 12, latest, "d", activation<celu>},
      {"Clip", 6, 11, "d", clip},
      {"Clip", 11, latest, "dl?l?", clip},
      {"Elu", 6, latest, "d", activation<elu>},
      {"Gelu", 20, latest, "d", activation<gelu>},
      {"HardSigmoid", 6, latest, "d", activation<hardSigmoid>},
      {"HardSwish", 14, latest, "d", activation<hardSwish>},
      {"LeakyRelu", 6, latest, "d", activation<leakyRelu>},
      {"Mish", 18, latest, "d", activation<mish>},
      {"PRelu", 7, latest, "dw", prelu},
      {"Relu", 6, latest, "d", activation<relu>},
      {"Selu", 6, latest, "d", activation<selu>},
      {"Shrink", 9, latest, "d", activation<shrink>},
      {"Sigmoid", 6, latest, "d", activation<sigmoid>},
      {"Softplus", 1, latest, "d", activation<softplus>},
      {"Softsign", 1, latest, "d", activation<softsign>},
      {"Swish", 24, latest, "d", activation<swish>},
      {"Tanh", 6, latest, "d", activation<tanhOf>},
      {"ThresholdedRelu", 10, latest, "d", activation<thresholdedRelu>},
  });
}

} // namespace dlc::frontend
