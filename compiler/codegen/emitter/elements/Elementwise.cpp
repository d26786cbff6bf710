//===- Elementwise.cpp - element functions of the elementwise family ------===//
#include "compiler/codegen/emitter/Elements.h"
#include "compiler/codegen/emitter/Math.h"
#include "dialects/dlc/IR/Builders.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace dlc;
using namespace dlc::emit;

namespace {

bool isFloat(Value value) {
  return isa<FloatType>(getElementTypeOrSelf(value.getType()));
}

/// Whether the elements of `tensor` are unsigned (`i1` counts as one).
bool isUnsigned(Value tensor) {
  Type type = elementTypeOf(tensor);
  return type.isUnsignedInteger() || type.isInteger(1);
}

Type withElement(Type form, Type element) {
  if (auto vector = dyn_cast<VectorType>(form))
    return VectorType::get(vector.getShape(), element);
  return element;
}

//===- Unary --------------------------------------------------------------===//

using Unary = Value (*)(ElementBuilder &, Value);

template <Unary compute>
Value unary(ElementBuilder &e, Operation *, const Index &,
            ArrayRef<Element> operands) {
  return compute(e, operands[0].value);
}

using MathFunction = Value (*)(OpBuilder &, Location, Value);
template <MathFunction function>
Value math(ElementBuilder &e, Value x) {
  return function(e.b, e.loc, x);
}

template <typename MathOp>
Value mathOp(ElementBuilder &e, Value x) {
  return MathOp::create(e.b, e.loc, x);
}

Value neg(ElementBuilder &e, Value x) {
  if (isFloat(x))
    return arith::NegFOp::create(e.b, e.loc, x);
  return arith::SubIOp::create(e.b, e.loc, e.numberLike(x, 0), x);
}

Value abs(ElementBuilder &e, Value x) {
  if (isFloat(x))
    return math::AbsFOp::create(e.b, e.loc, x);
  return math::AbsIOp::create(e.b, e.loc, x);
}

Value compare(ElementBuilder &e, arith::CmpFPredicate f, arith::CmpIPredicate i,
              Value a, Value b) {
  if (isFloat(a))
    return arith::CmpFOp::create(e.b, e.loc, f, a, b);
  return arith::CmpIOp::create(e.b, e.loc, i, a, b);
}

Value greater(ElementBuilder &e, Value a, Value b) {
  return compare(e, arith::CmpFPredicate::OGT, arith::CmpIPredicate::sgt, a, b);
}

/// x > 0 ? 1 : x < 0 ? -1 : x, so that 0, -0 and NaN stay.
Value sign(ElementBuilder &e, Value x) {
  Value zero = e.numberLike(x, 0);
  Value below = e.select(greater(e, zero, x), e.numberLike(x, -1), x);
  return e.select(greater(e, x, zero), e.numberLike(x, 1), below);
}

/// 0 >= x ? 0 : x, so that NaN stays.
Value relu(ElementBuilder &e, Value x) {
  Value zero = e.numberLike(x, 0);
  Value isDead = compare(e, arith::CmpFPredicate::OLE,
                         arith::CmpIPredicate::sle, x, zero);
  return e.select(isDead, zero, x);
}

Value bitsNot(ElementBuilder &e, Value x) {
  return arith::XOrIOp::create(e.b, e.loc, x, e.numberLike(x, -1));
}

Value isNan(ElementBuilder &e, Value x) {
  return arith::CmpFOp::create(e.b, e.loc, arith::CmpFPredicate::UNO, x, x);
}

Value isInf(ElementBuilder &e, Value x) {
  Value infinity = e.numberLike(x, std::numeric_limits<double>::infinity());
  return arith::CmpFOp::create(e.b, e.loc, arith::CmpFPredicate::OEQ,
                               math::AbsFOp::create(e.b, e.loc, x), infinity);
}

//===- Cast ---------------------------------------------------------------===//

/// Rounds to the storage type, so that a cast to bf16 is one even inside a
/// kernel.
Value roundToStorage(ElementBuilder &e, Value x, Type storage) {
  if (storage.getIntOrFloatBitWidth() >= 32)
    return x;
  Value narrow = arith::TruncFOp::create(
      e.b, e.loc, withElement(x.getType(), storage), x);
  return arith::ExtFOp::create(e.b, e.loc, x.getType(), narrow);
}

Value castFloat(ElementBuilder &e, Value x, Type storage) {
  Type to = withElement(x.getType(), computeType(storage));
  unsigned from = getElementTypeOrSelf(x.getType()).getIntOrFloatBitWidth();
  unsigned width = computeType(storage).getIntOrFloatBitWidth();
  if (from < width)
    x = arith::ExtFOp::create(e.b, e.loc, to, x);
  else if (from > width)
    x = arith::TruncFOp::create(e.b, e.loc, to, x);
  return roundToStorage(e, x, storage);
}

/// Truncates toward zero and saturates; NaN gives 0.
Value floatToInteger(ElementBuilder &e, Value x, Type storage) {
  unsigned width = storage.getIntOrFloatBitWidth();
  bool isSigned = !storage.isUnsignedInteger();
  Type to = withElement(x.getType(), computeType(storage));
  double least = isSigned ? -std::ldexp(1.0, width - 1) : 0;
  double limit = std::ldexp(1.0, isSigned ? width - 1 : width);
  Value low = e.numberLike(x, least), high = e.numberLike(x, limit);
  auto compareTo = [&](arith::CmpFPredicate predicate, Value bound) -> Value {
    return arith::CmpFOp::create(e.b, e.loc, predicate, x, bound);
  };
  Value tooSmall = compareTo(arith::CmpFPredicate::OLT, low);
  Value tooLarge = compareTo(arith::CmpFPredicate::OGE, high);
  Value zero = e.numberLike(x, 0);
  Value isBad = arith::OrIOp::create(
      e.b, e.loc, arith::OrIOp::create(e.b, e.loc, tooSmall, tooLarge),
      isNan(e, x));
  Value safe = e.select(isBad, zero, x);
  Value converted = isSigned
                        ? Value(arith::FPToSIOp::create(e.b, e.loc, to, safe))
                        : Value(arith::FPToUIOp::create(e.b, e.loc, to, safe));
  APInt most = isSigned ? APInt::getSignedMaxValue(width)
                        : APInt::getMaxValue(width);
  APInt fewest = isSigned ? APInt::getSignedMinValue(width) : APInt(width, 0);
  Type element = computeType(storage);
  auto limitValue = [&](const APInt &value) {
    return e.match(e.integer(element, value.getSExtValue()), converted);
  };
  converted = e.select(tooSmall, limitValue(fewest), converted);
  return e.select(tooLarge, limitValue(most), converted);
}

Value integerToInteger(ElementBuilder &e, Value x, Type storage,
                       bool fromUnsigned) {
  Type to = withElement(x.getType(), computeType(storage));
  unsigned from = getElementTypeOrSelf(x.getType()).getIntOrFloatBitWidth();
  unsigned width = storage.getIntOrFloatBitWidth();
  if (from == width)
    return x;
  if (from > width)
    return arith::TruncIOp::create(e.b, e.loc, to, x);
  if (fromUnsigned)
    return arith::ExtUIOp::create(e.b, e.loc, to, x);
  return arith::ExtSIOp::create(e.b, e.loc, to, x);
}

Value cast(ElementBuilder &e, Operation *op, const Index &,
           ArrayRef<Element> operands) {
  Value x = operands[0].value;
  Type storage = elementTypeOf(op->getResult(0));
  bool fromUnsigned = isUnsigned(op->getOperand(0));
  if (storage.isInteger(1)) {
    if (getElementTypeOrSelf(x.getType()).isInteger(1))
      return x;
    Value zero = e.numberLike(x, 0);
    return compare(e, arith::CmpFPredicate::UNE, arith::CmpIPredicate::ne, x,
                   zero);
  }
  if (isFloat(x))
    return isa<FloatType>(storage) ? castFloat(e, x, storage)
                                   : floatToInteger(e, x, storage);
  if (!isa<FloatType>(storage))
    return integerToInteger(e, x, storage, fromUnsigned);
  Type to = withElement(x.getType(), computeType(storage));
  Value converted =
      fromUnsigned ? Value(arith::UIToFPOp::create(e.b, e.loc, to, x))
                   : Value(arith::SIToFPOp::create(e.b, e.loc, to, x));
  return roundToStorage(e, converted, storage);
}

//===- Binary -------------------------------------------------------------===//

using Binary = Value (*)(ElementBuilder &, Value, Value, bool isUnsigned);

template <Binary compute>
Value binary(ElementBuilder &e, Operation *op, const Index &,
             ArrayRef<Element> operands) {
  SmallVector<Value> values = e.unify({operands[0].value, operands[1].value});
  return compute(e, values[0], values[1], isUnsigned(op->getOperand(0)));
}

template <typename FloatOp, typename IntOp>
Value arithmetic(ElementBuilder &e, Value a, Value b, bool) {
  if (isFloat(a))
    return FloatOp::create(e.b, e.loc, a, b);
  return IntOp::create(e.b, e.loc, a, b);
}

template <typename IntOp>
Value bits(ElementBuilder &e, Value a, Value b, bool) {
  return IntOp::create(e.b, e.loc, a, b);
}

/// `divide(a, b)` with b = 0 (result 0) and signed overflow (result as if
/// wrapped) made safe.
template <typename SignedOp, typename UnsignedOp>
Value safeDivision(ElementBuilder &e, Value a, Value b, bool isUnsigned) {
  Value zero = e.numberLike(b, 0), one = e.numberLike(b, 1);
  Value isZero = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::eq, b,
                                       zero);
  Value divisor = e.select(isZero, one, b);
  if (isUnsigned) {
    Value quotient = UnsignedOp::create(e.b, e.loc, a, divisor);
    return e.select(isZero, zero, quotient);
  }
  // x / -1 is -x, x rem -1 is 0: done without dividing, which could trap.
  Value isMinusOne = arith::CmpIOp::create(
      e.b, e.loc, arith::CmpIPredicate::eq, b, e.numberLike(b, -1));
  divisor = e.select(isMinusOne, one, divisor);
  Value quotient = SignedOp::create(e.b, e.loc, a, divisor);
  if constexpr (std::is_same_v<SignedOp, arith::DivSIOp>)
    quotient = e.select(isMinusOne, neg(e, a), quotient);
  return e.select(isZero, zero, quotient);
}

