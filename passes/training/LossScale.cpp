//===- LossScale.cpp - keep f16 gradients in range ------------------------===//
#include "passes/training/LossScale.h"

#include "dialects/dlc/IR/Builders.h"
#include "llvm/ADT/StringExtras.h"

#include <cmath>

using namespace mlir;

namespace dlc {

static bool isPowerOfTwo(double number) {
  int exponent;
  return std::isfinite(number) && std::frexp(number, &exponent) == 0.5;
}

LossScale::LossScale(EntryFunction &fn, const LossScaleSpec &spec)
    : fn(fn), spec(spec) {
  OpBuilder &b = fn.builder();
  auto addState = [&](Type element, StringRef name, double init) {
    return fn.addArgument(
        RankedTensorType::get({}, element),
        b.getDictionaryAttr(
            {b.getNamedAttr(names::state, b.getStringAttr(name)),
             b.getNamedAttr(names::init, b.getF64FloatAttr(init))}));
  };
  scale = addState(b.getF32Type(), "loss-scale", spec.init);
  goodSteps = addState(b.getI64Type(), "loss-scale.good-steps", 0);
}

Value LossScale::scaled(Value loss) {
  OpBuilder &b = fn.builder();
  return MulOp::create(b, fn.loc(), loss,
                       castTo(b, fn.loc(), scale, elementTypeOf(loss)));
}

SmallVector<Value> LossScale::unscaled(ValueRange grads) {
  OpBuilder &b = fn.builder();
  Location loc = fn.loc();
  // Exact, because the scale is a power of two.
  Value inverse = DivOp::create(b, loc, splatLike(b, loc, scale, 1), scale);
  return llvm::map_to_vector(grads, [&](Value grad) -> Value {
    Value factor = castTo(b, loc, inverse, elementTypeOf(grad));
    return MulOp::create(b, loc, grad,
                         broadcastInDim(b, loc, factor, shapeOf(grad), {}));
  });
}

/// 0 * x is 0 for every finite x and NaN for the others, so the sum of all is 0
/// exactly if all are finite: a plain reduction, which fuses as one.
Value LossScale::areFinite(ValueRange grads) {
  OpBuilder &b = fn.builder();
  Location loc = fn.loc();
  Value total = splat(b, loc, RankedTensorType::get({}, b.getF32Type()), 0);
  for (Value grad : grads) {
    Value zeros = MulOp::create(b, loc, grad, splatLike(b, loc, grad, 0));
    Value sum = ReduceSumOp::create(b, loc, zeros, iotaDims(rankOf(grad)));
    total = AddOp::create(b, loc, total, castTo(b, loc, sum, b.getF32Type()));
  }
  return CompareOp::create(b, loc, ComparePredicate::EQ, total,
                           splatLike(b, loc, total, 0));
}

void LossScale::update(Value isGood) {
  OpBuilder &b = fn.builder();
  Location loc = fn.loc();
  Value counted =
      AddOp::create(b, loc, goodSteps, splatLike(b, loc, goodSteps, 1));
  Value zero = splatLike(b, loc, goodSteps, 0);
  Value isDue =
      CompareOp::create(b, loc, ComparePredicate::GE, counted,
                        splatLike(b, loc, counted, double(spec.interval)));
  Value grown = SelectOp::create(b, loc, isDue,
                                 scaleBy(b, loc, scale, spec.growth), scale);
  Value shrunk = scaleBy(b, loc, scale, spec.backoff);
  fn.addNewState(scale, SelectOp::create(b, loc, isGood, grown, shrunk));
  Value run = SelectOp::create(b, loc, isDue, zero, counted);
  fn.addNewState(goodSteps, SelectOp::create(b, loc, isGood, run, zero));
}

Value keepUnless(OpBuilder &b, Location loc, Value isGood, Value fresh,
                 Value old) {
  return SelectOp::create(
      b, loc, broadcastInDim(b, loc, isGood, shapeOf(fresh), {}), fresh, old);
}

LogicalResult parseLossScale(StringRef text, std::optional<LossScaleSpec> &spec,
                             ErrorSink emitError) {
  auto [kind, settings] = text.split(':');
  spec.reset();
  if (kind == "none" && settings.empty())
    return success();
  LossScaleSpec parsed;
  bool isValid = kind == "dynamic";
  for (StringRef setting : llvm::split(settings, ',')) {
    if (setting.empty())
      continue;
    auto [name, value] = setting.split('=');
    double number = 0;
    isValid &= !value.getAsDouble(number) && number >= 1;
    if (name == "init")
      isValid &= isPowerOfTwo(parsed.init = number);
    else if (name == "interval")
      parsed.interval = int64_t(number);
    else
      isValid = false;
  }
  if (!isValid) {
    emitError("DLC2014: the loss scale is 'none' or "
              "'dynamic[:init=N,interval=N]', init a power of two, but got '" +
              text + "'");
    return failure();
  }
  spec = parsed;
  return success();
}

} // namespace dlc
