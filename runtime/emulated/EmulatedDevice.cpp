#include "runtime/emulated/EmulatedDevice.h"

#include "runtime/cpu/CpuFeatures.h"
#include "runtime/cpu/HostStream.h"
#include "runtime/cpu/KernelLibrary.h"
#include "runtime/emulated/Engine.h"
#include "runtime/emulated/RoundedCall.h"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <map>
#include <mutex>
#include <sys/mman.h>
#include <vector>

namespace dlc::rt {

namespace {

/// Address space for what library calls need beside the arena: pages cost
/// memory only once a call touches them.
class LibraryMemory {
public:
  LibraryMemory() = default;
  LibraryMemory(const LibraryMemory &) = delete;
  LibraryMemory &operator=(const LibraryMemory &) = delete;
  ~LibraryMemory() {
    if (begin)
      munmap(begin, limit);
  }
  /// The same memory for all who ask; `what` needs `bytes` of it.
  Result<std::byte *> get(const char *what, uint64_t bytes) {
    if (bytes > limit)
      return missingWorkspace(what, bytes, limit);
    if (!begin) {
      void *memory = mmap(nullptr, limit, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      if (memory == MAP_FAILED)
        return DLC_ERROR(OutOfMemory, "DLC6002", "address space of ", limit,
                         " bytes must be free, but got '",
                         std::strerror(errno), "'");
      begin = static_cast<std::byte *>(memory);
    }
    return begin;
  }

private:
  static constexpr uint64_t limit = uint64_t(64) << 30;
  std::byte *begin = nullptr;
};

struct EmulatedKernel {
  EmulatedFunction function = nullptr;
  const dlc_emulated_kernel *description = nullptr;
  std::string symbol;
  uint32_t threads = 0;
  bool isTable = false;
};

class EmulatedCode final : public LoadedCode {
public:
  std::shared_ptr<const KernelLibrary> library;
  std::vector<EmulatedKernel> kernels;
};

/// "kernel 'map_add' of nodes ['/a', '/b']"
std::string labelOf(const EmulatedKernel &kernel,
                    const fb::Instruction &instruction) {
  std::string label = concat("kernel '", kernel.symbol, "'");
  if (!instruction.nodes() || instruction.nodes()->size() == 0)
    return label;
  label += " of nodes";
  const char *separator = " '";
  for (const flatbuffers::String *node : *instruction.nodes()) {
    label += separator + node->str() + "'";
    separator = ", '";
  }
  return label;
}

class EmulatedLaunchCall final : public PreparedInstruction {
public:
  static Result<std::unique_ptr<PreparedInstruction>>
  create(EmulatorEngine &engine, const EmulatedKernel &kernel,
         const fb::Instruction &instruction,
         std::span<std::byte *const> buffers,
         std::span<const uint64_t> bufferBytes);

  Status run() override {
    flag = 0;
    return engine.run(*launch);
  }
  bool isFaulty() const override { return flag != 0; }

private:
  explicit EmulatedLaunchCall(EmulatorEngine &engine) : engine(engine) {}

  EmulatorEngine &engine;
  std::unique_ptr<EmulatedLaunch> launch;
  /// Set by the kernels of a traced program.
  alignas(64) int32_t flag = 0;
  // Of a kernel that takes tables.
  std::vector<std::byte *> addresses;
  std::vector<int64_t> dims;
};

template <typename T> EmulatedBuffer tableOf(std::vector<T> &values) {
  return {reinterpret_cast<std::byte *>(values.data()),
          values.size() * sizeof(T), /*isReadOnly=*/true,
          /*allowsRaces=*/false};
}

Result<std::unique_ptr<PreparedInstruction>>
EmulatedLaunchCall::create(EmulatorEngine &engine, const EmulatedKernel &kernel,
                           const fb::Instruction &instruction,
                           std::span<std::byte *const> buffers,
                           std::span<const uint64_t> bufferBytes) {
  const fb::Launch &record = *instruction.op_as_Launch();
  std::unique_ptr<EmulatedLaunchCall> call(new EmulatedLaunchCall(engine));
  std::vector<EmulatedBuffer> ranges;
  bool hasOffsets = record.offsets() && record.offsets()->size() != 0;
  if (record.buffers())
    for (flatbuffers::uoffset_t i = 0; i < record.buffers()->size(); ++i) {
      uint32_t index = record.buffers()->Get(i);
      auto offset =
          static_cast<uint64_t>(hasOffsets ? record.offsets()->Get(i) : 0);
      ranges.push_back({buffers[index] + offset, bufferBytes[index] - offset});
    }
  if (instruction.check())
    ranges.push_back({reinterpret_cast<std::byte *>(&call->flag),
                      sizeof(call->flag), false, /*allowsRaces=*/true});
  if (kernel.isTable) {
    for (const EmulatedBuffer &range : ranges)
      call->addresses.push_back(range.data);
    if (record.dims())
      call->dims.assign(record.dims()->begin(), record.dims()->end());
    ranges.insert(ranges.begin(),
                  {tableOf(call->addresses), tableOf(call->dims)});
  }
  if (record.groups() < 0 || record.groups() >> 32 != 0)
    return DLC_ERROR(Corrupt, "DLC6114", labelOf(kernel, instruction),
                     " must have fewer than 2^32 blocks, but got ",
                     record.groups());
  DLC_ASSIGN_OR_RETURN(
      EmulatedLaunch launch,
      EmulatedLaunch::create(*kernel.description, kernel.function,
                             labelOf(kernel, instruction), std::move(ranges),
                             static_cast<uint32_t>(record.groups()),
                             kernel.threads));
  call->launch = std::make_unique<EmulatedLaunch>(std::move(launch));
  return std::unique_ptr<PreparedInstruction>(std::move(call));
}

class EmulatedStream final : public HostStream {
public:
  EmulatedStream(std::shared_ptr<const EmulatedCode> code, int threads,
                 uint64_t seed)
      : HostStream(threads), code(std::move(code)), engine(seed) {}

