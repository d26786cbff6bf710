//===- Optimizers.cpp - how gradients change parameters -------------------===//
//
// An update works in the compute type: f32, or f64 for an f64 parameter. The
// scalars of a step are f64 until they meet a tensor. The order of operations
// follows PyTorch's single-tensor code, so that f64 runs agree to rounding.
//
//===----------------------------------------------------------------------===//
#include "passes/training/Optimizers.h"

#include "dialects/dlc/IR/Builders.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <cfloat>
#include <cmath>

using namespace mlir;

namespace dlc {
namespace {

/// Arithmetic at one place, to write formulas readably.
struct Math {
  OpBuilder &b;
  Location loc;

  Value add(Value x, Value y) { return AddOp::create(b, loc, x, y); }
  Value sub(Value x, Value y) { return SubOp::create(b, loc, x, y); }
  Value mul(Value x, Value y) { return MulOp::create(b, loc, x, y); }
  Value div(Value x, Value y) { return DivOp::create(b, loc, x, y); }
  Value max(Value x, Value y) { return MaxOp::create(b, loc, x, y); }
  Value min(Value x, Value y) { return MinOp::create(b, loc, x, y); }
  Value pow(Value x, Value y) { return PowOp::create(b, loc, x, y); }
  Value neg(Value x) { return NegOp::create(b, loc, x); }
  Value sqrt(Value x) { return SqrtOp::create(b, loc, x); }
  Value like(Value x, double number) { return splatLike(b, loc, x, number); }
  /// An f64 scalar.
  Value scalar(double number) {
    return splat(b, loc, RankedTensorType::get({}, b.getF64Type()), number);
  }
  Value cast(Value x, Type element) { return castTo(b, loc, x, element); }
  /// The scalar `s` as large and of the type of `x`.
  Value spread(Value s, Value x) {
    return broadcastInDim(b, loc, cast(s, elementTypeOf(x)), shapeOf(x), {});
  }
  /// start + weight (end - start), from the nearer side as torch.lerp does.
  Value lerp(Value start, Value end, double weight) {
    Value way = sub(end, start);
    return weight < 0.5 ? add(start, mul(like(way, weight), way))
                        : sub(end, mul(way, like(way, 1 - weight)));
  }
  Value sumOfSquares(Value x) {
    return ReduceSumOp::create(b, loc, mul(x, x), iotaDims(rankOf(x)));
  }
};

Type computeType(Value param) {
  Type element = elementTypeOf(param);
  return element.isF64() ? element
                         : Type(Float32Type::get(element.getContext()));
}

RankedTensorType stateType(RankedTensorType param) {
  Type element = param.getElementType();
  return element.isF64() ? param
                         : param.clone(Float32Type::get(param.getContext()));
}

/// The number that `spec` or else the optimizer's table gives.
double numberOf(const OptimizerSpec &spec, StringRef name) {
  for (const NumberDefault &number : findOptimizer(spec.kind)->numbers)
    if (number.name == name)
      return spec.number(name, number.value);
  llvm_unreachable("an optimizer reads the numbers of its table alone");
}

void prepareNothing(OpBuilder &, Location, StepNumbers &) {}

/// grad + weightDecay * param: decay as part of the gradient.
Value decayGradient(Math &m, const StepNumbers &numbers, Value param,
                    Value grad) {
  double decay = numberOf(numbers.spec, "weight-decay");
  return decay == 0 ? grad : m.add(grad, m.mul(m.like(param, decay), param));
}

/// param * (1 - lr * weightDecay): decay apart from the gradient.
Value decayParam(Math &m, const StepNumbers &numbers, Value param) {
  double decay = numberOf(numbers.spec, "weight-decay");
  if (decay == 0)
    return param;
  Value kept = m.sub(m.scalar(1), m.mul(numbers.lr, m.scalar(decay)));
  return m.mul(param, m.spread(kept, param));
}

//===----------------------------------------------------------------------===//
// SGD, with or without momentum
//===----------------------------------------------------------------------===//

constexpr NumberDefault kSgdNumbers[] = {
    {"weight-decay", 0}, {"momentum", 0}, {"dampening", 0}, {"nesterov", 0}};
constexpr NumberDefault kMomentumNumbers[] = {
    {"weight-decay", 0}, {"momentum", 0.9}, {"dampening", 0}, {"nesterov", 0}};

SmallVector<StateSlot> sgdSlots(const OptimizerSpec &spec,
                                RankedTensorType param) {
  if (numberOf(spec, "momentum") == 0)
    return {};
  return {{"v", stateType(param)}};
}

/// The share of the gradient that enters the momentum: 1 - dampening, but all
/// of it in the first step.
Value undampedShare(Math &m, const StepNumbers &numbers) {
  double dampening = numberOf(numbers.spec, "dampening");
  Value isFirst = CompareOp::create(m.b, m.loc, ComparePredicate::LE,
                                    numbers.step, m.scalar(1));
  return SelectOp::create(m.b, m.loc, isFirst, m.scalar(1),
                          m.scalar(1 - dampening));
}

ParamUpdate updateSgd(OpBuilder &b, Location loc, const StepNumbers &numbers,
                      Value param, Value grad, ValueRange state) {
  Math m{b, loc};
  ParamUpdate update;
  grad = decayGradient(m, numbers, param, grad);
  if (!state.empty()) {
    double momentum = numberOf(numbers.spec, "momentum");
    Value share = grad;
    if (numberOf(numbers.spec, "dampening") != 0)
      share = m.mul(m.spread(undampedShare(m, numbers), grad), grad);
    Value v = m.add(m.mul(state[0], m.like(grad, momentum)), share);
    update.state.push_back(v);
    grad = numberOf(numbers.spec, "nesterov") != 0
               ? m.add(grad, m.mul(m.like(v, momentum), v))
               : v;
  }
  update.param = m.sub(param, m.mul(m.spread(numbers.lr, grad), grad));
  return update;
}

//===----------------------------------------------------------------------===//
// Adam and AdamW
//===----------------------------------------------------------------------===//

constexpr NumberDefault kAdamNumbers[] = {
    {"weight-decay", 0}, {"beta1", 0.9}, {"beta2", 0.999}, {"eps", 1e-8}};
constexpr NumberDefault kAdamWNumbers[] = {
    {"weight-decay", 0.01}, {"beta1", 0.9}, {"beta2", 0.999}, {"eps", 1e-8}};

SmallVector<StateSlot> adamSlots(const OptimizerSpec &,
                                 RankedTensorType param) {
  return {{"m", stateType(param)}, {"v", stateType(param)}};
}

/// shared = {-lr / (1 - beta1^step), sqrt(1 - beta2^step)}
void prepareAdam(OpBuilder &b, Location loc, StepNumbers &numbers) {
  Math m{b, loc};
  auto correction = [&](StringRef beta) {
    Value decayed = m.pow(m.scalar(numberOf(numbers.spec, beta)), numbers.step);
    return m.sub(m.scalar(1), decayed);
  };
  Value stepSize = m.div(numbers.lr, correction("beta1"));
  numbers.shared = {m.neg(stepSize), m.sqrt(correction("beta2"))};
}

/// The moments' step, and the parameter's along m / (sqrt v / c2 + eps).
ParamUpdate adamStep(Math &m, const StepNumbers &numbers, Value param,
                     Value grad, ValueRange state) {
  double beta2 = numberOf(numbers.spec, "beta2");
  Value mean = m.lerp(state[0], grad, 1 - numberOf(numbers.spec, "beta1"));
  Value square = m.mul(m.mul(m.like(grad, 1 - beta2), grad), grad);
  Value variance = m.add(m.mul(state[1], m.like(grad, beta2)), square);
  Value root = m.div(m.sqrt(variance), m.spread(numbers.shared[1], variance));
  Value divisor = m.add(root, m.like(root, numberOf(numbers.spec, "eps")));
  Value way = m.div(m.mul(m.spread(numbers.shared[0], mean), mean), divisor);
  return {m.add(param, way), {mean, variance}};
}

ParamUpdate updateAdam(OpBuilder &b, Location loc, const StepNumbers &numbers,
                       Value param, Value grad, ValueRange state) {
  Math m{b, loc};
  return adamStep(m, numbers, param, decayGradient(m, numbers, param, grad),
                  state);
}

ParamUpdate updateAdamW(OpBuilder &b, Location loc, const StepNumbers &numbers,
                        Value param, Value grad, ValueRange state) {
  Math m{b, loc};
  return adamStep(m, numbers, decayParam(m, numbers, param), grad, state);
}

//===----------------------------------------------------------------------===//
// Lion
//===----------------------------------------------------------------------===//

constexpr NumberDefault kLionNumbers[] = {
    {"weight-decay", 0}, {"beta1", 0.9}, {"beta2", 0.99}};

SmallVector<StateSlot> lionSlots(const OptimizerSpec &,
                                 RankedTensorType param) {
  return {{"m", stateType(param)}};
}

/// p -= lr sign(lerp(m, g, 1 - beta1)); m = lerp(m, g, 1 - beta2)
ParamUpdate updateLion(OpBuilder &b, Location loc, const StepNumbers &numbers,
                       Value param, Value grad, ValueRange state) {
  Math m{b, loc};
  Value mixed = m.lerp(state[0], grad, 1 - numberOf(numbers.spec, "beta1"));
  Value direction = SignOp::create(b, loc, mixed);
  param = decayParam(m, numbers, param);
  Value way = m.mul(m.spread(numbers.lr, param), direction);
  return {m.sub(param, way),
          {m.lerp(state[0], grad, 1 - numberOf(numbers.spec, "beta2"))}};
}

//===----------------------------------------------------------------------===//
// Adafactor
//===----------------------------------------------------------------------===//

/// eps1 = 0 stands for the machine epsilon of the compute type.
constexpr NumberDefault kAdafactorNumbers[] = {{"weight-decay", 0},
                                               {"beta2-decay", -0.8},
                                               {"eps1", 0},
                                               {"eps2", 1e-3},
                                               {"d", 1}};

/// A matrix keeps the second moments of its rows and columns, a vector its own.
SmallVector<StateSlot> adafactorSlots(const OptimizerSpec &,
                                      RankedTensorType param) {
  RankedTensorType type = stateType(param);
  int64_t rank = type.getRank();
  if (rank < 2)
    return {{"variance", type}};
  SmallVector<int64_t> rows(type.getShape()), cols(type.getShape());
  rows[rank - 1] = 1;
  cols[rank - 2] = 1;
  return {{"rows", type.clone(rows)}, {"cols", type.clone(cols)}};
}

/// shared = {step^beta2Decay, min(lr, step^-1/2)}
void prepareAdafactor(OpBuilder &b, Location loc, StepNumbers &numbers) {
  Math m{b, loc};
  double decay = numberOf(numbers.spec, "beta2-decay");
  numbers.shared = {
      m.pow(numbers.step, m.scalar(decay)),
      m.min(numbers.lr, m.div(m.scalar(1), m.sqrt(numbers.step)))};
}

/// The mean of `x` over `dim`, which stays with size 1.
Value keptMean(Math &m, Value x, int64_t dim) {
  SmallVector<int64_t> shape(shapeOf(x));
  shape[dim] = 1;
  return reshapeTo(m.b, m.loc, meanOver(m.b, m.loc, x, {dim}), shape);
}

/// The second moments: new state, and the estimate for every element.
Value estimateVariance(Math &m, const StepNumbers &numbers, Value grad,
                       ValueRange state, double eps1,
                       SmallVectorImpl<Value> &newState) {
  Value square = m.mul(grad, grad);
  auto moveTo = [&](Value start, Value end) {
    Value way = m.sub(end, start);
    return m.add(start, m.mul(m.spread(numbers.shared[0], way), way));
  };
  int64_t rank = rankOf(grad);
  if (rank < 2) {
    newState.assign({moveTo(state[0], square)});
    return newState[0];
  }
  Value rows = moveTo(state[0], keptMean(m, square, rank - 1));
  Value cols = moveTo(state[1], keptMean(m, square, rank - 2));
  newState.assign({rows, cols});
  Value mean = keptMean(m, rows, rank - 2);
  Value divisor = m.max(mean, m.like(mean, eps1));
  auto whole = [&](Value x) {
    return broadcastTo(m.b, m.loc, x, shapeOf(grad));
  };
  return m.div(m.mul(whole(rows), whole(cols)), whole(divisor));
}

/// The root mean square of `x`, an f64 scalar.
Value rootMeanSquare(Math &m, Value x) {
  Value norm = m.cast(m.sqrt(m.sumOfSquares(x)), m.b.getF64Type());
  double count = double(tensorType(x).getNumElements());
  return m.div(norm, m.scalar(std::sqrt(count)));
}

ParamUpdate updateAdafactor(OpBuilder &b, Location loc,
                            const StepNumbers &numbers, Value param, Value grad,
                            ValueRange state) {
  Math m{b, loc};
  const OptimizerSpec &spec = numbers.spec;
  double eps1 = numberOf(spec, "eps1");
  if (eps1 == 0)
    eps1 = elementTypeOf(grad).isF64() ? DBL_EPSILON : FLT_EPSILON;
  Value size =
      m.max(m.scalar(numberOf(spec, "eps2")), rootMeanSquare(m, param));
  Value alpha = m.mul(size, numbers.shared[1]);
  param = decayParam(m, numbers, param);
  ParamUpdate update;
  Value variance =
      estimateVariance(m, numbers, grad, state, eps1, update.state);
  Value bounded = m.max(variance, m.like(variance, eps1 * eps1));
  Value way = m.mul(RsqrtOp::create(b, loc, bounded), grad);
  Value divisor = m.max(m.scalar(1), m.div(rootMeanSquare(m, way),
                                           m.scalar(numberOf(spec, "d"))));
  Value factor = m.div(m.neg(alpha), divisor);
  update.param = m.add(param, m.mul(m.spread(factor, way), way));
  return update;
}

//===----------------------------------------------------------------------===//
// The registry
//===----------------------------------------------------------------------===//

const OptimizerKind kOptimizers[] = {
    {"sgd", kSgdNumbers, sgdSlots, prepareNothing, updateSgd},
    {"momentum", kMomentumNumbers, sgdSlots, prepareNothing, updateSgd},
    {"adam", kAdamNumbers, adamSlots, prepareAdam, updateAdam},
    {"adamw", kAdamWNumbers, adamSlots, prepareAdam, updateAdamW},
    {"lion", kLionNumbers, lionSlots, prepareNothing, updateLion},
    {"adafactor", kAdafactorNumbers, adafactorSlots, prepareAdafactor,
     updateAdafactor},
};

template <typename Range> std::string namesOf(const Range &range) {
  return llvm::join(
      llvm::map_range(range, [](const auto &row) { return row.name.str(); }),
      ", ");
}

} // namespace

const OptimizerKind *findOptimizer(StringRef name) {
  const auto *it = llvm::find_if(kOptimizers, [&](const OptimizerKind &kind) {
    return kind.name == name;
  });
  return it == std::end(kOptimizers) ? nullptr : it;
}

std::string knownOptimizers() { return namesOf(kOptimizers); }

SmallVector<Value> clipByGlobalNorm(OpBuilder &b, Location loc,
                                    ValueRange grads, double maxNorm) {
  Math m{b, loc};
  Value total;
  for (Value grad : grads) {
    Value part = m.sumOfSquares(m.cast(grad, computeType(grad)));
    total = total ? m.add(total, m.cast(part, elementTypeOf(total))) : part;
  }
  if (!total)
    return {};
  Value norm = m.sqrt(total);
  Value scale = m.min(m.like(norm, 1), m.div(m.like(norm, maxNorm),
                                             m.add(norm, m.like(norm, 1e-6))));
  return llvm::map_to_vector(
      grads, [&](Value grad) { return m.mul(grad, m.spread(scale, grad)); });
}

LogicalResult parseOptimizer(StringRef text, OptimizerSpec &spec,
                             ErrorSink emitError) {
  auto [kindName, settings] = text.split(':');
  spec.kind = kindName.trim().str();
  for (StringRef setting : llvm::split(settings, ',')) {
    auto [name, value] = setting.split('=');
    if (!setting.empty()) {
      double number;
      if (value.getAsDouble(number)) {
        emitError("DLC2004: optimizer '" + spec.kind +
                  "' takes settings NAME=NUMBER, but got '" + setting + "'");
        return failure();
      }
      spec.numbers[name.str()] = number;
    }
  }
  return checkOptimizer(spec, emitError);
}

LogicalResult checkOptimizer(const OptimizerSpec &spec, ErrorSink emitError) {
  const OptimizerKind *kind = findOptimizer(spec.kind);
  if (!kind) {
    emitError("DLC2003: the optimizer is one of " + knownOptimizers() +
              ", but got '" + spec.kind + "'");
    return failure();
  }
  for (const auto &[name, value] : spec.numbers)
    if (llvm::none_of(kind->numbers, [&](const NumberDefault &number) {
          return number.name == name;
        })) {
      emitError("DLC2004: optimizer '" + spec.kind + "' takes " +
                namesOf(kind->numbers) + ", but got '" + name + "'");
      return failure();
    }
  return success();
}

} // namespace dlc
