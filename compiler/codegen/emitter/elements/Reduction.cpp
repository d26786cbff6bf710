//===- Reduction.cpp - element functions of the reductions ----------------===//
#include "compiler/codegen/emitter/elements/Sum.h"
#include "dialects/dlc/IR/Builders.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace dlc;
using namespace dlc::emit;

namespace dlc::emit {

static bool isFloat(Value value) {
  return isa<FloatType>(getElementTypeOrSelf(value.getType()));
}

Value add(ElementBuilder &e, Value a, Value b) {
  SmallVector<Value> values = e.unify({a, b});
  if (isFloat(a))
    return arith::AddFOp::create(e.b, e.loc, values[0], values[1]);
  return arith::AddIOp::create(e.b, e.loc, values[0], values[1]);
}

Value multiplyAdd(ElementBuilder &e, Value a, Value b, Value c) {
  SmallVector<Value> values = e.unify({a, b, c});
  if (isFloat(a))
    return math::FmaOp::create(e.b, e.loc, values[0], values[1], values[2]);
  return arith::AddIOp::create(
      e.b, e.loc, arith::MulIOp::create(e.b, e.loc, values[0], values[1]),
      values[2]);
}

Value wrapIndex(ElementBuilder &e, Value index, int64_t size) {
  Value zero = e.numberLike(index, 0);
  Value isNegative = arith::CmpIOp::create(
      e.b, e.loc, arith::CmpIPredicate::slt, index, zero);
  Value fromEnd = arith::AddIOp::create(e.b, e.loc, index,
                                        e.numberLike(index, double(size)));
  index = e.select(isNegative, fromEnd, index);
  index = arith::MaxSIOp::create(e.b, e.loc, index, zero);
  return arith::MinSIOp::create(e.b, e.loc, index,
                                e.numberLike(index, double(size - 1)));
}

SmallVector<Value> initSum(ElementBuilder &e, Operation *op) {
  return {e.number(computeType(elementTypeOf(op->getResult(0))), 0)};
}

SmallVector<Value> mergeSum(ElementBuilder &e, Operation *, ArrayRef<Value> a,
                            ArrayRef<Value> b) {
  return {add(e, a[0], b[0])};
}

} // namespace dlc::emit

/// Running sums skip the steps that are ahead; a skipped element is zero.
static SmallVector<Value> combineSum(ElementBuilder &e, Operation *,
                                     ArrayRef<Value> sums, const Index &,
                                     const Index &,
                                     ArrayRef<Element> operands) {
  return {add(e, sums[0], operands[0].value)};
}

static SmallVector<Value> initProd(ElementBuilder &e, Operation *op) {
  return {e.number(computeType(elementTypeOf(op->getResult(0))), 1)};
}

static SmallVector<Value> mergeProd(ElementBuilder &e, Operation *,
                                    ArrayRef<Value> a, ArrayRef<Value> b) {
  SmallVector<Value> values = e.unify({a[0], b[0]});
  if (isFloat(a[0]))
    return {arith::MulFOp::create(e.b, e.loc, values[0], values[1])};
  return {arith::MulIOp::create(e.b, e.loc, values[0], values[1])};
}

static SmallVector<Value> combineProd(ElementBuilder &e, Operation *op,
                                      ArrayRef<Value> products, const Index &,
                                      const Index &,
                                      ArrayRef<Element> operands) {
  return mergeProd(e, op, products, {operands[0].value});
}

/// The least (for max) or largest (for min) number of the type.
static Value extremeStart(ElementBuilder &e, Type storage, bool isMax) {
  Type type = computeType(storage);
  if (isa<FloatType>(type)) {
    double infinity = std::numeric_limits<double>::infinity();
    return e.number(type, isMax ? -infinity : infinity);
  }
  unsigned width = type.getIntOrFloatBitWidth();
  APInt value = storage.isUnsignedInteger()
                    ? (isMax ? APInt(width, 0) : APInt::getMaxValue(width))
                    : (isMax ? APInt::getSignedMinValue(width)
                             : APInt::getSignedMaxValue(width));
  return e.integer(type, value.getSExtValue());
}

template <bool isMax>
static SmallVector<Value> initExtreme(ElementBuilder &e, Operation *op) {
  return {extremeStart(e, elementTypeOf(op->getOperand(0)), isMax)};
}

template <bool isMax>
static SmallVector<Value> mergeExtreme(ElementBuilder &e, Operation *op,
                                       ArrayRef<Value> a, ArrayRef<Value> b) {
  SmallVector<Value> v = e.unify({a[0], b[0]});
  bool hasUnsigned = elementTypeOf(op->getOperand(0)).isUnsignedInteger();
  if (isFloat(a[0])) {
    if (isMax)
      return {arith::MaximumFOp::create(e.b, e.loc, v[0], v[1])};
    return {arith::MinimumFOp::create(e.b, e.loc, v[0], v[1])};
  }
  if (isMax)
    return {hasUnsigned
                ? Value(arith::MaxUIOp::create(e.b, e.loc, v[0], v[1]))
                : Value(arith::MaxSIOp::create(e.b, e.loc, v[0], v[1]))};
  return {hasUnsigned ? Value(arith::MinUIOp::create(e.b, e.loc, v[0], v[1]))
                      : Value(arith::MinSIOp::create(e.b, e.loc, v[0], v[1]))};
}

