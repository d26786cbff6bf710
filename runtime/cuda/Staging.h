// Pinned memory between the caller's tensors and the GPU, so that copies run
// beside the host: two halves in turn on the way in, one piece on the way out,
// which the host copies to its callers once the stream is done.
#ifndef DLC_RUNTIME_CUDA_STAGING_H
#define DLC_RUNTIME_CUDA_STAGING_H

#include "runtime/cuda/Driver.h"

#include <vector>

namespace dlc::rt::cuda {

/// Pinned host memory.
class PinnedBytes {
public:
  PinnedBytes() = default;
  PinnedBytes(PinnedBytes &&other) noexcept;
  PinnedBytes &operator=(PinnedBytes &&other) noexcept;
  /// The GPU's context is the thread's.
  ~PinnedBytes();
  /// DLC6212 when the system gives no such memory.
  static Result<PinnedBytes> allocate(const Driver &driver, uint64_t bytes);
  std::byte *data() const { return base; }
  Status clear(uint64_t bytes) const;

private:
  const Driver *driver = nullptr;
  std::byte *base = nullptr;
};

/// Of one stream; used by one thread at a time, whose context is the GPU's.
class Staging {
public:
  static constexpr uint64_t halfBytes = uint64_t(4) << 20;
  static constexpr uint64_t outBytes = uint64_t(1) << 20;
  static constexpr size_t mostPending = 64;
  /// Marks that may be waited for; a further one waits for the oldest.
  static constexpr size_t mostMarks = 4;

  Staging(const Driver &driver, StreamHandle stream);
  ~Staging();
  Staging(const Staging &) = delete;
  Staging &operator=(const Staging &) = delete;

  /// Takes the memory.
  Status open();
  Status send(DeviceAddress to, const void *from, uint64_t bytes);
  /// `to` is written by finish().
  Status fetch(void *to, DeviceAddress from, uint64_t bytes);
  /// A point behind all that was sent and fetched, for await().
  Result<uint64_t> mark();
  /// Waits for what is before `mark` and writes what was fetched there.
  Status await(uint64_t mark);
  /// Waits for the stream.
  Status finish();

private:
  Status sendPiece(DeviceAddress to, const std::byte *from, uint64_t bytes);
  Status issueFetch(void *to, DeviceAddress from, uint64_t bytes);
  Status turn();

  struct Half {
    PinnedBytes memory;
    EventHandle isRead = nullptr;
    bool isWaitedFor = false;
  };
  struct Pending {
    void *to;
    const std::byte *from;
    uint64_t bytes;
    uint64_t mark; // the one behind it
  };
  const Driver &driver;
  StreamHandle stream;
  EventHandle marks[mostMarks] = {};
  uint64_t lastMark = 0, reached = 0;
  Half halves[2];
  int current = 0;
  uint64_t used = 0;
  PinnedBytes out;
  uint64_t outUsed = 0;
  std::vector<Pending> pending;
};

} // namespace dlc::rt::cuda

#endif // DLC_RUNTIME_CUDA_STAGING_H
