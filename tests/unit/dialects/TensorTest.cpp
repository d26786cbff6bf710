//===- TensorTest.cpp - element access and conversions of Tensor ----------===//
#include "tests/unit/Graph.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace dlc;
using reference::Tensor;

namespace {

struct TensorTest : testing::Test {
  test::Context context;
  Builder b{&context};

  RankedTensorType type(ArrayRef<int64_t> shape, Type element) {
    return RankedTensorType::get(shape, element);
  }
  /// `value` stored as `element` and read back.
  double stored(Type element, double value) {
    Tensor tensor(type({}, element));
    tensor.setNumber(0, value);
    return tensor.number(0);
  }
};

TEST_F(TensorTest, NarrowFloats_RoundToNearestEven) {
  EXPECT_EQ(stored(b.getF32Type(), 1 + 0x1p-24), 1.0);
  EXPECT_EQ(stored(b.getF16Type(), 1 + 0x1p-11), 1.0);
  EXPECT_EQ(stored(b.getF16Type(), 1 + 0x3p-11), 1 + 0x1p-9);
  EXPECT_EQ(stored(b.getBF16Type(), 1 + 0x1p-8), 1.0);
  EXPECT_EQ(stored(b.getBF16Type(), 3.0), 3.0);
  EXPECT_EQ(stored(Float8E4M3FNType::get(&context), 17.0), 16.0);
  EXPECT_EQ(stored(Float8E5M2Type::get(&context), 0.3), 0.3125);
}

TEST_F(TensorTest, NarrowFloats_KeepSpecialValues) {
  double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(stored(b.getF16Type(), 1e6), infinity);
  EXPECT_EQ(stored(b.getBF16Type(), -infinity), -infinity);
  EXPECT_TRUE(std::isnan(stored(b.getF16Type(), std::nan(""))));
  EXPECT_TRUE(std::isnan(stored(Float8E4M3FNType::get(&context), 1e6)));
}

TEST_F(TensorTest, FloatsToIntegers_TruncateAndSaturate) {
  EXPECT_EQ(stored(b.getI32Type(), -2.9), -2);
  EXPECT_EQ(stored(b.getI8Type(), 300), 127);
  EXPECT_EQ(stored(b.getI8Type(), -300), -128);
  EXPECT_EQ(stored(b.getIntegerType(8, false), -1), 0);
  EXPECT_EQ(stored(b.getIntegerType(8, false), 255.5), 255);
  EXPECT_EQ(stored(b.getI64Type(), 1e30), double(INT64_MAX));
  EXPECT_EQ(stored(b.getI32Type(), std::nan("")), 0);
  EXPECT_EQ(stored(b.getI1Type(), 0.25), 1);
}

TEST_F(TensorTest, LargeIntegers_AreExactAndRoundOnceToFloats) {
  Tensor wide(type({1}, b.getI64Type()));
  wide.setInteger(0, INT64_MAX - 1);
  EXPECT_EQ(wide.integer(0), INT64_MAX - 1);
  // 2^24 + 1 + 2^-30 of it would round up if it went through f64 first.
  Tensor narrow(type({1}, b.getF32Type()));
  narrow.setInteger(0, (int64_t(1) << 54) + (int64_t(1) << 30) + 1);
  EXPECT_EQ(narrow.number(0), 0x1p54 + 0x1p31);
}

TEST_F(TensorTest, Attributes_RoundTrip) {
  for (Type element :
       {Type(b.getF64Type()), Type(b.getF32Type()), Type(b.getF16Type()),
        Type(b.getBF16Type()), Type(b.getI64Type()), Type(b.getI8Type()),
        Type(b.getI1Type()), Type(Float8E5M2Type::get(&context))}) {
    for (const std::vector<double> &values :
         {std::vector<double>{1, 0, 1, 1, 0, 1}, std::vector<double>{1}}) {
      Tensor tensor(type({2, 3}, element), values);
      DenseElementsAttr attribute = tensor.toAttribute();
      EXPECT_EQ(attribute.isSplat(), values.size() == 1);
      FailureOr<Tensor> back = Tensor::fromAttribute(attribute);
      ASSERT_TRUE(succeeded(back));
      EXPECT_EQ(back->getBytes(), tensor.getBytes());
      EXPECT_EQ(back->getType(), tensor.getType());
    }
  }
  Tensor empty(type({0, 3}, b.getF32Type()));
  FailureOr<Tensor> back = Tensor::fromAttribute(empty.toAttribute());
  ASSERT_TRUE(succeeded(back));
  EXPECT_EQ(back->size(), 0);
}

TEST_F(TensorTest, IndexWalk_IsRowMajor) {
  std::vector<std::vector<int64_t>> seen;
  reference::forEachIndex({2, 2}, [&](ArrayRef<int64_t> index) {
    seen.push_back(std::vector<int64_t>(index));
  });
  EXPECT_EQ(seen, (std::vector<std::vector<int64_t>>{
                      {0, 0}, {0, 1}, {1, 0}, {1, 1}}));
  int64_t scalars = 0, none = 0;
  reference::forEachIndex({}, [&](ArrayRef<int64_t>) { ++scalars; });
  reference::forEachIndex({2, 0}, [&](ArrayRef<int64_t>) { ++none; });
  EXPECT_EQ(scalars, 1);
  EXPECT_EQ(none, 0);
}

} // namespace
