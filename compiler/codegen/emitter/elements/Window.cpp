//===- Window.cpp - element functions of the window family ----------------===//
#include "compiler/codegen/emitter/elements/Sum.h"
#include "dialects/dlc/IR/Builders.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace dlc;
using namespace dlc::emit;

static SmallVector<Value> combineSum(ElementBuilder &e, Operation *,
                                     ArrayRef<Value> sums, const Index &,
                                     const Index &,
                                     ArrayRef<Element> operands) {
  return {add(e, sums[0], operands[0].value)};
}

/// Row-major position of `step` in the window, as i32.
static Value windowPosition(ElementBuilder &e, Operation *op,
                            ArrayRef<int64_t> window, const Index &step) {
  AffineExpr linear = getAffineConstantExpr(0, op->getContext());
  for (auto [expr, size] : llvm::zip_equal(step, window))
    linear = linear * size + expr;
  Value wide = e.indexValue(linear);
  Type to = e.b.getI32Type();
  if (auto vector = dyn_cast<VectorType>(wide.getType()))
    to = VectorType::get(vector.getShape(), to);
  return arith::TruncIOp::create(e.b, e.loc, to, wide);
}

//===- Max: accumulators are the maximum and its position -----------------===//

static SmallVector<Value> initMax(ElementBuilder &e, Operation *op) {
  Type storage = elementTypeOf(op->getOperand(0));
  Type type = computeType(storage);
  Value least;
  if (isa<FloatType>(type))
    least = e.number(type, -std::numeric_limits<double>::infinity());
  else if (storage.isUnsignedInteger())
    least = e.integer(type, 0);
  else
    least = e.integer(
        type, APInt::getSignedMinValue(type.getIntOrFloatBitWidth())
                  .getSExtValue());
  return {least, e.integer(e.b.getI32Type(), -1)};
}

/// b wins if it is larger, or a NaN against a number, or equal and earlier in
/// the window; anything wins against nothing.
static SmallVector<Value> mergeMax(ElementBuilder &e, Operation *op,
                                   ArrayRef<Value> a, ArrayRef<Value> b) {
  SmallVector<Value> v = e.unify({a[0], a[1], b[0], b[1]});
  Value isNothing = arith::CmpIOp::create(
      e.b, e.loc, arith::CmpIPredicate::slt, v[1], e.numberLike(v[1], 0));
  Value wins;
  if (isa<FloatType>(getElementTypeOrSelf(v[0].getType()))) {
    // Not (b <= a), and a is no NaN.
    Value isMore = arith::CmpFOp::create(
        e.b, e.loc, arith::CmpFPredicate::UGT, v[2], v[0]);
    Value isNumber = arith::CmpFOp::create(
        e.b, e.loc, arith::CmpFPredicate::ORD, v[0], v[0]);
    wins = arith::AndIOp::create(e.b, e.loc, isMore, isNumber);
  } else {
    bool hasUnsigned = elementTypeOf(op->getOperand(0)).isUnsignedInteger();
    wins = arith::CmpIOp::create(e.b, e.loc,
                                 hasUnsigned ? arith::CmpIPredicate::ugt
                                             : arith::CmpIPredicate::sgt,
                                 v[2], v[0]);
  }
  Value isSame = isa<FloatType>(getElementTypeOrSelf(v[0].getType()))
                     ? Value(arith::CmpFOp::create(
                           e.b, e.loc, arith::CmpFPredicate::OEQ, v[2], v[0]))
                     : Value(arith::CmpIOp::create(
                           e.b, e.loc, arith::CmpIPredicate::eq, v[2], v[0]));
  Value isEarlier = arith::CmpIOp::create(
      e.b, e.loc, arith::CmpIPredicate::ult, v[3], v[1]);
  wins = arith::OrIOp::create(
      e.b, e.loc, wins,
      arith::AndIOp::create(e.b, e.loc, isSame, isEarlier));
  wins = arith::OrIOp::create(e.b, e.loc, wins, isNothing);
  return {e.select(wins, v[2], v[0]), e.select(wins, v[3], v[1])};
}

static SmallVector<Value> combineMax(ElementBuilder &e, Operation *op,
                                     ArrayRef<Value> best, const Index &,
                                     const Index &step,
                                     ArrayRef<Element> operands) {
  Value position =
      windowPosition(e, op, cast<PoolMaxOp>(op).getWindow(), step);
  SmallVector<Value> merged =
      mergeMax(e, op, best, {operands[0].value, position});
  if (Value exists = operands[0].condition)
    for (auto [value, old] : llvm::zip_equal(merged, best))
      value = e.select(exists, value, old);
  return merged;
}

/// The gradient of the window, if this step is where its maximum was.
static SmallVector<Value> combineMaxGrad(ElementBuilder &e, Operation *op,
                                         ArrayRef<Value> sums, const Index &,
                                         const Index &step,
                                         ArrayRef<Element> operands) {
  Value position =
      windowPosition(e, op, cast<PoolMaxGradOp>(op).getWindow(), step);
  SmallVector<Value> values = e.unify({operands[1].value, position});
  Value isHere = arith::CmpIOp::create(
      e.b, e.loc, arith::CmpIPredicate::eq, values[0], values[1]);
  Value zero = e.numberLike(operands[0].value, 0);
  return {add(e, sums[0], e.select(isHere, operands[0].value, zero))};
}

void dlc::emit::addWindowElements(OpTable<ReduceFunction> &table) {
  table.add<PoolSumOp, PoolSumGradOp>({initSum, combineSum, mergeSum});
  table.add<PoolMaxOp>({initMax, combineMax, mergeMax});
  table.add<PoolMaxGradOp>({initSum, combineMaxGrad, mergeSum});
}
