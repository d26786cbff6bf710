// Traced programs: what a scan sees, and how a session gets back to the state
// before a call that computed NaN or infinity.

#include "runtime/core/FiniteScan.h"
#include "runtime/executor/Executor.h"
#include "tests/unit/runtime/LinearModel.h"
#include "tests/unit/runtime/TestUtil.h"

#include <cmath>
#include <limits>

using namespace dlc::rt;
using namespace dlc::rt::test;
namespace fb = dlc::fb;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

template <typename T>
bool holds(DType type, const std::vector<T> &values,
           bool allowsInfinity = false) {
  return holdsNonfinite(type,
                        reinterpret_cast<const std::byte *>(values.data()),
                        values.size() * sizeof(T), allowsInfinity);
}

TEST(FiniteScanTest, HoldsNonfinite_F32AnyPlace_IsFound) {
  std::vector<float> values(5000, 3.4e38f);
  values[7] = -0.0f;
  EXPECT_FALSE(holds(DType::F32, values));
  for (size_t at : {size_t(0), size_t(4095), size_t(4096), size_t(4999)})
    for (float bad : {NAN, -NAN, infinity, -infinity}) {
      std::vector<float> broken = values;
      broken[at] = bad;
      EXPECT_TRUE(holds(DType::F32, broken)) << at << " " << bad;
      EXPECT_EQ(holds(DType::F32, broken, /*allowsInfinity=*/true),
                std::isnan(bad));
    }
}

TEST(FiniteScanTest, HoldsNonfinite_EveryPattern_AgreesWithTheNumber) {
  for (auto [type, toNumber] : {std::pair(DType::F16, &halfToFloat),
                                std::pair(DType::BF16, &bfloatToFloat)})
    for (uint32_t bits = 0; bits < 0x10000; ++bits) {
      std::vector<uint16_t> one = {static_cast<uint16_t>(bits)};
      float number = toNumber(one[0]);
      ASSERT_EQ(holds(type, one), !std::isfinite(number)) << bits;
      ASSERT_EQ(holds(type, one, true), std::isnan(number)) << bits;
    }
}

TEST(FiniteScanTest, HoldsNonfinite_F8AndIntegers_FollowTheirFormats) {
  EXPECT_TRUE(holds(DType::F8E4M3FN, std::vector<uint8_t>{0x7f}));
  EXPECT_TRUE(holds(DType::F8E4M3FN, std::vector<uint8_t>{0xff}, true));
  EXPECT_FALSE(holds(DType::F8E4M3FN, std::vector<uint8_t>{0x7e}));
  EXPECT_TRUE(holds(DType::F8E5M2, std::vector<uint8_t>{0x7c}));
  EXPECT_FALSE(holds(DType::F8E5M2, std::vector<uint8_t>{0x7c}, true));
  EXPECT_FALSE(holds(DType::F8E5M2, std::vector<uint8_t>{0x7b}));
  EXPECT_FALSE(holds(DType::I32, std::vector<int32_t>{0x7f800000}));
  EXPECT_TRUE(holds(DType::F64, std::vector<double>{double(infinity)}));
}

TEST(FiniteScanTest, RangeOf_MixedNumbers_CountsAndBounds) {
  std::vector<float> values = {2, -3, NAN, infinity, 5, -infinity, infinity};
  ValueRange range =
      rangeOf(DType::F32, reinterpret_cast<const std::byte *>(values.data()),
              values.size() * 4);
  EXPECT_EQ(range.least, -3);
  EXPECT_EQ(range.largest, 5);
  EXPECT_EQ(range.firstNonfinite, 2);
  EXPECT_EQ(nonfiniteText(range), "1 NaN, 2 inf, 1 -inf");
  uint8_t small[] = {0x7e, 0x01, 0x80}; // 448, 2^-9, -0
  range =
      rangeOf(DType::F8E4M3FN, reinterpret_cast<const std::byte *>(small), 3);
  EXPECT_EQ(range.largest, 448);
  EXPECT_EQ(range.least, 0);
}

/// The linear model, traced: its products and its update have checks.
struct TracedModel : LinearModel {
  TracedModel() {
    fb::ProgramT &step = *artifact.programs[0];
    for (auto &instruction : step.instructions) {
      auto check = std::make_unique<fb::CheckT>();
      auto add = [&](uint32_t buffer, std::vector<int64_t> dims, bool isWritten,
                     fb::DType dtype = fb::DType::F32) {
        auto tensor = std::make_unique<fb::TracedTensorT>();
        tensor->buffer = buffer;
        tensor->dtype = dtype;
        tensor->dims = std::move(dims);
        tensor->is_written = isWritten;
        check->tensors.push_back(std::move(tensor));
      };
      if (const auto *gemm = instruction->op.AsGemm()) {
        add(gemm->a, {gemm->m, gemm->k}, false);
        add(gemm->c, {gemm->m, gemm->n}, true);
      } else if (instruction->label == "descend") {
        const auto &buffers = instruction->op.AsLaunch()->buffers;
        add(buffers[2], {inputs, outputs}, true);
        add(buffers[3], {}, true, fb::DType::I64);
      } else {
        continue;
      }
      instruction->check = std::move(check);
    }
  }
};

