//===- LongRowsTest.cpp - rows that a workgroup shares --------------------===//
//
// Rows from the shortest that a workgroup shares on, of lengths that vectors,
// tiles and workgroups divide and others, on the emulated device with three
// orders of its threads, and with results over operands. Sums are added in
// another order than on a CPU: what follows from them is within 1e-6 of the
// largest result, or one digit of bf16. Extremes and positions have no rounding.
//
//===----------------------------------------------------------------------===//
#include "compiler/codegen/gpu/Ptx.h"
#include "compiler/codegen/gpu/Ptxas.h"
#include "compiler/pipeline/KernelTable.h"
#include "tests/unit/compiler/Families.h"
#include "tests/unit/compiler/GpuRunner.h"

#include "dialects/dlc/indexing/LongRows.h"

#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace dlc::test;
using dlc::reference::Tensor;

namespace {

struct Family {
  const char *name;
  const char *text;
  /// Of the largest result; 0: the CPU's bits.
  double tolerance = 1e-6;
};

const Family families[] = {
    {"softmax", R"(func.func @f(%x: tensor<RxCxf32>) -> tensor<RxCxf32> {
      %m = dlc.reduce_max %x dims [1] : tensor<RxCxf32> -> tensor<Rxf32>
      %mb = dlc.broadcast %m dims [0] : tensor<Rxf32> -> tensor<RxCxf32>
      %d = dlc.sub %x, %mb : tensor<RxCxf32>
      %e = dlc.exp %d : tensor<RxCxf32>
      %s = dlc.reduce_sum %e dims [1] : tensor<RxCxf32> -> tensor<Rxf32>
      %sb = dlc.broadcast %s dims [0] : tensor<Rxf32> -> tensor<RxCxf32>
      %y = dlc.div %e, %sb : tensor<RxCxf32>
      return %y : tensor<RxCxf32> })"},
    {"loss", R"(func.func @f(%n: tensor<RxCxbf16>, %t: tensor<Rxi64>) -> (tensor<RxCxbf16>, tensor<Rxf32>) {
      %zero = dlc.constant dense<0.0> : tensor<f32>
      %x = dlc.cast %n : tensor<RxCxbf16> -> tensor<RxCxf32>
      %m = dlc.reduce_max %x dims [1] : tensor<RxCxf32> -> tensor<Rxf32>
      %mb = dlc.broadcast %m dims [0] : tensor<Rxf32> -> tensor<RxCxf32>
      %d = dlc.sub %x, %mb : tensor<RxCxf32>
      %e = dlc.exp %d : tensor<RxCxf32>
      %s = dlc.reduce_sum %e dims [1] : tensor<RxCxf32> -> tensor<Rxf32>
      %l = dlc.log %s : tensor<Rxf32>
      %lse = dlc.add %m, %l : tensor<Rxf32>
      %i = dlc.iota dim 1 : tensor<RxCxi64>
      %tb = dlc.broadcast %t dims [0] : tensor<Rxi64> -> tensor<RxCxi64>
      %is = dlc.compare eq %i, %tb : tensor<RxCxi64>
      %zb = dlc.broadcast %zero dims [] : tensor<f32> -> tensor<RxCxf32>
      %c = dlc.select %is, %x, %zb : tensor<RxCxi1>, tensor<RxCxf32>
      %own = dlc.reduce_sum %c dims [1] : tensor<RxCxf32> -> tensor<Rxf32>
      %loss = dlc.sub %lse, %own : tensor<Rxf32>
      %lb = dlc.broadcast %lse dims [0] : tensor<Rxf32> -> tensor<RxCxf32>
      %low = dlc.sub %x, %lb : tensor<RxCxf32>
      %p = dlc.exp %low : tensor<RxCxf32>
      %one = dlc.cast %is : tensor<RxCxi1> -> tensor<RxCxf32>
      %g = dlc.sub %p, %one : tensor<RxCxf32>
      %gn = dlc.cast %g : tensor<RxCxf32> -> tensor<RxCxbf16>
      return %gn, %loss : tensor<RxCxbf16>, tensor<Rxf32> })"},
    {"two_operands", R"(func.func @f(%x: tensor<RxCxf32>, %n: tensor<RxCxbf16>) -> (tensor<Rxf32>, tensor<Rxf32>) {
      %w = dlc.cast %n : tensor<RxCxbf16> -> tensor<RxCxf32>
      %p = dlc.mul %x, %w : tensor<RxCxf32>
      %s = dlc.reduce_sum %p dims [1] : tensor<RxCxf32> -> tensor<Rxf32>
      %m = dlc.reduce_min %x dims [1] : tensor<RxCxf32> -> tensor<Rxf32>
      return %s, %m : tensor<Rxf32>, tensor<Rxf32> })"},
    {"guarded", R"(func.func @f(%x: tensor<RxCxf32>) -> tensor<Rxf32> {
      %z = dlc.constant dense<0.5> : tensor<f32>
      %p = dlc.pad %x, %z low [0, 3] interior [0, 0] : (tensor<RxCxf32>, tensor<f32>) -> tensor<RxDxf32>
      %m = dlc.reduce_max %p dims [1] : tensor<RxDxf32> -> tensor<Rxf32>
      return %m : tensor<Rxf32> })", 0},
    {"position", R"(func.func @f(%x: tensor<RxCxf32>) -> tensor<Rxi64> {
      %0 = dlc.arg_max %x dim 1 : tensor<RxCxf32> -> tensor<Rxi64>
      return %0 : tensor<Rxi64> })", 0},
    {"whole_numbers", R"(func.func @f(%x: tensor<RxCxi64>) -> tensor<Rxi64> {
      %0 = dlc.reduce_sum %x dims [1] : tensor<RxCxi64> -> tensor<Rxi64>
      return %0 : tensor<Rxi64> })", 0}};

