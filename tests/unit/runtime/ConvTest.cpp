// Every form of convolution against sums written out in double, and its bits
// against themselves on 1, 2 and 3 threads.

#include "runtime/cpu/Conv.h"
#include "runtime/core/DType.h"
#include "tests/unit/runtime/TestUtil.h"

#include <cmath>
#include <functional>

using namespace dlc::rt;
using namespace dlc::rt::test;
namespace fb = dlc::fb;

namespace {

struct Case {
  std::string name;
  int64_t batch, in, out, groups;
  std::vector<int64_t> size, kernel, strides, dilations, before, after;
  bool hasEpilogue = false;
};

void PrintTo(const Case &c, std::ostream *out) { *out << c.name; }

fb::ConvT recordOf(const Case &c, fb::ConvKind kind) {
  fb::ConvT conv;
  conv.kind = kind;
  conv.dtype = fb::DType::F32;
  conv.batch = c.batch;
  conv.in_channels = c.in;
  conv.out_channels = c.out;
  conv.groups = c.groups;
  conv.in_spatial = c.size;
  conv.kernel = c.kernel;
  conv.strides = c.strides;
  conv.dilations = c.dilations;
  conv.pads_begin = c.before;
  conv.pads_end = c.after;
  for (size_t i = 0; i < c.size.size(); ++i)
    conv.out_spatial.push_back((c.size[i] + c.before[i] + c.after[i] -
                                c.dilations[i] * (c.kernel[i] - 1) - 1) /
                                   c.strides[i] +
                               1);
  return conv;
}

int64_t product(const std::vector<int64_t> &list) {
  int64_t result = 1;
  for (int64_t v : list)
    result *= v;
  return result;
}

/// Calls link(src index, weight index, dst index) for every multiplication.
void forLinks(const fb::ConvT &c,
              const std::function<void(int64_t, int64_t, int64_t)> &link) {
  int64_t in = product(c.in_spatial), out = product(c.out_spatial);
  int64_t taps = product(c.kernel);
  int64_t inPer = c.in_channels / c.groups, outPer = c.out_channels / c.groups;
  size_t rank = c.kernel.size();
  for (int64_t n = 0; n < c.batch; ++n)
    for (int64_t p = 0; p < out; ++p)
      for (int64_t t = 0; t < taps; ++t) {
        int64_t q = 0, pRest = p, tRest = t, scale = 1;
        bool isReal = true;
        for (size_t i = rank; i-- > 0;) {
          int64_t pi = pRest % c.out_spatial[i], ti = tRest % c.kernel[i];
          pRest /= c.out_spatial[i];
          tRest /= c.kernel[i];
          int64_t qi =
              pi * c.strides[i] - c.pads_begin[i] + ti * c.dilations[i];
          isReal &= qi >= 0 && qi < c.in_spatial[i];
          q += qi * scale;
          scale *= c.in_spatial[i];
        }
        if (!isReal)
          continue;
        for (int64_t o = 0; o < c.out_channels; ++o)
          for (int64_t k = 0; k < inPer; ++k)
            link((n * in + q) * c.in_channels + o / outPer * inPer + k,
                 (o * inPer + k) * taps + t,
                 (n * out + p) * c.out_channels + o);
      }
}

struct Operands {
  Floats src, weights, dst, bias, residual;
};

Operands operandsOf(const fb::ConvT &c) {
  int64_t weights =
      c.out_channels * (c.in_channels / c.groups) * product(c.kernel);
  int64_t dst = c.batch * c.out_channels * product(c.out_spatial);
  bool isForward = c.kind == fb::ConvKind::Forward;
  return {Floats(c.batch * c.in_channels * product(c.in_spatial),
                 c.kind == fb::ConvKind::BackwardData ? 0 : 1),
          Floats(weights, c.kind == fb::ConvKind::BackwardWeights ? 0 : 2),
          Floats(dst, isForward ? 0 : 3), Floats(c.out_channels, 4),
          Floats(dst, 5)};
}

/// Runs the record on `threads` threads and gives the written operand.
Floats runConv(const fb::ConvT &c, int threads,
               bool isResidualInPlace = false) {
  Operands x = operandsOf(c);
  if (isResidualInPlace)
    for (int64_t i = 0; i < x.dst.size(); ++i)
      x.dst[i] = x.residual[i];
  Floats workspace(static_cast<int64_t>(convWorkspaceBytes(c) / 4));
  LibraryContext context(threads);
  ConvPointers at;
  at.src = x.src.bytes();
  at.weights = x.weights.bytes();
  at.dst = x.dst.bytes();
  at.bias = c.bias >= 0 ? x.bias.bytes() : nullptr;
  at.residual = c.residual >= 0 ? x.residual.bytes() : nullptr;
  if (isResidualInPlace)
    at.residual = at.dst;
  at.workspace = workspace.bytes();
  auto plan = ConvPlan::create(context, c, at);
  EXPECT_TRUE(plan.isOk()) << plan.status().toString();
  EXPECT_LE(plan.value()->workspaceBytes(), convWorkspaceBytes(c));
  EXPECT_TRUE(context.allocate().isOk());
  ThreadPool pool(threads);
  Status status = plan.value()->run(pool);
  EXPECT_TRUE(status.isOk()) << status.toString();
  if (c.kind == fb::ConvKind::Forward)
    return std::move(x.dst);
  if (c.kind == fb::ConvKind::BackwardData)
    return std::move(x.src);
  return std::move(x.weights);
}

void expectNear(const Floats &got, const std::vector<double> &want) {
  ASSERT_EQ(got.size(), static_cast<int64_t>(want.size()));
  double scale = 0;
  for (double v : want)
    scale = std::max(scale, std::fabs(v));
  for (int64_t i = 0; i < got.size(); ++i)
    ASSERT_NEAR(got[i], want[static_cast<size_t>(i)], 2e-5 * (1 + scale))
        << "element " << i;
}

class ConvTest : public ::testing::TestWithParam<Case> {};

TEST_P(ConvTest, Forward_AnyShape_EqualsSums) {
  fb::ConvT c = recordOf(GetParam(), fb::ConvKind::Forward);
  if (GetParam().hasEpilogue) {
    c.bias = 0;
    c.residual = 0;
    c.activation = fb::Activation::Relu;
  }
  Operands x = operandsOf(c);
  std::vector<double> want(static_cast<size_t>(x.dst.size()), 0.0);
  forLinks(c, [&](int64_t s, int64_t w, int64_t d) {
    want[static_cast<size_t>(d)] += double(x.src[s]) * double(x.weights[w]);
  });
  for (size_t i = 0; c.bias >= 0 && i < want.size(); ++i)
    want[i] =
        std::max(0.0, want[i] + x.residual[static_cast<int64_t>(i)] +
                          x.bias[static_cast<int64_t>(i) % c.out_channels]);
  Floats got = runConv(c, 1);
  expectNear(got, want);
  EXPECT_TRUE(got.sameBits(runConv(c, 2)));
  EXPECT_TRUE(got.sameBits(runConv(c, 3)));
  if (c.residual >= 0)
    expectNear(runConv(c, 2, /*isResidualInPlace=*/true), want);
}

TEST_P(ConvTest, BackwardData_AnyShape_EqualsSums) {
  fb::ConvT c = recordOf(GetParam(), fb::ConvKind::BackwardData);
  Operands x = operandsOf(c);
  std::vector<double> want(static_cast<size_t>(x.src.size()), 0.0);
  forLinks(c, [&](int64_t s, int64_t w, int64_t d) {
    want[static_cast<size_t>(s)] += double(x.dst[d]) * double(x.weights[w]);
  });
  Floats got = runConv(c, 1);
  expectNear(got, want);
  EXPECT_TRUE(got.sameBits(runConv(c, 2)));
  EXPECT_TRUE(got.sameBits(runConv(c, 3)));
}

TEST_P(ConvTest, BackwardWeights_AnyShape_EqualsSums) {
  fb::ConvT c = recordOf(GetParam(), fb::ConvKind::BackwardWeights);
  if (GetParam().hasEpilogue)
    c.bias = 0;
  Operands x = operandsOf(c);
  std::vector<double> want(static_cast<size_t>(x.weights.size()), 0.0);
  forLinks(c, [&](int64_t s, int64_t w, int64_t d) {
    want[static_cast<size_t>(w)] += double(x.src[s]) * double(x.dst[d]);
  });
  Floats got = runConv(c, 1);
  expectNear(got, want);
  EXPECT_TRUE(got.sameBits(runConv(c, 2)));
  EXPECT_TRUE(got.sameBits(runConv(c, 3)));
}

TEST(ConvRecordTest, BackwardWeights_WithBias_SumsTheGradient) {
  for (int64_t size : {8, 2}) { // the direct form, then the positions form
    Case shape{"",     5,      16,     24,     1,     {size, size},
               {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}};
    fb::ConvT c = recordOf(shape, fb::ConvKind::BackwardWeights);
    c.bias = 0;
    Operands x = operandsOf(c);
    std::vector<double> want(static_cast<size_t>(c.out_channels), 0.0);
    for (int64_t i = 0; i < x.dst.size(); ++i)
      want[static_cast<size_t>(i % c.out_channels)] += x.dst[i];
    Operands y = operandsOf(c);
    Floats workspace(static_cast<int64_t>(convWorkspaceBytes(c) / 4));
    LibraryContext context(2);
    ConvPointers at;
    at.src = y.src.bytes();
    at.weights = y.weights.bytes();
    at.dst = y.dst.bytes();
    at.bias = y.bias.bytes();
    at.workspace = workspace.bytes();
    auto plan = ConvPlan::create(context, c, at);
    ASSERT_RESULT(plan);
    ASSERT_OK(context.allocate());
    ASSERT_OK(plan.value()->run(ThreadPool(2)));
    expectNear(y.bias, want);
  }
}

std::vector<uint16_t> narrow(const Floats &from, fb::DType type) {
  std::vector<uint16_t> to(static_cast<size_t>(from.size()));
  for (int64_t i = 0; i < from.size(); ++i)
    to[static_cast<size_t>(i)] =
        type == fb::DType::F16 ? floatToHalf(from[i]) : floatToBfloat(from[i]);
  return to;
}

std::vector<float> widen(const std::vector<uint16_t> &from, fb::DType type) {
  std::vector<float> to;
  for (uint16_t bits : from)
    to.push_back(type == fb::DType::F16 ? halfToFloat(bits)
                                        : bfloatToFloat(bits));
  return to;
}

/// The written operand of `c` in the narrow type `type`, widened. A gradient of
/// the weights is f32 in memory if `isWide`.
std::vector<float> runNarrow(fb::ConvT c, fb::DType type, bool isWide) {
  Operands x = operandsOf(c);
  std::vector<uint16_t> src = narrow(x.src, type), dst = narrow(x.dst, type);
  std::vector<uint16_t> weights = narrow(x.weights, type);
  c.dtype = type;
  c.is_wide = isWide;
  Floats workspace(static_cast<int64_t>(convWorkspaceBytes(c) / 4));
  ConvPointers at;
  at.src = reinterpret_cast<std::byte *>(src.data());
  at.weights = isWide ? x.weights.bytes()
                      : reinterpret_cast<std::byte *>(weights.data());
  at.dst = reinterpret_cast<std::byte *>(dst.data());
  at.workspace = workspace.bytes();
  LibraryContext context(2);
  auto plan = ConvPlan::create(context, c, at);
  EXPECT_TRUE(plan.isOk()) << plan.status().toString();
  EXPECT_TRUE(context.allocate().isOk());
  EXPECT_TRUE(plan.value()->run(ThreadPool(2)).isOk());
  if (c.kind == fb::ConvKind::Forward)
    return widen(dst, type);
  if (c.kind == fb::ConvKind::BackwardData)
    return widen(src, type);
  if (isWide)
    return std::vector<float>(&x.weights[0], &x.weights[0] + x.weights.size());
  return widen(weights, type);
}

TEST(ConvRecordTest, Run_OfNarrowFloats_IsNearTheFloatResult) {
  for (fb::DType type : {fb::DType::BF16, fb::DType::F16})
    for (int64_t size : {6, 2}) // the direct form, then the positions form
      for (int kind = 0; kind < 3; ++kind)
        for (bool isWide : {false, true}) {
          Case shape{"",     4,      16,     24,     1,     {size, size},
                     {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}};
          fb::ConvT c = recordOf(shape, static_cast<fb::ConvKind>(kind));
          if (isWide && c.kind != fb::ConvKind::BackwardWeights)
            continue;
          Floats wide = runConv(c, 1);
          std::vector<float> got = runNarrow(c, type, isWide);
          ASSERT_EQ(int64_t(got.size()), wide.size());
          // Terms are products of two rounded factors; their errors add up
          // like a random walk over at most 24 * 9 or 4 * 36 terms.
          double unit = type == fb::DType::F16 ? 0x1p-11 : 0x1p-8;
          for (int64_t i = 0; i < wide.size(); ++i)
            ASSERT_NEAR(got[size_t(i)], wide[i],
                        unit * (30 + std::fabs(wide[i])))
                << int(type) << " " << size << " " << kind << " " << i;
        }
}

TEST(ConvRecordTest, Create_OfDoubles_IsAnHonestError) {
  Case shape{"", 1, 1, 1, 1, {4}, {3}, {1}, {1}, {1}, {1}};
  fb::ConvT c = recordOf(shape, fb::ConvKind::Forward);
  c.dtype = fb::DType::F64;
  LibraryContext context(1);
  auto plan = ConvPlan::create(context, c, ConvPointers());
  ASSERT_FALSE(plan.isOk());
  EXPECT_EQ(plan.status().id(), "DLC6003");
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, ConvTest,
    ::testing::Values(
        Case{"Square",
             7,
             16,
             32,
             1,
             {8, 8},
             {3, 3},
             {1, 1},
             {1, 1},
             {1, 1},
             {1, 1}},
        Case{"Epilogue",
             5,
             16,
             32,
             1,
             {6, 6},
             {3, 3},
             {1, 1},
             {1, 1},
             {1, 1},
             {1, 1},
             true},
        Case{"FirstLayer",
             6,
             3,
             20,
             1,
             {16, 16},
             {7, 7},
             {2, 2},
             {1, 1},
             {3, 3},
             {3, 3}},
        Case{"OneChannel",
             9,
             1,
             8,
             1,
             {8, 8},
             {3, 3},
             {1, 1},
             {1, 1},
             {1, 1},
             {1, 1}},
        Case{"OddChannels",
             4,
             5,
             7,
             1,
             {9, 7},
             {3, 2},
             {2, 1},
             {1, 1},
             {0, 1},
             {1, 0},
             true},
        Case{"Asymmetric",
             3,
             8,
             8,
             1,
             {10, 10},
             {4, 4},
             {3, 3},
             {1, 1},
             {0, 2},
             {3, 1}},
        Case{"Dilated",
             3,
             16,
             16,
             1,
             {12, 12},
             {3, 3},
             {1, 1},
             {2, 3},
             {2, 3},
             {2, 3}},
        Case{"Grouped",
             4,
             16,
             32,
             4,
             {6, 6},
             {3, 3},
             {1, 1},
             {1, 1},
             {1, 1},
             {1, 1}},
        Case{"Depthwise",
             4,
             24,
             24,
             24,
             {7, 7},
             {3, 3},
             {2, 2},
             {1, 1},
             {1, 1},
             {1, 1},
             true},
        Case{"DepthMultiplier",
             2,
             6,
             12,
             6,
             {5, 5},
             {3, 3},
             {1, 1},
             {1, 1},
             {1, 1},
             {1, 1}},
        Case{"OneDim", 5, 12, 20, 1, {30}, {5}, {2}, {1}, {2}, {1}, true},
        Case{"ThreeDims",
             2,
             8,
             8,
             1,
             {5, 6, 4},
             {3, 2, 3},
             {1, 2, 1},
             {1, 1, 1},
             {1, 0, 1},
             {1, 1, 0}},
        Case{"Pointwise",
             5,
             32,
             48,
             1,
             {4, 6},
             {1, 1},
             {1, 1},
             {1, 1},
             {0, 0},
             {0, 0}},
        Case{"PointwiseEpilogue",
             5,
             32,
             48,
             1,
             {4, 6},
             {1, 1},
             {1, 1},
             {1, 1},
             {0, 0},
             {0, 0},
             true},
        Case{"PointwiseStrided",
             5,
             32,
             48,
             1,
             {8, 8},
             {1, 1},
             {2, 2},
             {1, 1},
             {0, 0},
             {0, 0}},
        Case{"TwoByTwo",
             9,
             32,
             48,
             1,
             {2, 2},
             {3, 3},
             {1, 1},
             {1, 1},
             {1, 1},
             {1, 1}},
        Case{"OneByOne",
             9,
             32,
             80,
             1,
             {1, 1},
             {3, 3},
             {1, 1},
             {1, 1},
             {1, 1},
             {1, 1}},
        Case{"FourToTwo",
             9,
             32,
             48,
             1,
             {4, 4},
             {3, 3},
             {2, 2},
             {1, 1},
             {1, 1},
             {1, 1}},
        Case{"TwoToOne",
             9,
             32,
             48,
             1,
             {2, 2},
             {3, 3},
             {2, 2},
             {1, 1},
             {1, 1},
             {1, 1}},
        Case{"FourToTwoPointwise",
             9,
             32,
             48,
             1,
             {4, 4},
             {1, 1},
             {2, 2},
             {1, 1},
             {0, 0},
             {0, 0}},
        Case{"DilatedTiny",
             9,
             16,
             16,
             1,
             {3, 3},
             {3, 3},
             {2, 2},
             {2, 2},
             {2, 2},
             {2, 2}},
        Case{"WholeImage",
             3,
             16,
             24,
             1,
             {4, 4},
             {4, 4},
             {1, 1},
             {1, 1},
             {0, 0},
             {0, 0}},
        Case{"SingleItem",
             1,
             16,
             16,
             1,
             {9, 9},
             {3, 3},
             {1, 1},
             {1, 1},
             {1, 1},
             {1, 1}}),
    [](const ::testing::TestParamInfo<Case> &info) { return info.param.name; });

} // namespace