  Result<std::unique_ptr<PreparedInstruction>>
  prepare(const fb::Instruction &instruction,
          std::span<std::byte *const> buffers,
          std::span<const uint64_t> bufferBytes) override {
    if (!allowsTf32(instruction))
      return HostStream::prepare(instruction, buffers, bufferBytes);
    DLC_ASSIGN_OR_RETURN(
        std::byte * memory,
        rounded.get("rounded operands",
                    roundedBytes(instruction, bufferBytes)));
    return prepareRounded(
        instruction, buffers, bufferBytes, memory,
        [this](const fb::Instruction &call, std::span<std::byte *const> places,
               std::span<const uint64_t> sizes) {
          return HostStream::prepare(call, places, sizes);
        });
  }

private:
  Result<std::unique_ptr<PreparedInstruction>>
  prepareLaunch(const fb::Instruction &instruction,
                std::span<std::byte *const> buffers,
                std::span<const uint64_t> bufferBytes) override {
    return EmulatedLaunchCall::create(
        engine, code->kernels[instruction.op_as_Launch()->kernel()],
        instruction, buffers, bufferBytes);
  }
  /// The plan knows the workspaces of a GPU's libraries, not those of oneDNN;
  /// all calls share one, since they run in turn.
  Result<std::byte *> findWorkspace(const char *what, uint64_t needed, int,
                                    std::span<std::byte *const>,
                                    std::span<const uint64_t>) override {
    if (needed == 0)
      return static_cast<std::byte *>(nullptr);
    return workspace.get(what, needed);
  }

  std::shared_ptr<const EmulatedCode> code;
  EmulatorEngine engine;
  LibraryMemory workspace, rounded;
};

class EmulatedDevice final : public Device {
public:
  explicit EmulatedDevice(uint64_t seed) : seed(seed) {}
  std::string_view kind() const override { return "emulated"; }
  std::string_view targetKind() const override { return "cuda"; }
  /// As the device that it stands for, though its work is done when a call
  /// returns: who submits calls ahead does so here, too.
  bool worksBesideHost() const override { return true; }
  Allocator &allocator() override { return memory; }
  Allocator &hostAllocator() override { return memory; }

  Result<std::shared_ptr<const LoadedCode>>
  loadCode(const Artifact &artifact) override;

  Result<std::unique_ptr<Stream>>
  createStream(std::shared_ptr<const LoadedCode> code, int threads) override {
    return std::unique_ptr<Stream>(new EmulatedStream(
        std::static_pointer_cast<const EmulatedCode>(std::move(code)),
        threads > 0 ? threads : defaultThreadCount(), seed));
  }

private:
  uint64_t seed;
  HostAllocator memory;
};

Result<std::shared_ptr<const LoadedCode>>
EmulatedDevice::loadCode(const Artifact &artifact) {
  auto code = std::make_shared<EmulatedCode>();
  const KernelLibrary::KernelTable *kernels = artifact.header().kernels();
  if (!kernels || kernels->size() == 0)
    return std::shared_ptr<const LoadedCode>(std::move(code));
  std::span<const std::byte> bytes = artifact.code("x86_64");
  if (bytes.empty())
    return DLC_ERROR(Unsupported, "DLC6114",
                     "artifact must hold code for the emulated device, but got "
                     "code for ",
                     listOf(artifact.architectures()));
  DLC_RETURN_IF_ERROR(checkCpu(DLC_EMULATED_CPU, {DLC_EMULATED_FEATURES}));
  DLC_ASSIGN_OR_RETURN(code->library, KernelLibrary::load(bytes, kernels));
  for (flatbuffers::uoffset_t i = 0; i < kernels->size(); ++i) {
    const fb::Kernel &record = *kernels->Get(i);
    EmulatedKernel kernel;
    kernel.symbol = record.symbol()->str();
    kernel.function =
        reinterpret_cast<EmulatedFunction>(code->library->find(kernel.symbol));
    kernel.description = static_cast<const dlc_emulated_kernel *>(
        code->library->find(kernel.symbol + DLC_EMULATED_KERNEL_SUFFIX));
    kernel.threads = record.threads();
    kernel.isTable = record.is_table();
    if (!kernel.description)
      return DLC_ERROR(Corrupt, "DLC6006", "kernel code must define '",
                       kernel.symbol, DLC_EMULATED_KERNEL_SUFFIX,
                       "', but got no such symbol");
    code->kernels.push_back(std::move(kernel));
  }
  return std::shared_ptr<const LoadedCode>(std::move(code));
}

} // namespace

Result<Device *> emulatedDevice(std::string_view text) {
  uint64_t seed = 0;
  auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), seed);
  if (!text.empty() &&
      (error != std::errc() || end != text.data() + text.size()))
    return DLC_ERROR(Unsupported, "DLC6004",
                     "device 'emulated:SEED' must have a number for the seed, "
                     "but got '",
                     text, "'");
  static std::mutex mutex;
  static std::map<uint64_t, std::unique_ptr<EmulatedDevice>> devices;
  std::lock_guard lock(mutex);
  std::unique_ptr<EmulatedDevice> &device = devices[seed];
  if (!device)
    device = std::make_unique<EmulatedDevice>(seed);
  return device.get();
}

} // namespace dlc::rt
