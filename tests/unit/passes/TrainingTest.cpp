//===- TrainingTest.cpp - entry points against PyTorch --------------------===//
//
// Three steps of a small model, run by the reference evaluator in f64, must
// give PyTorch's losses and parameters to 1e-12; and what the entries say of
// their arguments and results must hold.
//
//===----------------------------------------------------------------------===//
#include "passes/training/BuildStep.h"

#include "passes/decompose/Passes.h"
#include "passes/simplify/Passes.h"
#include "tests/unit/Graph.h"

#include "mlir/Pass/PassManager.h"

#include <cmath>
#include <map>

using namespace mlir;

namespace dlc::test {
namespace {

constexpr StringLiteral kModel = R"(
func.func @train(%x: tensor<4x3xf64> {dlc.input = "x"},
                 %w: tensor<2x3xf64> {dlc.param = "w"},
                 %b: tensor<2xf64> {dlc.param = "b"},
                 %u: tensor<2xf64> {dlc.param = "unused"},
                 %n: tensor<i64> {dlc.state = "calls"})
    -> (tensor<4x2xf64> {dlc.output = "y"}, tensor<i64> {dlc.alias = 4}) {
  %0 = dlc.dot_general %x, %w batch [] x [] contract [1] x [1]
      : (tensor<4x3xf64>, tensor<2x3xf64>) -> tensor<4x2xf64>
  %1 = dlc.broadcast %b dims [1] : tensor<2xf64> -> tensor<4x2xf64>
  %2 = dlc.add %0, %1 : tensor<4x2xf64>
  %3 = dlc.tanh %2 : tensor<4x2xf64>
  %one = dlc.constant dense<1> : tensor<i64>
  %calls = dlc.add %n, %one : tensor<i64>
  return %3, %calls : tensor<4x2xf64>, tensor<i64>
})";

/// A session: state by name across calls.
struct Session {
  std::map<std::string, reference::Tensor> tensors;

  /// Calls `entry`; missing state starts as zeros. Outputs replace the tensors
  /// of their names, new values their state.
  void call(func::FuncOp entry) {
    SmallVector<reference::Tensor> arguments;
    for (unsigned i = 0; i < entry.getNumArguments(); ++i) {
      auto type = cast<RankedTensorType>(entry.getArgumentTypes()[i]);
      auto it = tensors.try_emplace(nameOf(entry, i), type).first;
      ASSERT_EQ(it->second.getType(), type) << it->first;
      arguments.push_back(it->second);
    }
    auto results = reference::evaluateFunction(entry, arguments);
    ASSERT_TRUE(succeeded(results));
    for (auto [i, result] : llvm::enumerate(*results)) {
      if (auto alias = entry.getResultAttrOfType<IntegerAttr>(i, names::alias))
        tensors[nameOf(entry, alias.getInt())] = result;
      else
        tensors[entry.getResultAttrOfType<StringAttr>(i, names::output).str()] =
            result;
    }
  }

  static std::string nameOf(func::FuncOp entry, unsigned argument) {
    for (StringRef kind : {names::input, names::param, names::state})
      if (auto name = entry.getArgAttrOfType<StringAttr>(argument, kind))
        return name.str();
    return "";
  }
};

class TrainingTest : public testing::Test {
protected:
  TrainingTest() : module(parse(context, kModel)) {}

  RankedTensorType f64(ArrayRef<int64_t> shape) {
    return RankedTensorType::get(shape, Float64Type::get(&context));
  }
  reference::Tensor wave(ArrayRef<int64_t> shape, double seed) {
    std::vector<double> numbers;
    for (int64_t i = 0; i < f64(shape).getNumElements(); ++i)
      numbers.push_back(std::sin(1.7 * double(i) + seed));
    return reference::Tensor(f64(shape), numbers);
  }
  TrainingOptions optionsFor(StringRef loss, StringRef optimizer) {
    TrainingOptions options;
    auto fail = [](const Twine &text) { ADD_FAILURE() << text.str(); };
    EXPECT_TRUE(succeeded(parseLosses(loss, options.losses, fail)));
    EXPECT_TRUE(succeeded(parseOptimizer(optimizer, options.optimizer, fail)));
    return options;
  }
  void simplify() {
    PassManager pm(&context);
    pm.addNestedPass<func::FuncOp>(createDecomposePass());
    pm.addNestedPass<func::FuncOp>(createSimplifyPass());
    ASSERT_TRUE(succeeded(pm.run(*module)));
  }
  Session sessionFor(StringRef loss) {
    Session session;
    session.tensors["x"] = wave({4, 3}, 0.3);
    session.tensors["w"] = wave({2, 3}, 1.1);
    session.tensors["b"] = wave({2}, 2.2);
    session.tensors["lr"] = reference::Tensor(f64({}), 0.1);
    reference::Tensor target = wave({4, 2}, 3.3);
    if (loss.starts_with("bce"))
      for (int64_t i = 0; i < target.size(); ++i)
        target.setNumber(i, 1 / (1 + std::exp(-target.number(i))));
    auto classes = RankedTensorType::get({4}, IntegerType::get(&context, 64));
    if (loss == "cross-entropy")
      target = reference::Tensor(classes, {1, -100, 0, 1});
    session.tensors["target"] = target;
    return session;
  }

