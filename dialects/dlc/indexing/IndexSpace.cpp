//===- IndexSpace.cpp - index arithmetic with known ranges ----------------===//
//
// Expressions are flattened to `constant + sum of coefficient * atom`, where an
// atom is a dim, a symbol, or a division or remainder that no rule removes, and
// rebuilt in a fixed order.
//
//===----------------------------------------------------------------------===//
#include "dialects/dlc/indexing/IndexSpace.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <map>
#include <numeric>

using namespace mlir;

namespace dlc {

int64_t elementCount(ArrayRef<int64_t> shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t(1),
                         std::multiplies<>());
}

/// A total order on expressions that does not depend on addresses.
static int compareExprs(AffineExpr a, AffineExpr b) {
  if (a == b)
    return 0;
  if (a.getKind() != b.getKind())
    return a.getKind() < b.getKind() ? -1 : 1;
  auto order = [](int64_t x, int64_t y) { return x < y ? -1 : x > y ? 1 : 0; };
  if (auto x = dyn_cast<AffineConstantExpr>(a))
    return order(x.getValue(), cast<AffineConstantExpr>(b).getValue());
  if (auto x = dyn_cast<AffineDimExpr>(a))
    return order(x.getPosition(), cast<AffineDimExpr>(b).getPosition());
  if (auto x = dyn_cast<AffineSymbolExpr>(a))
    return order(x.getPosition(), cast<AffineSymbolExpr>(b).getPosition());
  auto x = cast<AffineBinaryOpExpr>(a), y = cast<AffineBinaryOpExpr>(b);
  if (int lhs = compareExprs(x.getLHS(), y.getLHS()))
    return lhs;
  return compareExprs(x.getRHS(), y.getRHS());
}

struct ExprLess {
  bool operator()(AffineExpr a, AffineExpr b) const {
    return compareExprs(a, b) < 0;
  }
};

struct IndexSpace::Linear {
  int64_t constant = 0;
  std::map<AffineExpr, int64_t, ExprLess> terms;

  void add(AffineExpr atom, int64_t coefficient) {
    if (coefficient == 0)
      return;
    int64_t &sum = terms[atom];
    sum += coefficient;
    if (sum == 0)
      terms.erase(atom);
  }
  void add(const Linear &other, int64_t factor) {
    constant += factor * other.constant;
    for (auto [atom, coefficient] : other.terms)
      add(atom, factor * coefficient);
  }
};

AffineExpr IndexSpace::dim(unsigned i) const {
  return dims[i] == 1 ? constant(0) : getAffineDimExpr(i, context);
}

AffineExpr IndexSpace::constant(int64_t value) const {
  return getAffineConstantExpr(value, context);
}

Index IndexSpace::identity() const {
  Index index;
  for (unsigned i = 0; i < dims.size(); ++i)
    index.push_back(dim(i));
  return index;
}

AffineExpr IndexSpace::dynamic(Value indices, const Index &at, int64_t size) {
  for (auto [i, symbol] : llvm::enumerate(symbols))
    if (symbol.indices == indices && symbol.at == at && symbol.size == size)
      return getAffineSymbolExpr(i, context);
  symbols.push_back({indices, at, size});
  return getAffineSymbolExpr(symbols.size() - 1, context);
}

Bounds IndexSpace::boundsOfAtom(AffineExpr atom) const {
  if (auto dimExpr = dyn_cast<AffineDimExpr>(atom))
    return {0, std::max<int64_t>(dims[dimExpr.getPosition()] - 1, 0)};
  if (auto symbol = dyn_cast<AffineSymbolExpr>(atom))
    return {0, std::max<int64_t>(symbols[symbol.getPosition()].size - 1, 0)};
  auto binary = cast<AffineBinaryOpExpr>(atom);
  int64_t divisor = cast<AffineConstantExpr>(binary.getRHS()).getValue();
  if (binary.getKind() == AffineExprKind::Mod)
    return {0, divisor - 1};
  Bounds inner = boundsOf(flatten(binary.getLHS()));
  return {llvm::divideFloorSigned(inner.least, divisor),
          llvm::divideFloorSigned(inner.most, divisor)};
}

