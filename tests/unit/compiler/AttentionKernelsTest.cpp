//===- AttentionKernelsTest.cpp - attention on the emulated GPU -----------===//
//------------===//
//
// Forward and backward against the reference evaluator, which computes in
// double, on shapes around the sizes of tiles, with three orders of threads.
//
// Tolerances are relative to the largest element of a result, or 1. f32 sums of
// some hundred terms in another order, and powers of 2 of arguments up to 2^5:
// 2e-5. f64: 1e-13. The 16-bit engines round probabilities and ds before the
// second product, each result, and the reference its own result: three units of
// 2^-8 for bf16 and 2^-11 for f16, twice that where errors of a row's sums
// join.
//
//===----------------------------------------------------------------------===//
#include "tests/unit/compiler/GpuRunner.h"

#include "compiler/codegen/gpu/Ptx.h"
#include "compiler/codegen/gpu/Ptxas.h"
#include "compiler/pipeline/KernelTable.h"
#include "dialects/dlc/IR/Builders.h"
#include "dialects/dlc/reference/Evaluate.h"
#include "passes/fuse/Passes.h"

#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FormatVariadic.h"
#include "gtest/gtest.h"

#include <iostream>

using namespace mlir;
using namespace dlc::test;
using dlc::reference::Tensor;

