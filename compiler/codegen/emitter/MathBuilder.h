//===- MathBuilder.h - Short names for building math ops -------*- C++ -*-===//
//
// What the Math*.cpp files share: arithmetic on values of one float type and
// on the integers of the same width and shape, and the two steps most
// functions start with. Splitting an argument into an integer and a remainder
// adds 1.5 * 2^(digits - 1): the sum's last digit is worth one, so the integer
// is both its difference from that constant and its low bits.
//
//===----------------------------------------------------------------------===//

#ifndef DLC_COMPILER_CODEGEN_EMITTER_MATHBUILDER_H
#define DLC_COMPILER_CODEGEN_EMITTER_MATHBUILDER_H

#include "compiler/codegen/emitter/MathCoefficients.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/TypeUtilities.h"

#include <cmath>
#include <limits>

namespace dlc::emit {

class MathBuilder {
public:
  using Value = mlir::Value;

  MathBuilder(mlir::OpBuilder &b, mlir::Location loc, mlir::Type type)
      : isF32(mlir::getElementTypeOrSelf(type).isF32()),
        tables(isF32 ? f32Tables : f64Tables), b(b), loc(loc), floatType(type),
        intType(withElement(type, b.getIntegerType(isF32 ? 32 : 64))) {
    assert((isF32 || mlir::getElementTypeOrSelf(type).isF64()) &&
           "math functions are for f32 and f64");
  }

  // --- The format ---------------------------------------------------------

  const bool isF32;
  const MathTables &tables;

  double pick(double f32, double f64) const { return isF32 ? f32 : f64; }
  /// Stored digits of the significand, and the exponent's bias.
  int mantissaBits() const { return isF32 ? 23 : 52; }
  int bias() const { return isF32 ? 127 : 1023; }
  double minNormal() const { return pick(0x1p-126, 0x1p-1022); }
  static double infinity() { return std::numeric_limits<double>::infinity(); }
  /// Adding it rounds to an integer, for |x| < 2^(mantissaBits() - 1).
  double roundingShift() const { return pick(0x1.8p23, 0x1.8p52); }
  /// The bits of `value` in this format.
  int64_t bitsOf(double value) const;

  // --- Floats -------------------------------------------------------------

  Value constant(double value);
  Value nan() { return constant(std::numeric_limits<double>::quiet_NaN()); }
  Value add(Value x, Value y);
  Value sub(Value x, Value y);
  Value mul(Value x, Value y);
  Value div(Value x, Value y);
  Value fma(Value x, Value y, Value z);
  Value neg(Value x);
  Value sqrt(Value x);
  Value add(Value x, double y) { return add(x, constant(y)); }
  Value sub(Value x, double y) { return sub(x, constant(y)); }
  Value sub(double x, Value y) { return sub(constant(x), y); }
  Value mul(Value x, double y) { return mul(x, constant(y)); }
  Value fma(Value x, double y, Value z) { return fma(x, constant(y), z); }
  Value fma(Value x, Value y, double z) { return fma(x, y, constant(z)); }
  Value fma(Value x, double y, double z) {
    return fma(x, constant(y), constant(z));
  }
  Value abs(Value x);
  /// -|x|
  Value negAbs(Value x);
  /// The magnitude of `x` with the sign of `sign`.
  Value copySign(Value x, Value sign);

  // --- Comparisons: false for NaN -----------------------------------------

  Value less(Value x, Value y);
  Value less(Value x, double y) { return less(x, constant(y)); }
  Value less(double x, Value y) { return less(constant(x), y); }
  Value lessEqual(Value x, double y);
  Value equal(Value x, Value y);
  Value equal(Value x, double y) { return equal(x, constant(y)); }
  Value both(Value x, Value y);
  Value select(Value condition, Value x, Value y);
  Value select(Value condition, double x, Value y) {
    return select(condition, constant(x), y);
  }
  Value select(Value condition, Value x, double y) {
    return select(condition, x, constant(y));
  }
  Value select(Value condition, double x, double y) {
    return select(condition, constant(x), constant(y));
  }
  /// Clamps that keep a NaN and are one x86 instruction.
  Value atLeast(Value x, double bound) {
    return select(less(x, bound), bound, x);
  }
  Value atMost(Value x, double bound) {
    return select(less(bound, x), bound, x);
  }

  // --- Integers of the same width -----------------------------------------

  Value integer(int64_t value);
  Value bits(Value x);
  Value fromBits(Value i);
  Value addInt(Value x, Value y);
  Value subInt(Value x, Value y);
  Value maxInt(Value x, Value y);
  Value andInt(Value x, Value y);
  Value orInt(Value x, Value y);
  Value xorInt(Value x, Value y);
  Value shiftLeft(Value x, int64_t count);
  Value shiftRight(Value x, int64_t count);
  /// Whether the lowest bit is set.
  Value isOdd(Value i);

  // --- Shared steps -------------------------------------------------------

  /// first * (c[0] + c[1] (ratio v) + c[2] (ratio v)^2 + …), for powers of
  /// two. Horner's scheme: the least operations, in one chain.
  Value horner(llvm::ArrayRef<double> c, Value v, double first = 1.0,
               double ratio = 1.0);
  /// The same as two chains in v^2, of even and of odd powers: half as deep,
  /// for one operation more, or none where the function needs v^2 anyway.
  Value evenOdd(llvm::ArrayRef<double> c, Value v, double first = 1.0,
                double ratio = 1.0);

  /// round(x * scale): as a float, and as that plus `addend` in the low bits
  /// of an integer.
  struct Rounded {
    Value steps, bits;
  };
  Rounded round(Value x, double scale, int addend);

  /// 2^k for biased exponents k in the low bits of `i`.
  Value powerOfTwo(Value i) { return fromBits(shiftLeft(i, mantissaBits())); }

  /// x = 2^k (1 + f) with sqrt(1/2) <= 1 + f < sqrt(2), for normal positive x.
  /// `biased` is k plus the bias as an integer, `k` the float.
  struct Split {
    Value k, f, biased;
  };
  Split split(Value x);

private:
  static mlir::Type withElement(mlir::Type type, mlir::Type element) {
    if (auto shaped = mlir::dyn_cast<mlir::ShapedType>(type))
      return shaped.clone(element);
    return element;
  }

  mlir::OpBuilder &b;
  mlir::Location loc;
  mlir::Type floatType, intType;
};

} // namespace dlc::emit

#endif // DLC_COMPILER_CODEGEN_EMITTER_MATHBUILDER_H
