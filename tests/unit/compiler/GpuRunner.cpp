//===- GpuRunner.cpp - runs dlc functions through generated GPU code ------===//
#include "tests/unit/compiler/GpuRunner.h"

#include "compiler/codegen/gpu/EmulatorLowering.h"
#include "compiler/codegen/gpu/Ptx.h"
#include "passes/fuse/Passes.h"
#include "runtime/emulated/Engine.h"
#include "tests/unit/compiler/KernelCode.h"

#include "gtest/gtest.h"

#include <dlfcn.h>

using namespace mlir;
using dlc::reference::Tensor;

namespace dlc::test {

namespace {

class GpuCode : public KernelCode {
public:
  GpuCode(uint64_t seed, bool splitsSums, bool isInPlace)
      : engine(seed), splitsSums(splitsSums), isInPlace(isInPlace) {}
  ~GpuCode() override {
    if (handle)
      dlclose(handle);
  }

  void addPasses(PassManager &passes) override {
    if (splitsSums)
      passes.addNestedPass<func::FuncOp>(createSplitReductionsPass());
    FormKernelsPassOptions form;
    form.target = "cuda";
    passes.addNestedPass<func::FuncOp>(createFormKernelsPass(form));
    passes.addNestedPass<func::FuncOp>(createAttentionKernelsPass());
  }

  LogicalResult compile(KernelTable &table, Location loc) override {
    std::vector<gpu::KernelShape> shapes;
    for (const KernelEntry &entry : table.entries())
      shapes.push_back({entry.symbol, entry.threads, entry.inputs});
    auto modules = gpu::emitPtx(table.getModules(), shapes, "sm_80", loc);
    if (failed(modules))
      return failure();
    std::vector<llvm::Module *> raw;
    for (gpu::GpuModule &module : *modules)
      raw.push_back(module.module.get());
    FailureOr<std::string> code = gpu::emitEmulatedObject(raw, loc);
    if (succeeded(code))
      handle = loadCode(*code);
    return success(handle != nullptr);
  }

  LogicalResult run(const KernelEntry &entry,
                    ArrayRef<MutableArrayRef<char>> buffers) override {
    std::string symbol = entry.symbol;
    auto function =
        reinterpret_cast<rt::EmulatedFunction>(dlsym(handle, symbol.c_str()));
    symbol += DLC_EMULATED_KERNEL_SUFFIX;
    auto *kernel = static_cast<const dlc_emulated_kernel *>(
        dlsym(handle, symbol.c_str()));
    // Launches align their buffers; tensors of the tests need not.
    std::vector<std::unique_ptr<char[]>> owners;
    std::vector<rt::EmulatedBuffer> places;
    for (auto [i, buffer] : llvm::enumerate(buffers)) {
      auto isSame = [&](rt::EmulatedBuffer place) {
        return place.bytes == buffer.size();
      };
      if (auto found = llvm::find_if(places, isSame);
          isInPlace && i == entry.inputs && found != places.end()) {
        places.push_back(*found);
        continue;
      }
      owners.push_back(std::make_unique<char[]>(buffer.size() + 64));
      auto start = reinterpret_cast<uintptr_t>(owners.back().get());
      auto *data = reinterpret_cast<std::byte *>((start + 63) / 64 * 64);
      std::memcpy(data, buffer.data(), buffer.size());
      places.push_back({data, buffer.size()});
    }
    auto launch =
        rt::EmulatedLaunch::create(*kernel, function, entry.symbol, places,
                                   uint32_t(entry.groups), entry.threads);
    rt::Status status =
        launch.isOk() ? engine.run(*launch) : std::move(launch.status());
    EXPECT_TRUE(status.isOk()) << status.message();
    for (auto [buffer, place] : llvm::zip_equal(buffers, places))
      std::memcpy(buffer.data(), place.data, buffer.size());
    return success(status.isOk());
  }

private:
  rt::EmulatorEngine engine;
  bool splitsSums;
  bool isInPlace;
  void *handle = nullptr;
};

} // namespace

FailureOr<CpuRun> runOnGpu(ModuleOp module, ArrayRef<Tensor> arguments,
                           uint64_t seed, bool splitsSums, bool isInPlace) {
  emit::Target target;
  target.isGpu = true;
  target.bytes = 16;
  KernelTable table(module.getContext(), target, 1);
  GpuCode code(seed, splitsSums, isInPlace);
  return runKernels(module, arguments, table, code);
}

} // namespace dlc::test
