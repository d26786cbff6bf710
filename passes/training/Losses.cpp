//===- Losses.cpp - loss functions and metrics ----------------------------===//
//
// Written so that their derivatives are right everywhere the loss has one:
// where a formula has a kink or a pole that the loss itself does not have
// (|x| at 0 inside the logistic loss), the argument is replaced on the far side
// by a `select` before the function is applied, since the derivative of the
// untaken side would otherwise be 0 * inf = NaN.
//
//===----------------------------------------------------------------------===//
#include "passes/training/Losses.h"

#include "dialects/dlc/IR/Builders.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace dlc {
namespace {

/// Targets of this class do not count (PyTorch's ignore_index).
constexpr int64_t kIgnoredTarget = -100;

std::string shapeText(ArrayRef<int64_t> shape) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  llvm::interleave(shape, stream, "x");
  return shape.empty() ? "scalar" : text;
}

/// Losses are computed in f32 at least.
Value widen(OpBuilder &b, Location loc, Value value) {
  return elementTypeOf(value).getIntOrFloatBitWidth() < 32
             ? castTo(b, loc, value, b.getF32Type())
             : value;
}

Value meanOfAll(OpBuilder &b, Location loc, Value value) {
  return meanOver(b, loc, value, iotaDims(rankOf(value)));
}

Value compareTo(OpBuilder &b, Location loc, ComparePredicate predicate,
                Value value, double number) {
  return CompareOp::create(b, loc, predicate, value,
                           splatLike(b, loc, value, number));
}

//===----------------------------------------------------------------------===//
// Cross-entropy
//===----------------------------------------------------------------------===//

SmallVector<int64_t> without(ArrayRef<int64_t> shape, int64_t dim) {
  SmallVector<int64_t> rest(shape);
  rest.erase(rest.begin() + dim);
  return rest;
}

/// The class axis: as given; else the last dim of `output` whose removal gives
/// `target`; else, without a target shape, the last.
std::optional<int64_t> classAxis(const LossSpec &spec, ArrayRef<int64_t> output,
                                 std::optional<ArrayRef<int64_t>> target) {
  int64_t rank = output.size();
  if (spec.axis) {
    int64_t axis = *spec.axis < 0 ? *spec.axis + rank : *spec.axis;
    if (axis < 0 || axis >= rank)
      return std::nullopt;
    return axis;
  }
  if (!target)
    return rank ? std::optional<int64_t>(rank - 1) : std::nullopt;
  for (int64_t axis = rank - 1; axis >= 0; --axis)
    if (ArrayRef<int64_t>(without(output, axis)) == *target)
      return axis;
  return std::nullopt;
}

FailureOr<RankedTensorType>
classTargetType(const LossSpec &spec, RankedTensorType output,
                std::optional<ArrayRef<int64_t>> shape, ErrorSink emitError) {
  std::optional<int64_t> axis = classAxis(spec, output.getShape(), shape);
  if (!axis) {
    emitError("DLC2005: loss 'cross-entropy' needs a class axis of its output, "
              "whose shape is " +
              shapeText(output.getShape()) + ", but got " +
              (spec.axis ? "axis " + std::to_string(*spec.axis)
                         : "targets of shape " +
                               shapeText(shape.value_or(ArrayRef<int64_t>()))));
    return failure();
  }
  return RankedTensorType::get(without(output.getShape(), *axis),
                               IntegerType::get(output.getContext(), 64));
}

/// `output` with the class axis last. `target` has the shape without it.
Value classesLast(OpBuilder &b, Location loc, const LossSpec &spec,
                  Value output, Value target) {
  int64_t axis = *classAxis(spec, shapeOf(output), shapeOf(target));
  SmallVector<int64_t> permutation = without(iotaDims(rankOf(output)), axis);
  permutation.push_back(axis);
  return transposeBy(b, loc, output, permutation);
}

Value countedTargets(OpBuilder &b, Location loc, Value target) {
  return compareTo(b, loc, ComparePredicate::NE, target, kIgnoredTarget);
}

