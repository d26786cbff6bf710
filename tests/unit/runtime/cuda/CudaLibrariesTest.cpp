// Products and convolutions through the backend, computed by the stand-in from
// the descriptors that it was given, against sums written out from the record.

#include "runtime/cuda/Gpu.h"
#include "runtime/cuda/LibraryPlan.h"
#include "tests/unit/runtime/cuda/FakeGpu.h"

#include <cmath>
#include <fstream>
#include <functional>
#include <numbers>

using namespace dlc::rt;
using namespace dlc::rt::test;
namespace fb = dlc::fb;

namespace {

double rounded(fb::DType type, double value) {
  switch (type) {
  case fb::DType::F64:
    return value;
  case fb::DType::F16:
    return halfToFloat(floatToHalf(float(value)));
  case fb::DType::BF16:
    return bfloatToFloat(floatToBfloat(float(value)));
  default:
    return float(value);
  }
}

std::vector<std::byte> encode(fb::DType type,
                              const std::vector<double> &values) {
  uint64_t width = dtypeBytes(DType(type));
  std::vector<std::byte> bytes(values.size() * width);
  for (size_t i = 0; i < values.size(); ++i) {
    std::byte *to = bytes.data() + i * width;
    auto narrow = float(values[i]);
    uint16_t bits =
        type == fb::DType::F16 ? floatToHalf(narrow) : floatToBfloat(narrow);
    if (width == 8)
      std::memcpy(to, &values[i], 8);
    else if (width == 4)
      std::memcpy(to, &narrow, 4);
    else
      std::memcpy(to, &bits, 2);
  }
  return bytes;
}

std::vector<double> decode(fb::DType type, const std::vector<std::byte> &from) {
  uint64_t width = dtypeBytes(DType(type));
  std::vector<double> values(from.size() / width);
  for (size_t i = 0; i < values.size(); ++i) {
    const std::byte *at = from.data() + i * width;
    float narrow;
    uint16_t bits;
    if (width == 8)
      std::memcpy(&values[i], at, 8);
    else if (width == 4)
      std::memcpy(&narrow, at, 4), values[i] = narrow;
    else
      std::memcpy(&bits, at, 2), values[i] = type == fb::DType::F16
                                                 ? halfToFloat(bits)
                                                 : bfloatToFloat(bits);
  }
  return values;
}

class CudaLibrariesTest : public FakeGpuTest {
protected:
  using Buffers = std::vector<std::vector<std::byte>>;

  /// Runs one instruction on `buffers` four times, the last two as a graph, and
  /// reads them back.
  Status run(std::unique_ptr<fb::InstructionT> record, Buffers &buffers) {
    if (!device)
      open();
    fb::ArtifactT empty;
    auto bytes = writeArtifact(empty, {});
    auto artifact = Artifact::fromMemory(bytes->data(), bytes->size());
    DLC_ASSIGN_OR_RETURN(auto code, device->loadCode(**artifact));
    DLC_ASSIGN_OR_RETURN(auto stream, device->createStream(code, 0));
    std::vector<std::unique_ptr<Memory>> memory;
    std::vector<std::byte *> addresses;
    std::vector<uint64_t> sizes;
    for (const std::vector<std::byte> &buffer : buffers) {
      DLC_ASSIGN_OR_RETURN(auto piece,
                           device->allocator().allocate(buffer.size()));
      addresses.push_back(piece->data());
      sizes.push_back(buffer.size());
      memory.push_back(std::move(piece));
    }
    flatbuffers::FlatBufferBuilder builder;
    builder.Finish(fb::Instruction::Pack(builder, record.get()));
    const auto *instruction =
        flatbuffers::GetRoot<fb::Instruction>(builder.GetBufferPointer());
    std::vector<std::unique_ptr<PreparedInstruction>> prepared;
    DLC_ASSIGN_OR_RETURN(auto one,
                         stream->prepare(*instruction, addresses, sizes));
    prepared.push_back(std::move(one));
    DLC_RETURN_IF_ERROR(stream->seal());
    for (int i = 0; i < 4; ++i) {
      // A residual may be the place of the result: begin anew.
      for (size_t b = 0; b < buffers.size(); ++b)
        DLC_RETURN_IF_ERROR(
            stream->copyToDevice(addresses[b], buffers[b].data(), sizes[b]));
      DLC_RETURN_IF_ERROR(stream->runAll(prepared, {}));
    }
    for (size_t b = 0; b < buffers.size(); ++b)
      DLC_RETURN_IF_ERROR(
          stream->copyToHost(buffers[b].data(), addresses[b], sizes[b]));
    DLC_RETURN_IF_ERROR(stream->synchronize());
    isFaulty = record->check && prepared[0]->isFaulty();
    prepared.clear();
    return Status::ok();
  }

