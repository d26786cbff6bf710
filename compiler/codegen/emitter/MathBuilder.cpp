//===- MathBuilder.cpp - Short names for building math ops ---------------===//
//
// Every method is one op, except the shared steps at the end.
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/emitter/MathBuilder.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/bit.h"

using namespace mlir;

namespace dlc::emit {

namespace {

/// `value` as a scalar attribute of `element`, splat over `type` if shaped.
Value splat(OpBuilder &b, Location loc, Type type, TypedAttr value) {
  if (auto shaped = dyn_cast<ShapedType>(type))
    value = DenseElementsAttr::get(shaped, Attribute(value));
  return arith::ConstantOp::create(b, loc, value);
}

} // namespace

int64_t MathBuilder::bitsOf(double value) const {
  if (isF32)
    return llvm::bit_cast<int32_t>(static_cast<float>(value));
  return llvm::bit_cast<int64_t>(value);
}

Value MathBuilder::constant(double value) {
  Type element = getElementTypeOrSelf(floatType);
  return splat(b, loc, floatType, b.getFloatAttr(element, value));
}

Value MathBuilder::add(Value x, Value y) {
  return arith::AddFOp::create(b, loc, x, y);
}

Value MathBuilder::sub(Value x, Value y) {
  return arith::SubFOp::create(b, loc, x, y);
}

Value MathBuilder::mul(Value x, Value y) {
  return arith::MulFOp::create(b, loc, x, y);
}

Value MathBuilder::div(Value x, Value y) {
  return arith::DivFOp::create(b, loc, x, y);
}

Value MathBuilder::fma(Value x, Value y, Value z) {
  return math::FmaOp::create(b, loc, x, y, z);
}

Value MathBuilder::neg(Value x) { return arith::NegFOp::create(b, loc, x); }

Value MathBuilder::sqrt(Value x) { return math::SqrtOp::create(b, loc, x); }

Value MathBuilder::abs(Value x) {
  return fromBits(andInt(bits(x), integer(~bitsOf(-0.0))));
}

Value MathBuilder::negAbs(Value x) {
  return fromBits(orInt(bits(x), integer(bitsOf(-0.0))));
}

Value MathBuilder::copySign(Value x, Value sign) {
  Value magnitude = andInt(bits(x), integer(~bitsOf(-0.0)));
  Value signBit = andInt(bits(sign), integer(bitsOf(-0.0)));
  return fromBits(orInt(magnitude, signBit));
}

Value MathBuilder::less(Value x, Value y) {
  return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLT, x, y);
}

Value MathBuilder::lessEqual(Value x, double y) {
  return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLE, x,
                               constant(y));
}

Value MathBuilder::equal(Value x, Value y) {
  return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, x, y);
}

Value MathBuilder::both(Value x, Value y) {
  return arith::AndIOp::create(b, loc, x, y);
}

Value MathBuilder::select(Value condition, Value x, Value y) {
  return arith::SelectOp::create(b, loc, condition, x, y);
}

Value MathBuilder::integer(int64_t value) {
  Type element = getElementTypeOrSelf(intType);
  return splat(b, loc, intType, b.getIntegerAttr(element, value));
}

Value MathBuilder::bits(Value x) {
  return arith::BitcastOp::create(b, loc, intType, x);
}

Value MathBuilder::fromBits(Value i) {
  return arith::BitcastOp::create(b, loc, floatType, i);
}

Value MathBuilder::addInt(Value x, Value y) {
  return arith::AddIOp::create(b, loc, x, y);
}

Value MathBuilder::subInt(Value x, Value y) {
  return arith::SubIOp::create(b, loc, x, y);
}

Value MathBuilder::maxInt(Value x, Value y) {
  return arith::MaxSIOp::create(b, loc, x, y);
}

Value MathBuilder::andInt(Value x, Value y) {
  return arith::AndIOp::create(b, loc, x, y);
}

Value MathBuilder::orInt(Value x, Value y) {
  return arith::OrIOp::create(b, loc, x, y);
}

Value MathBuilder::xorInt(Value x, Value y) {
  return arith::XOrIOp::create(b, loc, x, y);
}

Value MathBuilder::shiftLeft(Value x, int64_t count) {
  return arith::ShLIOp::create(b, loc, x, integer(count));
}

Value MathBuilder::shiftRight(Value x, int64_t count) {
  return arith::ShRUIOp::create(b, loc, x, integer(count));
}

Value MathBuilder::isOdd(Value i) {
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne,
                               andInt(i, integer(1)), integer(0));
}

Value MathBuilder::horner(llvm::ArrayRef<double> c, Value v, double first,
                          double ratio) {
  auto coefficient = [&](size_t i) {
    return constant(c[i] * first * std::pow(ratio, static_cast<double>(i)));
  };
  Value sum = coefficient(c.size() - 1);
  for (size_t i = c.size() - 1; i > 0; --i)
    sum = fma(sum, v, coefficient(i - 1));
  return sum;
}

Value MathBuilder::evenOdd(llvm::ArrayRef<double> c, Value v, double first,
                           double ratio) {
  llvm::SmallVector<double> parts[2];
  for (auto [i, value] : llvm::enumerate(c))
    parts[i % 2].push_back(value);
  Value square = mul(v, v);
  Value even = horner(parts[0], square, first, ratio * ratio);
  Value odd = horner(parts[1], square, first * ratio, ratio * ratio);
  return fma(odd, v, even);
}

MathBuilder::Rounded MathBuilder::round(Value x, double scale, int addend) {
  double shift = roundingShift() + addend;
  Value shifted = scale == 1.0 ? add(x, shift) : fma(x, scale, constant(shift));
  return {sub(shifted, shift), bits(shifted)};
}

MathBuilder::Split MathBuilder::split(Value x) {
  // Moving sqrt(1/2) to a power of two makes the exponent field step there.
  int64_t low = bitsOf(M_SQRT1_2);
  int64_t mantissaMask = (int64_t(1) << mantissaBits()) - 1;
  Value moved = addInt(bits(x), integer(bitsOf(1.0) - low));
  Value biased = shiftRight(moved, mantissaBits());
  Value m =
      fromBits(addInt(andInt(moved, integer(mantissaMask)), integer(low)));
  // 2^digits with the exponent in its low bits, minus 2^digits: faster than a
  // conversion, and there is none for 64 bits before AVX-512.
  double shift = std::ldexp(1.0, mantissaBits());
  Value k =
      sub(fromBits(orInt(biased, integer(bitsOf(shift)))), shift + bias());
  return {k, sub(m, 1.0), biased};
}

} // namespace dlc::emit
