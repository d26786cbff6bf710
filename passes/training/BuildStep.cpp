//===- BuildStep.cpp - training entry points from a model -----------------===//
//
// Every entry is: the model's arguments and the targets, the model's body, the
// loss, and then what the entry adds. For a step:
//
//   func @step(%x {dlc.input = "x"}, %t {dlc.input = "target"},
//              %lr {dlc.input = "lr"}, %w {dlc.param = "w"},
//              %m {dlc.state = "adamw.m/w"}, …, %n {dlc.state = "step"})
//     body; loss; gradients of all trained parameters; clipping; updates
//     return %loss {dlc.output = "loss"}, %w1 {dlc.alias = 3}, …
//
//===----------------------------------------------------------------------===//
#include "passes/training/BuildStep.h"

#include "dialects/dlc/IR/Builders.h"
#include "dialects/dlc/IR/Halves.h"
#include "passes/autodiff/Differentiate.h"
#include "passes/training/EntryFunction.h"
#include "passes/training/LossScale.h"
#include "passes/training/Losses.h"
#include "passes/training/Optimizers.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace dlc {
namespace {

/// A loss term, bound to the model's result and the target.
struct BoundLoss {
  const LossSpec *spec;
  const LossKind *kind;
  unsigned result;
  std::string targetName;
  /// Null where the loss takes no target.
  RankedTensorType targetType;
  Value target;
};

/// A parameter that this entry trains.
struct Trained {
  std::string name;
  Value param;
};

/// What the builders of all entries share.
class Entry {
public:
  Entry(func::FuncOp model, const TrainingOptions &options, StringRef name)
      : model(model), options(options), fn(model, name) {}

  /// Adds the model, its targets and the loss. `addInputs` may add more inputs.
  LogicalResult begin(bool takesLearningRate);
  /// The parameters the loss depends on and that are not frozen.
  FailureOr<SmallVector<Trained>> trainedParams();
  FailureOr<SmallVector<Value>> gradients(ArrayRef<Trained> trained);
  /// `isGood`: whether running statistics may change; null: always.
  void passModelState(Value isGood = {});
  void addMetrics();
  /// The accumulated gradients' state, in the order of `trained`.
  SmallVector<Value> addAccumulated(ArrayRef<Trained> trained);
  /// The optimizer; returns whether it was applied, null: always.
  Value addUpdates(ArrayRef<Trained> trained, ArrayRef<Value> grads);

  func::FuncOp model;
  const TrainingOptions &options;
  EntryFunction fn;
  Value loss, learningRate;
  std::optional<LossScale> scale;

private:
  void error(const Twine &text) { model.emitError(text); }
  StringRef outputName(unsigned result);
  std::string outputNames();
  FailureOr<unsigned> findOutput(const LossSpec &spec);
  LogicalResult bindLosses();
  LogicalResult addTargets();
  void buildLoss();
  bool hasF64Param();
  void addState(Value old, Value fresh, Value isGood);
  void updateOne(const OptimizerKind &kind, const StepNumbers &numbers,
                 const Trained &trained, Value grad, Value isGood);