namespace {

struct Shape {
  std::string batch; // "2x3x"
  int rows, keys, depth, width;
  std::string type;
  bool isCausal = false;
  std::string mask = {}; // "2x1x5x7xi1"
  double scale = 0.25;
};

/// Attention and its gradient in one function.
std::string bothHalves(const Shape &s) {
  std::string wide = s.type == "f64" ? "f64" : "f32";
  auto tensor = [&](int rows, int columns) {
    return llvm::formatv("tensor<{0}{1}x{2}x{3}>", s.batch, rows, columns,
                         s.type)
        .str();
  };
  std::string q = tensor(s.rows, s.depth), k = tensor(s.keys, s.depth),
              v = tensor(s.keys, s.width), o = tensor(s.rows, s.width);
  std::string l =
      llvm::formatv("tensor<{0}{1}x{2}>", s.batch, s.rows, wide).str();
  std::string mask = s.mask.empty() ? "" : "tensor<" + s.mask + ">";
  std::string attributes =
      llvm::formatv("{0} scale {1:E6} {2}", mask.empty() ? "" : " mask %m",
                    s.scale, s.isCausal ? "causal" : "")
          .str();
  std::string more = mask.empty() ? "" : ", " + mask;
  return "func.func @f(%q: " + q + ", %k: " + k + ", %v: " + v + ", %g: " + o +
         (mask.empty() ? "" : ", %m: " + mask) + ") -> (" + o + ", " + l +
         ", " + q + ", " + k + ", " + v +
         ") { %o:2 = dlc.attention %q, %k, %v" + attributes + " : (" + q +
         ", " + k + ", " + v + more + ") -> (" + o + ", " + l +
         ") %d:3 = dlc.attention_grad %g, %q, %k, %v, %o#0, %o#1" + attributes +
         " : (" + o + ", " + q + ", " + k + ", " + v + ", " + o + ", " + l +
         more + ") -> (" + q + ", " + k + ", " + v +
         ") return %o#0, %o#1, %d#0, %d#1, %d#2 : " + o + ", " + l + ", " + q +
         ", " + k + ", " + v + " }";
}

double toleranceOf(StringRef type) {
  if (type == "bf16")
    return 6.0 / 256;
  if (type == "f16")
    return 6.0 / 2048;
  return type == "f64" ? 1e-13 : 2e-5;
}

void expectNear(const Tensor &actual, const Tensor &expected, double tolerance,
                const std::string &what) {
  ASSERT_EQ(actual.getType(), expected.getType());
  // Where one key is seen, terms of that size cancel.
  double largest = 1;
  for (int64_t i = 0; i < expected.size(); ++i)
    if (std::isfinite(expected.number(i)))
      largest = std::max(largest, std::abs(expected.number(i)));
  for (int64_t i = 0; i < expected.size(); ++i) {
    double a = actual.number(i), e = expected.number(i);
    if (!std::isfinite(e)) {
      ASSERT_EQ(a, e) << what << ", element " << i;
      continue;
    }
    ASSERT_LE(std::abs(a - e), tolerance * largest)
        << what << ", element " << i << ": " << a << " instead of " << e;
  }
}

/// The same bytes from three orders of threads, near the reference.
void checkText(const std::string &text, double tolerance,
               unsigned kernels = 2) {
  auto context = createContext();
  auto module = parseSourceString<ModuleOp>(text, context.get());
  ASSERT_TRUE(module) << text;
  auto function = *module->getOps<func::FuncOp>().begin();
  std::vector<Tensor> arguments;
  for (Type type : function.getArgumentTypes())
    arguments.push_back(randomTensor(cast<RankedTensorType>(type),
                                     unsigned(arguments.size()) + 1, 2));
  auto expected = dlc::reference::evaluateFunction(function, arguments);
  ASSERT_TRUE(succeeded(expected));
  std::vector<Tensor> first;
  for (uint64_t seed : {0, 1, 2}) {
    auto copy = parseSourceString<ModuleOp>(text, context.get());
    auto run = runOnGpu(*copy, arguments, seed);
    ASSERT_TRUE(succeeded(run)) << text;
    EXPECT_EQ(run->numKernels, kernels);
    if (seed == 0) {
      first = run->results;
      for (auto [i, actual, wanted] : llvm::enumerate(run->results, *expected))
        expectNear(actual, wanted, tolerance, "result " + std::to_string(i));
      continue;
    }
    for (auto [i, actual, wanted] : llvm::enumerate(run->results, first))
      EXPECT_TRUE(actual.getBytes() == wanted.getBytes())
          << "result " << i << " with threads in order " << seed;
  }
}

void check(const Shape &shape) {
  std::string text = bothHalves(shape);
  SCOPED_TRACE(text);
  checkText(text, toleranceOf(shape.type));
}

class AttentionType : public testing::TestWithParam<const char *> {};

TEST_P(AttentionType, RowsAroundTiles_Plain) {
  for (int rows : {1, 31, 33, 64, 100})
    check({"2x", rows, rows, 16, 16, GetParam()});
}

TEST_P(AttentionType, RowsAroundTiles_Causal) {
  for (int rows : {1, 31, 64, 130})
    check({"", rows, rows, 32, 32, GetParam(), true});
}

TEST_P(AttentionType, Heads_WideAndOdd) {
  check({"1x2x", 70, 70, 64, 64, GetParam(), true, {}, 0.125});
  check({"", 33, 40, 80, 80, GetParam(), false, {}, 0.1});
  check({"", 40, 33, 128, 128, GetParam(), true, {}, 0.09});
  check({"", 20, 18, 21, 5, GetParam()});
  check({"", 20, 18, 12, 40, GetParam(), false, {}, -0.3});
}

TEST_P(AttentionType, CrossAttention_RowsAndKeysDiffer) {
  check({"3x", 5, 100, 16, 32, GetParam()});
  check({"3x", 100, 5, 32, 16, GetParam(), true});
  check({"2x", 7, 90, 16, 16, GetParam(), true});
}

TEST_P(AttentionType, Masks_OfBooleansAndNumbers) {
  std::string wide = StringRef(GetParam()) == "f64" ? "f64" : "f32";
  check({"2x2x", 35, 37, 16, 16, GetParam(), false, "2x1x1x37xi1"});
  check({"2x2x", 9, 70, 16, 16, GetParam(), true, "1x2x9x70xi1"});
  check({"2x2x", 35, 37, 16, 16, GetParam(), false, "1x2x35x37x" + wide});
  check({"2x2x", 35, 37, 16, 16, GetParam(), true, "2x1x1x37x" + wide});
}

INSTANTIATE_TEST_SUITE_P(Types, AttentionType,
                         testing::Values("f32", "bf16", "f16", "f64"),
                         [](const auto &info) {
                           return std::string(info.param);
                         });

TEST(AttentionKernelsTest, RowWithoutKeys_IsZero) {
  for (const char *type : {"f32", "bf16"}) {
    // randomTensor gives both truth values; a mask of one column hides rows.
    check({"", 40, 35, 16, 16, type, false, "40x1xi1"});
  }
}

TEST(AttentionKernelsTest, PackedProduct_ReadAndWrittenInPlace) {
  for (const char *type : {"f32", "bf16"}) {
    std::string text =
        R"(func.func @f(%h: tensor<2x33x3x2x16xT>, %g: tensor<2x33x2x16xT>) -> (tensor<2x33x2x16xT>, tensor<2x33x3x2x16xT>) {
    %t = dlc.transpose %h [2, 0, 3, 1, 4] : tensor<2x33x3x2x16xT> -> tensor<3x2x2x33x16xT>
    %a = dlc.slice %t starts [0, 0, 0, 0, 0] steps [1, 1, 1, 1, 1] : tensor<3x2x2x33x16xT> -> tensor<1x2x2x33x16xT>
    %b = dlc.slice %t starts [1, 0, 0, 0, 0] steps [1, 1, 1, 1, 1] : tensor<3x2x2x33x16xT> -> tensor<1x2x2x33x16xT>
    %c = dlc.slice %t starts [2, 0, 0, 0, 0] steps [1, 1, 1, 1, 1] : tensor<3x2x2x33x16xT> -> tensor<1x2x2x33x16xT>
    %q = dlc.reshape %a : tensor<1x2x2x33x16xT> -> tensor<2x2x33x16xT>
    %k = dlc.reshape %b : tensor<1x2x2x33x16xT> -> tensor<2x2x33x16xT>
    %v = dlc.reshape %c : tensor<1x2x2x33x16xT> -> tensor<2x2x33x16xT>
    %o:2 = dlc.attention %q, %k, %v scale 0.25 causal : (tensor<2x2x33x16xT>, tensor<2x2x33x16xT>, tensor<2x2x33x16xT>) -> (tensor<2x2x33x16xT>, tensor<2x2x33xf32>)
    %r = dlc.transpose %o#0 [0, 2, 1, 3] : tensor<2x2x33x16xT> -> tensor<2x33x2x16xT>
    %w = dlc.transpose %r [0, 2, 1, 3] : tensor<2x33x2x16xT> -> tensor<2x2x33x16xT>
    %e = dlc.transpose %g [0, 2, 1, 3] : tensor<2x33x2x16xT> -> tensor<2x2x33x16xT>
    %d:3 = dlc.attention_grad %e, %q, %k, %v, %w, %o#1 scale 0.25 causal : (tensor<2x2x33x16xT>, tensor<2x2x33x16xT>, tensor<2x2x33x16xT>, tensor<2x2x33x16xT>, tensor<2x2x33x16xT>, tensor<2x2x33xf32>) -> (tensor<2x2x33x16xT>, tensor<2x2x33x16xT>, tensor<2x2x33x16xT>)
    %x = dlc.reshape %d#0 : tensor<2x2x33x16xT> -> tensor<1x2x2x33x16xT>
    %y = dlc.reshape %d#1 : tensor<2x2x33x16xT> -> tensor<1x2x2x33x16xT>
    %z = dlc.reshape %d#2 : tensor<2x2x33x16xT> -> tensor<1x2x2x33x16xT>
    %xt = dlc.transpose %x [1, 3, 0, 2, 4] : tensor<1x2x2x33x16xT> -> tensor<2x33x1x2x16xT>
    %yt = dlc.transpose %y [1, 3, 0, 2, 4] : tensor<1x2x2x33x16xT> -> tensor<2x33x1x2x16xT>
    %zt = dlc.transpose %z [1, 3, 0, 2, 4] : tensor<1x2x2x33x16xT> -> tensor<2x33x1x2x16xT>
    %j = dlc.concat %xt, %yt, %zt dim 2 : (tensor<2x33x1x2x16xT>, tensor<2x33x1x2x16xT>, tensor<2x33x1x2x16xT>) -> tensor<2x33x3x2x16xT>
    return %r, %j : tensor<2x33x2x16xT>, tensor<2x33x3x2x16xT> })";
    for (size_t at = 0; (at = text.find("xT>", at)) != std::string::npos;)
      text.replace(at, 3, std::string("x") + type + ">");
    SCOPED_TRACE(type);
    checkText(text, toleranceOf(type));
  }
}

