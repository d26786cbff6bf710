//===- Elementwise.cpp - reference evaluation of the elementwise family ---===//
//
// Floats are computed in double with the C library's functions and rounded to
// the element type; integers wrap modulo 2^64 and keep their low bits.
//
//===----------------------------------------------------------------------===//
#include "dialects/dlc/reference/ops/Families.h"

#include <cmath>

using namespace mlir;

namespace dlc::reference {
namespace {

using FloatUnary = double (*)(double);
using IntUnary = int64_t (*)(int64_t);
using FloatBinary = double (*)(double, double);
using IntBinary = int64_t (*)(int64_t, int64_t);

/// `f` on float tensors, `g` (may be null for float-only ops) on others.
template <typename OpTy>
void addUnary(EvaluatorTable &table, FloatUnary f, IntUnary g = nullptr) {
  table.add<OpTy>([f, g](Operation *, Operands in, Results out) {
    for (int64_t i = 0; i < out[0].size(); ++i)
      if (out[0].isFloat())
        out[0].setNumber(i, f(in[0]->number(i)));
      else
        out[0].setInteger(i, g(in[0]->integer(i)));
    return success();
  });
}

template <typename OpTy>
void addBinary(EvaluatorTable &table, FloatBinary f, IntBinary g) {
  table.add<OpTy>([f, g](Operation *, Operands in, Results out) {
    for (int64_t i = 0; i < out[0].size(); ++i)
      if (out[0].isFloat())
        out[0].setNumber(i, f(in[0]->number(i), in[1]->number(i)));
      else
        out[0].setInteger(i, g(in[0]->integer(i), in[1]->integer(i)));
    return success();
  });
}

/// Wrapping arithmetic: signed overflow is defined here.
int64_t wrapAdd(int64_t x, int64_t y) {
  return int64_t(uint64_t(x) + uint64_t(y));
}
int64_t wrapSub(int64_t x, int64_t y) {
  return int64_t(uint64_t(x) - uint64_t(y));
}
int64_t wrapMul(int64_t x, int64_t y) {
  return int64_t(uint64_t(x) * uint64_t(y));
}

int64_t intDiv(int64_t x, int64_t y) {
  if (y == 0)
    return 0;
  return y == -1 ? wrapSub(0, x) : x / y;
}

int64_t intRem(int64_t x, int64_t y) { return y == 0 || y == -1 ? 0 : x % y; }

int64_t intMod(int64_t x, int64_t y) {
  int64_t r = intRem(x, y);
  return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}

double floatMod(double x, double y) {
  double r = std::fmod(x, y);
  return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}

double larger(double x, double y) {
  if (std::isnan(x) || std::isnan(y))
    return std::nan("");
  return x < y ? y : x;
}

double smaller(double x, double y) {
  if (std::isnan(x) || std::isnan(y))
    return std::nan("");
  return y < x ? y : x;
}

double signOf(double x) {
  if (std::isnan(x))
    return x;
  return double(x > 0) - double(x < 0);
}

double relu(double x) { return x > 0 || std::isnan(x) ? x : 0; }

/// Both forms avoid the overflow of e^|x|.
double sigmoid(double x) {
  if (x >= 0)
    return 1 / (1 + std::exp(-x));
  double e = std::exp(x);
  return e / (1 + e);
}

void addArithmetic(EvaluatorTable &table) {
  addUnary<NegOp>(
      table, [](double x) { return -x; },
      [](int64_t x) { return wrapSub(0, x); });
  addUnary<AbsOp>(
      table, [](double x) { return std::fabs(x); },
      [](int64_t x) { return x < 0 ? wrapSub(0, x) : x; });
  addUnary<SignOp>(table, signOf,
                   [](int64_t x) { return int64_t(x > 0) - int64_t(x < 0); });
  addUnary<ReluOp>(table, relu, [](int64_t x) { return x > 0 ? x : 0; });
  addUnary<FloorOp>(table, [](double x) { return std::floor(x); });
  addUnary<CeilOp>(table, [](double x) { return std::ceil(x); });
  // The default rounding mode is to nearest, ties to even.
  addUnary<RoundOp>(table, [](double x) { return std::nearbyint(x); });
  addBinary<AddOp>(
      table, [](double x, double y) { return x + y; }, wrapAdd);
  addBinary<SubOp>(
      table, [](double x, double y) { return x - y; }, wrapSub);
  addBinary<MulOp>(
      table, [](double x, double y) { return x * y; }, wrapMul);
  addBinary<DivOp>(
      table, [](double x, double y) { return x / y; }, intDiv);
  addBinary<PowOp>(
      table, [](double x, double y) { return std::pow(x, y); }, nullptr);
  addBinary<MaxOp>(table, larger,
                   [](int64_t x, int64_t y) { return std::max(x, y); });
  addBinary<MinOp>(table, smaller,
                   [](int64_t x, int64_t y) { return std::min(x, y); });
  addBinary<RemOp>(
      table, [](double x, double y) { return std::fmod(x, y); }, intRem);
  addBinary<ModOp>(table, floatMod, intMod);
}

void addTranscendental(EvaluatorTable &table) {
  addUnary<ExpOp>(table, [](double x) { return std::exp(x); });
  addUnary<Expm1Op>(table, [](double x) { return std::expm1(x); });
  addUnary<LogOp>(table, [](double x) { return std::log(x); });
  addUnary<Log1pOp>(table, [](double x) { return std::log1p(x); });
  addUnary<SqrtOp>(table, [](double x) { return std::sqrt(x); });
  addUnary<RsqrtOp>(table, [](double x) { return 1 / std::sqrt(x); });
  addUnary<SinOp>(table, [](double x) { return std::sin(x); });
  addUnary<CosOp>(table, [](double x) { return std::cos(x); });
  addUnary<TanOp>(table, [](double x) { return std::tan(x); });
  addUnary<AsinOp>(table, [](double x) { return std::asin(x); });
  addUnary<AcosOp>(table, [](double x) { return std::acos(x); });
  addUnary<AtanOp>(table, [](double x) { return std::atan(x); });
  addUnary<SinhOp>(table, [](double x) { return std::sinh(x); });
  addUnary<CoshOp>(table, [](double x) { return std::cosh(x); });
  addUnary<TanhOp>(table, [](double x) { return std::tanh(x); });
  addUnary<AsinhOp>(table, [](double x) { return std::asinh(x); });
  addUnary<AcoshOp>(table, [](double x) { return std::acosh(x); });
  addUnary<AtanhOp>(table, [](double x) { return std::atanh(x); });
  addUnary<ErfOp>(table, [](double x) { return std::erf(x); });
  addUnary<SigmoidOp>(table, sigmoid);
}

void addBits(EvaluatorTable &table) {
  addUnary<NotOp>(table, nullptr, [](int64_t x) { return ~x; });
  addBinary<AndOp>(table, nullptr, [](int64_t x, int64_t y) { return x & y; });
  addBinary<OrOp>(table, nullptr, [](int64_t x, int64_t y) { return x | y; });
  addBinary<XorOp>(table, nullptr, [](int64_t x, int64_t y) { return x ^ y; });
  // The shift counts are read as unsigned, so a negative one is too large.
  addEvaluator<ShiftLeftOp>(
      table, [](ShiftLeftOp op, Operands in, Results out) {
        uint64_t width = op.getType().getElementTypeBitWidth();
        for (int64_t i = 0; i < out[0].size(); ++i) {
          uint64_t by = uint64_t(in[1]->integer(i));
          uint64_t x = uint64_t(in[0]->integer(i));
          out[0].setInteger(i, by < width ? int64_t(x << by) : 0);
        }
      });
  // Reading sign-extends signed types and zero-extends the others, so one
  // arithmetic shift serves both.
  addEvaluator<ShiftRightOp>(
      table, [](ShiftRightOp op, Operands in, Results out) {
        uint64_t width = op.getType().getElementTypeBitWidth();
        for (int64_t i = 0; i < out[0].size(); ++i) {
          uint64_t by = uint64_t(in[1]->integer(i));
          int64_t x = in[0]->integer(i);
          out[0].setInteger(i, by < width ? x >> by : (x < 0 ? -1 : 0));
        }
      });
}

template <typename T> bool holds(ComparePredicate predicate, T x, T y) {
  switch (predicate) {
  case ComparePredicate::EQ:
    return x == y;
  case ComparePredicate::NE:
    return x != y;
  case ComparePredicate::LT:
    return x < y;
  case ComparePredicate::LE:
    return x <= y;
  case ComparePredicate::GT:
    return x > y;
  case ComparePredicate::GE:
    return x >= y;
  }
  llvm_unreachable("every predicate is listed");
}

void compare(CompareOp op, Operands in, Results out) {
  ComparePredicate predicate = op.getPredicate();
  for (int64_t i = 0; i < out[0].size(); ++i)
    out[0].setInteger(
        i, in[0]->isFloat()
               ? holds(predicate, in[0]->number(i), in[1]->number(i))
               : holds(predicate, in[0]->integer(i), in[1]->integer(i)));
}

void cast(CastOp op, Operands in, Results out) {
  bool toBool = op.getType().getElementType().isInteger(1);
  for (int64_t i = 0; i < out[0].size(); ++i)
    if (in[0]->isFloat())
      out[0].setNumber(i, in[0]->number(i));
    else if (toBool)
      out[0].setInteger(i, in[0]->integer(i) != 0);
    else
      out[0].setInteger(i, in[0]->integer(i));
}

void select(SelectOp, Operands in, Results out) {
  for (int64_t i = 0; i < out[0].size(); ++i)
    out[0].copyElement(i, in[0]->integer(i) ? *in[1] : *in[2], i);
}

} // namespace

void addElementwiseEvaluators(EvaluatorTable &table) {
  addArithmetic(table);
  addTranscendental(table);
  addBits(table);
  addEvaluator<IsNanOp>(table, [](IsNanOp, Operands in, Results out) {
    for (int64_t i = 0; i < out[0].size(); ++i)
      out[0].setInteger(i, std::isnan(in[0]->number(i)));
  });
  addEvaluator<IsInfOp>(table, [](IsInfOp, Operands in, Results out) {
    for (int64_t i = 0; i < out[0].size(); ++i)
      out[0].setInteger(i, std::isinf(in[0]->number(i)));
  });
  addEvaluator<CompareOp>(table, compare);
  addEvaluator<CastOp>(table, cast);
  addEvaluator<SelectOp>(table, select);
}

} // namespace dlc::reference