Value divide(ElementBuilder &e, Value a, Value b, bool isUnsigned) {
  if (isFloat(a))
    return arith::DivFOp::create(e.b, e.loc, a, b);
  return safeDivision<arith::DivSIOp, arith::DivUIOp>(e, a, b, isUnsigned);
}

/// a - b trunc(a / b), fused; |a| < |b| keeps a. Exact while the quotient is
/// below 2^mantissa.
Value floatRemainder(ElementBuilder &e, Value a, Value b) {
  Value quotient = arith::DivFOp::create(e.b, e.loc, a, b);
  Value whole = math::TruncOp::create(e.b, e.loc, quotient);
  Value rest = math::FmaOp::create(e.b, e.loc, neg(e, whole), b, a);
  Value magnitudeA = abs(e, a), magnitudeB = abs(e, b);
  Value isSmaller = arith::CmpFOp::create(
      e.b, e.loc, arith::CmpFPredicate::OLT, magnitudeA, magnitudeB);
  return e.select(isSmaller, a, rest);
}

Value remainder(ElementBuilder &e, Value a, Value b, bool isUnsigned) {
  if (isFloat(a))
    return floatRemainder(e, a, b);
  return safeDivision<arith::RemSIOp, arith::RemUIOp>(e, a, b, isUnsigned);
}

