//===- ExportOnnxTest.cpp - values back into their file -------------------===//
#include "tests/unit/frontends/OnnxBuilder.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"

#include <cstring>

using namespace dlc;
using namespace dlc::test;

namespace {

class ExportOnnxTest : public OnnxTest {
protected:
  /// Imports `builder` and exports it with every state value plus one.
  onnx::ModelProto exported(const OnnxBuilder &builder) {
    auto imported = import(builder);
    EXPECT_TRUE(mlir::succeeded(imported)) << diagnostics.text();
    WeightStore changed;
    for (const Weight &weight : imported->weights.entries()) {
      auto values = std::make_shared<std::vector<float>>(
          weight.type.getNumElements());
      Weight f32 = convertFloats(
          weight, mlir::Float32Type::get(&context));
      std::memcpy(values->data(), f32.bytes.data(), f32.bytes.size());
      for (float &value : *values)
        value += 1;
      changed.add({weight.name, f32.type,
                   {reinterpret_cast<const char *>(values->data()),
                    values->size() * 4},
                   values});
    }
    auto bytes = exportOnnx(
        imported->strippedModel, imported->exports,
        [&](llvm::StringRef name) { return changed.find(name); }, &context,
        diagnostics);
    EXPECT_TRUE(mlir::succeeded(bytes)) << diagnostics.text();
    onnx::ModelProto model;
    EXPECT_TRUE(model.ParseFromString(*bytes));
    return model;
  }
};

std::vector<float> valuesOf(const onnx::TensorProto &tensor) {
  std::vector<float> values(tensor.raw_data().size() / 4);
  std::memcpy(values.data(), tensor.raw_data().data(), values.size() * 4);
  return values;
}

OnnxBuilder linear() {
  OnnxBuilder b(18);
  b.input("x", {2, 3}).output("y");
  b.floats("w", {3, 2}, {1, 2, 3, 4, 5, 6}).floats("val_1", {}, {2});
  b.ints("shape", {2}, {2, 2});
  b.node("MatMul", {"x", "w"}, {"a"}).node("Mul", {"a", "val_1"}, {"c"});
  b.node("Reshape", {"c", "shape"}, {"y"});
  b.model.set_producer_name("somebody");
  return b;
}

TEST_F(ExportOnnxTest, OnlyParameterValues_Change) {
  OnnxBuilder b = linear();
  onnx::ModelProto model = exported(b), expected = b.model;
  EXPECT_EQ(valuesOf(model.graph().initializer(0)),
            (std::vector<float>{2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(valuesOf(model.graph().initializer(1)), std::vector<float>{2});
  EXPECT_EQ(model.graph().initializer(2).raw_data().size(), 16u);
  model.mutable_graph()->clear_initializer();
  expected.mutable_graph()->clear_initializer();
  EXPECT_EQ(model.SerializeAsString(), expected.SerializeAsString());
}

TEST_F(ExportOnnxTest, F64Import_WritesTheFilesType) {
  options.f64 = true;
  EXPECT_EQ(valuesOf(exported(linear()).graph().initializer(0)),
            (std::vector<float>{2, 3, 4, 5, 6, 7}));
}

TEST_F(ExportOnnxTest, MergedOnes_GetInitializersOfTheirOwn) {
  OnnxBuilder b(18);
  b.input("x", {2, 2}).output("y").floats("g", {2}, {1, 1});
  b.node("LayerNormalization", {"x", "g"}, {"a"});
  b.node("LayerNormalization", {"a", "g"}, {"y"});
  onnx::ModelProto model = exported(b);
  ASSERT_EQ(model.graph().initializer_size(), 2);
  EXPECT_EQ(model.graph().initializer(1).name(), "g@node_y");
  EXPECT_EQ(model.graph().node(0).input(1), "g");
  EXPECT_EQ(model.graph().node(1).input(1), "g@node_y");
  EXPECT_EQ(valuesOf(model.graph().initializer(1)),
            (std::vector<float>{2, 2}));
}

TEST_F(ExportOnnxTest, TiedTranspose_IsWrittenTransposed) {
  std::vector<float> values(1280), turned(1280);
  for (int i = 0; i < 1280; ++i) {
    values[i] = float(i);
    turned[(i % 40) * 32 + i / 40] = float(i);
  }
  OnnxBuilder b(18);
  b.input("x", {2, 32}).output("y");
  b.floats("w", {32, 40}, values).floats("val_2", {40, 32}, turned);
  b.node("MatMul", {"x", "w"}, {"a"}).node("MatMul", {"a", "val_2"}, {"y"});
  onnx::ModelProto model = exported(b);
  for (float &value : turned)
    value += 1;
  EXPECT_EQ(valuesOf(model.graph().initializer(1)), turned);
}

TEST_F(ExportOnnxTest, MissingAndMisshapenStates_AreErrors) {
  auto imported = import(linear());
  ASSERT_TRUE(mlir::succeeded(imported));
  EXPECT_TRUE(mlir::failed(exportOnnx(
      imported->strippedModel, imported->exports,
      [](llvm::StringRef) { return nullptr; }, &context, diagnostics)));
  imported->exports[0].steps = {"transpose 1 0"};
  EXPECT_TRUE(mlir::failed(exportOnnx(
      imported->strippedModel, imported->exports,
      [&](llvm::StringRef name) { return imported->weights.find(name); },
      &context, diagnostics)));
  EXPECT_EQ(diagnostics.errors().size(), 2u);
  EXPECT_EQ(diagnostics.errors()[1].id, "DLC1015");
}

TEST_F(ExportOnnxTest, Write_ReplacesTheFileOrLeavesIt) {
  llvm::SmallString<128> path;
  ASSERT_FALSE(llvm::sys::fs::createTemporaryFile("dlc", "onnx", path));
  EXPECT_TRUE(mlir::succeeded(writeFileAtomically(path, "new", diagnostics)));
  auto file = llvm::MemoryBuffer::getFile(path);
  EXPECT_EQ((*file)->getBuffer(), "new");
  EXPECT_TRUE(mlir::failed(
      writeFileAtomically((path + "/no/folder").str(), "x",
                                     diagnostics)));
  EXPECT_EQ(diagnostics.errors().back().id, "DLC1016");
  llvm::sys::fs::remove(path);
}

} // namespace
