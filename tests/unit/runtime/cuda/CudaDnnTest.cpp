// Convolutions through the backend, computed by the stand-in from the
// descriptors that it was given, against sums written out from the record.

#include "tests/unit/runtime/cuda/LibraryCall.h"

#include <functional>

using namespace dlc::rt;
using namespace dlc::rt::test;
namespace fb = dlc::fb;

namespace {

struct ConvCase {
  fb::ConvT conv;
  std::vector<double> src, weights, dst;

  std::string text() const {
    const fb::ConvT &c = conv;
    return concat(
        "conv ", fb::EnumNameConvKind(c.kind), " ", fb::EnumNameDType(c.dtype),
        c.is_wide ? " wide" : "", " n ", c.batch, ", c ", c.in_channels, ", o ",
        c.out_channels, ", groups ", c.groups, ", in ", listOf(c.in_spatial),
        ", kernel ", listOf(c.kernel), ", strides ", listOf(c.strides),
        ", dilations ", listOf(c.dilations), ", pads ", listOf(c.pads_begin));
  }
  int64_t extent(const std::vector<int64_t> &dims) const {
    int64_t count = 1;
    for (int64_t dim : dims)
      count *= dim;
    return count;
  }
  /// Calls visit(src, weight, dst) for all products, as artifact.fbs has them.
  void
  forProducts(const std::function<void(size_t, size_t, size_t)> &visit) const {
    const fb::ConvT &c = conv;
    int64_t inGroup = c.in_channels / c.groups;
    int64_t outGroup = c.out_channels / c.groups;
    int64_t taps = extent(c.kernel), outs = extent(c.out_spatial);
    for (int64_t n = 0; n < c.batch; ++n)
      for (int64_t out = 0; out < outs; ++out)
        for (int64_t tap = 0; tap < taps; ++tap) {
          int64_t position = 0;
          if (!locate(out, tap, position))
            continue;
          int64_t ins = extent(c.in_spatial);
          for (int64_t o = 0; o < c.out_channels; ++o)
            for (int64_t i = 0; i < inGroup; ++i)
              visit(size_t((n * ins + position) * c.in_channels +
                           o / outGroup * inGroup + i),
                    size_t((o * inGroup + i) * taps + tap),
                    size_t((n * outs + out) * c.out_channels + o));
        }
  }
  bool locate(int64_t out, int64_t tap, int64_t &position) const {
    int64_t scale = 1;
    position = 0;
    for (size_t d = conv.kernel.size(); d-- > 0;) {
      int64_t at = out % conv.out_spatial[d] * conv.strides[d] +
                   tap % conv.kernel[d] * conv.dilations[d] -
                   conv.pads_begin[d];
      if (at < 0 || at >= conv.in_spatial[d])
        return false;
      position += at * scale;
      scale *= conv.in_spatial[d];
      out /= conv.out_spatial[d];
      tap /= conv.kernel[d];
    }
    return true;
  }
};

class CudaConvTest : public LibraryCallTest {
protected:
  /// Versions of cuDNN have more or less of what is looked for first.
  void changeLibrary([[maybe_unused]] int i) {
#ifndef DLC_REAL_GPU
    fake.lacksChannelsLast = i % 2;
    fake.lacksPlainSums = i % 3 == 0;
    fake.refusesAdvice = i % 5 == 0 && !fake.lacksPlainSums;
#endif
  }
  ConvCase make() {
    ConvCase made;
    fb::ConvT &c = made.conv;
    const fb::DType types[] = {fb::DType::F32, fb::DType::BF16, fb::DType::F16,
                               fb::DType::F64};
    c.dtype = types[pick(0, 3)];
    c.kind = fb::ConvKind(pick(0, 2));
    c.is_wide = c.kind == fb::ConvKind::BackwardWeights &&
                c.dtype != fb::DType::F64 && pick(0, 1);
    c.allows_tf32 = allowTf32(c.dtype == fb::DType::F32 && pick(0, 1));
    c.batch = pick(1, 3);
    c.groups = pick(1, 2);
    c.in_channels = c.groups * pick(1, 3);
    c.out_channels = c.groups * pick(1, 3);
    for (int64_t d = pick(1, 3); d > 0; --d) {
      c.kernel.push_back(pick(1, 3));
      c.strides.push_back(pick(1, 2));
      c.dilations.push_back(pick(1, 2));
      int64_t pad = pick(0, 2);
      c.pads_begin.push_back(pad);
      c.pads_end.push_back(pad);
      int64_t reached = c.dilations.back() * (c.kernel.back() - 1) + 1;
      c.in_spatial.push_back(std::max<int64_t>(reached - 2 * pad, 1) +
                             pick(0, 3));
      c.out_spatial.push_back(
          (c.in_spatial.back() + 2 * pad - reached) / c.strides.back() + 1);
      // Pads that no tap reaches may be left out.
      if ((c.in_spatial.back() + 2 * pad - reached) % c.strides.back() && pad)
        --c.pads_end.back();
    }
    c.src = 0;
    c.weights = 1;
    c.dst = 2;
    c.workspace = 3;
    made.src =
        values(c.dtype, c.batch * c.in_channels * made.extent(c.in_spatial));
    made.weights = values(c.dtype, c.out_channels * c.in_channels / c.groups *
                                       made.extent(c.kernel));
    made.dst =
        values(c.dtype, c.batch * c.out_channels * made.extent(c.out_spatial));
    return made;
  }
};

TEST_F(CudaConvTest, RandomRecords_MatchTheirDefinition) {
  for (int i = 0; i < cases; ++i) {
    ConvCase made = make();
    changeLibrary(i);
    fb::ConvT &c = made.conv;
    bool isGradient = c.kind == fb::ConvKind::BackwardWeights;
    if (isGradient && c.dtype != fb::DType::F64 && pick(0, 1))
      c.bias = 4;
    fb::DType weightType = c.is_wide ? fb::DType::F32 : c.dtype;
    if (pick(0, 3) == 0)
      c.workspace = -1; // the stream's
    Buffers buffers = {encode(c.dtype, made.src),
                       encode(weightType, made.weights),
                       encode(c.dtype, made.dst),
                       std::vector<std::byte>(cuda::convWorkspaceBytes(c)),
                       std::vector<std::byte>(size_t(c.out_channels) * 4)};
    ASSERT_EQ(cuda::convObstacle(c), "");
    std::string what = made.text();
    Status status = run(of(c), buffers);
    EXPECT_TRUE(status.isOk()) << what << ": " << status.toString();
    if (!status.isOk())
      continue;
    size_t result = c.kind == fb::ConvKind::Forward ? 2 : isGradient ? 1 : 0;
    std::vector<double> *operands[] = {&made.src, &made.weights, &made.dst};
    std::vector<double> wanted(operands[result]->size(), 0.0);
    made.forProducts([&](size_t x, size_t w, size_t y) {
      size_t at[] = {x, w, y};
      double product = 1;
      for (size_t j = 0; j < 3; ++j)
        if (j != result)
          product *= (*operands[j])[at[j]];
      wanted[at[result]] += product;
    });
    expectNear(decode(isGradient ? weightType : c.dtype, buffers[result]),
               wanted, c.dtype, what, c.allows_tf32);
    if (c.bias >= 0) {
      std::vector<double> sums(size_t(c.out_channels), 0.0);
      for (size_t j = 0; j < made.dst.size(); ++j)
        sums[j % sums.size()] += made.dst[j];
      expectNear(decode(fb::DType::F32, buffers[4]), sums, c.dtype,
                 what + " bias");
    }
    ASSERT_EQ(misuse(), "") << i;
  }
}

#ifndef DLC_REAL_GPU
TEST_F(CudaConvTest, Obstacle_NamesWhatTheLibraryLacks) {
  ConvCase made = make();
  fb::ConvT c = made.conv;
  c.kind = fb::ConvKind::Forward;
  c.dtype = fb::DType::F32;
  c.activation = fb::Activation::Relu;
  EXPECT_NE(cuda::convObstacle(c), "");
  c.activation = fb::Activation::None;
  c.kernel = {2};
  c.in_spatial = {8};
  c.out_spatial = {8};
  c.strides = c.dilations = {1};
  c.pads_begin = {0};
  c.pads_end = {1};
  EXPECT_EQ(cuda::convObstacle(c),
            "pads must be the same on both sides, but got [0] and [1]");
  EXPECT_EQ(cuda::convWorkspaceBytes(c), 0u);
  c.allows_tf32 = true;
  c.dtype = fb::DType::F64;
  EXPECT_EQ(cuda::convObstacle(c),
            "what allows TF32 must be of f32, but got f64");
}
TEST_F(CudaConvTest, EveryCall_MayFail) {
  fb::ConvT c;
  c.kind = fb::ConvKind::BackwardWeights;
  c.dtype = fb::DType::BF16;
  c.is_wide = true;
  c.batch = 1;
  c.in_channels = c.out_channels = 2;
  c.kernel = c.in_spatial = {2};
  c.out_spatial = c.strides = c.dilations = {1};
  c.pads_begin = c.pads_end = {0};
  c.weights = 1;
  c.dst = 2;
  c.workspace = 3;
  c.bias = 4;
  failEachCall(c, Buffers(5, std::vector<std::byte>(4096)));
  c.workspace = -1;
  failEachCall(c, Buffers(5, std::vector<std::byte>(4096)));
}
/// What a plan gives is a guess about the library of another machine.
TEST_F(CudaConvTest, SmallWorkspace_IsReplacedByTheStreams) {
  fb::ConvT c;
  c.kind = fb::ConvKind::Forward;
  c.dtype = fb::DType::F32;
  c.batch = c.in_channels = c.out_channels = 1;
  c.kernel = c.in_spatial = c.out_spatial = c.strides = c.dilations = {1};
  c.pads_begin = c.pads_end = {0};
  c.weights = 1;
  c.dst = 2;
  c.workspace = 3;
  Buffers buffers = {encode(fb::DType::F32, {3}), encode(fb::DType::F32, {5}),
                     encode(fb::DType::F32, {0}), std::vector<std::byte>(64)};
  Status status = run(of(c), buffers);
  EXPECT_TRUE(status.isOk()) << status.toString();
  EXPECT_EQ(decode(fb::DType::F32, buffers[2])[0], 15);
}
TEST_F(CudaConvTest, F64_IsComputedChannelsFirst) {
  fb::ConvT c;
  c.dtype = fb::DType::F64;
  c.batch = 2;
  c.in_channels = c.out_channels = 3;
  c.kernel = c.strides = c.dilations = {1, 1};
  c.pads_begin = c.pads_end = {0, 0};
  c.in_spatial = c.out_spatial = {4, 5};
  EXPECT_TRUE(cuda::wantsChannelsFirst(c));
  cuda::ConvCopies copies = cuda::convCopiesOf(c, true);
  EXPECT_EQ(copies.srcBytes, 1024u);
  EXPECT_EQ(copies.bytes(), 2048u);
  EXPECT_GT(cuda::convWorkspaceBytes(c), 2048u);
  c.dtype = fb::DType::BF16;
  EXPECT_FALSE(cuda::wantsChannelsFirst(c));
  EXPECT_EQ(cuda::convCopiesOf(c, false).bytes(), 0u);
}
#endif

} // namespace