Value buildCrossEntropy(OpBuilder &b, Location loc, const LossSpec &spec,
                        Value output, Value target) {
  Value logits = widen(b, loc, classesLast(b, loc, spec, output, target));
  auto rows = RankedTensorType::get(shapeOf(target), elementTypeOf(logits));
  Value losses = CrossEntropyOp::create(b, loc, TypeRange{rows, rows}, logits,
                                        target, kIgnoredTarget)
                     .getLoss();
  SmallVector<int64_t> dims = iotaDims(rows.getRank());
  Value counted =
      castTo(b, loc, countedTargets(b, loc, target), rows.getElementType());
  return DivOp::create(b, loc, ReduceSumOp::create(b, loc, losses, dims),
                       ReduceSumOp::create(b, loc, counted, dims));
}

/// `correct`: how many targets the largest logit hits; `count`: how many there
/// are; `accuracy`: their quotient. Ignored targets are in none of them.
SmallVector<Metric> classMetrics(OpBuilder &b, Location loc,
                                 const LossSpec &spec, Value output,
                                 Value target) {
  Value logits = classesLast(b, loc, spec, output, target);
  Value best = ArgMaxOp::create(b, loc, logits, rankOf(logits) - 1,
                                /*last=*/false);
  Value isCounted = countedTargets(b, loc, target);
  Value isHit = AndOp::create(
      b, loc, CompareOp::create(b, loc, ComparePredicate::EQ, best, target),
      isCounted);
  auto total = [&](Value flags) -> Value {
    return ReduceSumOp::create(b, loc, castTo(b, loc, flags, b.getI64Type()),
                               iotaDims(rankOf(flags)));
  };
  Value correct = total(isHit), count = total(isCounted);
  Type element = elementTypeOf(widen(b, loc, output));
  Value accuracy = DivOp::create(b, loc, castTo(b, loc, correct, element),
                                 castTo(b, loc, count, element));
  return {{"accuracy", accuracy}, {"correct", correct}, {"count", count}};
}

//===----------------------------------------------------------------------===//
// Losses on targets shaped as the output
//===----------------------------------------------------------------------===//

FailureOr<RankedTensorType> likeOutput(const LossSpec &spec,
                                       RankedTensorType output,
                                       std::optional<ArrayRef<int64_t>> shape,
                                       ErrorSink emitError) {
  if (shape && *shape != output.getShape()) {
    emitError("DLC2006: loss '" + spec.kind +
              "' needs targets shaped as its output, " +
              shapeText(output.getShape()) + ", but got " + shapeText(*shape));
    return failure();
  }
  Type element = output.getElementType();
  if (element.getIntOrFloatBitWidth() < 32)
    element = Float32Type::get(output.getContext());
  return output.clone(element);
}

Value difference(OpBuilder &b, Location loc, Value output, Value target) {
  return SubOp::create(b, loc, widen(b, loc, output), target);
}

Value buildMse(OpBuilder &b, Location loc, const LossSpec &, Value output,
               Value target) {
  Value error = difference(b, loc, output, target);
  return meanOfAll(b, loc, MulOp::create(b, loc, error, error));
}

Value buildL1(OpBuilder &b, Location loc, const LossSpec &, Value output,
              Value target) {
  return meanOfAll(b, loc,
                   AbsOp::create(b, loc, difference(b, loc, output, target)));
}

/// |e| < 1: e^2 / 2, else |e| - 1/2.
Value buildHuber(OpBuilder &b, Location loc, const LossSpec &, Value output,
                 Value target) {
  Value size = AbsOp::create(b, loc, difference(b, loc, output, target));
  Value square = scaleBy(b, loc, MulOp::create(b, loc, size, size), 0.5);
  Value isSmall = compareTo(b, loc, ComparePredicate::LT, size, 1);
  return meanOfAll(
      b, loc,
      SelectOp::create(b, loc, isSmall, square, addNumber(b, loc, size, -0.5)));
}

/// (1 - t) x - ln sigmoid(x), with ln sigmoid(x) = min(x, 0) - ln(1 + e^-|x|).
/// min and |x| are spelled as selects on x >= 0, so that their kinks at 0
/// cancel in the derivative, as they do in the function.
Value buildBceLogits(OpBuilder &b, Location loc, const LossSpec &, Value output,
                     Value target) {
  Value x = widen(b, loc, output);
  Value isPositive = compareTo(b, loc, ComparePredicate::GE, x, 0);
  Value lower =
      SelectOp::create(b, loc, isPositive, splatLike(b, loc, x, 0), x);
  Value minusSize =
      SelectOp::create(b, loc, isPositive, NegOp::create(b, loc, x), x);
  Value logSigmoid = SubOp::create(
      b, loc, lower, Log1pOp::create(b, loc, ExpOp::create(b, loc, minusSize)));
  Value rest = SubOp::create(b, loc, splatLike(b, loc, target, 1), target);
  return meanOfAll(
      b, loc,
      SubOp::create(b, loc, MulOp::create(b, loc, rest, x), logSigmoid));
}

