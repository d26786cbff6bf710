// What devices whose memory is the host's share: that memory, copies and fills
// by the thread pool, library calls by oneDNN. A device adds its launches.
#ifndef DLC_RUNTIME_CPU_HOSTSTREAM_H
#define DLC_RUNTIME_CPU_HOSTSTREAM_H

#include "runtime/core/ThreadPool.h"
#include "runtime/cpu/LibraryContext.h"
#include "runtime/device/Allocator.h"
#include "runtime/device/Stream.h"

#include <optional>

namespace dlc::rt {

class HostAllocator final : public Allocator {
public:
  Result<std::unique_ptr<Memory>> allocate(uint64_t bytes) override;
};

/// DLC5009 for a library call whose workspace is too small.
Status missingWorkspace(const char *what, uint64_t needed, uint64_t given);

class HostStream : public Stream {
public:
  explicit HostStream(int threads) : pool(threads), libraries(pool.threads()) {}

  Result<std::unique_ptr<PreparedInstruction>>
  prepare(const fb::Instruction &instruction,
          std::span<std::byte *const> buffers,
          std::span<const uint64_t> bufferBytes) override;
  Status seal() override { return libraries.allocate(); }
  void beginCall() override;
  void endCall() override;
  Status copyToDevice(std::byte *to, const void *from, uint64_t bytes) override;
  Status copyToHost(void *to, const std::byte *from, uint64_t bytes) override;
  Status synchronize() override { return Status::ok(); }
  uint64_t scratchBytes() const override {
    return libraries.totalScratchBytes();
  }

protected:
  /// `instruction` is a Launch.
  virtual Result<std::unique_ptr<PreparedInstruction>>
  prepareLaunch(const fb::Instruction &instruction,
                std::span<std::byte *const> buffers,
                std::span<const uint64_t> bufferBytes) = 0;
  /// Memory of `needed` bytes for a library call (`what`), whose record names
  /// buffer `index` for it (-1: none); null where the call runs without.
  virtual Result<std::byte *>
  findWorkspace(const char *what, uint64_t needed, int index,
                std::span<std::byte *const> buffers,
                std::span<const uint64_t> bufferBytes) = 0;
  /// The threads that an instruction is worth; its results are the same.
  const ThreadPool &poolFor(const fb::Instruction &instruction) const;

private:
  Result<std::unique_ptr<PreparedInstruction>>
  prepareUnchecked(const fb::Instruction &instruction,
                   std::span<std::byte *const> buffers,
                   std::span<const uint64_t> bufferBytes);
  /// That of a call which cannot do without.
  Result<std::byte *> requireWorkspace(const char *what, uint64_t needed,
                                       int index,
                                       std::span<std::byte *const> buffers,
                                       std::span<const uint64_t> bufferBytes);
  Result<std::unique_ptr<PreparedInstruction>>
  prepareGemm(const ThreadPool &threads, const fb::Gemm &gemm,
              std::span<std::byte *const> buffers,
              std::span<const uint64_t> bufferBytes);
  Result<std::unique_ptr<PreparedInstruction>>
  prepareConv(const ThreadPool &threads, const fb::Conv &conv,
              std::span<std::byte *const> buffers,
              std::span<const uint64_t> bufferBytes);
  Result<std::unique_ptr<PreparedInstruction>>
  prepareAttention(const ThreadPool &threads, const fb::Attention &attention,
                   std::span<std::byte *const> buffers,
                   std::span<const uint64_t> bufferBytes);

  ThreadPool pool, serial{1};
  LibraryContext libraries;
  std::optional<FlushToZeroScope> flushToZero;
  std::optional<SingleThreadedLibraries> oneThread;
};

} // namespace dlc::rt

#endif // DLC_RUNTIME_CPU_HOSTSTREAM_H
