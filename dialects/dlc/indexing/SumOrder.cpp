//===- SumOrder.cpp - in which order a reduction adds ---------------------===//
#include "dialects/dlc/indexing/SumOrder.h"

#include "dialects/dlc/IR/Builders.h"
#include "dialects/dlc/indexing/Access.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace dlc {

/// Partial sums side by side: two AVX-512 registers or four of AVX2 in f32,
/// which hides the latency of additions and leaves registers for the terms.
constexpr int64_t mostLanes = 32;
/// Lanes of one register, for judging how well a dim fills them. The same
/// everywhere: results shall not depend on the vector length.
constexpr int64_t registerLanes = 16;

double lanePenalty(AffineExpr offset, unsigned dim) {
  std::optional<int64_t> stride = linearCoefficient(offset, dim);
  if (!stride)
    return 8;
  if (*stride == 0)
    return 0.25;
  return *stride == 1 ? 0 : 4;
}

namespace {

/// The domain `kept x box` of one reduction, and what it reads there.
struct Domain {
  SmallVector<int64_t> dims;
  size_t numKept;
  SmallVector<AffineExpr> reads, exprs;
  AffineExpr write;

  Domain(Operation *op, ArrayRef<int64_t> kept, ArrayRef<int64_t> box)
      : dims(kept), numKept(kept.size()) {
    llvm::append_range(dims, box);
    IndexSpace space(op->getContext(), dims);
    Index all = space.identity();
    Index at(ArrayRef<AffineExpr>(all).take_front(numKept));
    Index step(ArrayRef<AffineExpr>(all).drop_front(numKept));
    const AccessRule &rule = *accessRules().lookup(op);
    SmallVector<Access> accesses;
    rule.accesses(op, space, at, space.reshape(step, box, rule.reduced(op)),
                  accesses);
    for (const Access &access : accesses) {
      reads.push_back(space.linearize(access.index,
                                      shapeOf(op->getOperand(access.operand))));
      for (const Guard &guard : access.guards)
        exprs.push_back(guard.expr);
    }
    write = space.linearize(at, kept);
  }

  bool isLinearIn(unsigned dim) const {
    auto isLinear = [&](AffineExpr expr) {
      return linearCoefficient(expr, dim).has_value();
    };
    return llvm::all_of(reads, isLinear) && llvm::all_of(exprs, isLinear);
  }

  double costOfLanes(unsigned dim) const {
    double cost = 1 + 0.1 * lanePenalty(write, dim);
    for (AffineExpr read : reads)
      cost += lanePenalty(read, dim);
    for (AffineExpr expr : exprs)
      if (!linearCoefficient(expr, dim))
        cost += 8;
    // Idle lanes cost as much as busy ones.
    int64_t size = std::max<int64_t>(dims[dim], 1);
    return cost * double(llvm::alignTo(size, registerLanes)) / double(size);
  }
};

} // namespace

static bool isOrderFree(Operation *op) {
  return isa<ReduceMaxOp, ReduceMinOp, ArgMaxOp, ArgMinOp, PoolMaxOp>(op) ||
         !isa<FloatType>(elementTypeOf(op->getResult(0)));
}

/// The reduced box with as few dims as keep what is read linear in each.
static SmallVector<int64_t> collapsedBox(Operation *op,
                                         ArrayRef<int64_t> kept) {
  SmallVector<int64_t> box = accessRules().lookup(op)->reduced(op);
  for (size_t i = box.size(); i-- > 1;) {
    SmallVector<int64_t> merged = box;
    merged[i - 1] *= merged[i];
    merged.erase(merged.begin() + i);
    if (Domain(op, kept, merged).isLinearIn(kept.size() + i - 1))
      box = std::move(merged);
  }
  return box;
}

std::optional<SumOrder> sumOrder(Operation *op) {
  if (isOrderFree(op))
    return std::nullopt;
  ArrayRef<int64_t> kept = shapeOf(op->getResult(0));
  SumOrder order;
  order.box = collapsedBox(op, kept);
  Domain domain(op, kept, order.box);
  double least = std::numeric_limits<double>::infinity();
  for (unsigned dim = 0; dim < domain.dims.size(); ++dim) {
    double cost = domain.costOfLanes(dim);
    if (cost > least)
      continue;
    least = cost;
    order.dim.reset();
    if (dim >= domain.numKept)
      order.dim = dim - domain.numKept;
  }
  if (order.dim) {
    int64_t size = std::max<int64_t>(order.box[*order.dim], 1);
    order.lanes = std::min<int64_t>(mostLanes, llvm::PowerOf2Ceil(size));
  }
  return order;
}

/// Without dims of size 1, and with lanes given by the dim's place from behind.
static SmallVector<int64_t> withoutUnits(ArrayRef<int64_t> box, unsigned &dim) {
  SmallVector<int64_t> rest;
  unsigned place = 0;
  for (auto [i, size] : llvm::enumerate(box)) {
    if (i == dim)
      place = rest.size();
    if (size != 1 || i == dim)
      rest.push_back(size);
  }
  dim = place;
  return rest;
}

bool isInOrder(const SumOrder &order, ArrayRef<int64_t> reduced,
               std::optional<unsigned> dim) {
  if (!order.dim || !dim)
    return !order.dim && !dim;
  unsigned own = *order.dim, other = *dim;
  SmallVector<int64_t> box = withoutUnits(order.box, own);
  SmallVector<int64_t> walked = withoutUnits(reduced, other);
  if (box == walked && own == other)
    return true;
  // Innermost lanes that no row leaves idle: term i of all is in lane i mod
  // lanes, however the rows are cut.
  return own + 1 == box.size() && other + 1 == walked.size() &&
         box.back() % order.lanes == 0 && walked.back() % order.lanes == 0;
}

std::optional<unsigned> orderedDim(const SumOrder &order,
                                   ArrayRef<int64_t> reduced) {
  if (!order.dim || reduced.empty())
    return std::nullopt;
  if (reduced == ArrayRef<int64_t>(order.box))
    return order.dim;
  // Counted without dims of size 1; the innermost one if there is no other way.
  unsigned own = *order.dim;
  SmallVector<int64_t> box = withoutUnits(order.box, own);
  unsigned last = reduced.size() - 1, place = 0;
  while (last > 0 && reduced[last] == 1)
    --last;
  if (own + 1 == box.size())
    return last;
  for (auto [i, size] : llvm::enumerate(reduced))
    if (size != 1 && place++ == own)
      return i;
  return last;
}

bool haveSameOrder(const SumOrder &a, const SumOrder &b) {
  return a.lanes == b.lanes && isInOrder(a, b.box, b.dim);
}

} // namespace dlc
