// Matrix products against sums in double, over every combination of layout,
// epilogue and tile edge, and their bits on 1, 2 and 3 threads.

#include "runtime/cpu/Gemm.h"
#include "runtime/core/DType.h"
#include "tests/unit/runtime/TestUtil.h"

#include <cmath>

using namespace dlc::rt;
using namespace dlc::rt::test;
namespace fb = dlc::fb;

namespace {

fb::GemmT denseGemm(int64_t m, int64_t n, int64_t k, bool isATransposed,
                    bool isBTransposed, int64_t batch0 = 1,
                    int64_t batch1 = 1) {
  fb::GemmT g;
  g.dtype = fb::DType::F32;
  g.batch0 = batch0;
  g.batch1 = batch1;
  g.m = m;
  g.n = n;
  g.k = k;
  auto strides = [&](int64_t rows, int64_t columns, bool isTransposed) {
    return std::vector<int64_t>{batch1 * rows * columns, rows * columns,
                                isTransposed ? 1 : columns,
                                isTransposed ? rows : 1};
  };
  g.a_strides = strides(m, k, isATransposed);
  g.b_strides = strides(k, n, isBTransposed);
  g.c_strides = strides(m, n, false);
  return g;
}

int64_t elements(const std::vector<int64_t> &s, int64_t offset, int64_t b0,
                 int64_t b1, int64_t rows, int64_t columns) {
  return offset + (b0 - 1) * s[0] + (b1 - 1) * s[1] + (rows - 1) * s[2] +
         (columns - 1) * s[3] + 1;
}

double activate(fb::Activation activation, double x) {
  switch (activation) {
  case fb::Activation::None:
    return x;
  case fb::Activation::Relu:
    return std::max(x, 0.0);
  case fb::Activation::GeluErf:
    return x * 0.5 * (1 + std::erf(x / std::sqrt(2.0)));
  case fb::Activation::GeluTanh:
    return x * 0.5 *
           (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
  case fb::Activation::Tanh:
    return std::tanh(x);
  case fb::Activation::Sigmoid:
    return 1 / (1 + std::exp(-x));
  case fb::Activation::Swish:
    return x / (1 + std::exp(-x));
  }
  return NAN;
}

struct Product {
  Floats a, b, c, bias, residual, biasGradient;
};

Product runGemm(const fb::GemmT &g, int threads,
                bool isResidualInPlace = false) {
  int64_t size =
      elements(g.c_strides, g.c_offset, g.batch0, g.batch1, g.m, g.n);
  Product r{
      Floats(elements(g.a_strides, g.a_offset, g.batch0, g.batch1, g.m, g.k),
             1),
      Floats(elements(g.b_strides, g.b_offset, g.batch0, g.batch1, g.k, g.n),
             2),
      Floats(size, isResidualInPlace ? 4 : 0), Floats(g.n, 3), Floats(size, 4),
      Floats(std::max(g.m, g.n), 5)};
  LibraryContext context(threads);
  GemmPointers at;
  at.a = r.a.bytes();
  at.b = r.b.bytes();
  at.c = r.c.bytes();
  at.bias = g.bias >= 0 ? r.bias.bytes() : nullptr;
  Floats workspace(static_cast<int64_t>(gemmWorkspaceBytes(g) / 4));
  at.workspace = workspace.bytes();
  if (g.bias_gradient >= 0)
    at.biasGradient = r.biasGradient.bytes();
  if (g.residual >= 0)
    at.residual = isResidualInPlace ? r.c.bytes() : r.residual.bytes();
  auto plan = GemmPlan::create(context, g, at);
  EXPECT_TRUE(plan.isOk()) << plan.status().toString();
  EXPECT_TRUE(context.allocate().isOk());
  ThreadPool pool(threads);
  Status status = plan.value()->run(pool);
  EXPECT_TRUE(status.isOk()) << status.toString();
  return r;
}

void checkGemm(const fb::GemmT &g, bool isResidualInPlace = false) {
  Product r = runGemm(g, 1, isResidualInPlace);
  auto at = [](const std::vector<int64_t> &s, int64_t offset, int64_t b0,
               int64_t b1, int64_t row, int64_t column) {
    return offset + b0 * s[0] + b1 * s[1] + row * s[2] + column * s[3];
  };
  for (int64_t b0 = 0; b0 < g.batch0; ++b0)
    for (int64_t b1 = 0; b1 < g.batch1; ++b1)
      for (int64_t i = 0; i < g.m; ++i)
        for (int64_t j = 0; j < g.n; ++j) {
          double sum = g.bias >= 0 ? r.bias[j] : 0;
          for (int64_t k = 0; k < g.k; ++k)
            sum += double(r.a[at(g.a_strides, g.a_offset, b0, b1, i, k)]) *
                   double(r.b[at(g.b_strides, g.b_offset, b0, b1, k, j)]);
          sum = activate(g.activation, sum);
          int64_t index = at(g.c_strides, g.c_offset, b0, b1, i, j);
          if (g.residual >= 0)
            sum += r.residual[index];
          ASSERT_NEAR(r.c[index], sum,
                      2e-6 * (8 + std::sqrt(double(g.k))) *
                          (1 + std::fabs(sum)))
              << b0 << " " << b1 << " " << i << " " << j;
        }
  for (int threads : {2, 3}) {
    Product other = runGemm(g, threads, isResidualInPlace);
    EXPECT_TRUE(r.c.sameBits(other.c)) << threads << " threads";
  }
}

TEST(GemmTest, Run_EveryLayoutAndEdge_EqualsSums) {
  struct Shape {
    int64_t m, n, k;
  };
  for (Shape s :
       {Shape{1, 1, 1}, Shape{5, 3, 2}, Shape{17, 33, 129}, Shape{128, 10, 512},
        Shape{300, 70, 65}, Shape{1, 513, 40}, Shape{600, 1, 64},
        Shape{33, 1000, 70}, Shape{65, 64, 3100}, Shape{130, 900, 100}})
    for (bool isATransposed : {false, true})
      for (bool isBTransposed : {false, true}) {
        SCOPED_TRACE(::testing::Message()
                     << s.m << " " << s.n << " " << s.k << " " << isATransposed
                     << isBTransposed);
        checkGemm(denseGemm(s.m, s.n, s.k, isATransposed, isBTransposed));
      }
}

TEST(GemmTest, Run_EveryActivation_EqualsSums) {
  for (int activation = int(fb::Activation::None);
       activation <= int(fb::Activation::MAX); ++activation) {
    fb::GemmT g = denseGemm(70, 200, 40, false, true);
    g.activation = static_cast<fb::Activation>(activation);
    g.bias = 0;
    SCOPED_TRACE(fb::EnumNameActivation(g.activation));
    checkGemm(g);
    g.residual = 0;
    checkGemm(g);
    checkGemm(g, /*isResidualInPlace=*/true);
  }
}

TEST(GemmTest, Run_LongSumWithEpilogue_AppliesItOnce) {
  fb::GemmT g = denseGemm(40, 50, 3500, true, false);
  g.bias = 0;
  g.activation = fb::Activation::Tanh;
  g.residual = 0;
  checkGemm(g);
  checkGemm(g, /*isResidualInPlace=*/true);
}

TEST(GemmTest, Run_LongSumOfASmallResult_IsAddedInParts) {
  fb::GemmT g = denseGemm(300, 65, 4500, true, false);
  EXPECT_GT(gemmWorkspaceBytes(g), 0u);
  checkGemm(g);
  g.c_strides[2] = 70; // a result with gaps
  checkGemm(g);
  checkGemm(denseGemm(40, 70, 9000, false, true));
  g.bias = 0; // what is linear or a maximum is applied to the whole sum
  g.activation = fb::Activation::Relu;
  EXPECT_GT(gemmWorkspaceBytes(g), 0u);
  checkGemm(g);
  g.residual = 0;
  checkGemm(g);
  checkGemm(g, /*isResidualInPlace=*/true);
  g.activation = fb::Activation::Tanh; // the library's, on whole sums only
  EXPECT_EQ(gemmWorkspaceBytes(g), 0u);
}

/// Of either operand in either layout, and with gaps.
TEST(GemmTest, Run_BiasGradient_IsTheSumOfTheOperand) {
  for (fb::GemmOperand of : {fb::GemmOperand::A, fb::GemmOperand::B})
    for (bool isATransposed : {false, true})
      for (bool isBTransposed : {false, true})
        for (int64_t gap : {0, 3}) {
          fb::GemmT g = denseGemm(70, 131, 201, isATransposed, isBTransposed);
          g.a_strides[isATransposed ? 3 : 2] += gap;
          g.b_strides[isBTransposed ? 3 : 2] += gap;
          g.a_offset = g.b_offset = gap;
          g.bias_gradient = 0;
          g.bias_gradient_of = of;
          bool isOfA = of == fb::GemmOperand::A;
          int64_t size = isOfA ? g.m : g.n;
          Product r = runGemm(g, 1);
          for (int64_t i = 0; i < size; ++i) {
            double sum = 0;
            for (int64_t k = 0; k < g.k; ++k)
              sum += isOfA ? r.a[g.a_offset + i * g.a_strides[2] +
                                 k * g.a_strides[3]]
                           : r.b[g.b_offset + k * g.b_strides[2] +
                                 i * g.b_strides[3]];
            ASSERT_EQ(r.biasGradient[i], float(sum)) << i;
          }
          Product other = runGemm(g, 3);
          EXPECT_TRUE(r.biasGradient.sameBits(other.biasGradient));
          EXPECT_TRUE(r.c.sameBits(other.c));
        }
}

TEST(GemmTest, ApplyRelu_NaN_StaysNaN) {
  float values[] = {-1, 2, NAN, -NAN, -0.0f, INFINITY, -INFINITY};
  applyRelu(fb::DType::F32, reinterpret_cast<std::byte *>(values), 7);
  EXPECT_EQ(values[0], 0);
  EXPECT_EQ(values[1], 2);
  EXPECT_TRUE(std::isnan(values[2]) && std::isnan(values[3]));
  EXPECT_EQ(values[4], 0);
  EXPECT_EQ(values[5], INFINITY);
  EXPECT_EQ(values[6], 0);
  uint16_t narrow[] = {0xbf80, 0x4000, 0x7fc0, 0xffc0, 0x8000, 0xff80};
  applyRelu(fb::DType::BF16, reinterpret_cast<std::byte *>(narrow), 6);
  uint16_t want[] = {0, 0x4000, 0x7fc0, 0xffc0, 0, 0};
  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(narrow[i], want[i]) << i;
}

TEST(GemmTest, Run_ReluOfNaN_IsNaN) {
  fb::GemmT g = denseGemm(3, 40, 1, false, false);
  g.activation = fb::Activation::Relu;
  std::vector<float> a = {1, NAN, -1}, b(40, 2.0f), c(120);
  LibraryContext context(1);
  GemmPointers at;
  at.a = reinterpret_cast<std::byte *>(a.data());
  at.b = reinterpret_cast<std::byte *>(b.data());
  at.c = reinterpret_cast<std::byte *>(c.data());
  auto plan = GemmPlan::create(context, g, at);
  ASSERT_TRUE(plan.isOk()) << plan.status().toString();
  ASSERT_TRUE(context.allocate().isOk());
  ThreadPool pool(1);
  ASSERT_TRUE(plan.value()->run(pool).isOk());
  EXPECT_EQ(c[0], 2);
  EXPECT_TRUE(std::isnan(c[40]));
  EXPECT_EQ(c[80], 0);
}

TEST(GemmTest, Run_AttentionStrides_EqualsSums) {
  // Heads side by side in [batch, time, 3 * heads * width], as one product
  // of queries and keys and one of scores and values.
  int64_t batch = 3, heads = 4, time = 20, width = 8, row = 3 * heads * width;
  fb::GemmT scores = denseGemm(time, time, width, false, true, batch, heads);
  scores.a_strides = {time * row, width, row, 1};
  scores.b_strides = {time * row, width, 1, row};
  scores.b_offset = heads * width;
  checkGemm(scores);
  fb::GemmT mix = denseGemm(time, width, time, false, false, batch, heads);
  mix.b_strides = {time * row, width, row, 1};
  mix.b_offset = 2 * heads * width;
  mix.c_strides = {time * heads * width, width, heads * width, 1};
  checkGemm(mix);
  mix.a_strides = {heads * time * time, time * time, 1, time};
  checkGemm(mix);
}

TEST(GemmTest, Run_BroadcastOperand_EqualsSums) {
  fb::GemmT g = denseGemm(9, 11, 13, false, false, 2, 3);
  g.b_strides[0] = g.b_strides[1] = 0;
  checkGemm(g);
  g = denseGemm(9, 11, 13, false, false, 40, 1);
  g.a_strides[0] = 0;
  checkGemm(g);
}

TEST(GemmTest, Run_OfBfloats_IsNearTheFloatResult) {
  fb::GemmT g = denseGemm(70, 90, 50, false, true);
  g.residual = 0;
  Product wide = runGemm(g, 1);
  auto narrow = [](const Floats &from) {
    std::vector<uint16_t> to(static_cast<size_t>(from.size()));
    for (int64_t i = 0; i < from.size(); ++i)
      to[static_cast<size_t>(i)] = floatToBfloat(from[i]);
    return to;
  };
  std::vector<uint16_t> a = narrow(wide.a), b = narrow(wide.b);
  std::vector<uint16_t> residual = narrow(wide.residual), c = narrow(wide.c);
  g.dtype = fb::DType::BF16;
  GemmPointers at;
  at.a = reinterpret_cast<std::byte *>(a.data());
  at.b = reinterpret_cast<std::byte *>(b.data());
  at.c = reinterpret_cast<std::byte *>(c.data());
  at.residual = reinterpret_cast<std::byte *>(residual.data());
  LibraryContext context(2);
  auto plan = GemmPlan::create(context, g, at);
  ASSERT_RESULT(plan);
  ASSERT_OK(context.allocate());
  ASSERT_OK(plan.value()->run(ThreadPool(2)));
  for (int64_t i = 0; i < wide.c.size(); ++i)
    ASSERT_NEAR(bfloatToFloat(c[static_cast<size_t>(i)]), wide.c[i],
                0.02 * (2 + std::fabs(wide.c[i])));
}

TEST(GemmTest, Create_OfDoubles_IsAnHonestError) {
  fb::GemmT g = denseGemm(2, 2, 2, false, false);
  g.dtype = fb::DType::F64;
  LibraryContext context(1);
  auto plan = GemmPlan::create(context, g, GemmPointers());
  ASSERT_FALSE(plan.isOk());
  EXPECT_EQ(plan.status().id(), "DLC6003");
}


// A 16-bit product sums in f32 and rounds once, so it differs from the exact sum
// of its (rounded) operands by half a unit of its type, plus the sum's own error.
struct NarrowCase {
  fb::DType dtype;
  bool isWide, hasResidual;
};

class NarrowGemmTest : public ::testing::TestWithParam<NarrowCase> {
protected:
  static uint16_t narrow(fb::DType type, float value) {
    return type == fb::DType::F16 ? floatToHalf(value) : floatToBfloat(value);
  }
  static float widen(fb::DType type, uint16_t bits) {
    return type == fb::DType::F16 ? halfToFloat(bits) : bfloatToFloat(bits);
  }
  static std::vector<uint16_t> narrowed(fb::DType type, const Floats &values,
                                        int64_t count) {
    std::vector<uint16_t> result;
    for (int64_t i = 0; i < count; ++i)
      result.push_back(narrow(type, values[i]));
    return result;
  }

  /// Runs it with the workspace it asks for, on 1 and 3 threads.
  static void check(const NarrowCase &c, int64_t m, int64_t n, int64_t depth,
                    bool isATransposed, bool isBTransposed,
                    bool isBiasNarrow = false);
};

void NarrowGemmTest::check(const NarrowCase &c, int64_t m, int64_t n,
                           int64_t depth, bool isATransposed,
                           bool isBTransposed, bool isBiasNarrow) {
  SCOPED_TRACE(::testing::Message() << m << " " << n << " " << depth << " "
                                    << isATransposed << isBTransposed);
  fb::GemmT g = denseGemm(m, n, depth, isATransposed, isBTransposed);
  g.dtype = c.dtype;
  g.is_wide = c.isWide;
  g.bias = 0;
  g.is_narrow_bias = isBiasNarrow;
  g.residual = c.hasResidual ? 0 : -1;
  Floats a(m * depth, 1), b(n * depth, 2), bias(n, 3), residual(m * n, 4);
  auto a16 = narrowed(c.dtype, a, m * depth);
  auto b16 = narrowed(c.dtype, b, n * depth);
  auto residual16 = narrowed(c.dtype, residual, m * n);
  auto bias16 = narrowed(c.dtype, bias, n);
  std::vector<float> wide(size_t(m * n)), otherWide(wide);
  std::vector<uint16_t> result(size_t(m * n)), other(result);
  Floats workspace(static_cast<int64_t>(gemmWorkspaceBytes(g) / 4));
  auto bytes = [](auto &values) {
    return reinterpret_cast<std::byte *>(values.data());
  };
  auto run = [&](std::byte *to, int threads) {
    GemmPointers at;
    at.a = bytes(a16);
    at.b = bytes(b16);
    at.c = to;
    at.bias = isBiasNarrow ? bytes(bias16) : bias.bytes();
    at.workspace = workspace.size() ? workspace.bytes() : nullptr;
    if (c.hasResidual)
      at.residual = c.isWide ? residual.bytes() : bytes(residual16);
    LibraryContext context(threads);
    auto plan = GemmPlan::create(context, g, at);
    ASSERT_TRUE(plan.isOk()) << plan.status().toString();
    ASSERT_TRUE(context.allocate().isOk());
    ASSERT_TRUE(plan.value()->run(ThreadPool(threads)).isOk());
  };
  run(c.isWide ? bytes(wide) : bytes(result), 1);
  run(c.isWide ? bytes(otherWide) : bytes(other), 3);
  EXPECT_TRUE(result == other);
  EXPECT_EQ(std::memcmp(wide.data(), otherWide.data(), wide.size() * 4), 0);
  double unit = c.isWide                     ? 0x1p-24
                : c.dtype == fb::DType::BF16 ? 0x1p-8
                                             : 0x1p-11;
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) {
      double sum = isBiasNarrow ? widen(c.dtype, bias16[size_t(j)]) : bias[j];
      double size = std::fabs(sum);
      for (int64_t k = 0; k < depth; ++k) {
        int64_t x = isATransposed ? k * m + i : i * depth + k;
        int64_t y = isBTransposed ? j * depth + k : k * n + j;
        double term = double(widen(c.dtype, a16[size_t(x)])) *
                      widen(c.dtype, b16[size_t(y)]);
        sum += term;
        size += std::fabs(term);
      }
      size_t at = size_t(i * n + j);
      double base = std::fabs(sum);
      if (c.hasResidual)
        sum += c.isWide ? residual[int64_t(at)]
                        : widen(c.dtype, residual16[at]);
      double got = c.isWide ? wide[at] : widen(c.dtype, result[at]);
      // Two roundings with a residual: of the tile and of the sum. The sum's
      // own are a random walk of `depth` steps; four times its length.
      double tolerance = (std::fabs(sum) + base) * unit +
                         4 * size * std::sqrt(double(depth)) * 0x1p-24 +
                         0x1p-24;
      ASSERT_NEAR(got, sum, tolerance) << i << " " << j;
    }
}

TEST_P(NarrowGemmTest, Run_EqualsSumsOfTheRoundedOperands) {
  for (int64_t depth : {3, 70, 2100})
    for (bool isATransposed : {false, true})
      check(GetParam(), 65, 130, depth, isATransposed, true);
}

TEST_P(NarrowGemmTest, Run_NarrowBias_IsAddedBeforeTheOnlyRounding) {
  for (int64_t depth : {3, 2100})
    check(GetParam(), 65, 130, depth, false, true, /*isBiasNarrow=*/true);
  // Columns in several tiles, and parts of a long sum.
  check(GetParam(), 64, 1600, 97, false, false, /*isBiasNarrow=*/true);
  check(GetParam(), 40, 130, 20000, true, true, /*isBiasNarrow=*/true);
}

TEST_P(NarrowGemmTest, Run_PackedOperand_EqualsSumsOfTheRoundedOperands) {
  for (bool isBTransposed : {false, true}) {
    // Three tiles of rows read it; blocks of 64 columns and 32 rows, and less.
    check(GetParam(), 600, 128, 64, false, isBTransposed);
    check(GetParam(), 600, 70, 45, true, isBTransposed);
  }
  // Columns in several tiles, none of them in place.
  check(GetParam(), 64, 1600, 97, false, false);
}

TEST_P(NarrowGemmTest, Run_LongSum_IsAddedInPartsOfAPackedOperand) {
  for (bool isATransposed : {false, true})
    check(GetParam(), 40, 70, 8200, isATransposed, !isATransposed);
}

INSTANTIATE_TEST_SUITE_P(
    Types, NarrowGemmTest,
    ::testing::Values(NarrowCase{fb::DType::BF16, false, false},
                      NarrowCase{fb::DType::BF16, true, false},
                      NarrowCase{fb::DType::BF16, false, true},
                      NarrowCase{fb::DType::BF16, true, true},
                      NarrowCase{fb::DType::F16, false, false},
                      NarrowCase{fb::DType::F16, true, true}));

} // namespace
