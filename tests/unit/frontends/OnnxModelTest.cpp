//===- OnnxModelTest.cpp - files that are no models -----------------------===//
//
// Damaged files give errors with ids. Every fixture is cut and altered in a
// fixed pseudo-random way; under sanitizers this is the importer's fuzz test.
//
//===----------------------------------------------------------------------===//
#include "frontends/onnx/LoadedModel.h"
#include "tests/unit/frontends/OnnxBuilder.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"

#include <numeric>
#include <random>

using namespace dlc;
using namespace dlc::test;

namespace {

class OnnxModelTest : public OnnxTest {
protected:
  static OnnxBuilder add() {
    OnnxBuilder b(18);
    b.input("x", {3}).output("y").floats("w", {3}, {1, 2, 3});
    b.node("Add", {"x", "w"}, {"y"});
    return b;
  }
};

bool contains(const std::string &text, const char *part) {
  return text.find(part) != std::string::npos;
}

TEST_F(OnnxModelTest, MissingFile_IsReported) {
  EXPECT_FALSE(OnnxModel::load("no/such.onnx", &context, diagnostics));
  EXPECT_TRUE(contains(diagnostics.text(), "DLC1005"));
}

TEST_F(OnnxModelTest, Folder_IsReported) {
  EXPECT_FALSE(OnnxModel::load(DLC_FIXTURES, &context, diagnostics));
  EXPECT_TRUE(contains(diagnostics.text(), "DLC1005"));
}

TEST_F(OnnxModelTest, OtherBytes_AreNoModel) {
  for (std::string bytes :
       {std::string(), std::string("PK\3\4 something"),
        std::string(1000, '\xff'), std::string(1000, '\0')}) {
    diagnostics = {};
    EXPECT_FALSE(parse(bytes));
    EXPECT_TRUE(contains(diagnostics.text(), "DLC1006")) << bytes.size();
  }
}

TEST_F(OnnxModelTest, NestedMessages_AreRefused) {
  // Graphs in attributes of nodes of graphs …
  std::string inner;
  auto wrap = [](char tag, const std::string &body) {
    std::string size;
    for (size_t left = body.size(); ; left >>= 7) {
      size += char((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
      if (left <= 0x7f)
        break;
    }
    return tag + size + body;
  };
  for (int i = 0; i < 200; ++i)
    inner = wrap('\x0a', wrap('\x2a', wrap('\x32', inner)));
  EXPECT_FALSE(parse(wrap('\x3a', inner)));
  EXPECT_TRUE(contains(diagnostics.text(), "DLC1006"));
}

TEST_F(OnnxModelTest, WrongSize_IsReported) {
  OnnxBuilder b = add();
  b.model.mutable_graph()->mutable_initializer(0)->set_dims(0, 4);
  EXPECT_TRUE(contains(errorsOf(b), "must hold 16 bytes, but got 12"));
}

TEST_F(OnnxModelTest, HugeAndNegativeDims_AreReported) {
  for (int64_t size : {int64_t(-1), INT64_MAX, int64_t(1) << 41}) {
    OnnxBuilder b = add();
    b.model.mutable_graph()->mutable_initializer(0)->set_dims(0, size);
    diagnostics = {};
    EXPECT_TRUE(contains(errorsOf(b), "DLC1007")) << size;
  }
}

TEST_F(OnnxModelTest, UnknownOps_AreListedAtOnce) {
  OnnxBuilder b = add();
  b.node("Foo", {"x"}, {"a"}).node("Bar", {"x"}, {"b"}).node("Foo", {"a"},
                                                             {"c"});
  std::string text = errorsOf(b);
  EXPECT_TRUE(contains(text, "'Foo' (opset 18) in nodes 'node_a', 'node_c'"));
  EXPECT_TRUE(contains(text, "'Bar' (opset 18) in node 'node_b'"));
}

TEST_F(OnnxModelTest, Opset_IsChecked) {
  OnnxBuilder b = add();
  b.model.mutable_opset_import(0)->set_version(99);
  EXPECT_TRUE(contains(errorsOf(b), "DLC1003"));
}

TEST_F(OnnxModelTest, UnboundDims_AreListed) {
  OnnxBuilder b = add();
  b.model.mutable_graph()
      ->mutable_input(0)
      ->mutable_type()
      ->mutable_tensor_type()
      ->mutable_shape()
      ->mutable_dim(0)
      ->set_dim_param("n");
  EXPECT_TRUE(contains(errorsOf(b), "'n'"));
  diagnostics = {};
  options.dims["n"] = 3;
  options.modes = {ImportMode::Forward};
  EXPECT_TRUE(mlir::succeeded(import(b))) << diagnostics.text();
  options.dims["m"] = 3;
  EXPECT_TRUE(contains(errorsOf(b), "DLC1013"));
}

TEST_F(OnnxModelTest, FunctionThatCallsItself_IsRefused) {
  OnnxBuilder b = add();
  b.node("F", {"x"}, {"z"});
  b.model.mutable_graph()->mutable_node(1)->set_domain("own");
  onnx::FunctionProto &f = *b.model.add_functions();
  f.set_name("F");
  f.set_domain("own");
  f.add_input("a");
  f.add_output("b");
  for (const char *result : {"t", "b"}) {
    onnx::NodeProto &call = *f.add_node();
    call.set_op_type("F");
    call.set_domain("own");
    call.add_input("a");
    call.add_output(result);
  }
  EXPECT_TRUE(contains(errorsOf(b), "DLC1018"));
}

/// Cuts, overwrites or flips parts of `bytes`.
std::string damaged(std::string bytes, std::mt19937_64 &random) {
  if (random() % 4 == 0) {
    bytes.resize(random() % bytes.size());
    return bytes;
  }
  for (int i = 0; i < 4; ++i)
    bytes[random() % bytes.size()] ^= char(1 << (random() % 8));
  if (random() % 4 == 0)
    bytes.erase(random() % bytes.size(), random() % 40);
  return bytes;
}

TEST_F(OnnxModelTest, ParsedInPlace_HasTheSameTensorsWithoutCopies) {
  OnnxBuilder b(17);
  std::vector<float> values(2048);
  std::iota(values.begin(), values.end(), 1.0f);
  b.floats("large", {2, 1024}, values).floats("small", {2}, {3, 4});
  b.ints("list", {2}, {5, 6}).input("x", {2, 1024}).output("y");
  b.node("Add", {"x", "large"}, {"y"});
  auto bytes = std::make_shared<const std::string>(b.bytes());
  Diagnostics errors;
  auto copied = OnnxModel::parse(*bytes, "m", "", &context, errors);
  auto inPlace = OnnxModel::parse(*bytes, "m", "", &context, errors, bytes);
  ASSERT_TRUE(copied && inPlace);
  const auto &want = copied->data().initializers;
  const auto &found = inPlace->data().initializers;
  ASSERT_EQ(found.size(), 3u);
  for (size_t i = 0; i < want.size(); ++i) {
    EXPECT_EQ(found[i].name, want[i].name);
    EXPECT_EQ(found[i].type, want[i].type);
    EXPECT_EQ(found[i].bytes, want[i].bytes);
  }
  auto isWithin = [&](llvm::ArrayRef<char> view) {
    return view.data() >= bytes->data() &&
           view.data() + view.size() <= bytes->data() + bytes->size();
  };
  EXPECT_TRUE(isWithin(found[0].bytes));
  EXPECT_FALSE(isWithin(found[1].bytes));
}

TEST_F(OnnxModelTest, DamagedFixtures_GiveErrorsAndNoCrash) {
  std::mt19937_64 random(7);
  std::error_code failure;
  int files = 0;
  for (llvm::sys::fs::directory_iterator at(DLC_FIXTURES, failure), end;
       at != end && !failure; at.increment(failure)) {
    if (!llvm::StringRef(at->path()).ends_with(".onnx"))
      continue;
    auto file = llvm::MemoryBuffer::getFile(at->path());
    ASSERT_TRUE(bool(file));
    ++files;
    for (int i = 0; i < 8; ++i) {
      Diagnostics errors;
      auto bytes = std::make_shared<const std::string>(
          damaged((*file)->getBuffer().str(), random));
      // Half of them are parsed in place, as files are.
      auto model = OnnxModel::parse(*bytes, "model.onnx", "", &context, errors,
                                    i % 2 ? bytes : nullptr);
      options.batch = 3;
      auto fresh =
          mlir::OwningOpRef<mlir::ModuleOp>(mlir::ModuleOp::create(
              mlir::UnknownLoc::get(&context)));
      bool works = model && mlir::succeeded(importOnnx(*model, options, *fresh,
                                                       errors));
      EXPECT_NE(works, errors.hasErrors()) << at->path();
    }
  }
  EXPECT_GT(files, 10);
}

} // namespace
