// What the prepared instructions of one program share on a GPU: a block of
// device memory with what they keep there (tables of addresses, narrowed
// biases, flags), their events, and the graph that the program becomes.
//
//   block: [what keep() gave, each at a multiple of 256 | flags, 4 bytes each]
#ifndef DLC_RUNTIME_CUDA_CUDAPROGRAM_H
#define DLC_RUNTIME_CUDA_CUDAPROGRAM_H

#include "runtime/cuda/Staging.h"

#include <cstddef>
#include <span>
#include <vector>

namespace dlc::rt::cuda {

class CudaProgram {
public:
  explicit CudaProgram(const Driver &driver) : driver(driver) {}
  CudaProgram(const CudaProgram &) = delete;
  CudaProgram &operator=(const CudaProgram &) = delete;
  /// The GPU's context is the thread's, and the GPU does none of the work.
  ~CudaProgram();

  /// Before seal(): `bytes` bytes of device memory, zero.
  size_t keep(uint64_t bytes);
  /// The same with these 64-bit words to begin with.
  size_t keep(std::span<const uint64_t> words);
  /// The number of a new flag.
  size_t addFlag();
  /// Word `word` of the words kept at `offset` becomes the address of `flag`.
  void refer(size_t offset, size_t word, size_t flag);
  Result<EventHandle> addEvent(unsigned flags);

  /// Takes the block and fills it. Called once.
  Status seal();
  DeviceAddress address(size_t offset) const { return block + offset; }
  DeviceAddress flagAddress(size_t flag) const {
    return block + flagOffset + 4 * flag;
  }
  uint64_t blockBytes() const { return block ? image.size() : 0; }

  /// Around the instructions of a run.
  Status clearFlags(StreamHandle stream);
  Status fetchFlags(StreamHandle stream);
  /// As fetched; after the stream was waited for.
  bool isSet(size_t flag) const;

  // Of the stream that runs it.
  bool hasTransfers = false;
  bool hasRun = false;
  /// How often it was tried to make the graph.
  int recordings = 0;
  GraphExecHandle graph = nullptr;
  /// One more than there are instructions, for measured runs.
  std::vector<EventHandle> marks;

private:
  const Driver &driver;
  std::vector<std::byte> image;
  struct Reference {
    size_t offset, flag;
  };
  std::vector<Reference> references;
  size_t flags = 0, flagOffset = 0;
  DeviceAddress block = 0;
  PinnedBytes mirror;
  std::vector<EventHandle> events;
};

} // namespace dlc::rt::cuda

#endif // DLC_RUNTIME_CUDA_CUDAPROGRAM_H
