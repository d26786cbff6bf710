//===- OpTableTest.cpp - what imported ops compute ------------------------===//
//
// One node or a few, small inputs, results worked out by hand (or by the
// formula beside them) against the reference evaluator.
//
//===----------------------------------------------------------------------===//
#include "frontends/onnx/OpTable.h"
#include "tests/unit/frontends/OnnxBuilder.h"

#include <cmath>

using namespace dlc;
using namespace dlc::test;

namespace {

using Numbers = std::vector<double>;

class OpTableTest : public OnnxTest {
protected:
  /// One node over one float input.
  Numbers unary(OnnxBuilder b, std::vector<int64_t> shape, Numbers x) {
    b.input("x", shape).output("y");
    return run(b, {std::move(x)});
  }
};

TEST_F(OpTableTest, EveryRow_HasKnownRoles) {
  for (const frontend::OpRow *row : frontend::OpTable::get().rows()) {
    EXPECT_LT(row->since, row->until) << row->name.str();
    EXPECT_EQ(row->roles.find_first_not_of("dwpsl?*"), llvm::StringRef::npos)
        << row->name.str();
  }
}

TEST_F(OpTableTest, RowsOfOneOp_DoNotOverlap) {
  const frontend::OpRow *last = nullptr;
  for (const frontend::OpRow *row : frontend::OpTable::get().rows()) {
    if (last && last->name == row->name) {
      EXPECT_LE(last->until, row->since) << row->name.str();
    }
    last = row;
  }
}

//===- Elementwise and activations ----------------------------------------===//

TEST_F(OpTableTest, Clip_KeepsBounds) {
  OnnxBuilder b(13);
  b.floats("lo", {}, {-1}).floats("hi", {}, {1});
  b.node("Clip", {"x", "lo", "hi"}, {"y"});
  expectNear(unary(b, {4}, {-2, -1, 0.5, 3}), {-1, -1, 0.5, 1});
}

TEST_F(OpTableTest, ClipAttributes_BeforeOpset11) {
  OnnxBuilder b(10);
  b.node("Clip", {"x"}, {"y"}).attr("max", 1.0f);
  expectNear(unary(b, {3}, {-2, 0.5, 3}), {-2, 0.5, 1});
}

TEST_F(OpTableTest, Gelu_BothForms) {
  OnnxBuilder exact(20), tanh(20);
  exact.node("Gelu", {"x"}, {"y"});
  tanh.node("Gelu", {"x"}, {"y"}).attr("approximate", "tanh");
  expectNear(unary(exact, {2}, {1, -0.5}),
             {0.5 * (1 + std::erf(std::sqrt(0.5))),
              -0.25 * (1 + std::erf(-0.5 * std::sqrt(0.5)))});
  module->getBody()->clear();
  expectNear(unary(tanh, {1}, {1}),
             {0.5 * (1 + std::tanh(std::sqrt(2 / M_PI) * 1.044715))});
}

TEST_F(OpTableTest, Softplus_DoesNotOverflow) {
  OnnxBuilder b(18);
  b.node("Softplus", {"x"}, {"y"});
  expectNear(unary(b, {3}, {-200, 0, 200}), {0, std::log(2.0), 200});
}

TEST_F(OpTableTest, PowWithIntegerExponent_KeepsTheBasesType) {
  OnnxBuilder b(15);
  b.ints("k", {}, {3}).node("Pow", {"x", "k"}, {"y"});
  expectNear(unary(b, {2}, {2, -3}), {8, -27});
}

TEST_F(OpTableTest, Mod_TakesTheDivisorsSign) {
  OnnxBuilder b(13);
  b.input("x", {2}, onnx::TensorProto::INT64);
  b.output("y", onnx::TensorProto::INT64).ints("k", {}, {3});
  b.node("Mod", {"x", "k"}, {"y"});
  expectNear(run(b, {{-4, 4}}), {2, 1});
}

TEST_F(OpTableTest, MixedElementTypes_AreAnError) {
  OnnxBuilder b(18);
  b.input("x", {2}).output("y").ints("k", {}, {3});
  b.node("Add", {"x", "k"}, {"y"});
  EXPECT_NE(errorsOf(b).find("node 'node_y' (Add, opset 18): operands must "
                             "have one element type, but got f32 and i64"),
            std::string::npos);
}

//===- Shapes -------------------------------------------------------------===//

TEST_F(OpTableTest, ShapeArithmetic_Vanishes) {
  OnnxBuilder b(18);
  b.input("x", {2, 3, 4}).output("y");
  b.ints("zero", {}, {0}).ints("minus", {1}, {-1}).ints("axes", {1}, {0});
  b.node("Shape", {"x"}, {"s"}).node("Gather", {"s", "zero"}, {"n"});
  b.node("Unsqueeze", {"n", "axes"}, {"n1"});
  b.node("Concat", {"n1", "minus"}, {"to"}).attr("axis", int64_t(0));
  b.node("Reshape", {"x", "to"}, {"y"});
  ASSERT_TRUE(mlir::succeeded(import(b))) << diagnostics.text();
  auto &body = function(ImportMode::Forward).getBody().front();
  EXPECT_EQ(body.getOperations().size(), 2u); // reshape, return
}

TEST_F(OpTableTest, SliceWithNegativeStep_Reverses) {
  OnnxBuilder b(13);
  b.ints("s", {1}, {-1}).ints("e", {1}, {INT64_MIN}).ints("a", {1}, {0});
  b.ints("t", {1}, {-2}).node("Slice", {"x", "s", "e", "a", "t"}, {"y"});
  expectNear(unary(b, {5}, {0, 1, 2, 3, 4}), {4, 2, 0});
}

TEST_F(OpTableTest, PadReflect_Mirrors) {
  OnnxBuilder b(18);
  b.ints("p", {2}, {2, 1})
      .node("Pad", {"x", "p"}, {"y"})
      .attr("mode", "reflect");
  expectNear(unary(b, {3}, {1, 2, 3}), {3, 2, 1, 2, 3, 2});
}

TEST_F(OpTableTest, NegativePad_Cuts) {
  OnnxBuilder b(18);
  b.ints("p", {2}, {-1, 1}).node("Pad", {"x", "p"}, {"y"});
  expectNear(unary(b, {3}, {1, 2, 3}), {2, 3, 0});
}

TEST_F(OpTableTest, SplitToSequence_IsResolved) {
  OnnxBuilder b(18);
  b.ints("two", {}, {2}).ints("last", {}, {-1});
  b.node("SplitToSequence", {"x", "two"}, {"s"});
  b.node("SequenceAt", {"s", "last"}, {"y"});
  expectNear(unary(b, {5}, {0, 1, 2, 3, 4}), {4});
}

TEST_F(OpTableTest, ReshapeByAnInput_IsAnError) {
  OnnxBuilder b(18);
  b.input("x", {4}).input("s", {1}, onnx::TensorProto::INT64).output("y");
  b.node("Reshape", {"x", "s"}, {"y"});
  EXPECT_NE(errorsOf(b).find("DLC1010"), std::string::npos);
}

TEST_F(OpTableTest, HugeResults_AreErrors) {
  OnnxBuilder b(18);
  b.input("x", {2}).output("y").ints("r", {1}, {INT64_MAX});
  b.node("Tile", {"x", "r"}, {"y"});
  EXPECT_TRUE(mlir::failed(import(b)));
}

//===- Reductions, windows, index -----------------------------------------===//

TEST_F(OpTableTest, ReduceAxes_AsAttributeAndOperand) {
  OnnxBuilder old(13), now(18);
  old.node("ReduceMax", {"x"}, {"y"})
      .attrs("axes", {-1})
      .attr("keepdims", int64_t(0));
  now.ints("a", {1}, {-1}).node("ReduceMax", {"x", "a"}, {"y"});
  expectNear(unary(old, {2, 2}, {1, 5, 7, 3}), {5, 7});
  module->getBody()->clear();
  expectNear(unary(now, {2, 2}, {1, 5, 7, 3}), {5, 7});
}

TEST_F(OpTableTest, ReduceLogSumExp_DoesNotOverflow) {
  OnnxBuilder b(13);
  b.node("ReduceLogSumExp", {"x"}, {"y"});
  expectNear(unary(b, {2}, {1000, 1000}), {1000 + std::log(2.0)}, 1e-3);
}

TEST_F(OpTableTest, MaxPoolCeilMode_HasAPartialWindow) {
  OnnxBuilder b(18);
  b.node("MaxPool", {"x"}, {"y"})
      .attrs("kernel_shape", {2})
      .attrs("strides", {2});
  b.attr("ceil_mode", int64_t(1));
  expectNear(unary(b, {1, 1, 5}, {1, 4, 2, 3, 5}), {4, 3, 5});
}

TEST_F(OpTableTest, AveragePool_LeavesPadsOut) {
  OnnxBuilder b(18);
  b.node("AveragePool", {"x"}, {"y"}).attrs("kernel_shape", {3});
  b.attrs("pads", {1, 1});
  expectNear(unary(b, {1, 1, 3}, {1, 2, 6}), {1.5, 3, 4});
}

TEST_F(OpTableTest, ConvTranspose_IsTheGradientOfConv) {
  OnnxBuilder b(18);
  b.floats("w", {1, 1, 2}, {1, 10});
  b.node("ConvTranspose", {"x", "w"}, {"y"}).attrs("strides", {2});
  expectNear(unary(b, {1, 1, 3}, {1, 2, 3}), {1, 10, 2, 20, 3, 30});
}

TEST_F(OpTableTest, GatherND_TakesTuples) {
  OnnxBuilder b(18);
  b.ints("k", {2, 2}, {0, 1, -1, 0}).node("GatherND", {"x", "k"}, {"y"});
  expectNear(unary(b, {2, 2}, {1, 2, 3, 4}), {2, 3});
}

TEST_F(OpTableTest, ScatterND_ReplacesOrAdds) {
  OnnxBuilder b(18);
  b.ints("k", {2, 1}, {2, 0}).floats("u", {2}, {10, 20});
  b.node("ScatterND", {"x", "k", "u"}, {"y"});
  expectNear(unary(b, {3}, {1, 2, 3}), {20, 2, 10});
  module->getBody()->clear();
  b = OnnxBuilder(18);
  b.ints("k", {2, 1}, {2, 2}).floats("u", {2}, {10, 20});
  b.node("ScatterND", {"x", "k", "u"}, {"y"}).attr("reduction", "add");
  expectNear(unary(b, {3}, {1, 2, 3}), {1, 2, 33});
}

TEST_F(OpTableTest, Einsum_SumsAndTransposes) {
  OnnxBuilder b(18);
  b.floats("w", {2, 2}, {1, 2, 3, 4});
  b.node("Einsum", {"x", "w"}, {"y"}).attr("equation", "ij,kj->ki");
  // w x'
  expectNear(unary(b, {2, 2}, {1, 0, 0, 1}), {1, 2, 3, 4});
}

//===- Normalizations -----------------------------------------------------===//

TEST_F(OpTableTest, SoftmaxBeforeOpset13_FlattensTrailingDims) {
  OnnxBuilder b(12);
  b.node("Softmax", {"x"}, {"y"}).attr("axis", int64_t(1));
  expectNear(unary(b, {1, 2, 2}, {0, 0, 0, 0}), {.25, .25, .25, .25});
}

OnnxBuilder batchNorm() {
  OnnxBuilder b(15);
  b.input("x", {2, 1}).output("y");
  b.floats("g", {1}, {2}).floats("o", {1}, {1});
  b.floats("mean", {1}, {4}).floats("var", {1}, {9});
  b.node("BatchNormalization", {"x", "g", "o", "mean", "var"}, {"y"});
  return b.attr("epsilon", 0.0f).attr("momentum", 0.9f);
}

TEST_F(OpTableTest, BatchNorm_UpdatesStatisticsInTrainAlone) {
  options.modes = {ImportMode::Infer, ImportMode::Train, ImportMode::Grad};
  auto imported = import(batchNorm());
  ASSERT_TRUE(mlir::succeeded(imported)) << diagnostics.text();
  auto infer = call(*imported, ImportMode::Infer, {{1, 7}});
  ASSERT_EQ(infer.size(), 1u);
  expectNear(infer[0], {2 * (1 - 4) / 3.0 + 1, 2 * (7 - 4) / 3.0 + 1});
  auto train = call(*imported, ImportMode::Train, {{1, 7}});
  ASSERT_EQ(train.size(), 3u);
  expectNear(train[0], {-1, 3});
  expectNear(train[1], {0.9 * 4 + 0.1 * 4});
  expectNear(train[2], {0.9 * 9 + 0.1 * 18}); // biased 9, unbiased 18
  auto grad = call(*imported, ImportMode::Grad, {{1, 7}});
  ASSERT_EQ(grad.size(), 1u);
  expectNear(grad[0], {-1, 3});
}

TEST_F(OpTableTest, BatchNormFrozen_KeepsStatistics) {
  options.batchNormTrains = false;
  options.modes = {ImportMode::Train};
  auto imported = import(batchNorm());
  ASSERT_TRUE(mlir::succeeded(imported));
  EXPECT_EQ(call(*imported, ImportMode::Train, {{1, 7}}).size(), 1u);
}

TEST_F(OpTableTest, Dropout_IsActiveInTrainAlone) {
  OnnxBuilder b(13);
  b.input("x", {1000}).output("y").floats("ratio", {}, {0.25});
  b.node("Dropout", {"x", "ratio"}, {"y"});
  auto imported = import(b);
  ASSERT_TRUE(mlir::succeeded(imported)) << diagnostics.text();
  auto infer = call(*imported, ImportMode::Infer, {{3}});
  EXPECT_EQ(infer[0], Numbers(1000, 3));
  auto train = call(*imported, ImportMode::Train, {{3}});
  ASSERT_EQ(train.size(), 2u); // and the new state of `rng`
  expectNear(train[1], {0, 1});
  int kept = 0;
  for (double value : train[0]) {
    EXPECT_TRUE(value == 0 || std::abs(value - 4) < 1e-6) << value;
    kept += value != 0;
  }
  EXPECT_NEAR(kept, 750, 60);
}

TEST_F(OpTableTest, DropoutInSmallOps_IsOffInInfer) {
  OnnxBuilder b(18);
  b.input("x", {100}).output("y").floats("p_cast", {}, {0.75});
  b.node("RandomUniformLike", {"x"}, {"u"})
      .node("Less", {"u", "p_cast"}, {"m"});
  b.node("Cast", {"m"}, {"c"}).attr("to", int64_t(onnx::TensorProto::FLOAT));
  b.node("Div", {"c", "p_cast"}, {"d"}).node("Mul", {"x", "d"}, {"y"});
  auto imported = import(b);
  ASSERT_TRUE(mlir::succeeded(imported)) << diagnostics.text();
  auto infer = call(*imported, ImportMode::Infer, {{3}});
  ASSERT_EQ(infer.size(), 1u);
  EXPECT_EQ(infer[0], Numbers(100, 3));
  EXPECT_EQ(call(*imported, ImportMode::Train, {{3}}).size(), 2u);
}

TEST_F(OpTableTest, AttentionCausal_SeesThePast) {
  OnnxBuilder b(23);
  b.input("q", {1, 1, 2, 1}).input("k", {1, 1, 2, 1}).input("v", {1, 1, 2, 1});
  b.output("y").node("Attention", {"q", "k", "v"}, {"y"});
  b.attr("is_causal", int64_t(1));
  expectNear(run(b, {{0, 0}, {1, 1}, {2, 4}}), {2, 3});
}

TEST_F(OpTableTest, AttentionGrouped_EqualsRepeatedHeads) {
  OnnxBuilder grouped(23), plain(23);
  for (OnnxBuilder *b : {&grouped, &plain}) {
    int64_t heads = b == &grouped ? 1 : 2;
    b->input("q", {1, 2, 2, 1}).input("k", {1, heads, 2, 1});
    b->input("v", {1, heads, 2, 1}).output("y");
    b->node("Attention", {"q", "k", "v"}, {"y"});
  }
  Numbers q = {1, -1, 0.5, 2};
  Numbers expected = run(plain, {q, {1, 2, 1, 2}, {3, 5, 3, 5}});
  module->getBody()->clear();
  expectNear(run(grouped, {q, {1, 2}, {3, 5}}), expected);
}

TEST_F(OpTableTest, FunctionOfTheFile_IsInlined) {
  OnnxBuilder b(18);
  b.input("x", {2}).output("y");
  b.node("Twice", {"x"}, {"y"}).attr("a", 2.0f);
  b.model.mutable_graph()->mutable_node(0)->set_domain("own");
  onnx::FunctionProto &f = *b.model.add_functions();
  f.set_name("Twice");
  f.set_domain("own");
  f.add_input("in");
  f.add_output("out");
  f.add_attribute("a");
  f.add_opset_import()->set_version(18);
  onnx::NodeProto &constant = *f.add_node();
  constant.set_op_type("Constant");
  constant.add_output("c");
  onnx::AttributeProto &value = *constant.add_attribute();
  value.set_name("value_float");
  value.set_ref_attr_name("a");
  onnx::NodeProto &mul = *f.add_node();
  mul.set_op_type("Mul");
  mul.add_input("in");
  mul.add_input("c");
  mul.add_output("out");
  expectNear(run(b, {{1, 2}}), {2, 4});
}

//===- Sorting and recurrences --------------------------------------------===//

TEST_F(OpTableTest, TopK_TakesTheLowerIndexOfEqualElements) {
  OnnxBuilder b(13);
  b.ints("k", {1}, {3});
  b.node("TopK", {"x", "k"}, {"y", "index"});
  b.input("x", {2, 4}).output("y").output("index", onnx::TensorProto::INT64);
  options.modes = {ImportMode::Forward};
  auto imported = import(b);
  ASSERT_TRUE(mlir::succeeded(imported)) << diagnostics.text();
  auto results =
      call(*imported, ImportMode::Forward, {{1, 3, 3, 2, 4, -1, 4, 4}});
  expectNear(results[0], {3, 3, 2, 4, 4, 4});
  expectNear(results[1], {1, 2, 3, 0, 2, 3});
}

TEST_F(OpTableTest, TopKSmallestOfFirstAxis) {
  OnnxBuilder b(11);
  b.ints("k", {1}, {1});
  b.node("TopK", {"x", "k"}, {"y"});
  b.attr("axis", int64_t(0)).attr("largest", int64_t(0));
  expectNear(unary(b, {3, 2}, {1, 5, 0, 7, 2, 4}), {0, 4});
}

double logistic(double x) { return 1 / (1 + std::exp(-x)); }

TEST_F(OpTableTest, Rnn_FollowsItsDirection) {
  OnnxBuilder b(14);
  b.floats("w", {1, 1, 1}, {0.5}).floats("r", {1, 1, 1}, {2});
  b.node("RNN", {"x", "w", "r"}, {"y"}).attr("direction", "reverse");
  double last = std::tanh(0.5 * 3);
  expectNear(unary(b, {2, 1, 1}, {1, 3}),
             {std::tanh(0.5 * 1 + 2 * last), last});
}

TEST_F(OpTableTest, Lstm_GatesInTheFilesOrder) {
  OnnxBuilder b(14);
  b.floats("w", {1, 4, 1}, {1, 2, 3, 4}).floats("r", {1, 4, 1}, {5, 6, 7, 8});
  b.floats("b", {1, 8}, {.1f, .2f, .3f, .4f, .1f, .1f, .1f, .1f});
  b.node("LSTM", {"x", "w", "r", "b"}, {"y"}).attr("hidden_size", int64_t(1));
  double h = 0, c = 0;
  Numbers expected;
  for (double x : {0.3, -0.2}) {
    double i = logistic(x + 5 * h + .2), o = logistic(2 * x + 6 * h + .3);
    double f = logistic(3 * x + 7 * h + .4);
    c = f * c + i * std::tanh(4 * x + 8 * h + .5);
    h = o * std::tanh(c);
    expected.push_back(h);
  }
  expectNear(unary(b, {2, 1, 1}, {0.3, -0.2}), expected);
}

TEST_F(OpTableTest, Gru_BothPlacesOfTheReset) {
  for (bool isLinear : {false, true}) {
    OnnxBuilder b(14);
    b.floats("w", {1, 3, 1}, {1, 2, 3}).floats("r", {1, 3, 1}, {4, 5, 6});
    b.floats("b", {1, 6}, {0, 0, 0, 0, 0, .5f});
    b.floats("h", {1, 1, 1}, {.25f});
    b.node("GRU", {"x", "w", "r", "b", "", "h"}, {"y"});
    b.attr("linear_before_reset", int64_t(isLinear));
    double h = .25, x = .1, z = logistic(x + 4 * h),
           r = logistic(2 * x + 5 * h);
    double past = isLinear ? r * (6 * h + .5) : 6 * (r * h) + .5;
    module = mlir::ModuleOp::create(mlir::UnknownLoc::get(&context));
    expectNear(unary(b, {1, 1, 1}, {x}),
               {(1 - z) * std::tanh(3 * x + past) + z * h});
  }
}

TEST_F(OpTableTest, RnnShorterSequence_KeepsItsState) {
  OnnxBuilder b(14);
  b.floats("w", {1, 1, 1}, {1}).floats("r", {1, 1, 1}, {1});
  b.ints("n", {2}, {1, 2}).node("RNN", {"x", "w", "r", "", "n"}, {"", "y"});
  double first = std::tanh(3.0);
  expectNear(unary(b, {2, 2, 1}, {1, 3, 2, 4}),
             {std::tanh(1.0), std::tanh(4 + first)});
}

TEST_F(OpTableTest, LpNormalization_OfZeros_IsZero) {
  OnnxBuilder b(20);
  b.node("LpNormalization", {"x"}, {"y"}).attr("axis", int64_t(1));
  expectNear(unary(b, {2, 2}, {3, -4, 0, 0}), {0.6, -0.8, 0, 0});
}

} // namespace
