// Programs on a GPU. The first run of a program issues its instructions one by
// one, which lets the driver and the libraries load what they load late. The
// second is captured as one CUDA graph, and from then on a run is one launch of
// that graph: addresses never change, inputs are copied to fixed places before
// it, outputs from fixed places after it, and nothing within it waits for the
// host. A call that measures its instructions issues them one by one, and so
// does a program that cannot be recorded; DLC_LOG says why.
#ifndef DLC_RUNTIME_CUDA_CUDASTREAM_H
#define DLC_RUNTIME_CUDA_CUDASTREAM_H

#include "runtime/cuda/AheadCopies.h"
#include "runtime/cuda/CallTimer.h"
#include "runtime/cuda/CudaAttention.h"
#include "runtime/cuda/CudaCode.h"
#include "runtime/cuda/CudaProgram.h"
#include "runtime/cuda/Gpu.h"

#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace dlc::rt::cuda {

class CudaStream;

/// One instruction of a program; issued on the stream's handles.
class CudaInstruction : public PreparedInstruction {
public:
  CudaInstruction(CudaStream &stream, CudaProgram &program,
                  const fb::Instruction &record)
      : stream(stream), shared(program), record(record) {}

  /// Issues the work, then the scans of what it wrote. The GPU's context is the
  /// thread's. Errors name the instruction and its ONNX nodes.
  Status issue();
  /// The same from any thread.
  Status run() final;
  bool isFaulty() const final { return flag && shared.isSet(*flag); }

  CudaProgram &program() const { return shared; }
  const fb::Instruction &instruction() const { return record; }
  /// "Launch 'map_add' of 'conv1', 'relu1'".
  std::string rangeName() const;
  /// Scans `call`'s operand after each issue().
  void addScan(const HelperKernels &helpers, const HelperCall &call) {
    scanner = &helpers;
    scans.push_back(call);
  }
  void setFlag(size_t number) { flag = number; }

protected:
  virtual Status issueWork() = 0;
  /// Once the program is sealed: its block has an address.
  virtual Status bind() { return Status::ok(); }
  CudaStream &stream;
  CudaProgram &shared;
  std::optional<size_t> flag;

private:
  friend class CudaStream;
  const fb::Instruction &record;
  const HelperKernels *scanner = nullptr;
  std::vector<HelperCall> scans;
};

/// What prepare() passes to those who make instructions.
struct Operands {
  std::span<std::byte *const> buffers;
  std::span<const uint64_t> bytes;
  DeviceAddress at(int64_t index) const {
    return index < 0 ? 0 : toAddress(buffers[static_cast<size_t>(index)]);
  }
  uint64_t sizeOf(int64_t index) const {
    return index < 0 ? 0 : bytes[static_cast<size_t>(index)];
  }
};

/// Memory that a library call may overwrite.
struct Workspace {
  DeviceAddress begin = 0; // a multiple of 256
  uint64_t bytes = 0;
  /// It is the stream's, and `begin` is CudaStream::scratch() once sealed.
  bool isScratch = false;
};

class CudaStream final : public Stream {
public:
  static Result<std::unique_ptr<CudaStream>>
  create(Gpu &gpu, std::shared_ptr<const CudaCode> code);
  ~CudaStream() override;

  Result<std::unique_ptr<PreparedInstruction>>
  prepare(const fb::Instruction &instruction,
          std::span<std::byte *const> buffers,
          std::span<const uint64_t> bufferBytes) override;
  Status seal() override;
  Status
  runAll(std::span<const std::unique_ptr<PreparedInstruction>> instructions,
         std::span<int64_t> nanoseconds) override;
  Result<int64_t> time(PreparedInstruction &instruction) override;
  void beginCall() override {}
  void endCall() override {}
  Status copyToDevice(std::byte *to, const void *from, uint64_t bytes) override;
  Status copyToHost(void *to, const std::byte *from, uint64_t bytes) override;
  Status copyAhead(std::byte *to, const void *from, uint64_t bytes) override;
  Result<uint64_t> mark() override;
  Status await(uint64_t mark) override;
  Result<const std::byte *> view(const std::byte *from, uint64_t bytes,
                                 std::vector<std::byte> &storage) override;
  Status synchronize() override;
  uint64_t scratchBytes() const override;

  // For instructions.
  Gpu &gpu() const { return owner; }
  const Driver &driver() const { return owner.driver(); }
  StreamHandle main() const { return mainStream; }
  StreamHandle copies() const { return copyStream; }
  /// The workspace that the plan gives a call, buffer `index`; if it gives none
  /// (-1), up to `most` bytes of the stream's.
  static Workspace workspaceOf(Operands operands, int64_t index, uint64_t most);
  /// seal() takes at least so many bytes for calls without a workspace.
  void wantScratch(uint64_t bytes);
  DeviceAddress scratch() const {
    return scratches.empty() ? 0 : scratches.back().first;
  }
  /// The artifact's choice for a call of `library`; empty where it has none for
  /// this GPU and this version.
  std::span<const uint8_t> choiceOf(const fb::Instruction &instruction,
                                    std::string_view library) const;
  /// Makes the main stream wait for the copies of `program`.
  Status joinCopies(const CudaProgram &program);
  /// cuDNN's handle for this stream.
  Result<DnnHandle> dnnHandle();
  AttentionKernels &attentionKernels() { return attention; }

private:
  using Instructions = std::span<const std::unique_ptr<PreparedInstruction>>;
  using Prepared = Result<std::unique_ptr<CudaInstruction>>;
  CudaStream(Gpu &gpu, std::shared_ptr<const CudaCode> code)
      : owner(gpu), code(std::move(code)) {}
  Status open();
  Prepared prepareOne(const fb::Instruction &instruction, Operands operands);
  Prepared prepareUnchecked(const fb::Instruction &instruction,
                            Operands operands);
  Prepared prepareLaunch(const fb::Instruction &instruction, Operands operands);
  Prepared prepareTransfer(const fb::Instruction &instruction,
                           Operands operands);
  Status addScans(CudaInstruction &call, const fb::Check &check,
                  Operands operands);
  Status issueAll(CudaProgram &program, Instructions instructions);
  Status takeScratch();
  void record(CudaProgram &program, Instructions instructions);
  Status capture(CudaProgram &program, Instructions instructions);
  Status measure(CudaProgram &program, Instructions instructions,
                 std::span<int64_t> nanoseconds);

  Gpu &owner;
  std::shared_ptr<const CudaCode> code;
  StreamHandle mainStream = nullptr, copyStream = nullptr;
  EventHandle joined = nullptr;
  DnnHandle dnn = nullptr;
  AttentionKernels attention;
  std::optional<Staging> staging;
  std::optional<AheadCopies> ahead;
  std::optional<CallTimer> timer;
  /// The program that prepare() adds to until seal().
  std::unique_ptr<CudaProgram> current;
  std::vector<CudaInstruction *> unbound;
  /// Transfers that no Wait was prepared for yet, by their two addresses.
  std::map<std::pair<const std::byte *, const std::byte *>, EventHandle>
      underWay;
  std::vector<std::unique_ptr<CudaProgram>> programs;
  uint64_t scratchWanted = 0;
  /// With their bytes. Programs that were recorded before one was too small
  /// keep theirs.
  std::vector<std::pair<DeviceAddress, uint64_t>> scratches;
};

} // namespace dlc::rt::cuda

#endif // DLC_RUNTIME_CUDA_CUDASTREAM_H
