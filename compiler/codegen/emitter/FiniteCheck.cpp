//===- FiniteCheck.cpp - kernels that watch what they compute -------------===//
#include "compiler/codegen/emitter/FiniteCheck.h"

#include "dialects/dlc/IR/Builders.h"
#include "dialects/dlc/IR/Traced.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace dlc::emit {

void FiniteCheck::begin() {
  // Where masks are made, before everything that uses them.
  start = e.integer(e.b.getI32Type(), 0).getDefiningOp();
}

static Type maskType(Type form, OpBuilder &b) {
  if (auto vector = dyn_cast<VectorType>(form))
    return VectorType::get(vector.getShape(), b.getI32Type());
  return b.getI32Type();
}

Value &FiniteCheck::maskFor(Type form) {
  auto vector = dyn_cast<VectorType>(form);
  Value &mask = masks[vector ? vector.getNumElements() : 0];
  if (mask)
    return mask;
  OpBuilder::InsertionGuard guard(e.b);
  e.b.setInsertionPointAfter(start);
  Type type = maskType(form, e.b);
  mask = LLVM::AllocaOp::create(e.b, e.loc,
                                LLVM::LLVMPointerType::get(e.b.getContext()),
                                type, e.integer(e.b.getI64Type(), 1));
  Value zero = arith::ConstantOp::create(e.b, e.loc, e.b.getZeroAttr(type));
  LLVM::StoreOp::create(e.b, e.loc, zero, mask);
  return mask;
}

/// The least number that `storage` rounds to infinity (or, where it has none,
/// to NaN).
static double overflowOf(Type storage) {
  auto type = cast<FloatType>(storage);
  if (type.getWidth() >= 32)
    return std::numeric_limits<double>::infinity();
  APFloat largest = APFloat::getLargest(type.getFloatSemantics()),
          next = largest;
  next.next(/*nextDown=*/true);
  double high = largest.convertToDouble();
  return high + (high - next.convertToDouble()) / 2;
}

/// Where `value` is not what an op of that type with these infinities gives.
static Value isFault(ElementBuilder &e, Value value, Type storage,
                     unsigned infinities) {
  auto compare = [&](arith::CmpFPredicate predicate, Value x, Value y) {
    return Value(arith::CmpFOp::create(e.b, e.loc, predicate, x, y));
  };
  // The unordered comparisons hold for NaN.
  double limit = overflowOf(storage);
  if (infinities == BothInfinities)
    return compare(arith::CmpFPredicate::UNO, value, value);
  if (infinities == MinusInfinity)
    return compare(arith::CmpFPredicate::UGE, value,
                   e.numberLike(value, limit));
  if (infinities == PlusInfinity)
    return compare(arith::CmpFPredicate::ULE, value,
                   e.numberLike(value, -limit));
  return compare(arith::CmpFPredicate::UGE,
                 math::AbsFOp::create(e.b, e.loc, value),
                 e.numberLike(value, limit));
}

void FiniteCheck::check(Operation *op, Value value, Value active) {
  if (!start || !isa<FloatType>(getElementTypeOrSelf(value.getType())))
    return;
  Value bad =
      isFault(e, value, elementTypeOf(op->getResult(0)), infinitiesOf(op));
  if (active) {
    SmallVector<Value> both = e.unify({bad, active});
    bad = arith::AndIOp::create(e.b, e.loc, both[0], both[1]);
  }
  Value address = maskFor(bad.getType());
  Type type = maskType(bad.getType(), e.b);
  Value mask = LLVM::LoadOp::create(e.b, e.loc, type, address);
  Value set = e.match(e.integer(e.b.getI32Type(), -1), mask);
  mask = arith::SelectOp::create(e.b, e.loc, bad, set, mask);
  LLVM::StoreOp::create(e.b, e.loc, mask, address);
}

void FiniteCheck::end(function_ref<Value()> flag) {
  if (!start || masks.empty())
    return;
  Value zero = e.integer(e.b.getI32Type(), 0), any = zero;
  for (auto [length, address] : masks) {
    Type type = e.b.getI32Type();
    if (length)
      type = VectorType::get({length}, type);
    Value mask = LLVM::LoadOp::create(e.b, e.loc, type, address);
    if (length)
      mask = vector::ReductionOp::create(e.b, e.loc, vector::CombiningKind::OR,
                                         mask);
    any = arith::OrIOp::create(e.b, e.loc, any, mask);
  }
  Value isSet =
      arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::ne, any, zero);
  auto choice = scf::IfOp::create(e.b, e.loc, TypeRange(), isSet, false);
  OpBuilder::InsertionGuard guard(e.b);
  e.b.setInsertionPointToStart(choice.thenBlock());
  // Every thread that finds a fault writes the same.
  LLVM::StoreOp::create(e.b, e.loc, e.integer(e.b.getI32Type(), 1), flag(),
                        /*alignment=*/4, /*isVolatile=*/false,
                        /*isNonTemporal=*/false, /*isInvariantGroup=*/false,
                        LLVM::AtomicOrdering::monotonic);
}

Value withFault(ElementBuilder &e, Operation *op, Value value, Value isFirst) {
  Value fault =
      e.number(getElementTypeOrSelf(value.getType()), *injectedInto(op));
  return isFirst ? e.select(isFirst, fault, value) : e.match(fault, value);
}

} // namespace dlc::emit
