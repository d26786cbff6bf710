//===- SpillsTest.cpp - kernels whose registers are counted ---------------===//
//
// Where the emitter decides how much a thread has under way, NVIDIA's assembler
// must find registers for it. Skipped where it is not installed; the kernels of
// whole models are assembled by tests/gpu/ptxas.py.
//
//===----------------------------------------------------------------------===//
#include "compiler/codegen/gpu/Ptx.h"
#include "compiler/codegen/gpu/Ptxas.h"
#include "compiler/pipeline/KernelTable.h"
#include "tests/unit/compiler/CpuRunner.h"

#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

using namespace mlir;

namespace {

/// Bytes that the kernels of `text` spill on `arch`.
int64_t spilled(const char *text, const char *arch) {
  auto context = dlc::test::createContext();
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

TEST(Spills, LongRowWithAddressesPerElement_None) {
  if (dlc::gpu::findPtxas().empty())
    GTEST_SKIP() << "NVIDIA's assembler 'ptxas' is not on PATH";
  for (const char *arch : {"sm_80", "sm_90"})
    EXPECT_EQ(spilled(longRow, arch), 0) << arch;
}

} // namespace