  SmallVector<BoundLoss> losses;
};

StringRef Entry::outputName(unsigned result) {
  auto name = model.getResultAttrOfType<StringAttr>(result, names::output);
  return name ? name.getValue() : StringRef();
}

std::string Entry::outputNames() {
  SmallVector<std::string> found;
  for (unsigned i = 0; i < model.getNumResults(); ++i)
    if (!outputName(i).empty())
      found.push_back("'" + outputName(i).str() + "'");
  return llvm::join(found, ", ");
}

/// The result that a loss reads: by name, or the first float output.
FailureOr<unsigned> Entry::findOutput(const LossSpec &spec) {
  for (unsigned i = 0; i < model.getNumResults(); ++i) {
    auto type = dyn_cast<RankedTensorType>(model.getResultTypes()[i]);
    if (outputName(i).empty() || !type ||
        !isa<FloatType>(type.getElementType()))
      continue;
    if (spec.output.empty() || spec.output == outputName(i))
      return i;
  }
  error("DLC2008: loss '" + spec.kind +
        "' needs a float output of the model, one of " + outputNames() +
        ", but got '" + spec.output + "'");
  return failure();
}

LogicalResult Entry::bindLosses() {
  for (const LossSpec &spec : options.losses) {
    FailureOr<unsigned> result = findOutput(spec);
    const LossKind *kind = findLoss(spec.kind);
    if (failed(result))
      return failure();
    if (!kind) {
      error("DLC2001: the loss is one of " + knownLosses() + ", but got '" +
            spec.kind + "'");
      return failure();
    }
    losses.push_back({&spec, kind, *result, "", {}, {}});
  }
  if (losses.empty()) {
    error("DLC2001: training needs a loss, one of " + knownLosses() +
          ", but got none");
    return failure();
  }
  bool isOne = llvm::all_equal(llvm::map_range(
      losses, [](const BoundLoss &bound) { return bound.result; }));
  for (BoundLoss &bound : losses)
    bound.targetName =
        isOne ? "target" : "target/" + outputName(bound.result).str();
  return success();
}

LogicalResult Entry::addTargets() {
  std::map<std::string, Value> targets;
  for (BoundLoss &bound : losses) {
    auto known = options.targetShapes.find(bound.targetName);
    std::optional<ArrayRef<int64_t>> shape;
    if (known != options.targetShapes.end())
      shape = known->second;
    FailureOr<RankedTensorType> type = bound.kind->targetType(
        *bound.spec,
        cast<RankedTensorType>(model.getResultTypes()[bound.result]), shape,
        [&](const Twine &text) { error(text); });
    if (failed(type))
      return failure();
    if (!*type)
      continue;
    Value &target = targets[bound.targetName];
    if (!target)
      target = fn.addArgument(*type, names::input, bound.targetName);
    if (target.getType() != *type) {
      auto report = model.emitError("DLC2009: losses of one output need equal "
                                    "targets, but got ");
      report << target.getType() << " and " << *type << " for '"
             << bound.targetName << "'";
      return failure();
    }
    bound.target = target;
  }
  return success();
}

bool Entry::hasF64Param() {
  return llvm::any_of(model.getArguments(), [&](BlockArgument argument) {
    return model.getArgAttr(argument.getArgNumber(), names::param) &&
           elementTypeOf(argument).isF64();
  });
}

void Entry::buildLoss() {
  OpBuilder &b = fn.builder();
  for (const BoundLoss &bound : losses) {
    Value term = bound.kind->build(b, fn.loc(), *bound.spec,
                                   fn.modelResult(bound.result), bound.target);
    loss = loss ? AddOp::create(b, fn.loc(), loss,
                                castTo(b, fn.loc(), term, elementTypeOf(loss)))
                : term;
  }
  fn.addOutput(loss, "loss");
}

LogicalResult Entry::begin(bool takesLearningRate) {
  fn.addArgumentsOf(names::input);
  if (failed(bindLosses()) || failed(addTargets()))
    return failure();
  OpBuilder &b = fn.builder();
  Type number = hasF64Param() ? Type(b.getF64Type()) : Type(b.getF32Type());
  if (takesLearningRate)
    learningRate =
        fn.addArgument(RankedTensorType::get({}, number), names::input, "lr");
  fn.addArgumentsOf(names::param);
  fn.addArgumentsOf(names::state);
  fn.cloneBody();
  buildLoss();
  return success();
}

/// All values that `value` is computed from.
DenseSet<Value> sourcesOf(Value value) {
  DenseSet<Value> seen = {value};
  SmallVector<Value> pending = {value};
  while (!pending.empty())
    if (Operation *op = pending.pop_back_val().getDefiningOp())
      for (Value operand : op->getOperands())
        if (seen.insert(operand).second)
          pending.push_back(operand);
  return seen;
}

FailureOr<SmallVector<Trained>> Entry::trainedParams() {
  DenseSet<Value> sources = sourcesOf(loss);
  SmallVector<Trained> trained;
  for (BlockArgument argument : model.getArguments()) {
    unsigned i = argument.getArgNumber();
    auto name = model.getArgAttrOfType<StringAttr>(i, names::param);
    if (!name || model.getArgAttr(i, names::frozen) ||
        !isa<FloatType>(elementTypeOf(argument)))
      continue;
    if (sources.contains(fn.mapped(argument)))
      trained.push_back({name.str(), fn.mapped(argument)});
    else
      model.emitRemark() << "parameter '" << name.getValue()
                         << "' is not trained: the loss does not depend on it";
  }
  if (trained.empty()) {
    error("DLC2010: training needs a parameter that is not frozen and that the "
          "loss depends on, but got none");
    return failure();
  }
  return trained;
}

FailureOr<SmallVector<Value>> Entry::gradients(ArrayRef<Trained> trained) {
  auto params = llvm::map_to_vector(
      trained, [](const Trained &one) { return one.param; });
  if (!options.lossScale)
    return differentiate(fn.builder(), loss, params);
  scale.emplace(fn, *options.lossScale);
  FailureOr<SmallVector<Value>> grads =
      differentiate(fn.builder(), scale->scaled(loss), params);
  if (failed(grads))
    return failure();
  return scale->unscaled(*grads);
}

/// The new value of a state, or the old one again after an overflow.
void Entry::addState(Value old, Value fresh, Value isGood) {
  fn.addNewState(old, isGood ? keepUnless(fn.builder(), fn.loc(), isGood,
                                          fresh, old)
                             : fresh);
}

/// The model's own new state (running statistics, rng) stays the entry's. Random
/// numbers are used up even by a step that overflowed.
void Entry::passModelState(Value isGood) {
  for (unsigned i = 0; i < model.getNumResults(); ++i)
    if (auto alias = model.getResultAttrOfType<IntegerAttr>(i, names::alias)) {
      Value fresh = fn.modelResult(i);
      addState(fn.mapped(model.getArgument(alias.getInt())), fresh,
               isa<FloatType>(elementTypeOf(fresh)) ? isGood : Value());
    }
}

void Entry::addMetrics() {
  OpBuilder &b = fn.builder();
  bool isOne = losses.size() == 1;
  for (const BoundLoss &bound : losses)
    if (bound.kind->metrics)
      for (const Metric &metric :
           bound.kind->metrics(b, fn.loc(), *bound.spec,
                               fn.modelResult(bound.result), bound.target))
        fn.addOutput(metric.value, isOne ? metric.name
                                         : metric.name + "/" +
                                               outputName(bound.result).str());
}

SmallVector<Value> Entry::addAccumulated(ArrayRef<Trained> trained) {
  return llvm::map_to_vector(trained, [&](const Trained &one) {
    RankedTensorType type = tensorType(one.param);
    if (!type.getElementType().isF64())
      type = type.clone(fn.builder().getF32Type());
    return fn.addArgument(type, names::state, "accumulated/" + one.name);
  });
}

/// One parameter's update in f32 at least, and its new state.
void Entry::updateOne(const OptimizerKind &kind, const StepNumbers &numbers,
                      const Trained &trained, Value grad, Value isGood) {
  OpBuilder &b = fn.builder();
  Type stored = elementTypeOf(trained.param);
  Type compute = stored.isF64() ? stored : Type(b.getF32Type());
  SmallVector<Value> state;
  for (const StateSlot &slot :
       kind.slots(options.optimizer, tensorType(trained.param)))
    state.push_back(fn.addArgument(
        slot.type, names::state,
        (kind.name + "." + slot.name + "/" + trained.name).str()));
  ParamUpdate update = kind.update(b, fn.loc(), numbers,
                                   castTo(b, fn.loc(), trained.param, compute),
                                   castTo(b, fn.loc(), grad, compute), state);
  addState(trained.param, castTo(b, fn.loc(), update.param, stored), isGood);
  for (auto [old, fresh] : llvm::zip_equal(state, update.state))
    addState(old, fresh, isGood);
}

Value Entry::addUpdates(ArrayRef<Trained> trained, ArrayRef<Value> grads) {
  OpBuilder &b = fn.builder();
  Location loc = fn.loc();
  auto countType = RankedTensorType::get({}, b.getI64Type());
  Value count = fn.addArgument(countType, names::state, "step");
  Value next = AddOp::create(b, loc, count, splatLike(b, loc, count, 1));
  Value isGood;
  if (scale) {
    isGood = scale->areFinite(grads);
    scale->update(isGood);
  }
  const OptimizerKind &kind = *findOptimizer(options.optimizer.kind);
  StepNumbers numbers{options.optimizer,
                      castTo(b, loc, learningRate, b.getF64Type()),
                      castTo(b, loc, next, b.getF64Type()),
                      {}};
  kind.prepare(b, loc, numbers);
  SmallVector<Value> clipped(grads);
  if (options.clipNorm)
    clipped = clipByGlobalNorm(b, loc, grads, *options.clipNorm);
  for (auto [one, grad] : llvm::zip_equal(trained, clipped))
    updateOne(kind, numbers, one, grad, isGood);
  addState(count, next, isGood);
  return isGood;
}

/// Runs `build` on a fresh entry; erases its function if that fails.
FailureOr<func::FuncOp>
buildEntry(func::FuncOp model, const TrainingOptions &options, StringRef name,
           llvm::function_ref<LogicalResult(Entry &)> build) {
  Entry entry(model, options, name);
  if (failed(build(entry))) {
    entry.fn.erase();
    return failure();
  }
  func::FuncOp function = entry.fn.finish();
  for (const LossSpec &spec : options.losses)
    if (spec.chunks > 1)
      function->setAttr(names::lossChunks,
                        Builder(function.getContext())
                            .getI64IntegerAttr(spec.chunks));
  return function;
}

} // namespace

