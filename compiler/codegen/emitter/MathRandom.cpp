//===- MathRandom.cpp - Counter-based random bits ------------------------===//
//
// Philox has no state: element i of a tensor draws block i of the stream its
// key names, so the numbers do not depend on how a kernel is split.
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/emitter/Math.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;

namespace dlc::emit {

namespace {

/// `value` of `element`, splat over the shape of `like` if it has one.
Value constantLike(OpBuilder &b, Location loc, Value like, TypedAttr value) {
  if (auto shaped = dyn_cast<ShapedType>(like.getType()))
    value =
        DenseElementsAttr::get(shaped.clone(value.getType()), Attribute(value));
  return arith::ConstantOp::create(b, loc, value);
}

Value wordLike(OpBuilder &b, Location loc, Value like, uint32_t value) {
  return constantLike(b, loc, like,
                      b.getI32IntegerAttr(static_cast<int32_t>(value)));
}

/// The upper `count` bits of the words `x`, as floats of `element`.
Value upperBits(OpBuilder &b, Location loc, Value x, int count, Type element) {
  Value kept =
      arith::ShRUIOp::create(b, loc, x, wordLike(b, loc, x, 32 - count));
  Type type = element;
  if (auto shaped = dyn_cast<ShapedType>(x.getType()))
    type = shaped.clone(element);
  // Never negative: the signed conversion is the one every machine has.
  return arith::SIToFPOp::create(b, loc, type, kept);
}

} // namespace

PhiloxWords emitPhilox(OpBuilder &b, Location loc, const PhiloxWords &counter,
                       std::array<Value, 2> key) {
  PhiloxWords c = counter;
  auto exclusiveOr = [&](Value x, Value y) -> Value {
    return arith::XOrIOp::create(b, loc, x, y);
  };
  Value multiplier[] = {wordLike(b, loc, c[0], 0xD2511F53),
                        wordLike(b, loc, c[0], 0xCD9E8D57)};
  Value weyl[] = {wordLike(b, loc, c[0], 0x9E3779B9),
                  wordLike(b, loc, c[0], 0xBB67AE85)};
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; round > 0 && i < 2; ++i)
      key[i] = arith::AddIOp::create(b, loc, key[i], weyl[i]);
    auto first = arith::MulUIExtendedOp::create(b, loc, c[0], multiplier[0]);
    auto second = arith::MulUIExtendedOp::create(b, loc, c[2], multiplier[1]);
    c = {exclusiveOr(exclusiveOr(second.getHigh(), c[1]), key[0]),
         second.getLow(),
         exclusiveOr(exclusiveOr(first.getHigh(), c[3]), key[1]),
         first.getLow()};
  }
  return c;
}

PhiloxWords emitPhilox(OpBuilder &b, Location loc, Value counterLo,
                       Value counterHi, Value keyLo, Value keyHi) {
  Value zero = wordLike(b, loc, counterLo, 0);
  return emitPhilox(b, loc, {counterLo, counterHi, zero, zero}, {keyLo, keyHi});
}

Value emitUniform01(OpBuilder &b, Location loc, Value bits) {
  Value whole = upperBits(b, loc, bits, 24, b.getF32Type());
  Value unit = constantLike(b, loc, whole, b.getF32FloatAttr(0x1p-24f));
  return arith::MulFOp::create(b, loc, whole, unit);
}

Value emitUniform01(OpBuilder &b, Location loc, Value high, Value low) {
  Value upper = upperBits(b, loc, high, 27, b.getF64Type());
  Value lower = upperBits(b, loc, low, 26, b.getF64Type());
  auto scaled = [&](Value x, double scale) -> Value {
    Value unit = constantLike(b, loc, x, b.getF64FloatAttr(scale));
    return arith::MulFOp::create(b, loc, x, unit);
  };
  // Both products and their sum are exact.
  return arith::AddFOp::create(b, loc, scaled(upper, 0x1p-27),
                               scaled(lower, 0x1p-53));
}

} // namespace dlc::emit
