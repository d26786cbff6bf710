//===- AlgebraPatterns.cpp - identities of arithmetic and logic -----------===//
//
// Only identities that keep NaN and infinity, up to one rounding: x * 0 stays,
// x - x stays, division by a power of two becomes a product. Constants go to
// the right of commutative ops and there join:
//
//   (x * 2) * 3 -> x * 6        -(-x) -> x        x + (-y) -> x - y
//
//===----------------------------------------------------------------------===//
#include "passes/simplify/Layout.h"
#include "passes/simplify/Patterns.h"

#include "mlir/IR/Matchers.h"

#include <cmath>

using namespace mlir;

namespace dlc {
namespace {

bool isFloat(Value value) { return isa<FloatType>(elementTypeOf(value)); }

bool isSplatOf(Value value, double number) {
  std::optional<double> splat = splatValue(value);
  return splat && *splat == number;
}

bool isBool(Value value) { return elementTypeOf(value).isInteger(1); }

/// A pattern on `OpTy` written as a function from op to its replacement, null
/// where it does not apply.
template <typename OpTy> struct Identity : OpRewritePattern<OpTy> {
  using Rewrite = Value (*)(OpTy op, PatternRewriter &b);
  Identity(MLIRContext *context, Rewrite rewrite)
      : OpRewritePattern<OpTy>(context), rewrite(rewrite) {}
  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &b) const override {
    Value replacement = rewrite(op, b);
    if (!replacement)
      return b.notifyMatchFailure(op, "no identity applies");
    b.replaceOp(op, replacement);
    return success();
  }
  Rewrite rewrite;
};

/// constant op x -> x op constant
template <typename OpTy> Value constantRight(OpTy op, PatternRewriter &b) {
  if (!splatValue(op.getLhs()) || splatValue(op.getRhs()))
    return {};
  return OpTy::create(b, op.getLoc(), op.getRhs(), op.getLhs());
}

/// (x op a) op b -> x op (a op b) for splats a and b of a float type.
template <typename OpTy> Value joinConstants(OpTy op, PatternRewriter &b) {
  auto inner = op.getLhs().template getDefiningOp<OpTy>();
  if (!inner || !isFloat(op) || !inner->hasOneUse())
    return {};
  std::optional<double> x = splatValue(inner.getRhs());
  std::optional<double> y = splatValue(op.getRhs());
  if (!x || !y)
    return {};
  double joined = std::is_same_v<OpTy, MulOp> ? *x * *y : *x + *y;
  if (!std::isfinite(joined) || (joined == 0 && *x != 0 && *y != 0))
    return {};
  return OpTy::create(b, op.getLoc(), inner.getLhs(),
                      splatLike(b, op.getLoc(), op, joined));
}

Value simplifyNeg(NegOp op, PatternRewriter &b) {
  Operation *inner = op.getOperand().getDefiningOp();
  if (auto neg = dyn_cast_if_present<NegOp>(inner))
    return neg.getOperand();
  if (!inner || !inner->hasOneUse() || !isFloat(op))
    return {};
  if (auto sub = dyn_cast<SubOp>(inner))
    return SubOp::create(b, op.getLoc(), sub.getRhs(), sub.getLhs());
  if (auto mul = dyn_cast<MulOp>(inner))
    if (std::optional<double> factor = splatValue(mul.getRhs()))
      return MulOp::create(b, op.getLoc(), mul.getLhs(),
                           splatLike(b, op.getLoc(), op, -*factor));
  return {};
}

/// x + (-y), (-x) + y, x - (-y)
Value simplifyAdd(AddOp op, PatternRewriter &b) {
  if (auto neg = op.getRhs().getDefiningOp<NegOp>())
    return SubOp::create(b, op.getLoc(), op.getLhs(), neg.getOperand());
  if (auto neg = op.getLhs().getDefiningOp<NegOp>())
    return SubOp::create(b, op.getLoc(), op.getRhs(), neg.getOperand());
  return {};
}

Value simplifySub(SubOp op, PatternRewriter &b) {
  if (auto neg = op.getRhs().getDefiningOp<NegOp>())
    return AddOp::create(b, op.getLoc(), op.getLhs(), neg.getOperand());
  if (isSplatOf(op.getLhs(), 0))
    return NegOp::create(b, op.getLoc(), op.getRhs());
  return {};
}

/// (-x) (-y), (-x) c, x (-1)
Value simplifyMul(MulOp op, PatternRewriter &b) {
  auto left = op.getLhs().getDefiningOp<NegOp>();
  auto right = op.getRhs().getDefiningOp<NegOp>();
  if (left && right)
    return MulOp::create(b, op.getLoc(), left.getOperand(), right.getOperand());
  if (isSplatOf(op.getRhs(), -1))
    return NegOp::create(b, op.getLoc(), op.getLhs());
  std::optional<double> factor = splatValue(op.getRhs());
  if (left && factor && isFloat(op))
    return MulOp::create(b, op.getLoc(), left.getOperand(),
                         splatLike(b, op.getLoc(), op, -*factor));
  return {};
}

/// x / 2^k -> x * 2^-k, which is exact; x / x of one splat is left alone.
Value simplifyDiv(DivOp op, PatternRewriter &b) {
  std::optional<double> divisor = splatValue(op.getRhs());
  if (!divisor || !isFloat(op))
    return {};
  int exponent;
  if (std::abs(std::frexp(*divisor, &exponent)) != 0.5 ||
      std::abs(exponent) > 14)
    return {};
  return MulOp::create(b, op.getLoc(), op.getLhs(),
                       splatLike(b, op.getLoc(), op, 1 / *divisor));
}

/// f(x / c) -> f(x * (1 / c)) for a smooth f, which GELU is written with: one
/// rounding more, and a product takes a fraction of a division's time, in the
/// gradient as well. What steps (floor, a comparison) may land on the other side.
template <typename OpTy>
Value multiplyInstead(OpTy op, PatternRewriter &b) {
  auto div = op.getOperand().template getDefiningOp<DivOp>();
  if (!div || !div->hasOneUse())
    return {};
  std::optional<double> divisor = splatValue(div.getRhs());
  if (!divisor || !std::isfinite(*divisor) || std::abs(*divisor) < 0x1p-14 ||
      std::abs(*divisor) > 0x1p14)
    return {};
  Value product =
      MulOp::create(b, div.getLoc(), div.getLhs(),
                    splatLike(b, div.getLoc(), div, 1 / *divisor));
  return OpTy::create(b, op.getLoc(), product);
}

/// max(x, x), max(x, 0)
Value simplifyMax(MaxOp op, PatternRewriter &b) {
  if (op.getLhs() == op.getRhs())
    return op.getLhs();
  if (isSplatOf(op.getRhs(), 0))
    return ReluOp::create(b, op.getLoc(), op.getLhs());
  return {};
}

Value simplifyMin(MinOp op, PatternRewriter &) {
  return op.getLhs() == op.getRhs() ? op.getLhs() : Value();
}

Value simplifyRelu(ReluOp op, PatternRewriter &) {
  return op.getOperand().getDefiningOp<ReluOp>() ? op.getOperand() : Value();
}

Value simplifyAbs(AbsOp op, PatternRewriter &b) {
  if (auto neg = op.getOperand().getDefiningOp<NegOp>(); neg && isFloat(op))
    return AbsOp::create(b, op.getLoc(), neg.getOperand());
  return op.getOperand().getDefiningOp<AbsOp>() ? op.getOperand() : Value();
}

/// not (not x); not (x = y) -> x != y, and for integers every predicate.
Value simplifyNot(NotOp op, PatternRewriter &b) {
  if (auto inner = op.getOperand().getDefiningOp<NotOp>())
    return inner.getOperand();
  auto compare = op.getOperand().getDefiningOp<CompareOp>();
  if (!compare || !compare->hasOneUse())
    return {};
  static constexpr ComparePredicate kOpposite[] = {
      ComparePredicate::NE, ComparePredicate::EQ, ComparePredicate::GE,
      ComparePredicate::GT, ComparePredicate::LE, ComparePredicate::LT};
  ComparePredicate predicate = compare.getPredicate();
  bool isEquality =
      predicate == ComparePredicate::EQ || predicate == ComparePredicate::NE;
  if (isFloat(compare.getLhs()) && !isEquality)
    return {};
  return CompareOp::create(b, op.getLoc(), kOpposite[unsigned(predicate)],
                           compare.getLhs(), compare.getRhs());
}

Value simplifyAnd(AndOp op, PatternRewriter &) {
  if (op.getLhs() == op.getRhs())
    return op.getLhs();
  if (!isBool(op) || !splatValue(op.getRhs()))
    return {};
  return isSplatOf(op.getRhs(), 0) ? op.getRhs() : op.getLhs();
}

Value simplifyOr(OrOp op, PatternRewriter &) {
  if (op.getLhs() == op.getRhs())
    return op.getLhs();
  if (!isBool(op) || !splatValue(op.getRhs()))
    return {};
  return isSplatOf(op.getRhs(), 0) ? op.getLhs() : op.getRhs();
}

/// select(not c, x, y) -> select(c, y, x); select(c, true, false) -> c
Value simplifySelect(SelectOp op, PatternRewriter &b) {
  if (auto inner = op.getCondition().getDefiningOp<NotOp>())
    return SelectOp::create(b, op.getLoc(), inner.getOperand(), op.getOnFalse(),
                            op.getOnTrue());
  if (isBool(op) && isSplatOf(op.getOnTrue(), 1) &&
      isSplatOf(op.getOnFalse(), 0))
    return op.getCondition();
  return {};
}

/// Every value of `from` is one of `to`.
bool isExactIn(Type from, Type to) {
  if (from.isInteger(1))
    return true;
  auto fromFloat = dyn_cast<FloatType>(from), toFloat = dyn_cast<FloatType>(to);
  if (fromFloat && toFloat)
    return toFloat.isF64() || (toFloat.isF32() && !fromFloat.isF64());
  auto fromInt = dyn_cast<IntegerType>(from), toInt = dyn_cast<IntegerType>(to);
  if (fromInt && toInt)
    return fromInt.getWidth() < toInt.getWidth() && !toInt.isUnsignedInteger();
  return false;
}

/// cast (cast x) -> cast x if the first loses nothing; i1 casts of comparisons
/// with 0 are not looked through, since `x != 0` is one.
Value simplifyCast(CastOp op, PatternRewriter &b) {
  auto inner = op.getOperand().getDefiningOp<CastOp>();
  if (!inner ||
      !isExactIn(elementTypeOf(inner.getOperand()), elementTypeOf(inner)))
    return {};
  return castTo(b, op.getLoc(), inner.getOperand(), elementTypeOf(op));
}

} // namespace

void populateAlgebraPatterns(RewritePatternSet &patterns) {
  MLIRContext *context = patterns.getContext();
  auto add = [&]<typename OpTy>(Value (*rewrite)(OpTy, PatternRewriter &)) {
    patterns.add<Identity<OpTy>>(context, rewrite);
  };
  add(constantRight<AddOp>);
  add(constantRight<MulOp>);
  add(constantRight<MaxOp>);
  add(constantRight<MinOp>);
  add(constantRight<AndOp>);
  add(constantRight<OrOp>);
  add(joinConstants<AddOp>);
  add(joinConstants<MulOp>);
  add(simplifyNeg);
  add(simplifyAdd);
  add(simplifySub);
  add(simplifyMul);
  add(simplifyDiv);
  add(multiplyInstead<ErfOp>);
  add(multiplyInstead<ExpOp>);
  add(multiplyInstead<SigmoidOp>);
  add(multiplyInstead<TanhOp>);
  add(simplifyMax);
  add(simplifyMin);
  add(simplifyRelu);
  add(simplifyAbs);
  add(simplifyNot);
  add(simplifyAnd);
  add(simplifyOr);
  add(simplifySelect);
  add(simplifyCast);
}

} // namespace dlc
