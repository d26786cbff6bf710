// What a call that allows TF32 reads on the emulated device.

#include "runtime/emulated/RoundedCall.h"

#include "runtime/core/DType.h"

#include <gtest/gtest.h>

#include <cstring>

namespace dlc::rt {
namespace {

/// Shows what it was given when it runs.
class Probe final : public PreparedInstruction {
public:
  explicit Probe(std::function<void()> look) : look(std::move(look)) {}
  Status run() override {
    look();
    return Status::ok();
  }
  bool isFaulty() const override { return true; }

private:
  std::function<void()> look;
};

constexpr float exact = 1.0f + 1.0f / 4096; // TF32 has no such number
const float rounded = roundToTf32(exact);

class RoundedCallTest : public ::testing::Test {
protected:
  template <typename T> const fb::Instruction &of(T op) {
    fb::InstructionT record;
    record.op.Set(std::move(op));
    builder.Clear();
    builder.Finish(fb::Instruction::Pack(builder, &record));
    return *flatbuffers::GetRoot<fb::Instruction>(builder.GetBufferPointer());
  }

  /// Runs `instruction` on four buffers of one number; `look` gets the record
  /// that the device prepares and what lies at each of its buffers.
  void
  run(const fb::Instruction &instruction,
      std::function<void(const fb::InstructionT &, const std::vector<float> &)>
          look) {
    float numbers[4] = {exact, exact, exact, exact}, copies[64];
    std::vector<std::byte *> buffers;
    for (float &number : numbers)
      buffers.push_back(reinterpret_cast<std::byte *>(&number));
    std::vector<uint64_t> sizes(4, sizeof(float));
    EXPECT_EQ(roundedBytes(instruction, sizes), 128u);
    auto prepare = [&](const fb::Instruction &call,
                       std::span<std::byte *const> places,
                       std::span<const uint64_t> bytes)
        -> Result<std::unique_ptr<PreparedInstruction>> {
      EXPECT_EQ(places.size(), bytes.size());
      auto record = std::make_shared<fb::InstructionT>();
      call.UnPackTo(record.get());
      std::vector<std::byte *> at(places.begin(), places.end());
      return std::unique_ptr<PreparedInstruction>(new Probe([=] {
        std::vector<float> found(at.size());
        for (size_t i = 0; i < at.size(); ++i)
          std::memcpy(&found[i], at[i], sizeof(float));
        look(*record, found);
      }));
    };
    auto call = prepareRounded(instruction, buffers, sizes,
                               reinterpret_cast<std::byte *>(copies), prepare);
    ASSERT_TRUE(call.isOk()) << call.status().toString();
    EXPECT_TRUE((*call)->run().isOk());
    EXPECT_TRUE((*call)->isFaulty());
    for (float number : numbers)
      EXPECT_EQ(number, exact);
  }

  flatbuffers::FlatBufferBuilder builder;
};

TEST_F(RoundedCallTest, ResidualOfAnOperandsBuffer_StaysExact) {
  fb::GemmT gemm;
  gemm.allows_tf32 = true;
  gemm.a = 0;
  gemm.b = 1;
  gemm.c = 2;
  gemm.residual = 0;
  ASSERT_TRUE(allowsTf32(of(gemm)));
  run(of(gemm),
      [](const fb::InstructionT &call, const std::vector<float> &found) {
        const fb::GemmT &g = *call.op.AsGemm();
        EXPECT_EQ(found[g.a], rounded);
        EXPECT_EQ(found[g.b], rounded);
        EXPECT_EQ(found[g.c], exact);
        EXPECT_EQ(g.c, 2u);
        EXPECT_EQ(g.residual, 0);
      });
}

TEST_F(RoundedCallTest, EachKindOfConvolution_RoundsWhatItReads) {
  for (fb::ConvKind kind : {fb::ConvKind::Forward, fb::ConvKind::BackwardData,
                            fb::ConvKind::BackwardWeights}) {
    fb::ConvT conv;
    conv.kind = kind;
    conv.allows_tf32 = true;
    conv.src = 0;
    conv.weights = 1;
    conv.dst = 2;
    run(of(conv),
        [&](const fb::InstructionT &call, const std::vector<float> &found) {
          const fb::ConvT &c = *call.op.AsConv();
          auto at = [&](uint32_t buffer, bool isResult) {
            EXPECT_EQ(found[buffer], isResult ? exact : rounded) << int(kind);
          };
          at(c.dst, kind == fb::ConvKind::Forward);
          at(c.src, kind == fb::ConvKind::BackwardData);
          at(c.weights, kind == fb::ConvKind::BackwardWeights);
        });
  }
}

TEST_F(RoundedCallTest, OtherInstructions_AllowNothing) {
  EXPECT_FALSE(allowsTf32(of(fb::GemmT())));
  EXPECT_FALSE(allowsTf32(of(fb::ConvT())));
  EXPECT_FALSE(allowsTf32(of(fb::CopyT())));
}

} // namespace
} // namespace dlc::rt