FailureOr<func::FuncOp> buildStep(func::FuncOp model,
                                  const TrainingOptions &options) {
  auto report = [&](const Twine &text) { model.emitError(text); };
  if (failed(checkOptimizer(options.optimizer, report)))
    return failure();
  return buildEntry(model, options, "step", [&](Entry &entry) {
    if (failed(entry.begin(/*takesLearningRate=*/true)))
      return failure();
    FailureOr<SmallVector<Trained>> trained = entry.trainedParams();
    if (failed(trained))
      return failure();
    FailureOr<SmallVector<Value>> grads = entry.gradients(*trained);
    if (failed(grads))
      return failure();
    OpBuilder &b = entry.fn.builder();
    if (options.accumulate > 1) {
      SmallVector<Value> sums = entry.addAccumulated(*trained);
      for (auto [sum, grad] : llvm::zip_equal(sums, *grads)) {
        entry.fn.addNewState(sum, splatLike(b, entry.fn.loc(), sum, 0));
        Value wide = castTo(b, entry.fn.loc(), grad, elementTypeOf(sum));
        grad = scaleBy(b, entry.fn.loc(),
                       AddOp::create(b, entry.fn.loc(), sum, wide),
                       1.0 / double(options.accumulate));
      }
    }
    entry.passModelState(entry.addUpdates(*trained, *grads));
    return success();
  });
}