/// The remainder, moved by b where its sign is not b's.
Value modulo(ElementBuilder &e, Value a, Value b, bool isUnsigned) {
  Value rest = remainder(e, a, b, isUnsigned);
  if (isUnsigned)
    return rest;
  Value zero = e.numberLike(rest, 0);
  Value isNegative = greater(e, zero, rest), wantsNegative = greater(e, zero, b);
  Value isNonzero = compare(e, arith::CmpFPredicate::UNE,
                            arith::CmpIPredicate::ne, rest, zero);
  Value differs = arith::XOrIOp::create(e.b, e.loc, isNegative, wantsNegative);
  Value moves = arith::AndIOp::create(e.b, e.loc, isNonzero, differs);
  Value moved = arithmetic<arith::AddFOp, arith::AddIOp>(e, rest, b, false);
  return e.select(moves, moved, rest);
}

Value power(ElementBuilder &e, Value a, Value b, bool) {
  return emitPow(e.b, e.loc, a, b);
}

template <typename FloatOp, typename SignedOp, typename UnsignedOp>
Value extreme(ElementBuilder &e, Value a, Value b, bool isUnsigned) {
  if (isFloat(a))
    return FloatOp::create(e.b, e.loc, a, b);
  if (isUnsigned)
    return UnsignedOp::create(e.b, e.loc, a, b);
  return SignedOp::create(e.b, e.loc, a, b);
}

/// Shifts by the width or more give 0, or the sign for an arithmetic shift.
template <bool isLeft>
Value shift(ElementBuilder &e, Value a, Value b, bool isUnsigned) {
  unsigned width = getElementTypeOrSelf(a.getType()).getIntOrFloatBitWidth();
  Value most = e.numberLike(b, width - 1);
  Value isTooFar = arith::CmpIOp::create(
      e.b, e.loc, arith::CmpIPredicate::ugt, b, most);
  Value count = e.select(isTooFar, most, b);
  Value zero = e.numberLike(a, 0);
  if constexpr (isLeft)
    return e.select(isTooFar, zero,
                    arith::ShLIOp::create(e.b, e.loc, a, count));
  if (!isUnsigned)
    return arith::ShRSIOp::create(e.b, e.loc, a, count);
  return e.select(isTooFar, zero, arith::ShRUIOp::create(e.b, e.loc, a, count));
}

//===- Compare, select ----------------------------------------------------===//