  template <typename T> static std::unique_ptr<fb::InstructionT> of(T op) {
    auto record = std::make_unique<fb::InstructionT>();
    record->op.Set(std::move(op));
    record->label = "call";
    return record;
  }

  std::vector<double> values(fb::DType type, int64_t count) {
    std::uniform_real_distribution<double> uniform(-1, 1);
    std::vector<double> result;
    for (int64_t i = 0; i < count; ++i)
      result.push_back(rounded(type, uniform(random)));
    return result;
  }
  int64_t pick(int64_t least, int64_t most) {
    return std::uniform_int_distribution<int64_t>(least, most)(random);
  }

  std::mt19937 random{11};
  bool isFaulty = false;
};

//===- Products -----------------------------------------------------------===//

double activated(fb::Activation activation, double x) {
  if (activation == fb::Activation::Relu)
    return std::max(x, 0.0);
  if (activation == fb::Activation::GeluTanh)
    return x / 2 *
           (1 + std::tanh(std::sqrt(2 / std::numbers::pi) *
                          (x + 0.044715 * x * x * x)));
  return x;
}

int64_t reach(const std::vector<int64_t> &dims,
              const std::vector<int64_t> &strides, int64_t offset) {
  int64_t last = offset;
  for (size_t i = 0; i < dims.size(); ++i)
    last += (dims[i] - 1) * strides[i];
  return last + 1;
}

struct GemmCase {
  fb::GemmT gemm;
  std::vector<double> a, b, c, bias, residual;

  fb::DType resultType() const {
    return gemm.is_wide ? fb::DType::F32 : gemm.dtype;
  }
  /// The whole result buffer as it should be.
  std::vector<double> expected() const {
    std::vector<double> result = c;
    auto at = [](const std::vector<int64_t> &s, int64_t offset, int64_t i,
                 int64_t j, int64_t row, int64_t column) {
      return size_t(offset + i * s[0] + j * s[1] + row * s[2] + column * s[3]);
    };
    for (int64_t i = 0; i < gemm.batch0; ++i)
      for (int64_t j = 0; j < gemm.batch1; ++j)
        for (int64_t row = 0; row < gemm.m; ++row)
          for (int64_t column = 0; column < gemm.n; ++column) {
            double sum = 0;
            for (int64_t k = 0; k < gemm.k; ++k)
              sum += a[at(gemm.a_strides, gemm.a_offset, i, j, row, k)] *
                     b[at(gemm.b_strides, gemm.b_offset, i, j, k, column)];
            if (gemm.bias >= 0)
              sum += bias[size_t(column)];
            size_t place = at(gemm.c_strides, gemm.c_offset, i, j, row, column);
            sum = activated(gemm.activation, sum);
            if (gemm.residual >= 0)
              sum +=
                  gemm.residual == int32_t(gemm.c) ? c[place] : residual[place];
            result[place] = sum;
          }
    return result;
  }
};

class CudaGemmTest : public CudaLibrariesTest {
protected:
  std::vector<int64_t> strides(int64_t rows, int64_t columns, bool mayTurn,
                               bool mayRepeat, int64_t batch0, int64_t batch1) {
    bool isTurned = mayTurn && pick(0, 1);
    int64_t pad = pick(0, 2) * pick(0, 5);
    int64_t row = isTurned ? 1 : columns + pad;
    int64_t column = isTurned ? rows + pad : 1;
    int64_t matrix = isTurned ? columns * column : rows * row;
    int64_t inner = matrix + pick(0, 1) * 3;
    int64_t outer = inner * batch1 + pick(0, 1) * 5;
    if (pick(0, 3) == 0) // [b1, b0] in memory, as heads often are
      outer = matrix, inner = matrix * batch0;
    if (mayRepeat && pick(0, 4) == 0)
      inner = 0;
    if (mayRepeat && pick(0, 4) == 0)
      outer = 0;
    return {outer, inner, row, column};
  }