FailureOr<func::FuncOp> buildAccumulate(func::FuncOp model,
                                        const TrainingOptions &options) {
  return buildEntry(model, options, "accumulate", [&](Entry &entry) {
    if (failed(entry.begin(/*takesLearningRate=*/false)))
      return failure();
    FailureOr<SmallVector<Trained>> trained = entry.trainedParams();
    if (failed(trained))
      return failure();
    FailureOr<SmallVector<Value>> grads = entry.gradients(*trained);
    if (failed(grads))
      return failure();
    OpBuilder &b = entry.fn.builder();
    SmallVector<Value> sums = entry.addAccumulated(*trained);
    for (auto [sum, grad] : llvm::zip_equal(sums, *grads)) {
      Value wide = castTo(b, entry.fn.loc(), grad, elementTypeOf(sum));
      entry.fn.addNewState(sum, AddOp::create(b, entry.fn.loc(), sum, wide));
    }
    // Of this call alone: the update looks at the sums.
    entry.passModelState(entry.scale ? entry.scale->areFinite(*grads)
                                     : Value());
    return success();
  });
}

FailureOr<func::FuncOp> buildGrad(func::FuncOp model,
                                  const TrainingOptions &options) {
  return buildEntry(model, options, "grad", [&](Entry &entry) {
    if (failed(entry.begin(/*takesLearningRate=*/false)))
      return failure();
    FailureOr<SmallVector<Trained>> trained = entry.trainedParams();
    if (failed(trained))
      return failure();
    FailureOr<SmallVector<Value>> grads = entry.gradients(*trained);
    if (failed(grads))
      return failure();
    for (auto [one, grad] : llvm::zip_equal(*trained, *grads))
      entry.fn.addOutput(grad, "grad/" + one.name);
    return success();
  });
}

FailureOr<func::FuncOp> buildEval(func::FuncOp model,
                                  const TrainingOptions &options) {
  return buildEntry(model, options, "eval", [&](Entry &entry) {
    if (failed(entry.begin(/*takesLearningRate=*/false)))
      return failure();
    entry.addMetrics();
    return success();
  });
}

} // namespace dlc
