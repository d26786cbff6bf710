//===- MathCoefficients.h - Polynomials of the math functions -----------===//
//
// Written by tools/dev/fit_polynomials.py: edit that, not this. Coefficients
// go from the lowest power up and are exact in the element type they serve;
// behind each table stands the largest error of the polynomial alone.
//
//===----------------------------------------------------------------------===//

#ifndef DLC_COMPILER_CODEGEN_EMITTER_MATHCOEFFICIENTS_H
#define DLC_COMPILER_CODEGEN_EMITTER_MATHCOEFFICIENTS_H

#include "llvm/ADT/ArrayRef.h"

namespace dlc::emit {

// 1 / d, exact at the ends; relative error, on [1.0, 2.0]: 2^-5.9
inline constexpr double f32Reciprocal[] = {
    0x1.15p+1, -0x1.7fp+0, 0x1.54p-2};

// (2^r - 1) / r; error relative to 2^r, on [-0.5005, 0.5005]: 2^-28.3
inline constexpr double f32Exp2[] = {
    0x1.62e43p-1, 0x1.ebfbdcp-3, 0x1.c6af7ap-5, 0x1.3b2dd8p-7, 0x1.5f0986p-10,
    0x1.417616p-13};

// (e^r - 1 - r) / r^2; error relative to e^r - 1, on [-0.34692, 0.34692]:
// 2^-26.1
inline constexpr double f32Expm1[] = {
    0x1.fffffep-2, 0x1.5554b4p-3, 0x1.5556fp-5, 0x1.122562p-7, 0x1.6b9ebcp-10};

// (log(1 + f) - f) / f^2; error relative to log(1 + f), on [-0.29296,
// 0.41425]: 2^-27.8
inline constexpr double f32Log[] = {
    -0x1.fffff8p-2, 0x1.55554ep-2, -0x1.000438p-2, 0x1.99a542p-3,
    -0x1.5424d8p-3, 0x1.225476p-3, -0x1.0f3002p-3, 0x1.090dbep-3,
    -0x1.3a4d34p-4};

// (atanh(s) / s - 1 - s^2 / 3) / s^4, in s^2; error relative to atanh(s), on
// [1.0e-6, 0.17165]: 2^-36.8
inline constexpr double f32Log2Tail[] = {
    0x1.999ap-3, 0x1.24527ep-3, 0x1.dfa1c8p-4};

// (sin(r) / r - 1) / r^2, in r^2, for |r| <= pi/4 and a margin; relative
// error, on [1.0e-6, 0.83]: 2^-27.3
inline constexpr double f32Sin[] = {
    -0x1.55553ep-3, 0x1.110484p-7, -0x1.9861ccp-13};

// (cos(r) - 1 + r^2 / 2) / r^4, in r^2; relative error, on [1.0e-6, 0.83]:
// 2^-32.1
inline constexpr double f32Cos[] = {
    0x1.555546p-5, -0x1.6c09c2p-10, 0x1.993cap-16};

// (asin(v) / v - 1) / v^2, in v^2; relative error, on [1.0e-6, 0.5]: 2^-27.6
inline constexpr double f32Asin[] = {
    0x1.5555c8p-3, 0x1.33020ep-4, 0x1.747a42p-5, 0x1.8c4f16p-6, 0x1.594d22p-5};

// (atan(v) / v - 1) / v^2, in v^2; relative error, on [1.0e-6, 1.0]: 2^-25.8
inline constexpr double f32Atan[] = {
    -0x1.5554dcp-2, 0x1.9978fp-3, -0x1.230ac4p-3, 0x1.b4e08p-4, -0x1.35555cp-4,
    0x1.61fad4p-5, -0x1.0c289ep-6, 0x1.7ecbe6p-9};

// (sinh(r) / r - 1) / r^2, in r^2; relative error, on [1.0e-6, 0.34692]:
// 2^-26.2
inline constexpr double f32Sinh[] = {
    0x1.5554bp-3, 0x1.1227b8p-7};

// (cosh(r) - 1) / r^2, in r^2; relative error, on [1.0e-6, 0.34692]: 2^-33.3
inline constexpr double f32Cosh[] = {
    0x1p-1, 0x1.5554e6p-5, 0x1.6d4f42p-10};

// erf(y) / y - 1, in y^2; relative error, on [1.0e-6, 1.1875]: 2^-26.0
inline constexpr double f32Erf[] = {
    0x1.06eba6p-3, -0x1.8127p-2, 0x1.ce232p-4, -0x1.b76686p-6, 0x1.50286ep-8,
    -0x1.8bcd7ep-11, 0x1.106e2ep-14};

// erfc(y)^(1/8), in y - erfCenter; absolute error of erf, on [1.1875, 3.95]:
// 2^-27.7
inline constexpr double f32ErfcRoot[] = {
    0x1.05d54p-1, -0x1.2134a2p-2, 0x1.364184p-6, 0x1.19e48ep-6, -0x1.6dc6fp-9,
    -0x1.566592p-11, 0x1.5f8892p-13};

// 1 / d, exact at the ends; relative error, on [1.0, 2.0]: 2^-8.7
inline constexpr double f64Reciprocal[] = {
    0x1.6ep+1, -0x1.7fp+1, 0x1.5cp+0, -0x1.dp-3};

// (2^r - 1) / r; error relative to 2^r, on [-0.5005, 0.5005]: 2^-59.7
inline constexpr double f64Exp2[] = {
    0x1.62e42fefa39efp-1, 0x1.ebfbdff82c58ep-3, 0x1.c6b08d704a1d5p-5,
    0x1.3b2ab6fba5197p-7, 0x1.5d87fe787401cp-10, 0x1.430912f759dd2p-13,
    0x1.ffcbfd4adfa97p-17, 0x1.62c027171accdp-20, 0x1.b5232e8ff0473p-24,
    0x1.e4bbe561881cep-28, 0x1.ec76ca1daf66cp-32, 0x1.e05bb9f7e9073p-36};

// (e^r - 1 - r) / r^2; error relative to e^r - 1, on [-0.34692, 0.34692]:
// 2^-61.6
inline constexpr double f64Expm1[] = {
    0x1p-1, 0x1.5555555555559p-3, 0x1.5555555555558p-5, 0x1.111111110f70ep-7,
    0x1.6c16c16c173aap-10, 0x1.a01a01afa1cfdp-13, 0x1.a01a019a6cffp-16,
    0x1.71ddf9191e694p-19, 0x1.27e500a3f1079p-22, 0x1.af5d57d5016ecp-26,
    0x1.1f2ddadac1774p-29};

// (log(1 + f) - f) / f^2; error relative to log(1 + f), on [-0.29296,
// 0.41425]: 2^-59.3
inline constexpr double f64Log[] = {
    -0x1p-1, 0x1.555555555556bp-2, -0x1.ffffffffffe81p-3, 0x1.9999999994d68p-3,
    -0x1.555555556ad7ap-3, 0x1.249249275f4d9p-3, -0x1.fffffff3d3399p-4,
    0x1.c71c702d64bb8p-4, -0x1.99999a988f0fcp-4, 0x1.745d58e38b62bp-4,
    -0x1.555577a0ece58p-4, 0x1.3b0d77f65d094p-4, -0x1.24893bdb34c51p-4,
    0x1.1169fd0e57069p-4, -0x1.00d0505ac0878p-4, 0x1.dc994190a50eap-5,
    -0x1.b45729ab86b13p-5, 0x1.bb9dc2a30aaap-5, -0x1.010c7f523c933p-4,
    0x1.d2e34b3682913p-5, -0x1.8e047f13eac62p-6};

// (atanh(s) / s - 1 - s^2 / 3) / s^4, in s^2; error relative to atanh(s), on
// [1.0e-6, 0.17165]: 2^-73.5
inline constexpr double f64Log2Tail[] = {
    0x1.9999999999996p-3, 0x1.2492492492f54p-3, 0x1.c71c71c595ebp-4,
    0x1.745d1829c04dap-4, 0x1.3b1364a799707p-4, 0x1.112074e2d933fp-4,
    0x1.de3c742482e04p-5, 0x1.eace80fa6dc86p-5};

// (sin(r) / r - 1) / r^2, in r^2, for |r| <= pi/4 and a margin; relative
// error, on [1.0e-6, 0.786]: 2^-57.9
inline constexpr double f64Sin[] = {
    -0x1.5555555555548p-3, 0x1.111111110f733p-7, -0x1.a01a019be9b6ep-13,
    0x1.71de3555cab7cp-19, -0x1.ae5e4c1175091p-26, 0x1.5d8b82652ab17p-33};

// (cos(r) - 1 + r^2 / 2) / r^4, in r^2; relative error, on [1.0e-6, 0.786]:
// 2^-63.9
inline constexpr double f64Cos[] = {
    0x1.555555555554bp-5, -0x1.6c16c16c1500ap-10, 0x1.a01a019c8d482p-16,
    -0x1.27e4f7efc7dddp-22, 0x1.1ee9da5a7ac99p-29, -0x1.8fa5a92c355e4p-37};

// (asin(v) / v - 1) / v^2, in v^2; relative error, on [1.0e-6, 0.5]: 2^-59.9
inline constexpr double f64Asin[] = {
    0x1.5555555555577p-3, 0x1.333333332e143p-4, 0x1.6db6db721125fp-5,
    0x1.f1c71a9587283p-6, 0x1.6e8bdecd941eap-6, 0x1.1c49f1cf1b698p-6,
    0x1.ca1f67fe20632p-7, 0x1.7586cfa8db0a9p-7, 0x1.6135087e79af5p-7,
    0x1.e66c2b3279cbfp-9, 0x1.6376f89c4cf52p-6, -0x1.57c6a92be3e26p-6,
    0x1.0b3515c672c34p-5};

// (atan(v) / v - 1) / v^2, in v^2; relative error, on [1.0e-6, 1.0]: 2^-57.6
inline constexpr double f64Atan[] = {
    -0x1.5555555555526p-2, 0x1.99999999955bfp-3, -0x1.249249237f9c1p-3,
    0x1.c71c717fe338ap-4, -0x1.745d11affcdf9p-4, 0x1.3b1366ad2cefbp-4,
    -0x1.110e51c7c6b17p-4, 0x1.e1bbae0dbc6e6p-5, -0x1.ae5e95386b0f3p-5,
    0x1.82db4dfb94b74p-5, -0x1.59a538b4edf7bp-5, 0x1.2c30e251698c4p-5,
    -0x1.ea0223629476bp-6, 0x1.6846d73f21092p-6, -0x1.c7a2fd40fc8d3p-7,
    0x1.d7d4b4d7d887ap-8, -0x1.7a5663596b833p-9, 0x1.b4241421a808p-11,
    -0x1.3f5aa1a6bd225p-13, 0x1.bc28c3a708459p-17};

// (sinh(r) / r - 1) / r^2, in r^2; relative error, on [1.0e-6, 0.34692]:
// 2^-61.7
inline constexpr double f64Sinh[] = {
    0x1.5555555555559p-3, 0x1.111111110f622p-7, 0x1.a01a01b026c79p-13,
    0x1.71ddf7977a65fp-19, 0x1.af602b7e1c753p-26};

// (cosh(r) - 1) / r^2, in r^2; relative error, on [1.0e-6, 0.34692]: 2^-70.0
inline constexpr double f64Cosh[] = {
    0x1p-1, 0x1.5555555555558p-5, 0x1.6c16c16c14feep-10, 0x1.a01a01ad88a53p-16,
    0x1.27e4cbf0cb0fcp-22, 0x1.1f8c200d23d9bp-29};

// erf(y) / y - 1, in y^2; relative error, on [1.0e-6, 1.3125]: 2^-56.0
inline constexpr double f64Erf[] = {
    0x1.06eba8214db68p-3, -0x1.812746b0379afp-2, 0x1.ce2f21a040e94p-4,
    -0x1.b82ce312273ecp-6, 0x1.565bcd03ced73p-8, -0x1.c02db29d3c816p-11,
    0x1.f9a308d6b1345p-14, -0x1.f4d09ebf94002p-17, 0x1.b9d4d0e4e05bep-20,
    -0x1.5ef0eec483307p-23, 0x1.f77b57c2a1b09p-27, -0x1.3edab0b8286b4p-30,
    0x1.42a623968d069p-34, -0x1.7d0db37b62436p-39};

// erfc(y)^(1/8), in y - erfCenter; absolute error of erf, on [1.3125, 5.94]:
// 2^-57.9
inline constexpr double f64ErfcRoot[] = {
    0x1.81ea833518333p-2, -0x1.0235ef895a13p-2, 0x1.46cbc212f2725p-5,
    0x1.55a10194a4b9ep-7, -0x1.ea063ab4f07f8p-9, -0x1.9ddace36434f9p-14,
    0x1.6a7c597d492e7p-13, -0x1.c7f99e3d4c2c9p-17, -0x1.0eef8dc7a543ap-18,
    0x1.558ec144a6525p-21, 0x1.eb442dfac4903p-25, -0x1.117c45e81648p-26,
    -0x1.c83b2e2561146p-31, 0x1.f5263e2582dd9p-32, -0x1.cb885427394b1p-36,
    -0x1.50f843264fff8p-38, 0x1.9cc03d433c798p-41};

/// Everything the functions of one element type read.
struct MathTables {
  llvm::ArrayRef<double> reciprocal;
  llvm::ArrayRef<double> exp2;
  llvm::ArrayRef<double> expm1;
  llvm::ArrayRef<double> log;
  llvm::ArrayRef<double> log2Tail;
  llvm::ArrayRef<double> sin;
  llvm::ArrayRef<double> cos;
  llvm::ArrayRef<double> asin;
  llvm::ArrayRef<double> atan;
  llvm::ArrayRef<double> sinh;
  llvm::ArrayRef<double> cosh;
  llvm::ArrayRef<double> erf;
  llvm::ArrayRef<double> erfcRoot;
  double log2eHi; ///< 1 / log(2)
  double log2eLo; ///< its next bits
  double ln2Hi; ///< log(2)
  double ln2Lo; ///< its next bits
  double twoOverPi; ///< 2 / pi
  double halfPiHi; ///< pi / 2, rounded toward zero
  double halfPiMid; ///< its next bits
  double halfPiLo; ///< and the next
  double halfPiNear; ///< pi / 2, rounded to nearest
  double halfPiRest; ///< its next bits, of either sign
  double thirdHi; ///< 1 / 3
  double thirdLo; ///< its next bits
  double erfCenter; ///< where erfcRoot's powers are zero
};

inline constexpr MathTables f32Tables = {
    .reciprocal = f32Reciprocal,
    .exp2 = f32Exp2,
    .expm1 = f32Expm1,
    .log = f32Log,
    .log2Tail = f32Log2Tail,
    .sin = f32Sin,
    .cos = f32Cos,
    .asin = f32Asin,
    .atan = f32Atan,
    .sinh = f32Sinh,
    .cosh = f32Cosh,
    .erf = f32Erf,
    .erfcRoot = f32ErfcRoot,
    .log2eHi = 0x1.715476p+0,
    .log2eLo = 0x1.4ae0cp-26,
    .ln2Hi = 0x1.62e43p-1,
    .ln2Lo = -0x1.05c61p-29,
    .twoOverPi = 0x1.45f306p-1,
    .halfPiHi = 0x1.921fb4p+0,
    .halfPiMid = 0x1.4442dp-24,
    .halfPiLo = 0x1.846988p-48,
    .halfPiNear = 0x1.921fb6p+0,
    .halfPiRest = -0x1.777a5cp-25,
    .thirdHi = 0x1.555556p-2,
    .thirdLo = -0x1.555556p-27,
    .erfCenter = 0x1p+1};
inline constexpr MathTables f64Tables = {
    .reciprocal = f64Reciprocal,
    .exp2 = f64Exp2,
    .expm1 = f64Expm1,
    .log = f64Log,
    .log2Tail = f64Log2Tail,
    .sin = f64Sin,
    .cos = f64Cos,
    .asin = f64Asin,
    .atan = f64Atan,
    .sinh = f64Sinh,
    .cosh = f64Cosh,
    .erf = f64Erf,
    .erfcRoot = f64ErfcRoot,
    .log2eHi = 0x1.71547652b82fep+0,
    .log2eLo = 0x1.777d0ffda0d24p-56,
    .ln2Hi = 0x1.62e42fefa39efp-1,
    .ln2Lo = 0x1.abc9e3b39803fp-56,
    .twoOverPi = 0x1.45f306dc9c883p-1,
    .halfPiHi = 0x1.921fb54442d18p+0,
    .halfPiMid = 0x1.1a62633145c06p-54,
    .halfPiLo = 0x1.c1cd129024e08p-107,
    .halfPiNear = 0x1.921fb54442d18p+0,
    .halfPiRest = 0x1.1a62633145c07p-54,
    .thirdHi = 0x1.5555555555555p-2,
    .thirdLo = 0x1.5555555555555p-56,
    .erfCenter = 0x1.4p+1};

} // namespace dlc::emit

#endif // DLC_COMPILER_CODEGEN_EMITTER_MATHCOEFFICIENTS_H
