// The shared library that users get: what it needs, shows and weighs. Read
// with the system's own tools, as a packager would.

#include <array>
#include <cstdio>
#include <filesystem>
#include <gtest/gtest.h>
#include <memory>
#include <sstream>
#include <string>

namespace {

std::string output(const std::string &command) {
  std::unique_ptr<FILE, int (*)(FILE *)> pipe(popen(command.c_str(), "r"),
                                              pclose);
  std::string text;
  std::array<char, 4096> part;
  while (size_t n = fread(part.data(), 1, part.size(), pipe.get()))
    text.append(part.data(), n);
  return text;
}

TEST(LibraryTest, Dependencies_HaveNoCompilerAndNoProtobuf) {
  std::string needed =
      output("readelf -d " DLC_RUNTIME_LIBRARY " | grep NEEDED");
  ASSERT_NE(needed.find("libdnnl"), std::string::npos) << needed;
  for (const char *name : {"LLVM", "MLIR", "protobuf", "python", "onnx", "cuda",
                           "cublas", "cudnn", "libomp"})
    EXPECT_EQ(needed.find(name), std::string::npos) << needed;
}

TEST(LibraryTest, Stripped_IsAtMostFiveMegabytes) {
  std::string copy = ::testing::TempDir() + "/dlc_runtime_stripped.so";
  output("strip -o " + copy + " " DLC_RUNTIME_LIBRARY);
  EXPECT_GT(std::filesystem::file_size(copy), 10000u);
  EXPECT_LE(std::filesystem::file_size(copy), 5000000u);
  std::filesystem::remove(copy);
}

TEST(LibraryTest, Symbols_AreThoseOfTheCApi) {
  std::istringstream lines(output("nm -D --defined-only " DLC_RUNTIME_LIBRARY));
  std::string address, kind, name;
  int count = 0;
  while (lines >> address >> kind >> name) {
    EXPECT_EQ(name.rfind("dlc_", 0), 0u) << name;
    ++count;
  }
  EXPECT_GE(count, 30);
}

} // namespace
