//===- Elementwise.cpp - ONNX ops that work element by element ------------===//
//
// Arithmetic, comparisons, bits and casts, with numpy broadcasting. Each row is
// one dlc op or a short formula over them.
//
//===----------------------------------------------------------------------===//
#include "frontends/onnx/NodeContext.h"

using namespace mlir;

namespace dlc::frontend {

namespace {

template <typename OpTy> LogicalResult unary(NodeContext &c) {
  return c.out(OpTy::create(c.b, c.loc, c.in(0)));
}

template <typename OpTy> LogicalResult binary(NodeContext &c) {
  auto operands = c.broadcast({c.in(0), c.in(1)});
  if (failed(operands))
    return failure();
  return c.out(OpTy::create(c.b, c.loc, (*operands)[0], (*operands)[1]));
}

/// Sum, Max, Min over any number of operands.
template <typename OpTy> LogicalResult variadic(NodeContext &c) {
  auto operands = c.broadcast(c.all());
  if (failed(operands))
    return failure();
  Value result = operands->front();
  for (Value operand : llvm::drop_begin(*operands))
    result = OpTy::create(c.b, c.loc, result, operand);
  return c.out(result);
}

LogicalResult mean(NodeContext &c) {
  auto operands = c.broadcast(c.all());
  if (failed(operands))
    return failure();
  Value sum = operands->front();
  for (Value operand : llvm::drop_begin(*operands))
    sum = AddOp::create(c.b, c.loc, sum, operand);
  return c.out(scaleBy(c.b, c.loc, sum, 1.0 / double(operands->size())));
}

template <ComparePredicate predicate>
LogicalResult compare(NodeContext &c) {
  auto operands = c.broadcast({c.in(0), c.in(1)});
  if (failed(operands))
    return failure();
  return c.out(CompareOp::create(c.b, c.loc, predicate, (*operands)[0],
                                 (*operands)[1]));
}

/// The exponent may have another element type than the base; the result has the
/// base's. Integers are raised in f64, exact below 2^53.
LogicalResult power(NodeContext &c) {
  Type element = elementTypeOf(c.in(0));
  Type wide = isa<FloatType>(element) ? element : Type(c.b.getF64Type());
  auto operands = c.broadcast({castTo(c.b, c.loc, c.in(0), wide),
                               castTo(c.b, c.loc, c.in(1), wide)});
  if (failed(operands))
    return failure();
  Value result =
      PowOp::create(c.b, c.loc, (*operands)[0], (*operands)[1]);
  return c.out(castTo(c.b, c.loc, result, element));
}

LogicalResult modulo(NodeContext &c) {
  return c.attr("fmod", 0) ? binary<RemOp>(c) : binary<ModOp>(c);
}

LogicalResult reciprocal(NodeContext &c) {
  Value one = splatLike(c.b, c.loc, c.in(0), 1);
  return c.out(DivOp::create(c.b, c.loc, one, c.in(0)));
}

LogicalResult bitShift(NodeContext &c) {
  StringRef direction = c.attrText("direction", "");
  if (direction == "LEFT")
    return binary<ShiftLeftOp>(c);
  if (direction == "RIGHT")
    return binary<ShiftRightOp>(c);
  return c.fail("DLC1012", "direction must be 'LEFT' or 'RIGHT', but got '" +
                               direction + "'");
}

LogicalResult isInfinite(NodeContext &c) {
  bool negative = c.attr("detect_negative", 1);
  bool positive = c.attr("detect_positive", 1);
  if (negative && positive)
    return unary<IsInfOp>(c);
  Value x = c.in(0);
  double bound = negative ? -std::numeric_limits<double>::infinity()
                          : std::numeric_limits<double>::infinity();
  if (!negative && !positive)
    return c.out(splat(c.b, c.loc,
                       RankedTensorType::get(shapeOf(x), c.b.getI1Type()), 0));
  return c.out(CompareOp::create(c.b, c.loc, ComparePredicate::EQ, x,
                                 splatLike(c.b, c.loc, x, bound)));
}

LogicalResult where(NodeContext &c) {
  auto shape = c.broadcastShape({c.in(0), c.in(1), c.in(2)});
  if (failed(shape))
    return failure();
  if (elementTypeOf(c.in(1)) != elementTypeOf(c.in(2)))
    return c.invalid(llvm::formatv(
        "operands 1 and 2 must have one element type, but got {0} and {1}",
        elementTypeOf(c.in(1)), elementTypeOf(c.in(2))));
  if (!elementTypeOf(c.in(0)).isInteger(1))
    return c.invalid(
        llvm::formatv("operand 0 must hold booleans, but got {0}",
                      elementTypeOf(c.in(0))));
  return c.out(SelectOp::create(c.b, c.loc,
                                broadcastTo(c.b, c.loc, c.in(0), *shape),
                                broadcastTo(c.b, c.loc, c.in(1), *shape),
                                broadcastTo(c.b, c.loc, c.in(2), *shape)));
}

LogicalResult cast(NodeContext &c) {
  auto type = c.elementTypeFor(c.attr("to", 0));
  if (failed(type))
    return failure();
  return c.out(castTo(c.b, c.loc, c.in(0), *type));
}

LogicalResult castLike(NodeContext &c) {
  return c.out(castTo(c.b, c.loc, c.in(0), elementTypeOf(c.in(1))));
}

} // namespace

void registerElementwiseOps(OpTable &table) {
  table.add({
      {"Abs", 6, latest, "d", unary<AbsOp>},
      {"Acos", 7, latest, "d", unary<AcosOp>},
      {"Acosh", 9, latest, "d", unary<AcoshOp>},
      {"Asin", 7, latest, "d", unary<AsinOp>},
      {"Asinh", 9, latest, "d", unary<AsinhOp>},
      {"Atan", 7, latest, "d", unary<AtanOp>},
      {"Atanh", 9, latest, "d", unary<AtanhOp>},
      {"BitwiseNot", 18, latest, "l", unary<NotOp>},
      {"Ceil", 6, latest, "d", unary<CeilOp>},
      {"Cos", 7, latest, "d", unary<CosOp>},
      {"Cosh", 9, latest, "d", unary<CoshOp>},
      {"Erf", 9, latest, "d", unary<ErfOp>},
      {"Exp", 6, latest, "d", unary<ExpOp>},
      {"Floor", 6, latest, "d", unary<FloorOp>},
      {"IsInf", 10, latest, "l", isInfinite},
      {"IsNaN", 9, latest, "l", unary<IsNanOp>},
      {"Log", 6, latest, "d", unary<LogOp>},
      {"Neg", 6, latest, "d", unary<NegOp>},
      {"Not", 1, latest, "l", unary<NotOp>},
      {"Reciprocal", 6, latest, "d", reciprocal},
      {"Round", 11, latest, "d", unary<RoundOp>},
      {"Sign", 9, latest, "d", unary<SignOp>},
      {"Sin", 7, latest, "d", unary<SinOp>},
      {"Sinh", 9, latest, "d", unary<SinhOp>},
      {"Sqrt", 6, latest, "d", unary<SqrtOp>},
      {"Tan", 7, latest, "d", unary<TanOp>},
  });
  table.add({
      {"Add", 7, latest, "dd", binary<AddOp>},
      {"And", 7, latest, "ll", binary<AndOp>},
      {"BitShift", 11, latest, "ll", bitShift},
      {"BitwiseAnd", 18, latest, "ll", binary<AndOp>},
      {"BitwiseOr", 18, latest, "ll", binary<OrOp>},
      {"BitwiseXor", 18, latest, "ll", binary<XorOp>},
      {"Div", 7, latest, "dd", binary<DivOp>},
      {"Equal", 7, latest, "ll", compare<ComparePredicate::EQ>},
      {"Greater", 7, latest, "ll", compare<ComparePredicate::GT>},
      {"GreaterOrEqual", 12, latest, "ll", compare<ComparePredicate::GE>},
      {"Less", 7, latest, "ll", compare<ComparePredicate::LT>},
      {"LessOrEqual", 12, latest, "ll", compare<ComparePredicate::LE>},
      {"Max", 6, latest, "d*", variadic<MaxOp>},
      {"Mean", 6, latest, "d*", mean},
      {"Min", 6, latest, "d*", variadic<MinOp>},
      {"Mod", 10, latest, "dd", modulo},
      {"Mul", 7, latest, "dd", binary<MulOp>},
      {"Or", 7, latest, "ll", binary<OrOp>},
      {"Pow", 7, latest, "dd", power},
      {"Sub", 7, latest, "dd", binary<SubOp>},
      {"Sum", 6, latest, "d*", variadic<AddOp>},
      {"Where", 9, latest, "ldd", where},
      {"Xor", 7, latest, "ll", binary<XorOp>},
  });
  table.add({
      {"Cast", 6, latest, "p", cast},
      {"CastLike", 15, latest, "pl", castLike},
  });
}

} // namespace dlc::frontend
