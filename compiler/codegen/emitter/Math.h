//===- Math.h - Inlined math functions -------------------------*- C++ -*-===//
//
// Kernels never call a math library: each function here appends a straight
// line of arith and math.fma / math.sqrt ops to the kernel, which vectorizes
// on a CPU, runs unchanged in a GPU thread, and gives the same bits on both
// as long as both flush subnormals alike.
//
// Contract of all of them:
// - Arguments and results are f32 or f64, scalar or vector of any shape; both
//   arguments of emitPow have one type.
// - The ops carry no fast-math flag, and must keep none: several steps add a
//   large constant and take it away again, or compute a rounding error. A
//   backend must not be told to contract across ops (FPOpFusion::Fast).
// - math.fma and math.sqrt are to be lowered with convert-math-to-llvm, before
//   a GPU conversion that would turn them into calls of a device library.
// - NaN gives NaN, infinities and zeros give what C's Annex F says, signs of
//   zero included. No function traps or branches.
// - Arguments and results below twice the least normal number (2^-125 in f32,
//   2^-1021 in f64) may lose digits or become zero, whether or not the machine
//   flushes subnormals. log is accurate down to the least normal number and
//   takes what lies below for zero.
//
// Largest errors in ulp over the whole domain, against libm one precision up:
// measured at every eleventh f32, at 16 million f64, and for pow at 3 million
// pairs, and rounded up. MathTest asserts them on a smaller sweep.
//
//   function   f32    f64    division or square root
//   exp        1.0    1.0    none
//   exp2       1.1    1.1    none
//   expm1      1.8    2.1    none
//   tanh       1.7    1.7    none
//   sigmoid    1.7    1.6    none
//   erf        1.9    1.8    none
//   sinh       2.6    2.8    none
//   cosh       2.8    2.2    none
//   log        1.0    1.0    none
//   log1p      1.6    1.5    none
//   asinh      1.9    1.9    one of each
//   acosh      2.3    2.2    a square root
//   atanh      2.3    1.9    a division
//   sin        1.7    1.6    none
//   cos        1.7    1.6    none
//   tan        3.3    3.3    a division
//   asin       2.4    2.3    a square root
//   acos       1.2    1.2    a square root
//   atan       2.1    2.7    a division
//   rsqrt      1.5    1.5    one of each
//   pow        1.3    1.6    a division
//
// sin, cos and tan reduce by pi/2 in three parts. That is exact enough up to
// |x| <= 2^20 in f32 and 2^30 in f64; beyond, they return NaN: an answer that
// has lost its digits is not to pass for one that has them.
//
//===----------------------------------------------------------------------===//

#ifndef DLC_COMPILER_CODEGEN_EMITTER_MATH_H
#define DLC_COMPILER_CODEGEN_EMITTER_MATH_H

#include "mlir/IR/Builders.h"

#include <array>

namespace dlc::emit {

mlir::Value emitExp(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x);
mlir::Value emitExp2(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x);
mlir::Value emitExpm1(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x);
mlir::Value emitTanh(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x);
/// 1 / (1 + e^-x), accurate in its tail too.
mlir::Value emitSigmoid(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x);
mlir::Value emitErf(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x);
mlir::Value emitSinh(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x);
mlir::Value emitCosh(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x);

mlir::Value emitLog(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x);
mlir::Value emitLog1p(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x);
mlir::Value emitAsinh(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x);
mlir::Value emitAcosh(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x);
mlir::Value emitAtanh(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x);

mlir::Value emitSin(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x);
mlir::Value emitCos(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x);
mlir::Value emitTan(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x);
mlir::Value emitAsin(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x);
mlir::Value emitAcos(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x);
mlir::Value emitAtan(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x);

/// x^y as C's pow: negative bases with integer exponents, 0^y, 1^y, x^0 and
/// infinities included.
mlir::Value emitPow(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x,
                    mlir::Value y);
mlir::Value emitRsqrt(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x);

/// Four words of i32, scalar or vector of one shape.
using PhiloxWords = std::array<mlir::Value, 4>;

/// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2,
/// 3", SC 2011): 128 random bits, a function of a 128-bit counter and a 64-bit
/// key alone, word 0 the least significant. All operands are i32, scalars or
/// vectors of one shape.
PhiloxWords emitPhilox(mlir::OpBuilder &b, mlir::Location loc,
                       const PhiloxWords &counter,
                       std::array<mlir::Value, 2> key);

/// The same with a 64-bit counter; the upper two words are zero.
PhiloxWords emitPhilox(mlir::OpBuilder &b, mlir::Location loc,
                       mlir::Value counterLo, mlir::Value counterHi,
                       mlir::Value keyLo, mlir::Value keyHi);

/// Uniform f32 in [0, 1): the upper 24 of 32 random bits, times 2^-24.
mlir::Value emitUniform01(mlir::OpBuilder &b, mlir::Location loc,
                          mlir::Value bits);

/// Uniform f64 in [0, 1): 27 bits of `high` and 26 of `low`, times 2^-53.
mlir::Value emitUniform01(mlir::OpBuilder &b, mlir::Location loc,
                          mlir::Value high, mlir::Value low);

} // namespace dlc::emit

#endif // DLC_COMPILER_CODEGEN_EMITTER_MATH_H
