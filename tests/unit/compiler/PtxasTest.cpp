// What is asked of the assembler where kernels spill, with a script in its
// place.

#include "compiler/codegen/gpu/Ptxas.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/MLIRContext.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <unistd.h>

using namespace dlc::gpu;

namespace {

constexpr const char *ptx = ".visible .entry first(\n"
                            "\t.param .u64 p\n"
                            ")\n"
                            ".maxntid 256\n"
                            "{\n"
                            "}\n"
                            ".visible .entry second(\n"
                            ")\n"
                            ".maxntid 256\n"
                            ".minnctapersm 2\n"
                            "{\n"
                            "}\n";

KernelResources named(const char *symbol) {
  KernelResources resources;
  resources.symbol = symbol;
  return resources;
}

/// A program that says what the kernels of `ptx` take, and hands its input on.
/// The first spills without a demand, the second unless one workgroup will do.
class PtxasTest : public ::testing::Test {
protected:
  PtxasTest() {
    folder = std::filesystem::temp_directory_path() /
             ("dlc-ptxas-test." + std::to_string(getpid()));
    std::filesystem::create_directories(folder);
  }
  ~PtxasTest() override { std::filesystem::remove_all(folder); }

  std::string program(const std::string &body) {
    std::string path = (folder / "ptxas").string();
    std::ofstream(path) << "#!/bin/sh\n"
                           "for last; do :; done\n"
                           "for word; do case $word in *.ptx) in=$word;; esac; "
                           "done\n"
                        << body;
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    return path;
  }
  mlir::FailureOr<Cubin> assembleWith(const std::string &body) {
    context.getDiagEngine().registerHandler([&](mlir::Diagnostic &diagnostic) {
      said = diagnostic.str();
    });
    return assemble(ptx, "sm_90", program(body),
                    mlir::UnknownLoc::get(&context));
  }
  std::filesystem::path folder;
  mlir::MLIRContext context;
  std::string said;
};

constexpr const char *spilling = R"(
one=8 two=16
grep -A4 'entry first' "$in" | grep -q minnctapersm && one=0
grep -A4 'entry second' "$in" | grep -q 'minnctapersm 1' && two=0
echo "ptxas info    : Compiling entry function 'first' for 'sm_90'"
echo "    0 bytes stack frame, $one bytes spill stores, $one bytes spill loads"
echo "ptxas info    : Used 80 registers, used 0 barriers"
echo "ptxas info    : Compiling entry function 'second' for 'sm_90'"
echo "    0 bytes stack frame, $two bytes spill stores, 0 bytes spill loads"
echo "ptxas info    : Used 128 registers, used 0 barriers, 1024 bytes smem"
cp "$in" "$last"
)";

TEST_F(PtxasTest, Demand_IsOfTheNamedKernels) {
  EXPECT_EQ(withWorkgroups(ptx, {}, 2), ptx);
  std::string text = withWorkgroups(ptx, {named("first")}, 2);
  EXPECT_NE(text.find(".maxntid 256\n.minnctapersm 2\n{\n}\n.visible"),
            std::string::npos)
      << text;
  text = withWorkgroups(ptx, {named("second")}, 1);
  EXPECT_NE(text.find(".maxntid 256\n{\n}\n.visible"), std::string::npos);
  EXPECT_NE(text.find(".maxntid 256\n.minnctapersm 1\n{\n}\n"),
            std::string::npos)
      << text;
  EXPECT_EQ(withWorkgroups(ptx, {named("sec")}, 1), ptx);
}

TEST_F(PtxasTest, SpillingKernels_AreAssembledAgain) {
  auto cubin = assembleWith(spilling);
  ASSERT_TRUE(succeeded(cubin)) << said;
  ASSERT_EQ(cubin->kernels.size(), 2u);
  EXPECT_EQ(cubin->kernels[0].spillBytes, 0u);
  EXPECT_EQ(cubin->kernels[1].spillBytes, 0u);
  EXPECT_EQ(cubin->kernels[1].registers, 128u);
  EXPECT_EQ(cubin->kernels[1].sharedBytes, 1024u);
  // The code is of the text that spills nothing: each has its own demand.
  EXPECT_EQ(cubin->bytes,
            withWorkgroups(withWorkgroups(ptx, {named("first")}, 2),
                           {named("second")}, 1));
}

TEST_F(PtxasTest, Refusal_SaysWhatThereIsToSay) {
  EXPECT_TRUE(failed(assembleWith("echo 'no such instruction'; exit 1\n")));
  EXPECT_NE(said.find("'no such instruction' [DLC4204]"), std::string::npos);
  EXPECT_TRUE(failed(assembleWith("exit 3\n")));
  EXPECT_NE(said.find("'exit status 3' [DLC4204]"), std::string::npos) << said;
}

} // namespace
