// The table of devices, and the time of a piece of work.
#include "compiler/target/DeviceModel.h"

#include <gtest/gtest.h>

#include <set>

using namespace dlc;

namespace {

const DeviceModel &h200() { return *findDeviceModel("h200"); }

Work work(WorkKind kind, double operations, double bytes, double pieces = 0,
          rt::DType dtype = rt::DType::BF16) {
  Work made;
  made.kind = kind;
  made.dtype = dtype;
  made.operations = operations;
  made.bytes = bytes;
  made.pieces = pieces;
  return made;
}

} // namespace

TEST(DeviceModel, Table_NamesAreDistinct_RatesArePossible) {
  std::set<std::string> names;
  for (const DeviceModel &model : deviceModels()) {
    EXPECT_TRUE(names.insert(model.name).second) << model.name;
    EXPECT_TRUE(model.isKnown()) << model.name;
    EXPECT_LE(model.gbytes, model.peakGbytes) << model.name;
    EXPECT_GE(model.cacheGbytes, model.gbytes) << model.name;
    EXPECT_LE(model.memoryUnits, model.units) << model.name;
    EXPECT_GE(model.peak.half, model.peak.tf32) << model.name;
    EXPECT_GE(model.peak.tf32, model.peak.f32) << model.name;
    const DeviceFractions &of = model.fractions;
    for (double fraction : {of.product, of.convolution, of.attentionForward,
                            of.attentionBackward, of.kernel}) {
      EXPECT_GT(fraction, 0) << model.name;
      EXPECT_LE(fraction, 1) << model.name;
    }
  }
}

TEST(DeviceModel, Find_WhateverTheCase_OrNull) {
  ASSERT_NE(findDeviceModel("H200"), nullptr);
  EXPECT_EQ(findDeviceModel("H200")->name, "h200");
  EXPECT_EQ(findDeviceModel("h20"), nullptr);
  EXPECT_EQ(findDeviceModel(""), nullptr);
}

TEST(DeviceModel, LargeProduct_IsBoundByComputation) {
  double operations = 2.0 * 8192 * 8192 * 8192;
  WorkTime time =
      h200().timeOf(work(WorkKind::Product, operations, 3 * 2.0 * 8192 * 8192));
  EXPECT_EQ(time.limit(), Limit::Compute);
  // The rate that was measured for it.
  EXPECT_NEAR(operations / time.computeNs / 1000, 788, 0.5);
  EXPECT_DOUBLE_EQ(time.totalNs(), time.computeNs + 1000);
}

TEST(DeviceModel, Product_TypeSetsItsRate) {
  auto rate = [](rt::DType type, bool isTf32 = false) {
    return h200().gflops(WorkKind::Product, type, isTf32);
  };
  EXPECT_DOUBLE_EQ(rate(rt::DType::F16), rate(rt::DType::BF16));
  EXPECT_DOUBLE_EQ(rate(rt::DType::F32, true) * 2, rate(rt::DType::BF16));
  EXPECT_LT(rate(rt::DType::F32), rate(rt::DType::F32, true));
  EXPECT_GT(rate(rt::DType::F8E4M3FN), rate(rt::DType::BF16));
  // Without products of that type: those of the next wider one.
  const DeviceModel &a100 = *findDeviceModel("a100");
  EXPECT_DOUBLE_EQ(a100.gflops(WorkKind::Product, rt::DType::F8E4M3FN),
                   a100.gflops(WorkKind::Product, rt::DType::BF16));
}

TEST(DeviceModel, Copy_RunsAtTheMeasuredBandwidth) {
  WorkTime time = h200().timeOf(work(WorkKind::Copy, 0, 8.6e9));
  EXPECT_EQ(time.limit(), Limit::Memory);
  EXPECT_DOUBLE_EQ(time.memoryNs, 2e6); // 8.6 GB in 2.0 ms
}

TEST(DeviceModel, TinyWork_IsBoundByItsLaunch) {
  WorkTime time = h200().timeOf(work(WorkKind::Kernel, 10, 40, 1));
  EXPECT_EQ(time.limit(), Limit::Launch);
  EXPECT_NEAR(time.totalNs(), 1000, 10);
}

TEST(DeviceModel, FewPieces_LeaveUnitsIdle) {
  Work all = work(WorkKind::Product, 1e12, 1e6, 132);
  Work half = work(WorkKind::Product, 1e12, 1e6, 66);
  EXPECT_DOUBLE_EQ(h200().timeOf(half).computeNs,
                   2 * h200().timeOf(all).computeNs);
  // Half of the units are enough for the memory.
  EXPECT_DOUBLE_EQ(h200().timeOf(half).memoryNs, h200().timeOf(all).memoryNs);
  Work one = work(WorkKind::Kernel, 0, 1e6, 1);
  EXPECT_DOUBLE_EQ(h200().timeOf(one).memoryNs, 57 * 1e6 / 4300);
}

TEST(DeviceModel, CachedWork_IsFaster) {
  Work some = work(WorkKind::Kernel, 0, 1e7);
  EXPECT_LT(h200().timeOf(some, true).memoryNs, h200().timeOf(some).memoryNs);
}

TEST(DeviceModel, WithoutNumbers_EverythingTakesNoTime) {
  DeviceModel none;
  EXPECT_FALSE(none.isKnown());
  EXPECT_EQ(none.timeOf(work(WorkKind::Product, 1e9, 1e9)).totalNs(), 0);
}
