#include "tools/trainer/DataSet.h"

#include "tools/support/Failure.h"
#include "tools/trainer/Convert.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace dlc;
using namespace dlc::tools;

static rt::Tensor floats(std::vector<int64_t> dims, std::vector<float> values) {
  rt::Tensor tensor = rt::Tensor::zeros(rt::DType::F32, std::move(dims));
  std::copy(values.begin(), values.end(), tensor.as<float>().begin());
  return tensor;
}

static rt::Tensor classes(std::vector<int64_t> values) {
  rt::Tensor tensor =
      rt::Tensor::zeros(rt::DType::I64, {static_cast<int64_t>(values.size())});
  std::copy(values.begin(), values.end(), tensor.as<int64_t>().begin());
  return tensor;
}

static const std::vector<rt::TensorSlot> slots = {
    {"x", rt::DType::F32, {2, 3}, 24}, {"target", rt::DType::I64, {2}, 16}};

static DataSet threeSamples() {
  return DataSet({{"x", floats({3, 3}, {0, 1, 2, 3, 4, 5, 6, 7, 8})},
                  {"target", classes({0, 1, 2})},
                  {"unused", floats({1}, {NAN})}});
}

/// The id of the Failure that `body` throws.
template <typename Body> static std::string idOf(Body body) {
  try {
    body();
  } catch (const Failure &failure) {
    return failure.problems().at(0).id;
  }
  return "";
}

TEST(DataSet, Fit_GoodData_KeepsWhatIsRead) {
  DataSet data = threeSamples();
  data.fit(slots);
  EXPECT_EQ(data.arrays().size(), 2u);
  EXPECT_EQ(data.samples(), 3);
  data.checkValues({{"target", 3}});
}

TEST(DataSet, Fit_BadData_HasAnId) {
  auto with = [](const char *name, rt::Tensor tensor) {
    DataSet good = threeSamples();
    rt::TensorMap map = good.arrays();
    map[name] = std::move(tensor);
    return idOf([&] { DataSet(std::move(map)).fit(slots); });
  };
  EXPECT_EQ(idOf([] { DataSet({}).fit(slots); }), "DLC5120");
  EXPECT_EQ(with("x", classes({1, 2, 3})), "DLC5122");
  EXPECT_EQ(with("x", floats({3, 4}, std::vector<float>(12))), "DLC5122");
  EXPECT_EQ(with("target", floats({3}, {0, 1, 2})), "DLC5121");
  EXPECT_EQ(with("target", classes({0, 1})), "DLC5123");
  EXPECT_EQ(with("x", floats({0, 3}, {})), "DLC5123");
}

TEST(DataSet, CheckValues_OutOfRange_NamesTheSample) {
  DataSet data({{"target", classes({0, 1, 5})}});
  EXPECT_EQ(idOf([&] { data.checkValues({{"target", 5}}); }), "DLC5124");
  data.checkValues({{"target", 6}});
  DataSet ignored({{"target", classes({0, -100})}});
  ignored.checkValues({{"target", 2}});
  DataSet negative({{"target", classes({0, -1})}});
  EXPECT_EQ(idOf([&] { negative.checkValues({{"target", 2}}); }), "DLC5124");
}

TEST(DataSet, CheckValues_IndexInput_MayCountFromTheEnd) {
  DataSet data({{"tokens", classes({0, -3, 2})}});
  data.checkValues({{"tokens", 3}});
  EXPECT_EQ(idOf([&] { data.checkValues({{"tokens", 2}}); }), "DLC5124");
}

TEST(DataSet, CheckValues_NotANumber_IsRefused) {
  DataSet data({{"x", floats({2, 1}, {1, NAN})}});
  EXPECT_EQ(idOf([&] { data.checkValues({}); }), "DLC5125");
}

TEST(Batch, Put_Samples_AreSideBySide) {
  DataSet data = threeSamples();
  data.fit(slots);
  Batch batch(data, slots);
  batch.put(0, 2);
  batch.put(1, 0);
  const auto *x = reinterpret_cast<const float *>(batch.views()[0].data);
  EXPECT_EQ(std::vector<float>(x, x + 6),
            (std::vector<float>{6, 7, 8, 0, 1, 2}));
}

TEST(Convert, Floats_ToAnotherWidth_AreRounded) {
  rt::Tensor wide = convert(floats({2}, {0.5F, 3}), rt::DType::F64, "x");
  EXPECT_EQ(wide.as<double>()[0], 0.5);
  EXPECT_EQ(convert(wide, rt::DType::F16, "x").as<uint16_t>()[1], 0x4200);
}

TEST(Convert, Integers_ThatDoNotFit_AreRefused) {
  EXPECT_EQ(idOf([] { convert(classes({300}), rt::DType::UI8, "x"); }),
            "DLC5124");
  EXPECT_EQ(convert(classes({200}), rt::DType::UI8, "x").as<uint8_t>()[0], 200);
  EXPECT_EQ(idOf([] { convert(classes({1}), rt::DType::F32, "x"); }),
            "DLC5121");
}