Value compareElements(ElementBuilder &e, Operation *op, const Index &,
                      ArrayRef<Element> operands) {
  SmallVector<Value> values = e.unify({operands[0].value, operands[1].value});
  static constexpr arith::CmpFPredicate floats[] = {
      arith::CmpFPredicate::OEQ, arith::CmpFPredicate::UNE,
      arith::CmpFPredicate::OLT, arith::CmpFPredicate::OLE,
      arith::CmpFPredicate::OGT, arith::CmpFPredicate::OGE};
  static constexpr arith::CmpIPredicate signedOnes[] = {
      arith::CmpIPredicate::eq,  arith::CmpIPredicate::ne,
      arith::CmpIPredicate::slt, arith::CmpIPredicate::sle,
      arith::CmpIPredicate::sgt, arith::CmpIPredicate::sge};
  static constexpr arith::CmpIPredicate unsignedOnes[] = {
      arith::CmpIPredicate::eq,  arith::CmpIPredicate::ne,
      arith::CmpIPredicate::ult, arith::CmpIPredicate::ule,
      arith::CmpIPredicate::ugt, arith::CmpIPredicate::uge};
  auto which = unsigned(mlir::cast<CompareOp>(op).getPredicate());
  bool hasUnsigned = isUnsigned(op->getOperand(0));
  return compare(e, floats[which],
                 hasUnsigned ? unsignedOnes[which] : signedOnes[which],
                 values[0], values[1]);
}

Value selectElements(ElementBuilder &e, Operation *, const Index &,
                     ArrayRef<Element> operands) {
  return e.select(operands[0].value, operands[1].value, operands[2].value);
}

void addUnary(OpTable<ElementFunction> &table) {
  table.add<NegOp>(unary<neg>);
  table.add<AbsOp>(unary<abs>);
  table.add<SignOp>(unary<sign>);
  table.add<ReluOp>(unary<relu>);
  table.add<NotOp>(unary<bitsNot>);
  table.add<IsNanOp>(unary<isNan>);
  table.add<IsInfOp>(unary<isInf>);
  table.add<FloorOp>(unary<mathOp<math::FloorOp>>);
  table.add<CeilOp>(unary<mathOp<math::CeilOp>>);
  table.add<RoundOp>(unary<mathOp<math::RoundEvenOp>>);
  table.add<SqrtOp>(unary<mathOp<math::SqrtOp>>);
  table.add<RsqrtOp>(unary<math<emitRsqrt>>);
  table.add<ExpOp>(unary<math<emitExp>>);
  table.add<Expm1Op>(unary<math<emitExpm1>>);
  table.add<LogOp>(unary<math<emitLog>>);
  table.add<Log1pOp>(unary<math<emitLog1p>>);
  table.add<SinOp>(unary<math<emitSin>>);
  table.add<CosOp>(unary<math<emitCos>>);
  table.add<TanOp>(unary<math<emitTan>>);
  table.add<AsinOp>(unary<math<emitAsin>>);
  table.add<AcosOp>(unary<math<emitAcos>>);
  table.add<AtanOp>(unary<math<emitAtan>>);
  table.add<SinhOp>(unary<math<emitSinh>>);
  table.add<CoshOp>(unary<math<emitCosh>>);
  table.add<TanhOp>(unary<math<emitTanh>>);
  table.add<AsinhOp>(unary<math<emitAsinh>>);
  table.add<AcoshOp>(unary<math<emitAcosh>>);
  table.add<AtanhOp>(unary<math<emitAtanh>>);
  table.add<ErfOp>(unary<math<emitErf>>);
  table.add<SigmoidOp>(unary<math<emitSigmoid>>);
}

} // namespace

void dlc::emit::addElementwiseElements(OpTable<ElementFunction> &table) {
  addUnary(table);
  table.add<CastOp>(cast);
  table.add<CompareOp>(compareElements);
  table.add<SelectOp>(selectElements);
  table.add<AddOp>(binary<arithmetic<arith::AddFOp, arith::AddIOp>>);
  table.add<SubOp>(binary<arithmetic<arith::SubFOp, arith::SubIOp>>);
  table.add<MulOp>(binary<arithmetic<arith::MulFOp, arith::MulIOp>>);
  table.add<DivOp>(binary<divide>);
  table.add<PowOp>(binary<power>);
  table.add<RemOp>(binary<remainder>);
  table.add<ModOp>(binary<modulo>);
  table.add<MaxOp>(
      binary<extreme<arith::MaximumFOp, arith::MaxSIOp, arith::MaxUIOp>>);
  table.add<MinOp>(
      binary<extreme<arith::MinimumFOp, arith::MinSIOp, arith::MinUIOp>>);
  table.add<AndOp>(binary<bits<arith::AndIOp>>);
  table.add<OrOp>(binary<bits<arith::OrIOp>>);
  table.add<XorOp>(binary<bits<arith::XOrIOp>>);
  table.add<ShiftLeftOp>(binary<shift<true>>);
  table.add<ShiftRightOp>(binary<shift<false>>);
}
