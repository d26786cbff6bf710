//===- Clamps.cpp - one instruction for a clamp ---------------------------===//
//
// The math functions (compiler/codegen/emitter/MathBuilder.h) bound their
// arguments by a comparison and a selection that keep a NaN, which x86 does in
// one instruction. GPUs do it in one if it is said like this:
//
//   select(x < c, c, x)  ->  maximumf x, c      max.NaN.f32
//   select(c < x, c, x)  ->  minimumf x, c      min.NaN.f32
//
// for constants c that are no zeros, whose sign a comparison does not see.
//
//===----------------------------------------------------------------------===//
#include "compiler/codegen/gpu/Clamps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

namespace dlc::gpu {

/// The constant that `value` is in all lanes, if it is a number other than 0.
static std::optional<APFloat> boundOf(Value value) {
  Attribute attribute;
  if (!matchPattern(value, m_Constant(&attribute)))
    return std::nullopt;
  std::optional<APFloat> number;
  if (auto scalar = dyn_cast<FloatAttr>(attribute))
    number = scalar.getValue();
  else if (auto splat = dyn_cast<SplatElementsAttr>(attribute))
    number = splat.getSplatValue<APFloat>();
  if (!number || number->isNaN() || number->isZero())
    return std::nullopt;
  return number;
}

static bool isSame(Value bound, const APFloat &number) {
  std::optional<APFloat> other = boundOf(bound);
  return other && other->bitwiseIsEqual(number);
}

static void rewrite(arith::SelectOp select) {
  auto compare = select.getCondition().getDefiningOp<arith::CmpFOp>();
  if (!compare || compare.getPredicate() != arith::CmpFPredicate::OLT ||
      !getElementTypeOrSelf(select.getType()).isF32())
    return;
  Value x = select.getFalseValue(), bound = select.getTrueValue();
  std::optional<APFloat> number = boundOf(bound);
  if (!number)
    return;
  OpBuilder b(select);
  Value clamped;
  if (compare.getLhs() == x && isSame(compare.getRhs(), *number))
    clamped = arith::MaximumFOp::create(b, select.getLoc(), x, bound);
  else if (compare.getRhs() == x && isSame(compare.getLhs(), *number))
    clamped = arith::MinimumFOp::create(b, select.getLoc(), x, bound);
  else
    return;
  select.replaceAllUsesWith(clamped);
  select.erase();
}

void useClampInstructions(ModuleOp module) {
  module.walk([](arith::SelectOp select) { rewrite(select); });
}

} // namespace dlc::gpu