class FaultTest : public ::testing::Test {
protected:
  FaultTest() {
    TracedModel model;
    std::vector<std::byte> bytes = model.bytes();
    auto artifact = Artifact::fromMemory(bytes.data(), bytes.size());
    EXPECT_TRUE(artifact.isOk()) << artifact.status().toString();
    auto program = LoadedProgram::load(artifact.value());
    EXPECT_TRUE(program.isOk()) << program.status().toString();
    session = std::move(Session::create(program.value(), {}).value());
    for (size_t i = 0; i < x.size(); ++i)
      x[i] = static_cast<float>(i % 11) / 11;
    for (size_t i = 0; i < target.size(); ++i)
      target[i] = static_cast<float>(i % 5) / 5;
  }

  std::vector<TensorView> in() {
    auto bytesOf = [](float &first) {
      return reinterpret_cast<std::byte *>(&first);
    };
    return {{"x", DType::F32, xDims, bytesOf(x[0])},
            {"target", DType::F32, targetDims, bytesOf(target[0])},
            {"lr", DType::F32, {}, bytesOf(rate)}};
  }
  std::vector<float> weights() {
    std::vector<float> w(LinearModel::inputs * LinearModel::outputs);
    EXPECT_TRUE(session->readState("w", w.data(), w.size() * 4).isOk());
    return w;
  }
  int64_t steps() {
    int64_t count = 0;
    EXPECT_TRUE(session->readState("step", &count, 8).isOk());
    return count;
  }

  std::vector<int64_t> xDims{LinearModel::batch, LinearModel::inputs},
      targetDims{LinearModel::batch, LinearModel::outputs};
  std::vector<float> x = std::vector<float>(LinearModel::batch *
                                            LinearModel::inputs),
                     target = std::vector<float>(LinearModel::batch *
                                                 LinearModel::outputs);
  float rate = 0.002f;
  std::unique_ptr<Session> session;
};

TEST_F(FaultTest, Run_Overflow_FailsAndKeepsTheStateBefore) {
  // Before and after a new copy of the states is taken.
  for (int wanted : {1, 5, 37, 70}) {
    while (steps() < wanted)
      ASSERT_OK(session->run("step", in(), {}));
    std::vector<float> before = weights(), good = x;
    x[3] = 3e38f;
    rate = 1e30f;
    Status status = session->run("step", in(), {});
    EXPECT_EQ(status.id(), "DLC6020");
    ASSERT_TRUE(session->lastFault().has_value());
    // The prediction itself is finite: its gradient is the first that is not.
    EXPECT_EQ(session->lastFault()->instruction, 4u);
    EXPECT_TRUE(session->lastFault()->sources.empty());
    EXPECT_NE(status.message().find("'gradient'"), std::string::npos);
    EXPECT_EQ(weights(), before);
    EXPECT_EQ(steps(), wanted);

    Probe probe{session->lastFault()->instruction, {}};
    ASSERT_OK(session->run("step", in(), probe));
    ASSERT_EQ(probe.tensors.size(), 2u);
    EXPECT_EQ(probe.tensors[0].nonfinite(), 0);
    EXPECT_GT(probe.tensors[1].nonfinite(), 0);
    EXPECT_EQ(weights(), before);
    x = good;
    rate = 0.002f;
  }
}

TEST_F(FaultTest, Run_AfterAFault_GoesOnAsIfItHadNotBeen) {
  for (int i = 0; i < 4; ++i)
    ASSERT_OK(session->run("step", in(), {}));
  std::vector<float> good = x;
  x[0] = 1e38f;
  EXPECT_FALSE(session->run("step", in(), {}).isOk());
  x = good;
  ASSERT_OK(session->run("step", in(), {}));
  EXPECT_FALSE(session->lastFault().has_value());
  std::vector<float> after = weights();
  ASSERT_OK(session->reset(0));
  for (int i = 0; i < 5; ++i)
    ASSERT_OK(session->run("step", in(), {}));
  EXPECT_EQ(weights(), after);
}

TEST_F(FaultTest, Run_NanInput_NamesTheInput) {
  x[17] = NAN;
  Status status = session->run("step", in(), {});
  EXPECT_EQ(status.id(), "DLC6020");
  EXPECT_NE(status.message().find("input 'x' (1 NaN)"), std::string::npos)
      << status.message();
}

TEST_F(FaultTest, Run_NanState_NamesTheState) {
  std::vector<float> w = weights();
  w[2] = infinity;
  ASSERT_OK(session->writeState("w", w.data(), w.size() * 4));
  Status status = session->run("step", in(), {});
  EXPECT_NE(status.message().find("state 'w' (1 inf)"), std::string::npos)
      << status.message();
}

TEST_F(FaultTest, Run_ProbeOfAPlainProgram_IsAnError) {
  Probe probe{0, {}};
  std::vector<TensorView> inputs = {in()[0]};
  EXPECT_EQ(session->run("infer", inputs, probe).id(), "DLC5207");
}

TEST(FaultArtifactTest, TracedTensorBeyondItsBuffer_IsRefused) {
  TracedModel model;
  model.artifact.programs[0]->instructions[0]->check->tensors[1]->dims = {
      1 << 20, 1 << 20};
  std::vector<std::byte> bytes = model.bytes();
  auto artifact = Artifact::fromMemory(bytes.data(), bytes.size());
  EXPECT_EQ(artifact.status().id(), "DLC5009");
}

} // namespace