const std::pair<int, int> shapes[] = {{3, 4100}, {255, 4097}, {2, 5002},
                                      {5, 8196}, {1, 50304}};

class LongRows : public testing::TestWithParam<Family> {};

void expectWithin(const Tensor &actual, const Tensor &expected,
                  double tolerance) {
  if (tolerance == 0)
    EXPECT_TRUE(actual.getBytes() == expected.getBytes());
  if (actual.getElementType().isBF16())
    tolerance = 1.0 / 128;
  double largest = 1e-30;
  for (int64_t i = 0; i < expected.size(); ++i)
    largest = std::max(largest, std::abs(expected.number(i)));
  for (int64_t i = 0; tolerance > 0 && i < expected.size(); ++i)
    ASSERT_LE(std::abs(actual.number(i) - expected.number(i)),
              tolerance * largest)
        << "element " << i;
}

TEST_P(LongRows, OnEveryShape_GiveTheCpusResults) {
  for (auto [rows, columns] : shapes) {
    SCOPED_TRACE(std::to_string(rows) + "x" + std::to_string(columns));
    std::string text = sized(GetParam().text, rows, columns);
    for (size_t at; (at = text.find("xDx")) != std::string::npos;)
      text.replace(at + 1, 1, std::to_string(columns + 3));
    auto context = createContext();
    auto module = parseSourceString<ModuleOp>(text, context.get());
    ASSERT_TRUE(module) << text;
    auto function = *module->getOps<func::FuncOp>().begin();
    std::vector<Tensor> arguments;
    for (Type type : function.getArgumentTypes())
      arguments.push_back(randomTensor(cast<RankedTensorType>(type),
                                       unsigned(arguments.size()) + 1,
                                       columns));
    auto wanted = runOnCpu(*module, arguments);
    ASSERT_TRUE(succeeded(wanted));
    for (uint64_t seed : {0, 1, 2}) {
      auto copy = parseSourceString<ModuleOp>(text, context.get());
      auto run = runOnGpu(*copy, arguments, seed, /*splitsSums=*/false,
                          /*isInPlace=*/seed > 0);
      ASSERT_TRUE(succeeded(run)) << text;
      EXPECT_EQ(run->numKernels, 1);
      for (auto [actual, expected] :
           llvm::zip_equal(run->results, wanted->results))
        expectWithin(actual, expected, GetParam().tolerance);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, LongRows, testing::ValuesIn(families),
                         [](const auto &info) {
                           return std::string(info.param.name);
                         });

TEST(SharedRow, OfAnyLength_IsWholeWarpsAndVectors) {
  EXPECT_EQ(dlc::sharedRow(4096).threads, 0);
  for (int64_t size : {4097, 4100, 5000, 50304, 1 << 20}) {
    dlc::SharedRow row = dlc::sharedRow(size);
    EXPECT_GE(row.threads, 64);
    EXPECT_LE(row.threads, 512);
    EXPECT_EQ(row.threads & (row.threads - 1), 0);
    EXPECT_EQ(size % row.elements, 0);
  }
  EXPECT_EQ(dlc::sharedRow(4097).elements, 1u);
  EXPECT_EQ(dlc::sharedRow(50304).elements, 8u);
}

//===- Registers ----------------------------------------------------------===//
// Skipped where NVIDIA's assembler is not installed.

/// Bytes that the kernels of `text` spill on `arch`.
int64_t spilled(const char *text, const char *arch) {
  auto context = createContext();
  auto module = parseSourceString<ModuleOp>(text, context.get());
  if (!module)
    return -1;
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
  auto modules = dlc::gpu::emitPtx(table.getModules(), shapes, arch, loc);
  if (failed(modules))
    return -1;
  auto cubin = dlc::gpu::assemble(dlc::gpu::joinPtx(*modules), arch,
                                  dlc::gpu::findPtxas(), loc);
  if (failed(cubin) || cubin->kernels.empty())
    return -1;
  int64_t bytes = 0;
  for (const dlc::gpu::KernelResources &kernel : cubin->kernels)
    bytes += kernel.spillBytes;
  return bytes;
}

// The sum of a whole tensor in which a vector is repeated: each element of that
// has an address of its own.
const char *longRow = R"(
func.func @f(%a: tensor<65x17x31xf32>, %b: tensor<65x17x31xf32>, %c: tensor<31xf32>, %d: tensor<f32>) -> tensor<f32> {
  %0 = dlc.kernel "sums" <row, [65, 17, 31], cols = [0, 1, 2]>(%a, %b, %c, %d) : (tensor<65x17x31xf32>, tensor<65x17x31xf32>, tensor<31xf32>, tensor<f32>) -> tensor<f32> {
  ^bb0(%x: tensor<65x17x31xf32>, %y: tensor<65x17x31xf32>, %w: tensor<31xf32>, %s: tensor<f32>):
    %1 = dlc.sub %x, %x : tensor<65x17x31xf32>
    %2 = dlc.reduce_sum %y dims [0, 1, 2] : tensor<65x17x31xf32> -> tensor<f32>
    %3 = dlc.broadcast %w dims [2] : tensor<31xf32> -> tensor<65x17x31xf32>
    %4 = dlc.mul %1, %3 : tensor<65x17x31xf32>
    %5 = dlc.tanh %4 : tensor<65x17x31xf32>
    %6 = dlc.reduce_sum %5 dims [0, 1, 2] : tensor<65x17x31xf32> -> tensor<f32>
    %7 = dlc.add %s, %2 : tensor<f32>
    %8 = dlc.add %7, %6 : tensor<f32>
    dlc.yield %8 : tensor<f32>
  }
  return %0 : tensor<f32>
})";

TEST(LongRowRegisters, AddressesPerElement_NothingIsSpilled) {
  if (dlc::gpu::findPtxas().empty())
    GTEST_SKIP() << "NVIDIA's assembler 'ptxas' is not on PATH";
  for (const char *arch : {"sm_80", "sm_90"})
    EXPECT_EQ(spilled(longRow, arch), 0) << arch;
}

} // namespace