  GemmCase make() {
    GemmCase made;
    fb::GemmT &g = made.gemm;
    const fb::DType types[] = {fb::DType::F32, fb::DType::BF16, fb::DType::F16,
                               fb::DType::F64};
    g.dtype = types[pick(0, 3)];
    g.is_wide = g.dtype != fb::DType::F64 && pick(0, 1);
    g.batch0 = pick(1, 3);
    g.batch1 = pick(1, 3);
    g.m = pick(1, 9);
    g.n = pick(1, 9);
    g.k = pick(1, 9);
    g.a_strides = strides(g.m, g.k, true, true, g.batch0, g.batch1);
    g.b_strides = strides(g.k, g.n, true, true, g.batch0, g.batch1);
    g.c_strides = strides(g.m, g.n, false, false, g.batch0, g.batch1);
    g.a_offset = pick(0, 3);
    g.b_offset = pick(0, 3);
    g.c_offset = pick(0, 3);
    g.a = 0;
    g.b = 1;
    g.c = 2;
    if (g.dtype != fb::DType::F64 && pick(0, 1))
      g.bias = 3;
    if (pick(0, 2) == 0)
      g.residual = pick(0, 1) ? 4 : 2;
    else if (g.dtype != fb::DType::F64)
      g.activation = pick(0, 1)   ? fb::Activation::Relu
                     : pick(0, 1) ? fb::Activation::GeluTanh
                                  : fb::Activation::None;
    if (pick(0, 1))
      g.workspace = 5;
    made.a = values(g.dtype, reach({g.batch0, g.batch1, g.m, g.k}, g.a_strides,
                                   g.a_offset));
    made.b = values(g.dtype, reach({g.batch0, g.batch1, g.k, g.n}, g.b_strides,
                                   g.b_offset));
    int64_t size =
        reach({g.batch0, g.batch1, g.m, g.n}, g.c_strides, g.c_offset);
    made.c = values(made.resultType(), size);
    made.residual = values(made.resultType(), size);
    made.bias = values(fb::DType::F32, g.n);
    return made;
  }
};

TEST_F(CudaGemmTest, RandomRecords_MatchTheirDefinition) {
  for (int i = 0; i < 400; ++i) {
    GemmCase made = make();
    Buffers buffers = {encode(made.gemm.dtype, made.a),
                       encode(made.gemm.dtype, made.b),
                       encode(made.resultType(), made.c),
                       encode(fb::DType::F32, made.bias),
                       encode(made.resultType(), made.residual),
                       std::vector<std::byte>(pick(0, 1) ? 4096 : 100)};
    ASSERT_EQ(cuda::gemmObstacle(made.gemm), "");
    ASSERT_OK(run(of(made.gemm), buffers));
    std::vector<double> found = decode(made.resultType(), buffers[2]);
    std::vector<double> wanted = made.expected();
    uint64_t width = dtypeBytes(DType(made.resultType()));
    double tolerance = width == 8 ? 1e-13 : width == 4 ? 1e-5 : 2e-2;
    for (size_t j = 0; j < wanted.size(); ++j)
      ASSERT_NEAR(found[j], wanted[j], tolerance * (1 + std::abs(wanted[j])))
          << "case " << i << " element " << j;
    ASSERT_TRUE(fake.violations.empty()) << i << ": " << fake.violations[0];
  }
}

TEST_F(CudaGemmTest, TwoBatchDims_AreOneCallWhereTheyLieInLine) {
  fb::GemmT g;
  g.batch0 = 4;
  g.batch1 = 3;
  g.m = g.n = g.k = 8;
  g.a_strides = g.b_strides = g.c_strides = {3 * 64, 64, 8, 1};
  EXPECT_EQ(cuda::matmulFormOf(g).calls, 1);
  EXPECT_EQ(cuda::matmulFormOf(g).items, 12);
  g.b_strides = {0, 64, 8, 1};
  EXPECT_EQ(cuda::matmulFormOf(g).calls, 3);
  EXPECT_EQ(cuda::matmulFormOf(g).items, 4);
}

TEST_F(CudaGemmTest, Obstacle_NamesWhatTheLibraryLacks) {
  fb::GemmT g;
  g.batch0 = g.batch1 = 1;
  g.m = g.n = g.k = 8;
  g.dtype = fb::DType::F32;
  g.a_strides = g.b_strides = g.c_strides = {0, 0, 8, 1};
  EXPECT_EQ(cuda::gemmObstacle(g), "");
  auto changed = [&](auto change) {
    fb::GemmT other = g;
    change(other);
    return cuda::gemmObstacle(other);
  };
  EXPECT_EQ(changed([](auto &g) { g.dtype = fb::DType::I32; }),
            "element type must be f32, f64, f16 or bf16, but got i32");
  EXPECT_EQ(changed([](auto &g) { g.activation = fb::Activation::Swish; }),
            "activation must be none, relu or gelu_tanh, but got 'Swish'");
  EXPECT_NE(changed([](auto &g) {
              g.activation = fb::Activation::Relu;
              g.residual = 2;
            }),
            "");
  EXPECT_NE(changed([](auto &g) { g.k = 0; }), "");
  EXPECT_NE(changed([](auto &g) { g.a_strides = {0, 0, 2, 1}; }), "");
  EXPECT_NE(changed([](auto &g) {
              g.dtype = fb::DType::F64;
              g.bias = 3;
            }),
            "");
  g.activation = fb::Activation::Tanh;
  g.a = 0;
  g.b = 1;
  g.c = 2;
  Buffers buffers(3, std::vector<std::byte>(256));
  Status status = run(of(g), buffers);
  EXPECT_EQ(status.id(), "DLC6210") << status.toString();
}

TEST_F(CudaGemmTest, Workspace_GrowsWithTheResultUpToALimit) {
  fb::GemmT g;
  g.batch0 = g.batch1 = 1;
  g.m = g.n = g.k = 8;
  g.dtype = fb::DType::BF16;
  g.a_strides = g.b_strides = g.c_strides = {0, 0, 8, 1};
  EXPECT_EQ(cuda::gemmWorkspaceBytes(g), 64u << 10);
  g.m = g.n = 1 << 14;
  g.a_strides = g.b_strides = g.c_strides = {0, 0, 1 << 14, 1};
  EXPECT_EQ(cuda::gemmWorkspaceBytes(g), 32u << 20);
}

TEST_F(CudaGemmTest, CheckedProduct_IsScanned) {
  for (double value : {1.0, double(NAN), double(INFINITY)}) {
    for (bool allowsInfinity : {false, true}) {
      fb::GemmT g;
      g.batch0 = g.batch1 = g.m = g.n = g.k = 1;
      g.dtype = fb::DType::BF16;
      g.a_strides = g.b_strides = g.c_strides = {0, 0, 1, 1};
      g.b = 1;
      g.c = 2;
      auto record = of(g);
      record->check = std::make_unique<fb::CheckT>();
      record->check->infinities = allowsInfinity ? 2 : 0;
      auto written = std::make_unique<fb::TracedTensorT>();
      written->buffer = 2;
      written->dtype = g.dtype;
      written->dims = {1};
      written->is_written = true;
      record->check->tensors.push_back(std::move(written));
      Buffers buffers = {encode(g.dtype, {value}), encode(g.dtype, {1}),
                         encode(g.dtype, {0})};
      ASSERT_OK(run(std::move(record), buffers));
      EXPECT_EQ(isFaulty,
                std::isnan(value) || (std::isinf(value) && !allowsInfinity));
    }
  }
}

TEST_F(CudaGemmTest, Libraries_SayWhatIsMissing) {
  cuda::LibraryNames names = fakeNames();
  names.blas = {"libdlc-no-such-blas.so"};
  names.dnn = {"libdlc-no-such-dnn.so"};
  EXPECT_EQ(cuda::Blas::open(names).status().id(), "DLC6208");
  EXPECT_EQ(cuda::Dnn::open(names).status().id(), "DLC6209");
  fake.blasVersion = 110601;
  fake.dnnVersion = 8907;
  EXPECT_EQ(cuda::Blas::open(fakeNames()).status().id(), "DLC6208");
  EXPECT_EQ(cuda::Dnn::open(fakeNames()).status().id(), "DLC6209");
}

//===- Convolutions -------------------------------------------------------===//

struct ConvCase {
  fb::ConvT conv;
  std::vector<double> src, weights, dst;

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

class CudaConvTest : public CudaLibrariesTest {
protected:
  ConvCase make() {
    ConvCase made;
    fb::ConvT &c = made.conv;
    const fb::DType types[] = {fb::DType::F32, fb::DType::BF16, fb::DType::F16,
                               fb::DType::F64};
    c.dtype = types[pick(0, 3)];
    c.kind = fb::ConvKind(pick(0, 2));
    c.is_wide = c.kind == fb::ConvKind::BackwardWeights &&
                c.dtype != fb::DType::F64 && pick(0, 1);
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
  for (int i = 0; i < 300; ++i) {
    ConvCase made = make();
    fb::ConvT &c = made.conv;
    bool isGradient = c.kind == fb::ConvKind::BackwardWeights;
    if (isGradient && c.dtype != fb::DType::F64 && pick(0, 1))
      c.bias = 4;
    fb::DType weightType = c.is_wide ? fb::DType::F32 : c.dtype;
    Buffers buffers = {encode(c.dtype, made.src),
                       encode(weightType, made.weights),
                       encode(c.dtype, made.dst),
                       std::vector<std::byte>(cuda::convWorkspaceBytes(c)),
                       std::vector<std::byte>(size_t(c.out_channels) * 4)};
    ASSERT_EQ(cuda::convObstacle(c), "");
    ASSERT_OK(run(of(c), buffers));
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
    std::vector<double> found =
        decode(isGradient ? weightType : c.dtype, buffers[result]);
    uint64_t width = dtypeBytes(DType(c.dtype));
    double tolerance = width == 8 ? 1e-12 : width == 4 ? 1e-5 : 2e-2;
    for (size_t j = 0; j < wanted.size(); ++j)
      ASSERT_NEAR(found[j], wanted[j], tolerance * (1 + std::abs(wanted[j])))
          << "case " << i << " element " << j;
    if (c.bias >= 0) {
      std::vector<double> sums(size_t(c.out_channels), 0.0);
      for (size_t j = 0; j < made.dst.size(); ++j)
        sums[j % sums.size()] += made.dst[j];
      std::vector<double> bias = decode(fb::DType::F32, buffers[4]);
      for (size_t j = 0; j < sums.size(); ++j)
        ASSERT_NEAR(bias[j], sums[j], tolerance * (1 + std::abs(sums[j])));
    }
    ASSERT_TRUE(fake.violations.empty()) << i << ": " << fake.violations[0];
  }
}

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
}

TEST_F(CudaConvTest, SmallWorkspace_IsSaidWithBothSizes) {
  fb::ConvT c;
  c.kind = fb::ConvKind::Forward;
  c.dtype = fb::DType::F32;
  c.batch = c.in_channels = c.out_channels = 1;
  c.kernel = c.in_spatial = c.out_spatial = c.strides = c.dilations = {1};
  c.pads_begin = c.pads_end = {0};
  c.weights = 1;
  c.dst = 2;
  c.workspace = 3;
  Buffers buffers(4, std::vector<std::byte>(64));
  Status status = run(of(c), buffers);
  EXPECT_EQ(status.id(), "DLC6211");
  EXPECT_EQ(status.message(), "workspace of a convolution must have 512 bytes "
                              "for cuDNN, but got 64");
}

TEST(HelperPtxTest, Text_HasEveryKernel) {
  std::string text = cuda::helperPtx();
  for (const char *name :
       {"dlc_narrow_bf16", "dlc_narrow_f16", "dlc_widen_bf16", "dlc_widen_f16",
        "dlc_swap_2", "dlc_swap_4", "dlc_swap_8", "dlc_scan_2", "dlc_scan_4",
        "dlc_scan_8"})
    EXPECT_NE(text.find(std::string(".entry ") + name + "("),
              std::string::npos);
  if (const char *path = std::getenv("DLC_HELPER_PTX"))
    std::ofstream(path) << text;
}

} // namespace
