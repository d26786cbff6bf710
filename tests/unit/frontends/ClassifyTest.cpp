//===- ClassifyTest.cpp - which initializers train ------------------------===//
//
// The rule of docs/training-from-onnx.md, one case per sentence.
//
//===----------------------------------------------------------------------===//
#include "tests/unit/frontends/OnnxBuilder.h"

#include <cmath>

using namespace dlc;
using namespace dlc::test;

namespace {

class ClassifyTest : public OnnxTest {
protected:
  /// Names of what trains, in order.
  std::vector<std::string> trained(const OnnxBuilder &builder) {
    imported = import(builder);
    EXPECT_TRUE(mlir::succeeded(imported)) << diagnostics.text();
    std::vector<std::string> names;
    if (mlir::succeeded(imported))
      for (const ParameterInfo &parameter : imported->parameters)
        if (parameter.trained)
          names.push_back(parameter.name);
    return names;
  }
  std::string reason(const std::string &name) {
    for (const ParameterInfo &parameter : imported->parameters)
      if (parameter.name == name)
        return parameter.reason;
    return "no such initializer";
  }
  mlir::FailureOr<ImportedModel> imported = mlir::failure();
};

using Names = std::vector<std::string>;

OnnxBuilder scaled(const std::string &name, std::vector<float> values) {
  OnnxBuilder b(18);
  b.input("x", {2, 3}).output("y");
  b.floats(name, {int64_t(values.size())}, values);
  b.node("Mul", {"x", name}, {"y"});
  return b;
}

TEST_F(ClassifyTest, NamedVector_Trains) {
  EXPECT_EQ(trained(scaled("scale", {1, 2, 3})), Names{"scale"});
}

TEST_F(ClassifyTest, GeneratedScalar_IsLiteral) {
  EXPECT_EQ(trained(scaled("val_3", {2})), Names{});
  EXPECT_NE(reason("val_3").find("literal"), std::string::npos);
}

TEST_F(ClassifyTest, NamedScalar_Trains) {
  EXPECT_EQ(trained(scaled("logit_scale", {2})), Names{"logit_scale"});
}

TEST_F(ClassifyTest, InfiniteMask_IsConstant) {
  EXPECT_EQ(trained(scaled("bias", {0, -INFINITY, 0})), Names{});
}

TEST_F(ClassifyTest, FiniteMask_IsConstant) {
  EXPECT_EQ(trained(scaled("bias", {0, -1e9f, 0})), Names{});
}

TEST_F(ClassifyTest, TriangleOfOnes_IsConstant) {
  OnnxBuilder b(18);
  b.input("x", {2, 2}).output("y").floats("mask", {2, 2}, {1, 0, 1, 1});
  b.node("Mul", {"x", "mask"}, {"y"});
  EXPECT_EQ(trained(b), Names{});
}

TEST_F(ClassifyTest, IdentityMatrix_Trains) {
  OnnxBuilder b(18);
  b.input("x", {2, 2}).output("y").floats("w", {2, 2}, {1, 0, 0, 1});
  b.node("MatMul", {"x", "w"}, {"y"});
  EXPECT_EQ(trained(b), Names{"w"});
}

TEST_F(ClassifyTest, AngleOfConstants_IsConstant) {
  OnnxBuilder b(18);
  b.input("x", {2, 3}).output("y").floats("inv_freq", {3}, {1, 0.5, 0.25});
  b.node("Cos", {"inv_freq"}, {"c"}).node("Mul", {"x", "c"}, {"y"});
  EXPECT_EQ(trained(b), Names{});
}

TEST_F(ClassifyTest, UsedInConditionOnly_IsConstant) {
  OnnxBuilder b(18);
  b.input("x", {2, 3}).output("y");
  b.floats("mask", {3}, {1, 0, 1}).floats("zero", {}, {0});
  b.node("Equal", {"mask", "zero"}, {"hidden"});
  b.node("Where", {"hidden", "x", "x"}, {"y"});
  EXPECT_EQ(trained(b), Names{});
}

TEST_F(ClassifyTest, UsedForItsShapeOnly_IsConstant) {
  OnnxBuilder b(18);
  b.input("x", {6}).output("y");
  b.floats("like", {2, 3}, {1, 2, 3, 4, 5, 6});
  b.node("Shape", {"like"}, {"shape"});
  b.node("Reshape", {"x", "shape"}, {"y"});
  EXPECT_EQ(trained(b), Names{});
}

TEST_F(ClassifyTest, PReluSlopeUnderGeneratedName_Trains) {
  OnnxBuilder b(18);
  b.input("x", {2, 3}).output("y").floats("val_1", {1, 1}, {0.25});
  b.node("PRelu", {"x", "val_1"}, {"y"});
  EXPECT_EQ(trained(b), Names{"val_1"});
}

TEST_F(ClassifyTest, ReachedThroughTransposeAndCast_Trains) {
  OnnxBuilder b(18);
  b.input("x", {2, 3}).output("y").floats("w", {2, 3}, {1, 2, 3, 4, 5, 6});
  b.node("Transpose", {"w"}, {"t"});
  b.node("Cast", {"t"}, {"c"}).attr("to", int64_t(onnx::TensorProto::FLOAT));
  b.node("MatMul", {"x", "c"}, {"y"});
  EXPECT_EQ(trained(b), Names{"w"});
}

TEST_F(ClassifyTest, ReachedThroughCastToIntegers_IsConstant) {
  OnnxBuilder b(18);
  b.input("x", {2, 3}).output("y").floats("w", {3}, {1, 2, 3});
  b.node("Cast", {"w"}, {"c"}).attr("to", int64_t(onnx::TensorProto::INT64));
  b.node("Cast", {"c"}, {"f"}).attr("to", int64_t(onnx::TensorProto::FLOAT));
  b.node("Mul", {"x", "f"}, {"y"});
  EXPECT_EQ(trained(b), Names{});
}

/// 32 x 40 distinct values, or their transpose.
std::vector<float> matrix(bool isTransposed) {
  std::vector<float> values;
  for (int i = 0; i < 1280; ++i)
    values.push_back(float(isTransposed ? (i % 32) * 40 + i / 32 : i));
  return values;
}

OnnxBuilder tiedHead() {
  OnnxBuilder b(18);
  b.input("k", {5}, onnx::TensorProto::INT64).output("y");
  b.floats("val_7", {40, 32}, matrix(true));
  b.floats("wte", {32, 40}, matrix(false));
  b.node("Gather", {"wte", "k"}, {"e"});
  b.node("MatMul", {"e", "val_7"}, {"y"});
  return b;
}

TEST_F(ClassifyTest, TransposedCopy_IsTiedToTheNamedOne) {
  EXPECT_EQ(trained(tiedHead()), Names{"wte"});
  ASSERT_EQ(imported->exports.size(), 2u);
  EXPECT_EQ(imported->exports[0].initializer, "val_7");
  EXPECT_EQ(imported->exports[0].state, "wte");
  EXPECT_EQ(imported->exports[0].steps, Names{"transpose 1 0"});
  EXPECT_EQ(imported->remarks.size(), 1u);
  ASSERT_EQ(imported->ranges.size(), 1u);
  EXPECT_EQ(imported->ranges[0].size, 32);
}

TEST_F(ClassifyTest, TransposedCopyWithoutRetie_StaysApart) {
  options.retie = false;
  EXPECT_EQ(trained(tiedHead()), (Names{"val_7", "wte"}));
}

OnnxBuilder twoNorms(std::vector<float> scale) {
  OnnxBuilder b(18);
  b.input("x", {2, 3}).output("y").floats("ln.weight", {3}, scale);
  b.node("LayerNormalization", {"x", "ln.weight"}, {"a"});
  b.node("LayerNormalization", {"a", "ln.weight"}, {"y"});
  return b;
}

TEST_F(ClassifyTest, SharedOnes_AreOneParameterPerUse) {
  EXPECT_EQ(trained(twoNorms({1, 1, 1})),
            (Names{"ln.weight", "ln.weight@node_y"}));
}

TEST_F(ClassifyTest, SharedVaryingValues_StayOneParameter) {
  EXPECT_EQ(trained(twoNorms({1, 2, 1})), Names{"ln.weight"});
}

/// `bytes` as field `tag` of a message, both below 128.
std::string field(int tag, const std::string &bytes) {
  return std::string{char(tag << 3 | 2), char(bytes.size())} + bytes;
}

/// Writes a note about `name` as exporters do: metadata of a value.
OnnxBuilder noted(OnnxBuilder b, const std::string &name,
                  const std::string &key, const std::string &value) {
  std::string entry = field(1, key) + field(2, value);
  EXPECT_TRUE(b.model.mutable_graph()->add_value_info()->ParseFromString(
      field(1, name) + field(4, entry)));
  return b;
}

const char *kindKey = "pkg.torch.export.graph_signature.InputSpec.kind";
const char *foldedKey = "pkg.onnxscript.optimizer.folded_from";

TEST_F(ClassifyTest, NotedBuffer_IsConstant) {
  EXPECT_EQ(trained(noted(scaled("std", {1, 2, 3}), "std", kindKey, "BUFFER")),
            Names{});
  EXPECT_NE(reason("std").find("buffer"), std::string::npos);
}

TEST_F(ClassifyTest, NotedBufferOfOnesInANorm_TrainsAsItMayBeMerged) {
  EXPECT_EQ(trained(noted(twoNorms({1, 1, 1}), "ln.weight", kindKey, "BUFFER")),
            (Names{"ln.weight", "ln.weight@node_y"}));
}

TEST_F(ClassifyTest, NotedParameterThatLooksLikeAMask_Trains) {
  EXPECT_EQ(trained(noted(scaled("bias", {0, -1e9f, 0}), "bias", kindKey,
                          "PARAMETER")),
            Names{"bias"});
}

TEST_F(ClassifyTest, FoldedFromARange_IsConstant) {
  EXPECT_EQ(trained(noted(scaled("clamp_2", {0, 0.5, 1}), "clamp_2", foldedKey,
                          "['arange', 'sub_1', 'scalar_tensor_default_2', 'val_3']")),
            Names{});
  EXPECT_NE(reason("clamp_2").find("computed"), std::string::npos);
}

TEST_F(ClassifyTest, FoldedFromAParameter_Trains) {
  EXPECT_EQ(trained(noted(scaled("slice_1", {0, 0.5, 1}), "slice_1", foldedKey,
                          "['val_3', 'h.pos.weight']")),
            Names{"slice_1"});
}

TEST_F(ClassifyTest, Freeze_LeavesAFrozenArgument) {
  options.freeze = {"ln.*"};
  EXPECT_EQ(trained(twoNorms({1, 2, 1})), Names{});
  EXPECT_TRUE(function(ImportMode::Train).getArgAttr(1, names::frozen));
}

TEST_F(ClassifyTest, TrainOnly_FreezesTheRest) {
  options.trainOnly = {"wte"};
  EXPECT_EQ(trained(tiedHead()), Names{"wte"});
}

TEST_F(ClassifyTest, PatternThatMatchesNothing_IsAnError) {
  options.freeze = {"encoder.*"};
  EXPECT_NE(errorsOf(twoNorms({1, 2, 1})).find("DLC1014"), std::string::npos);
}

} // namespace
