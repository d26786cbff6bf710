//===- ExternalDataTest.cpp - files that a model may and may not name -----===//
#include "frontends/onnx/ExternalData.h"
#include "tests/unit/frontends/OnnxBuilder.h"

#include "llvm/Support/FileSystem.h"

#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

using namespace dlc;
using namespace dlc::test;

namespace {

class ExternalDataTest : public OnnxTest {
protected:
  ExternalDataTest() {
    EXPECT_FALSE(llvm::sys::fs::createUniqueDirectory("dlc-external", folder));
    std::vector<float> values = {1, 2, 3};
    std::ofstream(path("w.bin"), std::ios::binary)
        .write(reinterpret_cast<const char *>(values.data()), 12);
  }
  ~ExternalDataTest() override {
    llvm::sys::fs::remove_directories(folder);
  }
  std::string path(const std::string &name) {
    return (folder + "/" + name).str();
  }
  /// Loads a model whose weight lies in `location`.
  std::string errors(const std::string &location, int64_t offset = 0,
                     int64_t length = 12) {
    OnnxBuilder b(18);
    b.input("x", {3}).output("y").floats("w", {3}, {});
    b.node("Add", {"x", "w"}, {"y"});
    onnx::TensorProto &w = *b.model.mutable_graph()->mutable_initializer(0);
    w.clear_raw_data();
    w.set_data_location(onnx::TensorProto::EXTERNAL);
    auto add = [&](const char *key, const std::string &value) {
      auto &entry = *w.add_external_data();
      entry.set_key(key);
      entry.set_value(value);
    };
    add("location", location);
    add("offset", std::to_string(offset));
    add("length", std::to_string(length));
    Diagnostics errors;
    auto model =
        OnnxModel::parse(b.bytes(), "model.onnx", folder, &context, errors);
    EXPECT_EQ(model == nullptr, errors.hasErrors());
    return errors.text();
  }
  llvm::SmallString<128> folder;
};

TEST_F(ExternalDataTest, FileBesideTheModel_IsRead) {
  EXPECT_EQ(errors("w.bin"), "");
  EXPECT_EQ(errors("./w.bin"), "");
}

TEST_F(ExternalDataTest, PathOutOfTheFolder_IsRefused) {
  for (const char *location :
       {"../w.bin", "/etc/passwd", "a/../../w.bin", "", "missing.bin"})
    EXPECT_NE(errors(location).find("DLC1008"), std::string::npos) << location;
}

TEST_F(ExternalDataTest, Links_AreRefused) {
  ASSERT_EQ(symlink("w.bin", path("soft.bin").c_str()), 0);
  EXPECT_NE(errors("soft.bin").find("symbolic link"), std::string::npos);
  ASSERT_EQ(link(path("w.bin").c_str(), path("hard.bin").c_str()), 0);
  EXPECT_NE(errors("hard.bin").find("hard links"), std::string::npos);
}

TEST_F(ExternalDataTest, FolderBehindALink_IsRefused) {
  ASSERT_EQ(mkdir(path("sub").c_str(), 0700), 0);
  ASSERT_EQ(symlink("sub", path("alias").c_str()), 0);
  EXPECT_NE(errors("alias/w.bin").find("DLC1008"), std::string::npos);
}

TEST_F(ExternalDataTest, Pipe_IsRefusedWithoutWaiting) {
  ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);
  EXPECT_NE(errors("pipe").find("regular file"), std::string::npos);
}

TEST_F(ExternalDataTest, RangeBeyondTheFile_IsRefused) {
  EXPECT_NE(errors("w.bin", 4).find("DLC1008"), std::string::npos);
  EXPECT_NE(errors("w.bin", -1).find("DLC1008"), std::string::npos);
  EXPECT_NE(errors("w.bin", 0, INT64_MAX).find("DLC1008"), std::string::npos);
  EXPECT_NE(errors("w.bin", 0, 8).find("DLC1007"), std::string::npos);
}

} // namespace
