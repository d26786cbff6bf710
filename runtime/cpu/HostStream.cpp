#include "runtime/cpu/HostStream.h"

#include "runtime/core/Arena.h"
#include "runtime/core/CheckedMath.h"
#include "runtime/core/FiniteScan.h"
#include "runtime/cpu/Attention.h"
#include "runtime/cpu/Conv.h"
#include "runtime/cpu/Gemm.h"

#include <atomic>
#include <cstring>
#include <vector>

namespace dlc::rt {

namespace {

/// Below this a copy or fill is not worth waking the other threads for.
constexpr uint64_t parallelBytes = uint64_t(1) << 20;
constexpr uint64_t chunkBytes = uint64_t(256) << 10;
/// An instruction below both is done before the other threads would have begun,
/// and waiting for them costs a time slice when another program has their CPU.
constexpr uint64_t serialBytes = uint64_t(128) << 10;
constexpr uint64_t serialFlops = uint64_t(1) << 20;

class HostMemory final : public Memory {
public:
  explicit HostMemory(Arena arena) : arena(std::move(arena)) {}
  std::byte *data() const override { return arena.data(); }
  uint64_t size() const override { return arena.size(); }
  void recordUse(uint64_t end) override { arena.recordUse(end); }
  uint64_t peak() const override { return arena.peak(); }

private:
  Arena arena;
};

/// Calls body(begin, end) over byte ranges that cover [0, bytes).
template <typename Body>
void forBytes(const ThreadPool &pool, uint64_t bytes, Body body) {
  if (bytes < parallelBytes)
    return body(uint64_t(0), bytes);
  int64_t chunks = ceilDiv(static_cast<int64_t>(bytes), chunkBytes);
  pool.parallelFor(chunks, [&](int, int64_t first, int64_t end) {
    body(static_cast<uint64_t>(first) * chunkBytes,
         std::min(bytes, static_cast<uint64_t>(end) * chunkBytes));
  });
}

class PreparedCopy final : public PreparedInstruction {
public:
  PreparedCopy(const ThreadPool &pool, std::byte *to, const std::byte *from,
               uint64_t bytes)
      : pool(pool), to(to), from(from), bytes(bytes) {}
  Status run() override {
    forBytes(pool, bytes, [this](uint64_t begin, uint64_t end) {
      std::memmove(to + begin, from + begin, end - begin);
    });
    return Status::ok();
  }

private:
  const ThreadPool &pool;
  std::byte *to;
  const std::byte *from;
  uint64_t bytes;
};

/// A Transfer: its Wait copies. Copying as late as the plan allows shows every
/// plan that reads too early or overwrites the source.
class PreparedNothing final : public PreparedInstruction {
public:
  Status run() override { return Status::ok(); }
};

class PreparedFill final : public PreparedInstruction {
public:
  PreparedFill(const ThreadPool &pool, std::byte *to, const fb::Fill &fill)
      : pool(pool), to(to), bytes(fill.bytes()), width(fill.pattern_bytes()) {
    uint64_t value = fill.pattern();
    for (uint32_t i = 0; i < sizeof(pattern); ++i)
      pattern[i] = static_cast<unsigned char>(value >> 8 * (i % width));
    isUniform = true;
    for (unsigned char byte : pattern)
      isUniform &= byte == pattern[0];
  }
  Status run() override {
    forBytes(pool, bytes, [this](uint64_t begin, uint64_t end) {
      if (isUniform) {
        std::memset(to + begin, pattern[0], end - begin);
        return;
      }
      // Chunks start at multiples of the pattern, so its phase is zero.
      uint64_t i = begin;
      for (; i + sizeof(pattern) <= end; i += sizeof(pattern))
        std::memcpy(to + i, pattern, sizeof(pattern));
      std::memcpy(to + i, pattern, end - i);
    });
    return Status::ok();
  }

private:
  const ThreadPool &pool;
  std::byte *to;
  uint64_t bytes;
  uint32_t width;
  unsigned char pattern[64];
  bool isUniform;
};

template <typename Plan>
class PreparedLibraryCall final : public PreparedInstruction {
public:
  PreparedLibraryCall(const ThreadPool &pool, std::unique_ptr<Plan> plan)
      : pool(pool), plan(std::move(plan)) {}
  Status run() override { return plan->run(pool); }

private:
  const ThreadPool &pool;
  std::unique_ptr<Plan> plan;
};

/// Looks at what a library call has written, while it is in the caches.
class PreparedCheck final : public PreparedInstruction {
public:
  PreparedCheck(const ThreadPool &pool,
                std::unique_ptr<PreparedInstruction> call,
                const fb::Check &check, std::span<std::byte *const> buffers)
      : pool(pool), call(std::move(call)),
        allowsInfinity(check.infinities() != 0) {
    if (check.tensors())
      for (const fb::TracedTensor *tensor : *check.tensors())
        if (tensor->is_written()) {
          DType dtype = static_cast<DType>(tensor->dtype());
          std::vector<int64_t> dims;
          if (tensor->dims())
            dims.assign(tensor->dims()->begin(), tensor->dims()->end());
          written.push_back({dtype, buffers[tensor->buffer()],
                             tensorBytes(dtype, dims).value_or(0)});
        }
  }
  Status run() override {
    DLC_RETURN_IF_ERROR(call->run());
    found = false;
    for (const Written &tensor : written)
      forBytes(pool, tensor.bytes, [&](uint64_t begin, uint64_t end) {
        if (holdsNonfinite(tensor.dtype, tensor.data + begin, end - begin,
                           allowsInfinity))
          found = true;
      });
    return Status::ok();
  }
  bool isFaulty() const override { return found; }

private:
  struct Written {
    DType dtype;
    const std::byte *data;
    uint64_t bytes;
  };
  const ThreadPool &pool;
  std::unique_ptr<PreparedInstruction> call;
  bool allowsInfinity;
  std::vector<Written> written;
  std::atomic<bool> found = false;
};

/// Null for an operand that there is not.
std::byte *addressOf(std::span<std::byte *const> buffers, int64_t index) {
  return index < 0 ? nullptr : buffers[static_cast<size_t>(index)];
}

template <typename Plan>
Result<std::unique_ptr<PreparedInstruction>>
finishCall(const ThreadPool &threads, Result<std::unique_ptr<Plan>> plan) {
  if (!plan.isOk())
    return std::move(plan.status());
  return std::unique_ptr<PreparedInstruction>(
      new PreparedLibraryCall<Plan>(threads, std::move(*plan)));
}

} // namespace

Status missingWorkspace(const char *what, uint64_t needed, uint64_t given) {
  return DLC_ERROR(Corrupt, "DLC5009", what, " workspace must have ", needed,
                   " bytes, but got ", given);
}

Result<std::unique_ptr<Memory>> HostAllocator::allocate(uint64_t bytes) {
  DLC_ASSIGN_OR_RETURN(Arena arena, Arena::create(bytes));
  return std::unique_ptr<Memory>(new HostMemory(std::move(arena)));
}

void HostStream::beginCall() {
  flushToZero.emplace();
  oneThread.emplace();
}

void HostStream::endCall() {
  oneThread.reset();
  flushToZero.reset();
}

Status HostStream::copyToDevice(std::byte *to, const void *from,
                                uint64_t bytes) {
  return PreparedCopy(pool, to, static_cast<const std::byte *>(from), bytes)
      .run();
}

Status HostStream::copyToHost(void *to, const std::byte *from, uint64_t bytes) {
  return PreparedCopy(pool, static_cast<std::byte *>(to), from, bytes).run();
}

const ThreadPool &
HostStream::poolFor(const fb::Instruction &instruction) const {
  uint64_t bytes = instruction.bytes_read() + instruction.bytes_written();
  bool isSmall =
      bytes != 0 && bytes < serialBytes && instruction.flops() < serialFlops;
  return isSmall ? serial : pool;
}

Result<std::byte *>
HostStream::requireWorkspace(const char *what, uint64_t needed, int index,
                             std::span<std::byte *const> buffers,
                             std::span<const uint64_t> bufferBytes) {
  DLC_ASSIGN_OR_RETURN(
      std::byte * workspace,
      findWorkspace(what, needed, index, buffers, bufferBytes));
  if (needed != 0 && !workspace)
    return missingWorkspace(what, needed, 0);
  return Result<std::byte *>(workspace);
}

Result<std::unique_ptr<PreparedInstruction>>
HostStream::prepareGemm(const ThreadPool &threads, const fb::Gemm &gemm,
                        std::span<std::byte *const> buffers,
                        std::span<const uint64_t> bufferBytes) {
  fb::GemmT record;
  gemm.UnPackTo(&record);
  DLC_ASSIGN_OR_RETURN(std::byte * workspace,
                       findWorkspace("gemm", gemmWorkspaceBytes(record),
                                     record.workspace, buffers, bufferBytes));
  GemmPointers pointers;
  pointers.a = buffers[record.a];
  pointers.b = buffers[record.b];
  pointers.c = buffers[record.c];
  pointers.bias = addressOf(buffers, record.bias);
  pointers.residual = addressOf(buffers, record.residual);
  pointers.biasGradient = addressOf(buffers, record.bias_gradient);
  pointers.workspace = workspace;
  return finishCall(threads, GemmPlan::create(libraries, record, pointers));
}

Result<std::unique_ptr<PreparedInstruction>>
HostStream::prepareConv(const ThreadPool &threads, const fb::Conv &conv,
                        std::span<std::byte *const> buffers,
                        std::span<const uint64_t> bufferBytes) {
  fb::ConvT record;
  conv.UnPackTo(&record);
  DLC_ASSIGN_OR_RETURN(std::byte * workspace,
                       requireWorkspace("conv", convWorkspaceBytes(record),
                                        record.workspace, buffers,
                                        bufferBytes));
  ConvPointers pointers;
  pointers.src = buffers[record.src];
  pointers.weights = buffers[record.weights];
  pointers.dst = buffers[record.dst];
  pointers.bias = addressOf(buffers, record.bias);
  pointers.residual = addressOf(buffers, record.residual);
  pointers.workspace = workspace;
  return finishCall(threads, ConvPlan::create(libraries, record, pointers));
}

Result<std::unique_ptr<PreparedInstruction>>
HostStream::prepareAttention(const ThreadPool &threads,
                             const fb::Attention &attention,
                             std::span<std::byte *const> buffers,
                             std::span<const uint64_t> bufferBytes) {
  fb::AttentionT record;
  attention.UnPackTo(&record);
  DLC_ASSIGN_OR_RETURN(
      std::byte * workspace,
      requireWorkspace("attention", attentionWorkspaceBytes(record),
                       record.workspace, buffers, bufferBytes));
  auto at = [&](const std::unique_ptr<fb::AttentionViewT> &view) {
    return view ? buffers[view->buffer] : nullptr;
  };
  AttentionPointers pointers;
  pointers.q = at(record.q);
  pointers.k = at(record.k);
  pointers.v = at(record.v);
  pointers.output = at(record.output);
  pointers.logsumexp = buffers[record.logsumexp];
  pointers.mask = addressOf(buffers, record.mask);
  pointers.grad = at(record.grad);
  pointers.dq = at(record.dq);
  pointers.dk = at(record.dk);
  pointers.dv = at(record.dv);
  pointers.workspace = workspace;
  return finishCall(threads,
                    AttentionPlan::create(libraries, record, pointers));
}

Result<std::unique_ptr<PreparedInstruction>>
HostStream::prepare(const fb::Instruction &instruction,
                    std::span<std::byte *const> buffers,
                    std::span<const uint64_t> bufferBytes) {
  DLC_ASSIGN_OR_RETURN(std::unique_ptr<PreparedInstruction> prepared,
                       prepareUnchecked(instruction, buffers, bufferBytes));
  bool isCall = instruction.op_type() == fb::Op::Gemm ||
                instruction.op_type() == fb::Op::Conv ||
                instruction.op_type() == fb::Op::Attention;
  if (!instruction.check() || !isCall)
    return prepared;
  return std::unique_ptr<PreparedInstruction>(
      new PreparedCheck(poolFor(instruction), std::move(prepared),
                        *instruction.check(), buffers));
}

Result<std::unique_ptr<PreparedInstruction>>
HostStream::prepareUnchecked(const fb::Instruction &instruction,
                             std::span<std::byte *const> buffers,
                             std::span<const uint64_t> bufferBytes) {
  switch (instruction.op_type()) {
  case fb::Op::Launch:
    return prepareLaunch(instruction, buffers, bufferBytes);
  case fb::Op::Gemm:
    return prepareGemm(poolFor(instruction), *instruction.op_as_Gemm(), buffers,
                       bufferBytes);
  case fb::Op::Conv:
    return prepareConv(poolFor(instruction), *instruction.op_as_Conv(), buffers,
                       bufferBytes);
  case fb::Op::Attention:
    return prepareAttention(poolFor(instruction),
                            *instruction.op_as_Attention(), buffers,
                            bufferBytes);
  case fb::Op::Copy: {
    const fb::Copy &copy = *instruction.op_as_Copy();
    return std::unique_ptr<PreparedInstruction>(new PreparedCopy(
        pool, buffers[copy.destination()] + copy.destination_offset(),
        buffers[copy.source()] + copy.source_offset(), copy.bytes()));
  }
  case fb::Op::Fill: {
    const fb::Fill &fill = *instruction.op_as_Fill();
    return std::unique_ptr<PreparedInstruction>(
        new PreparedFill(pool, buffers[fill.destination()], fill));
  }
  case fb::Op::Transfer:
    return std::unique_ptr<PreparedInstruction>(new PreparedNothing());
  case fb::Op::Wait: {
    const fb::Wait &wait = *instruction.op_as_Wait();
    return std::unique_ptr<PreparedInstruction>(
        new PreparedCopy(pool, buffers[wait.destination()],
                         buffers[wait.source()], wait.bytes()));
  }
  default:
    return DLC_ERROR(Unsupported, "DLC5009",
                     "instruction must be of a kind that this device runs, but "
                     "got kind ",
                     int(instruction.op_type()));
  }
}

} // namespace dlc::rt
