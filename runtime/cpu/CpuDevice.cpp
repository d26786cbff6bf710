#include "runtime/cpu/CpuDevice.h"

#include "runtime/cpu/CpuFeatures.h"
#include "runtime/cpu/HostStream.h"
#include "runtime/cpu/KernelLibrary.h"

#include <vector>

namespace dlc::rt {

namespace {

class CpuCode final : public LoadedCode {
public:
  explicit CpuCode(std::shared_ptr<const KernelLibrary> kernels)
      : kernels(std::move(kernels)) {}
  std::shared_ptr<const KernelLibrary> kernels;
};

class PreparedLaunch final : public PreparedInstruction {
public:
  PreparedLaunch(const ThreadPool &pool, KernelFunction function,
                 const fb::Launch &launch, std::span<std::byte *const> buffers,
                 bool isChecked)
      : pool(pool), function(function), groups(launch.groups()) {
    bool hasOffsets = launch.offsets() && launch.offsets()->size() != 0;
    if (launch.buffers())
      for (flatbuffers::uoffset_t i = 0; i < launch.buffers()->size(); ++i)
        pointers.push_back(buffers[launch.buffers()->Get(i)] +
                           (hasOffsets ? launch.offsets()->Get(i) : 0));
    if (isChecked)
      pointers.push_back(&flag);
    if (launch.dims())
      dims.assign(launch.dims()->begin(), launch.dims()->end());
  }
  Status run() override {
    flag = 0;
    pool.parallelFor(groups, [this](int, int64_t first, int64_t end) {
      function(pointers.data(), dims.data(), first, end);
    });
    return Status::ok();
  }
  bool isFaulty() const override { return flag != 0; }

private:
  const ThreadPool &pool;
  KernelFunction function;
  int64_t groups;
  /// Set by the kernels of a traced program.
  int32_t flag = 0;
  std::vector<void *> pointers;
  std::vector<int64_t> dims;
};

class CpuStream final : public HostStream {
public:
  CpuStream(std::shared_ptr<const CpuCode> code, int threads)
      : HostStream(threads), code(std::move(code)) {}

private:
  Result<std::unique_ptr<PreparedInstruction>>
  prepareLaunch(const fb::Instruction &instruction,
                std::span<std::byte *const> buffers,
                std::span<const uint64_t>) override {
    const fb::Launch &launch = *instruction.op_as_Launch();
    return std::unique_ptr<PreparedInstruction>(new PreparedLaunch(
        poolFor(instruction), code->kernels->function(launch.kernel()), launch,
        buffers, instruction.check() != nullptr));
  }
  /// Planned by the compiler, into the arena.
  Result<std::byte *>
  findWorkspace(const char *what, uint64_t needed, int index,
                std::span<std::byte *const> buffers,
                std::span<const uint64_t> bufferBytes) override {
    if (index < 0)
      return static_cast<std::byte *>(nullptr);
    uint64_t given = bufferBytes[static_cast<size_t>(index)];
    if (needed > given)
      return missingWorkspace(what, needed, given);
    return buffers[static_cast<size_t>(index)];
  }

  std::shared_ptr<const CpuCode> code;
};

class CpuDevice final : public Device {
public:
  std::string_view kind() const override { return "cpu"; }
  Allocator &allocator() override { return memory; }
  Allocator &hostAllocator() override { return memory; }

  Result<std::shared_ptr<const LoadedCode>>
  loadCode(const Artifact &artifact) override {
    const fb::Artifact &header = artifact.header();
    if (const fb::Target *target = header.target()) {
      std::vector<std::string_view> features;
      if (target->features())
        for (const flatbuffers::String *feature : *target->features())
          features.push_back(feature->string_view());
      DLC_RETURN_IF_ERROR(checkCpu(
          target->cpu() ? target->cpu()->string_view() : "", features));
    }
    DLC_ASSIGN_OR_RETURN(
        std::shared_ptr<const KernelLibrary> kernels,
        KernelLibrary::load(artifact.section(fb::SectionKind::Code),
                            header.kernels()));
    return std::shared_ptr<const LoadedCode>(
        std::make_shared<CpuCode>(std::move(kernels)));
  }

  Result<std::unique_ptr<Stream>>
  createStream(std::shared_ptr<const LoadedCode> code, int threads) override {
    return std::unique_ptr<Stream>(
        new CpuStream(std::static_pointer_cast<const CpuCode>(std::move(code)),
                      threads > 0 ? threads : defaultThreadCount()));
  }

private:
  HostAllocator memory;
};

} // namespace

Device &cpuDevice() {
  static CpuDevice device;
  return device;
}

} // namespace dlc::rt