Bounds IndexSpace::boundsOf(const Linear &linear) const {
  Bounds sum = {linear.constant, linear.constant};
  for (auto [atom, coefficient] : linear.terms) {
    Bounds range = boundsOfAtom(atom);
    int64_t a = coefficient * range.least, b = coefficient * range.most;
    sum.least += std::min(a, b);
    sum.most += std::max(a, b);
  }
  return sum;
}

Bounds IndexSpace::bounds(AffineExpr expr) const {
  return boundsOf(flatten(expr));
}

/// e floordiv c and e mod c, with e = c * quotient + rest split term by term.
IndexSpace::Linear
IndexSpace::flattenDivision(AffineBinaryOpExpr expr) const {
  bool isMod = expr.getKind() == AffineExprKind::Mod;
  int64_t divisor = cast<AffineConstantExpr>(expr.getRHS()).getValue();
  Linear whole = flatten(expr.getLHS()), quotient, rest;
  quotient.constant = llvm::divideFloorSigned(whole.constant, divisor);
  rest.constant = whole.constant - quotient.constant * divisor;
  for (auto [atom, coefficient] : whole.terms) {
    int64_t times = llvm::divideFloorSigned(coefficient, divisor);
    if (coefficient % divisor == 0)
      quotient.add(atom, times);
    else
      rest.add(atom, coefficient);
  }
  if (boundsOf(rest).isWithin(divisor))
    return isMod ? rest : quotient;

  // g x + r with r < g divides as x does: what is common comes out.
  int64_t common = divisor;
  for (auto [atom, coefficient] : rest.terms)
    common = std::gcd(common, coefficient);
  int64_t offset = rest.constant % common;
  Linear scaled;
  scaled.constant = rest.constant / common;
  for (auto [atom, coefficient] : rest.terms)
    scaled.add(atom, coefficient / common);
  AffineExpr inner = rebuild(scaled);
  int64_t reduced = divisor / common;
  Linear result;
  if (isMod) {
    result.constant = offset;
    result.add(getAffineBinaryOpExpr(AffineExprKind::Mod, inner,
                                     constant(reduced)),
               common);
    return result;
  }
  result = quotient;
  result.add(getAffineBinaryOpExpr(AffineExprKind::FloorDiv, inner,
                                   constant(reduced)),
             1);
  return result;
}

/// Replaces k c (e floordiv c) + k (e mod c) by k e.
template <typename LinearT, typename Flatten>
static bool recombine(LinearT &linear, Flatten flatten) {
  for (auto [atom, coefficient] : linear.terms) {
    auto mod = dyn_cast<AffineBinaryOpExpr>(atom);
    if (!mod || mod.getKind() != AffineExprKind::Mod)
      continue;
    int64_t divisor = cast<AffineConstantExpr>(mod.getRHS()).getValue();
    for (auto [other, otherCoefficient] : linear.terms) {
      auto div = dyn_cast<AffineBinaryOpExpr>(other);
      if (!div || div.getKind() != AffineExprKind::FloorDiv ||
          div.getLHS() != mod.getLHS() || div.getRHS() != mod.getRHS() ||
          otherCoefficient != coefficient * divisor)
        continue;
      LinearT inner = flatten(mod.getLHS());
      int64_t factor = coefficient;
      AffineExpr divAtom = other, modAtom = atom;
      linear.terms.erase(divAtom);
      linear.terms.erase(modAtom);
      linear.add(inner, factor);
      return true;
    }
  }
  return false;
}