  Context context;
  OwningOpRef<ModuleOp> module;
  func::FuncOp model() { return firstFunction(*module); }
};

struct Expected {
  const char *loss, *optimizer;
  double clipNorm;
  std::vector<double> numbers;
};

const Expected kExpected[] = {
#include "tests/unit/passes/TrainingValues.inc"
};

TEST_F(TrainingTest, Step_OfEveryLossAndOptimizer_IsPyTorchs) {
  for (const Expected &expected : kExpected) {
    SCOPED_TRACE(std::string(expected.loss) + " " + expected.optimizer);
    module = parse(context, kModel);
    // PyTorch's BCELoss reads probabilities.
    if (StringRef(expected.loss) == "bce") {
      OpBuilder b(model().getBody().front().getTerminator());
      Operation *end = model().getBody().front().getTerminator();
      end->setOperand(
          0, SigmoidOp::create(b, b.getUnknownLoc(), end->getOperand(0)));
    }
    TrainingOptions options = optionsFor(expected.loss, expected.optimizer);
    if (expected.clipNorm != 0)
      options.clipNorm = expected.clipNorm;
    auto step = buildStep(model(), options);
    ASSERT_TRUE(succeeded(step));
    ASSERT_TRUE(succeeded(verify(*module)));
    simplify();
    Session session = sessionFor(expected.loss);
    std::vector<double> numbers;
    for (int i = 0; i < 3; ++i) {
      session.call(*step);
      numbers.push_back(session.tensors["loss"].number(0));
    }
    for (StringRef name : {"w", "b"})
      for (double number : session.tensors[name.str()].toDoubles())
        numbers.push_back(number);
    ASSERT_EQ(numbers.size(), expected.numbers.size());
    for (size_t i = 0; i < numbers.size(); ++i)
      EXPECT_NEAR(numbers[i], expected.numbers[i], 1e-12) << "number " << i;
    EXPECT_EQ(session.tensors["step"].integer(0), 3);
    EXPECT_EQ(session.tensors["calls"].integer(0), 3);
  }
}

TEST_F(TrainingTest, Step_ParameterTheLossDoesNotReach_HasNoState) {
  auto step = buildStep(model(), optionsFor("mse", "adamw"));
  ASSERT_TRUE(succeeded(step));
  std::vector<std::string> found;
  for (unsigned i = 0; i < step->getNumArguments(); ++i)
    found.push_back(Session::nameOf(*step, i));
  EXPECT_EQ(found, (std::vector<std::string>{
                       "x", "target", "lr", "w", "b", "calls", "step",
                       "adamw.m/w", "adamw.v/w", "adamw.m/b", "adamw.v/b"}));
}

TEST_F(TrainingTest, Step_ScaledLoss_IsTheSameUpdate) {
  TrainingOptions options = optionsFor("mse", "adamw");
  auto plain = buildStep(model(), options);
  ASSERT_TRUE(succeeded(plain));
  Session expected = sessionFor("mse");
  expected.call(*plain);
  plain->erase();
  options.lossScale.emplace();
  auto scaled = buildStep(model(), options);
  ASSERT_TRUE(succeeded(scaled));
  Session session = sessionFor("mse");
  session.tensors["loss-scale"] = reference::Tensor(
      RankedTensorType::get({}, Float32Type::get(&context)), 1024);
  session.call(*scaled);
  // Powers of two scale exactly.
  for (StringRef name : {"w", "b", "loss", "adamw.v/w"})
    EXPECT_EQ(session.tensors[name.str()].getBytes(),
              expected.tensors[name.str()].getBytes())
        << name.str();
}

TEST_F(TrainingTest, Step_OverflowOfAGradient_SkipsTheUpdateAndHalvesTheScale) {
  TrainingOptions options = optionsFor("mse", "adamw");
  options.lossScale = LossScaleSpec{8, 2, 0.5, 2};
  auto step = buildStep(model(), options);
  ASSERT_TRUE(succeeded(step));
  Session session = sessionFor("mse");
  auto f32 = RankedTensorType::get({}, Float32Type::get(&context));
  session.tensors["loss-scale"] = reference::Tensor(f32, 8);
  reference::Tensor good = session.tensors["target"], bad = good;
  bad.setNumber(3, std::numeric_limits<double>::infinity());
  std::vector<double> scales, steps;
  for (bool overflows : {false, true, false, false, true, false}) {
    session.tensors["target"] = overflows ? bad : good;
    Session before = session;
    session.call(*step);
    for (StringRef name : {"w", "b", "adamw.m/w", "adamw.v/b"})
      if (overflows)
        EXPECT_EQ(session.tensors[name.str()].getBytes(),
                  before.tensors[name.str()].getBytes())
            << name.str();
    if (!overflows)
      EXPECT_NE(session.tensors["w"].getBytes(),
                before.tensors["w"].getBytes());
    scales.push_back(session.tensors["loss-scale"].number(0));
    steps.push_back(double(session.tensors["step"].integer(0)));
  }
  EXPECT_EQ(scales, (std::vector<double>{8, 4, 4, 8, 4, 4}));
  EXPECT_EQ(steps, (std::vector<double>{1, 1, 2, 3, 3, 4}));
  // The model's own counter goes on, whatever the gradients do.
  EXPECT_EQ(session.tensors["calls"].integer(0), 6);
}

TEST_F(TrainingTest, LossScale_OtherForms_AreErrors) {
  for (StringRef text :
       {"static", "dynamic:init=3", "dynamic:init=0.5", "dynamic:interval=0",
        "dynamic:rate=2", "none:init=2"}) {
    std::optional<LossScaleSpec> spec;
    std::string said;
    EXPECT_TRUE(failed(parseLossScale(
        text, spec, [&](const Twine &error) { said = error.str(); })));
    EXPECT_TRUE(StringRef(said).starts_with("DLC2014: ")) << said;
  }
}

TEST_F(TrainingTest, Step_FrozenParameter_KeepsItsValue) {
  model().setArgAttr(1, names::frozen, StringAttr::get(&context, "asked for"));
  auto step = buildStep(model(), optionsFor("mse", "sgd"));
  ASSERT_TRUE(succeeded(step));
  for (unsigned i = 0; i < step->getNumResults(); ++i)
    if (auto alias = step->getResultAttrOfType<IntegerAttr>(i, names::alias)) {
      EXPECT_NE(Session::nameOf(*step, alias.getInt()), "w");
    }
}

TEST_F(TrainingTest, Accumulate_TwoEqualCalls_IsOneStep) {
  TrainingOptions options = optionsFor("mse", "adam");
  auto plain = buildStep(model(), options);
  ASSERT_TRUE(succeeded(plain));
  Session once = sessionFor("mse");
  once.call(*plain);
  plain->erase();
  options.accumulate = 2;
  auto step = buildStep(model(), options);
  auto accumulate = buildAccumulate(model(), options);
  ASSERT_TRUE(succeeded(step) && succeeded(accumulate));
  Session twice = sessionFor("mse");
  twice.call(*accumulate);
  twice.call(*step);
  for (int64_t i = 0; i < 6; ++i) {
    EXPECT_NEAR(once.tensors["w"].number(i), twice.tensors["w"].number(i),
                1e-14);
    EXPECT_EQ(twice.tensors["accumulated/w"].number(i), 0);
  }
  EXPECT_EQ(twice.tensors["calls"].integer(0), 2);
}

TEST_F(TrainingTest, Grad_MatchesThePlainStepOfSgd) {
  TrainingOptions options = optionsFor("mse", "sgd");
  auto grad = buildGrad(model(), options);
  auto step = buildStep(model(), options);
  ASSERT_TRUE(succeeded(grad) && succeeded(step));
  Session session = sessionFor("mse");
  session.call(*grad);
  reference::Tensor gradient = session.tensors["grad/w"];
  reference::Tensor before = session.tensors["w"];
  session.call(*step);
  for (int64_t i = 0; i < 6; ++i)
    EXPECT_NEAR(session.tensors["w"].number(i),
                before.number(i) - 0.1 * gradient.number(i), 1e-15);
}

TEST_F(TrainingTest, Eval_OfClasses_CountsWhatIsRight) {
  auto eval = buildEval(model(), optionsFor("cross-entropy", "sgd"));
  ASSERT_TRUE(succeeded(eval));
  Session session = sessionFor("cross-entropy");
  session.call(*eval);
  EXPECT_EQ(session.tensors["count"].integer(0), 3);
  int64_t correct = session.tensors["correct"].integer(0);
  EXPECT_EQ(session.tensors["accuracy"].number(0), double(correct) / 3);
  // The model's own new state is dropped.
  EXPECT_FALSE(session.tensors.count("calls"));
}

TEST_F(TrainingTest, ClassAxis_FollowsTheTargetsShape) {
  module = parse(context, R"(
func.func @m(%x: tensor<2x3x4x5xf64> {dlc.input = "x"})
    -> (tensor<2x3x4x5xf64> {dlc.output = "y"}) {
  return %x : tensor<2x3x4x5xf64>
})");
  TrainingOptions options = optionsFor("cross-entropy", "sgd");
  auto targetShape = [&] {
    auto eval = buildEval(model(), options);
    EXPECT_TRUE(succeeded(eval));
    auto shape = SmallVector<int64_t>(
        cast<RankedTensorType>(eval->getArgumentTypes()[1]).getShape());
    eval->erase();
    return shape;
  };
  EXPECT_EQ(targetShape(), (SmallVector<int64_t>{2, 3, 4}));
  options.targetShapes["target"] = {2, 4, 5};
  EXPECT_EQ(targetShape(), (SmallVector<int64_t>{2, 4, 5}));
  options.targetShapes.clear();
  options.losses[0].axis = -2;
  EXPECT_EQ(targetShape(), (SmallVector<int64_t>{2, 3, 5}));
}

} // namespace
} // namespace dlc::test
