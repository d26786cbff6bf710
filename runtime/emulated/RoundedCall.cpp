#include "runtime/emulated/RoundedCall.h"

#include "runtime/core/CheckedMath.h"
#include "runtime/core/DType.h"

#include <vector>

namespace dlc::rt {

namespace {

constexpr uint64_t copyAlignment = 64;

struct Copy {
  const std::byte *from;
  std::byte *to;
  uint64_t bytes;
};

class RoundedCall final : public PreparedInstruction {
public:
  RoundedCall(std::vector<Copy> copies,
              std::unique_ptr<PreparedInstruction> call)
      : copies(std::move(copies)), call(std::move(call)) {}
  Status run() override {
    for (const Copy &copy : copies) {
      const auto *from = reinterpret_cast<const float *>(copy.from);
      auto *to = reinterpret_cast<float *>(copy.to);
      for (uint64_t i = 0; i < copy.bytes / sizeof(float); ++i)
        to[i] = roundToTf32(from[i]);
    }
    return call->run();
  }
  bool isFaulty() const override { return call->isFaulty(); }

private:
  std::vector<Copy> copies;
  std::unique_ptr<PreparedInstruction> call;
};

/// The fields of the record that name what is multiplied.
std::vector<uint32_t *> factorsOf(fb::InstructionT &record) {
  if (fb::GemmT *gemm = record.op.AsGemm())
    return {&gemm->a, &gemm->b};
  fb::ConvT *conv = record.op.AsConv();
  switch (conv->kind) {
  case fb::ConvKind::Forward:
    return {&conv->src, &conv->weights};
  case fb::ConvKind::BackwardData:
    return {&conv->weights, &conv->dst};
  case fb::ConvKind::BackwardWeights:
    return {&conv->src, &conv->dst};
  }
  return {};
}

} // namespace

bool allowsTf32(const fb::Instruction &instruction) {
  if (const fb::Gemm *gemm = instruction.op_as_Gemm())
    return gemm->allows_tf32();
  const fb::Conv *conv = instruction.op_as_Conv();
  return conv && conv->allows_tf32();
}

uint64_t roundedBytes(const fb::Instruction &instruction,
                      std::span<const uint64_t> bufferBytes) {
  fb::InstructionT record;
  instruction.UnPackTo(&record);
  uint64_t total = 0;
  for (const uint32_t *factor : factorsOf(record))
    total += alignUp(bufferBytes[*factor], copyAlignment);
  return total;
}

Result<std::unique_ptr<PreparedInstruction>>
prepareRounded(const fb::Instruction &instruction,
               std::span<std::byte *const> buffers,
               std::span<const uint64_t> bufferBytes, std::byte *memory,
               const PrepareCall &prepare) {
  fb::InstructionT record;
  instruction.UnPackTo(&record);
  std::vector<std::byte *> places(buffers.begin(), buffers.end());
  std::vector<uint64_t> sizes(bufferBytes.begin(), bufferBytes.end());
  std::vector<Copy> copies;
  for (uint32_t *factor : factorsOf(record)) {
    uint64_t bytes = bufferBytes[*factor];
    copies.push_back({buffers[*factor], memory, bytes});
    // A place of its own, since the call may also read the buffer otherwise.
    *factor = static_cast<uint32_t>(places.size());
    places.push_back(memory);
    sizes.push_back(bytes);
    memory += alignUp(bytes, copyAlignment);
  }
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(fb::Instruction::Pack(builder, &record));
  DLC_ASSIGN_OR_RETURN(std::unique_ptr<PreparedInstruction> call,
                       prepare(*flatbuffers::GetRoot<fb::Instruction>(
                                   builder.GetBufferPointer()),
                               places, sizes));
  return std::unique_ptr<PreparedInstruction>(
      new RoundedCall(std::move(copies), std::move(call)));
}

} // namespace dlc::rt