IndexSpace::Linear IndexSpace::flatten(AffineExpr expr) const {
  Linear linear;
  if (auto value = dyn_cast<AffineConstantExpr>(expr)) {
    linear.constant = value.getValue();
    return linear;
  }
  if (auto dimExpr = dyn_cast<AffineDimExpr>(expr)) {
    if (dims[dimExpr.getPosition()] != 1)
      linear.add(expr, 1);
    return linear;
  }
  if (isa<AffineSymbolExpr>(expr)) {
    linear.add(expr, 1);
    return linear;
  }
  auto binary = cast<AffineBinaryOpExpr>(expr);
  switch (binary.getKind()) {
  case AffineExprKind::Add:
    linear.add(flatten(binary.getLHS()), 1);
    linear.add(flatten(binary.getRHS()), 1);
    break;
  case AffineExprKind::Mul:
    linear.add(flatten(binary.getLHS()),
               cast<AffineConstantExpr>(binary.getRHS()).getValue());
    break;
  default:
    linear = flattenDivision(binary);
    break;
  }
  while (recombine(linear, [&](AffineExpr e) { return flatten(e); })) {
  }
  return linear;
}

AffineExpr IndexSpace::rebuild(const Linear &linear) const {
  AffineExpr sum = constant(linear.constant);
  for (auto [atom, coefficient] : linear.terms)
    sum = sum + atom * coefficient;
  return sum;
}

AffineExpr IndexSpace::simplify(AffineExpr expr) const {
  return rebuild(flatten(expr));
}

AffineExpr IndexSpace::linearize(ArrayRef<AffineExpr> index,
                                 ArrayRef<int64_t> shape) const {
  AffineExpr linear = constant(0);
  for (auto [expr, size] : llvm::zip_equal(index, shape))
    linear = linear * size + expr;
  return simplify(linear);
}

Index IndexSpace::delinearize(AffineExpr linear,
                              ArrayRef<int64_t> shape) const {
  Index index(shape.size());
  for (size_t i = shape.size(); i-- > 0;) {
    int64_t size = std::max<int64_t>(shape[i], 1);
    index[i] = i == 0 ? linear : simplify(linear % size);
    linear = simplify(linear.floorDiv(size));
  }
  return index;
}

Index IndexSpace::reshape(ArrayRef<AffineExpr> index, ArrayRef<int64_t> from,
                          ArrayRef<int64_t> to) const {
  if (from == to)
    return Index(index);
  // Without elements any index will do.
  if (llvm::is_contained(to, 0))
    return Index(to.size(), constant(0));
  Index result;
  size_t i = 0, j = 0;
  while (i < from.size() || j < to.size()) {
    size_t firstFrom = i, firstTo = j;
    int64_t have = i < from.size() ? from[i++] : 1;
    int64_t want = j < to.size() ? to[j++] : 1;
    while (have != want) {
      if (have < want)
        have *= from[i++];
      else
        want *= to[j++];
    }
    AffineExpr linear = linearize(index.slice(firstFrom, i - firstFrom),
                                  from.slice(firstFrom, i - firstFrom));
    llvm::append_range(result,
                       delinearize(linear, to.slice(firstTo, j - firstTo)));
  }
  return result;
}

std::optional<int64_t> linearCoefficient(AffineExpr expr, unsigned dim) {
  if (auto dimExpr = dyn_cast<AffineDimExpr>(expr))
    return dimExpr.getPosition() == dim;
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return 0;
  std::optional<int64_t> lhs = linearCoefficient(binary.getLHS(), dim);
  std::optional<int64_t> rhs = linearCoefficient(binary.getRHS(), dim);
  if (!lhs || !rhs)
    return std::nullopt;
  if (binary.getKind() == AffineExprKind::Add)
    return *lhs + *rhs;
  if (binary.getKind() == AffineExprKind::Mul)
    return *lhs * cast<AffineConstantExpr>(binary.getRHS()).getValue();
  if (*lhs == 0 && *rhs == 0)
    return 0;
  return std::nullopt;
}

} // namespace dlc