/// The logits of an output that is a sigmoid's, also behind reshapes and
/// transposes, or null.
Value logitsOf(OpBuilder &b, Location loc, Value output) {
  if (auto sigmoid = output.getDefiningOp<SigmoidOp>())
    return sigmoid.getOperand();
  Operation *move = output.getDefiningOp();
  if (!isa_and_nonnull<ReshapeOp, TransposeOp>(move))
    return {};
  Value logits = logitsOf(b, loc, move->getOperand(0));
  if (!logits)
    return {};
  IRMapping mapping;
  mapping.map(move->getOperand(0), logits);
  return b.clone(*move, mapping)->getResult(0);
}

Value buildBce(OpBuilder &b, Location loc, const LossSpec &spec, Value output,
               Value target) {
  Value logits = logitsOf(b, loc, output);
  emitRemark(loc) << "loss 'bce' takes the output as "
                  << (logits ? "probabilities: a sigmoid computes it"
                             : "logits: no sigmoid computes it");
  return buildBceLogits(b, loc, spec, logits ? logits : output, target);
}

//===----------------------------------------------------------------------===//
// The output as the loss
//===----------------------------------------------------------------------===//

FailureOr<RankedTensorType> noTarget(const LossSpec &, RankedTensorType output,
                                     std::optional<ArrayRef<int64_t>>,
                                     ErrorSink emitError) {
  if (output.getNumElements() != 1) {
    emitError("DLC2007: loss 'none' needs an output with one element, but got "
              "shape " +
              shapeText(output.getShape()));
    return failure();
  }
  return RankedTensorType();
}

Value outputAsLoss(OpBuilder &b, Location loc, const LossSpec &, Value output,
                   Value) {
  return reshapeTo(b, loc, widen(b, loc, output), {});
}

constexpr LossKind kLosses[] = {
    {"cross-entropy", classTargetType, buildCrossEntropy, classMetrics},
    {"mse", likeOutput, buildMse, nullptr},
    {"bce", likeOutput, buildBce, nullptr},
    {"bce-logits", likeOutput, buildBceLogits, nullptr},
    {"l1", likeOutput, buildL1, nullptr},
    {"huber", likeOutput, buildHuber, nullptr},
    {"none", noTarget, outputAsLoss, nullptr},
};

} // namespace

const LossKind *findLoss(StringRef name) {
  const auto *it = llvm::find_if(
      kLosses, [&](const LossKind &kind) { return kind.name == name; });
  return it == std::end(kLosses) ? nullptr : it;
}

std::string knownLosses() {
  return llvm::join(
      llvm::map_range(kLosses,
                      [](const LossKind &kind) { return kind.name.str(); }),
      ", ");
}

LogicalResult parseLosses(StringRef text, SmallVectorImpl<LossSpec> &losses,
                          ErrorSink emitError) {
  for (StringRef term : llvm::split(text, '+')) {
    auto [kind, settings] = term.split(':');
    LossSpec spec;
    spec.kind = kind.trim().str();
    if (!findLoss(spec.kind)) {
      emitError("DLC2001: the loss is one of " + knownLosses() + ", but got '" +
                spec.kind + "'");
      return failure();
    }
    for (StringRef setting : llvm::split(settings, ',')) {
      auto [key, value] = setting.split('=');
      int64_t number;
      if (setting.empty())
        continue;
      if (key == "output")
        spec.output = value.str();
      else if (key == "axis" && !value.getAsInteger(10, number))
        spec.axis = number;
      else if (key == "chunks" && spec.kind == "cross-entropy" &&
               !value.getAsInteger(10, number) && number > 0)
        spec.chunks = number;
      else {
        emitError("DLC2002: a loss takes 'output=NAME' and 'axis=N', "
                  "'cross-entropy' also 'chunks=N', but got '" +
                  setting + "'");
        return failure();
      }
    }
    losses.push_back(std::move(spec));
  }
  return success();
}

} // namespace dlc
