// Facts made by hand against a device of round numbers.
#include "tools/report/Roofline.h"

#include <gtest/gtest.h>

using namespace dlc;
using namespace dlc::tools;

namespace {

/// 100 G operations/s, 10 GB/s, 1 us per launch.
DeviceModel roundDevice() {
  DeviceModel device;
  device.name = "round";
  device.title = "a round device";
  device.peak = {100, 100, 100, 100, 100, 100};
  device.gbytes = device.peakGbytes = 10;
  device.launchNs = 1000;
  return device;
}

InstructionFacts instruction(const char *kind, const char *schedule,
                             uint64_t flops, uint64_t bytes) {
  InstructionFacts facts;
  facts.kind = kind;
  facts.schedule = schedule;
  facts.kernel = facts.label = std::string(kind) + "_label";
  facts.nodes = {"node"};
  facts.flops = flops;
  facts.bytesRead = bytes;
  return facts;
}

ProgramFacts program() {
  ProgramFacts made;
  made.name = "step";
  made.plannedBytes = 1000;
  made.instructions = {
      instruction("kernel", "map", 0, 40'000),    // 4 us
      instruction("gemm", "", 1'000'000, 10'000), // 10 us
      instruction("kernel", "row", 10, 10),       // its launch
      instruction("gemm", "", 100'000, 20'000),   // 2 us
      instruction("copy", "", 0, 10'000),         // 1 us
      instruction("none", "", 0, 1'000'000)};     // beside the rest
  for (const InstructionFacts &facts : made.instructions) {
    made.flops += facts.flops;
    made.bytesMoved += facts.bytesMoved();
  }
  return made;
}

} // namespace

TEST(Roofline, Sum_IsThatOfTheInstructions) {
  ProgramFacts step = program();
  Roofline roofline = rooflineOf(step, 0, roundDevice(), "f32", "cpu");
  ASSERT_EQ(roofline.times.size(), step.instructions.size());
  double sum = 0;
  for (const WorkTime &time : roofline.times)
    sum += time.totalNs();
  EXPECT_DOUBLE_EQ(roofline.ns, sum);
  // Five launches and what they wait for; the transfer costs nothing.
  EXPECT_NEAR(roofline.ns, 5000 + 4000 + 10'000 + 1 + 2000 + 1000, 0.01);
  double byKind = 0;
  for (const KindTotal &total : roofline.kinds)
    byKind += total.ns;
  EXPECT_DOUBLE_EQ(byKind, sum);
}

TEST(Roofline, Order_IsByTime_KindsAreNamed) {
  ProgramFacts step = program();
  Roofline roofline = rooflineOf(step, 0, roundDevice(), "f32", "cpu");
  EXPECT_EQ(roofline.order, (std::vector<size_t>{1, 0, 3, 4, 2, 5}));
  std::vector<std::string> kinds;
  for (const KindTotal &total : roofline.kinds)
    kinds.push_back(total.kind);
  EXPECT_EQ(kinds,
            (std::vector<std::string>{"gemm", "kernel, map", "copy, fill",
                                      "kernel, row", "transfer"}));
  const KindTotal &gemm = roofline.kinds[0];
  EXPECT_EQ(gemm.count, 2u);
  EXPECT_DOUBLE_EQ(gemm.nsByLimit[size_t(Limit::Compute)], 11'000);
  EXPECT_DOUBLE_EQ(gemm.nsByLimit[size_t(Limit::Memory)], 3000);
}

TEST(Roofline, WidestType_SetsTheRateOfAKernel) {
  InstructionFacts facts = instruction("kernel", "map", 10, 10);
  facts.precision = {"bf16", "f64", "i64"};
  EXPECT_EQ(workOf(facts).dtype, rt::DType::F64);
  facts.precision = {"bf16"};
  EXPECT_EQ(workOf(facts).dtype, rt::DType::BF16);
  facts.precision = {"i64"};
  EXPECT_EQ(workOf(facts).dtype, rt::DType::F32);
  EXPECT_FALSE(workOf(facts).isTf32);
  facts.precision = {"tf32"};
  EXPECT_EQ(workOf(facts).dtype, rt::DType::F32);
  EXPECT_TRUE(workOf(facts).isTf32);
}

TEST(Roofline, GeneratedProduct_HasTheRateOfTensorCores) {
  // Its sums are f32, its factors what the schedule says.
  InstructionFacts facts = instruction("kernel", "contract_bf16", 10, 10);
  facts.precision = {"f32"};
  EXPECT_EQ(workOf(facts).kind, WorkKind::Product);
  EXPECT_EQ(workOf(facts).dtype, rt::DType::BF16);
  facts.schedule = "contract_tf32";
  EXPECT_EQ(workOf(facts).dtype, rt::DType::F32);
  EXPECT_TRUE(workOf(facts).isTf32);
  facts.schedule = "contract";
  EXPECT_EQ(workOf(facts).kind, WorkKind::Kernel);
}

TEST(Roofline, Attention_BackwardHasItsOwnRate) {
  InstructionFacts facts = instruction("attention", "", 10, 10);
  EXPECT_EQ(workOf(facts).kind, WorkKind::AttentionForward);
  facts.isBackward = true;
  EXPECT_EQ(workOf(facts).kind, WorkKind::AttentionBackward);
}

TEST(Roofline, SmallProgram_StaysInTheCache) {
  ProgramFacts step = program();
  DeviceModel device = roundDevice();
  device.cacheBytes = 1500;
  device.cacheGbytes = 20;
  EXPECT_TRUE(rooflineOf(step, 500, device, "f32", "cpu").isCached);
  EXPECT_FALSE(rooflineOf(step, 501, device, "f32", "cpu").isCached);
}

TEST(Roofline, Texts_ShowTheSlowestOrAll) {
  ProgramFacts step = program();
  Roofline roofline = rooflineOf(step, 0, roundDevice(), "f32", "cpu");
  std::string text = rooflineText(roofline, 2);
  EXPECT_NE(text.find("slowest 2 of 6 instructions"), std::string::npos);
  EXPECT_NE(text.find("gemm_label"), std::string::npos);
  nlohmann::ordered_json json = rooflineJson(roofline, 2);
  EXPECT_EQ(json["instructions"].size(), 2u);
  EXPECT_EQ(json["instructions"][0]["number"], 1);
  EXPECT_EQ(json["instructions"][0]["limit"], "compute");
  EXPECT_EQ(rooflineJson(roofline, 99)["instructions"].size(), 6u);
  EXPECT_NEAR(json["predicted_ms"].get<double>(), roofline.ns / 1e6, 1e-12);
}