template <bool isMax>
static SmallVector<Value>
combineExtreme(ElementBuilder &e, Operation *op, ArrayRef<Value> extremes,
               const Index &, const Index &, ArrayRef<Element> operands) {
  return mergeExtreme<isMax>(e, op, extremes, {operands[0].value});
}

//===- Positions of extremes ----------------------------------------------===//
// Accumulators: the position, which is the result, then the extreme.

template <bool isMax>
static SmallVector<Value> initArg(ElementBuilder &e, Operation *op) {
  return {e.integer(e.b.getI64Type(), std::numeric_limits<int64_t>::max()),
          extremeStart(e, elementTypeOf(op->getOperand(0)), isMax)};
}

/// b wins if it is more extreme, or a NaN against a number, or equal and in
/// the wanted place.
template <bool isMax>
static SmallVector<Value> mergeArg(ElementBuilder &e, Operation *op,
                                   ArrayRef<Value> a, ArrayRef<Value> b) {
  SmallVector<Value> v = e.unify({a[0], a[1], b[0], b[1]});
  bool hasUnsigned = elementTypeOf(op->getOperand(0)).isUnsignedInteger();
  bool wantsLast = op->hasAttr("last");
  Value start = e.match(
      e.integer(e.b.getI64Type(), std::numeric_limits<int64_t>::max()), v[0]);
  auto compareIndex = [&](arith::CmpIPredicate predicate, Value x, Value y) {
    return Value(arith::CmpIOp::create(e.b, e.loc, predicate, x, y));
  };
  Value isAhead = compareIndex(wantsLast ? arith::CmpIPredicate::sgt
                                         : arith::CmpIPredicate::slt,
                               v[2], v[0]);
  Value isFirst = compareIndex(arith::CmpIPredicate::eq, v[0], start);
  Value isEmpty = compareIndex(arith::CmpIPredicate::eq, v[2], start);
  Value isMore, isSame;
  if (isFloat(v[1])) {
    auto compare = [&](arith::CmpFPredicate predicate, Value x, Value y) {
      return Value(arith::CmpFOp::create(e.b, e.loc, predicate, x, y));
    };
    Value nanA = compare(arith::CmpFPredicate::UNO, v[1], v[1]);
    Value nanB = compare(arith::CmpFPredicate::UNO, v[3], v[3]);
    Value beats = compare(isMax ? arith::CmpFPredicate::OGT
                                : arith::CmpFPredicate::OLT,
                          v[3], v[1]);
    Value notA =
        arith::XOrIOp::create(e.b, e.loc, nanA, e.numberLike(nanA, 1));
    isMore = arith::OrIOp::create(
        e.b, e.loc, beats, arith::AndIOp::create(e.b, e.loc, nanB, notA));
    isSame = arith::OrIOp::create(
        e.b, e.loc, compare(arith::CmpFPredicate::OEQ, v[3], v[1]),
        arith::AndIOp::create(e.b, e.loc, nanA, nanB));
  } else {
    arith::CmpIPredicate more =
        isMax ? (hasUnsigned ? arith::CmpIPredicate::ugt
                             : arith::CmpIPredicate::sgt)
              : (hasUnsigned ? arith::CmpIPredicate::ult
                             : arith::CmpIPredicate::slt);
    isMore = compareIndex(more, v[3], v[1]);
    isSame = compareIndex(arith::CmpIPredicate::eq, v[3], v[1]);
  }
  Value wins = arith::OrIOp::create(
      e.b, e.loc, isMore, arith::AndIOp::create(e.b, e.loc, isSame, isAhead));
  wins = arith::OrIOp::create(e.b, e.loc, wins, isFirst);
  Value exists = arith::XOrIOp::create(e.b, e.loc, isEmpty,
                                       e.numberLike(isEmpty, 1));
  wins = arith::AndIOp::create(e.b, e.loc, wins, exists);
  return {e.select(wins, v[2], v[0]), e.select(wins, v[3], v[1])};
}

template <bool isMax>
static SmallVector<Value> combineArg(ElementBuilder &e, Operation *op,
                                     ArrayRef<Value> best, const Index &,
                                     const Index &step,
                                     ArrayRef<Element> operands) {
  return mergeArg<isMax>(e, op, best,
                         {e.indexValue(step[0]), operands[0].value});
}

void dlc::emit::addReductionElements(OpTable<ReduceFunction> &table) {
  table.add<ReduceSumOp, CumSumOp>({initSum, combineSum, mergeSum});
  table.add<ReduceProdOp>({initProd, combineProd, mergeProd});
  table.add<ReduceMaxOp>(
      {initExtreme<true>, combineExtreme<true>, mergeExtreme<true>});
  table.add<ReduceMinOp>(
      {initExtreme<false>, combineExtreme<false>, mergeExtreme<false>});
  table.add<ArgMaxOp>({initArg<true>, combineArg<true>, mergeArg<true>});
  table.add<ArgMinOp>({initArg<false>, combineArg<false>, mergeArg<false>});
}