/// Registers and memory of the kernels for `text`, on `arch`.
std::vector<dlc::gpu::KernelResources> resourcesOf(const std::string &text,
                                                   const std::string &arch) {
  auto context = createContext();
  auto module = parseSourceString<ModuleOp>(text, context.get());
  PassManager passes(context.get());
  passes.addNestedPass<func::FuncOp>(dlc::createAttentionKernelsPass());
  EXPECT_TRUE(succeeded(passes.run(*module)));
  dlc::emit::Target target;
  target.isGpu = true;
  target.bytes = 16;
  dlc::KernelTable table(context.get(), target, 1);
  module->walk(
      [&](dlc::KernelOp kernel) { EXPECT_TRUE(succeeded(table.add(kernel))); });
  std::vector<dlc::gpu::KernelShape> shapes;
  for (const dlc::KernelEntry &entry : table.entries())
    shapes.push_back({entry.symbol, entry.threads, entry.inputs});
  Location loc = UnknownLoc::get(context.get());
  auto modules = dlc::gpu::emitPtx(table.getModules(), shapes, "sm_80", loc);
  EXPECT_TRUE(succeeded(modules));
  std::string ptx = dlc::gpu::joinPtx(*modules);
  auto cubin = dlc::gpu::assemble(ptx, arch, dlc::gpu::findPtxas(), loc);
  EXPECT_TRUE(succeeded(cubin));
  return succeeded(cubin) ? cubin->kernels
                          : std::vector<dlc::gpu::KernelResources>();
}

TEST(AttentionKernelsTest, Ptxas_NothingIsSpilled) {
  if (dlc::gpu::findPtxas().empty())
    GTEST_SKIP() << "NVIDIA's assembler 'ptxas' is not on PATH";
  for (const char *arch : {"sm_80", "sm_90"})
    for (const char *type : {"bf16", "f16", "f32"})
      for (int depth : {64, 128}) {
        auto found = resourcesOf(
            bothHalves({"2x4x", 1024, 1024, depth, depth, type, true}), arch);
        ASSERT_EQ(found.size(), 2u);
        for (const auto &kernel : found) {
          EXPECT_EQ(kernel.spillBytes, 0) << kernel.symbol << " " << arch;
          EXPECT_LE(kernel.sharedBytes, 48 << 10);
          std::cout << arch << " " << type << " " << depth << " "
                    << kernel.symbol << ": " << kernel.registers
                    << " registers, " << kernel.sharedBytes
                    << " bytes of memory, " << kernel.spillBytes
                    << " bytes spilled\n";
        }
      }
}

} // namespace
