// Products through the backend, computed by the stand-in from the descriptors
// that it was given, against sums written out from the record.

#include "tests/unit/runtime/cuda/LibraryCall.h"

#include <numbers>

using namespace dlc::rt;
using namespace dlc::rt::test;
namespace fb = dlc::fb;

namespace {

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
  fb::DType biasType() const {
    return gemm.is_narrow_bias ? gemm.dtype : fb::DType::F32;
  }
  std::string text() const {
    const fb::GemmT &g = gemm;
    return concat("gemm ", fb::EnumNameDType(g.dtype), g.is_wide ? " wide" : "",
                  g.allows_tf32 ? " tf32" : "", " [", g.batch0, ", ", g.batch1, ", ", g.m, ", ", g.n, ", ",
                  g.k, "] a ", listOf(g.a_strides), " b ", listOf(g.b_strides),
                  " c ", listOf(g.c_strides),
                  g.is_narrow_bias ? " narrow bias "
                  : g.bias >= 0    ? " bias "
                                   : " ",
                  fb::EnumNameActivation(g.activation),
                  g.residual >= 0 ? " residual" : "");
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

class CudaGemmTest : public LibraryCallTest {
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
    g.allows_tf32 = allowTf32(g.dtype == fb::DType::F32 && pick(0, 1));
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
    g.is_narrow_bias =
        g.bias >= 0 && g.dtype != fb::DType::F32 && !g.is_wide && pick(0, 1);
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
    made.bias = values(made.biasType(), g.n);
    return made;
  }
};

TEST_F(CudaGemmTest, RandomRecords_MatchTheirDefinition) {
  for (int i = 0; i < cases; ++i) {
    GemmCase made = make();
#ifndef DLC_REAL_GPU
    fake.refusesAdvice = i % 3 == 0;
#endif
    Buffers buffers = {encode(made.gemm.dtype, made.a),
                       encode(made.gemm.dtype, made.b),
                       encode(made.resultType(), made.c),
                       encode(made.biasType(), made.bias),
                       encode(made.resultType(), made.residual),
                       std::vector<std::byte>(pick(0, 1) ? 4096 : 100)};
    ASSERT_EQ(cuda::gemmObstacle(made.gemm), "");
    std::string what = made.text();
    Status status = run(of(made.gemm), buffers);
    EXPECT_TRUE(status.isOk()) << what << ": " << status.toString();
    if (status.isOk())
      expectNear(decode(made.resultType(), buffers[2]), made.expected(),
                 made.resultType(), what, made.gemm.allows_tf32);
    ASSERT_EQ(misuse(), "") << i;
  }
}

/// In every layout, by the product itself and by one of its own.
TEST_F(CudaGemmTest, BiasGradient_IsTheSumOfTheOperand) {
  for (int i = 0; i < cases; ++i) {
    GemmCase made = make();
    fb::GemmT &g = made.gemm;
    if (g.dtype == fb::DType::F64)
      continue;
    g.is_wide = true;
    g.batch0 = g.batch1 = 1;
    g.bias = -1;
    g.is_narrow_bias = false;
    g.activation = fb::Activation::None;
    g.bias_gradient = 3;
    g.bias_gradient_of = pick(0, 1) ? fb::GemmOperand::A : fb::GemmOperand::B;
    bool isOfA = g.bias_gradient_of == fb::GemmOperand::A;
#ifndef DLC_REAL_GPU
    fake.lacksSums = pick(0, 1);
#endif
    made.c = values(fb::DType::F32, made.c.size());
    made.residual = values(fb::DType::F32, made.residual.size());
    std::vector<double> sums(size_t(isOfA ? g.m : g.n), 0.0);
    for (size_t j = 0; j < sums.size(); ++j)
      for (int64_t k = 0; k < g.k; ++k)
        sums[j] +=
            isOfA ? made.a[size_t(g.a_offset + int64_t(j) * g.a_strides[2] +
                                  k * g.a_strides[3])]
                  : made.b[size_t(g.b_offset + k * g.b_strides[2] +
                                  int64_t(j) * g.b_strides[3])];
    Buffers buffers = {encode(g.dtype, made.a),
                       encode(g.dtype, made.b),
                       encode(fb::DType::F32, made.c),
                       std::vector<std::byte>(sums.size() * 4),
                       encode(fb::DType::F32, made.residual),
                       std::vector<std::byte>(4096)};
    ASSERT_EQ(cuda::gemmObstacle(g), "");
    std::string what = made.text();
    Status status = run(of(g), buffers);
    ASSERT_TRUE(status.isOk()) << what << ": " << status.toString();
    expectNear(decode(fb::DType::F32, buffers[2]), made.expected(),
               fb::DType::F32, what, g.allows_tf32);
    expectNear(decode(fb::DType::F32, buffers[3]), sums, fb::DType::F32, what,
               g.allows_tf32);
    ASSERT_EQ(misuse(), "") << i;
  }
}

#ifndef DLC_REAL_GPU
TEST_F(CudaGemmTest, EveryCall_MayFail) {
  fb::GemmT g;
  g.dtype = fb::DType::BF16;
  g.batch0 = g.batch1 = 2;
  g.m = g.n = g.k = 4;
  g.a_strides = g.c_strides = {32, 16, 4, 1};
  g.b_strides = {0, 16, 1, 4};
  g.b = 1;
  g.c = 2;
  g.bias = 3;
  failEachCall(g, Buffers(4, std::vector<std::byte>(256)));
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
TEST_F(CudaGemmTest, EveryCallOfABiasGradient_MayFail) {
  fb::GemmT g;
  g.dtype = fb::DType::BF16;
  g.is_wide = true;
  g.batch0 = g.batch1 = 1;
  g.m = g.n = g.k = 4;
  g.a_strides = g.b_strides = g.c_strides = {0, 0, 4, 1};
  g.b = 1;
  g.c = 2;
  g.bias_gradient = 3;
  fake.lacksSums = true;
  failEachCall(g, Buffers(4, std::vector<std::byte>(256)));
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
  EXPECT_EQ(changed([](auto &g) { g.allows_tf32 = true; }), "");
  EXPECT_EQ(changed([](auto &g) {
              g.allows_tf32 = true;
              g.dtype = fb::DType::BF16;
            }),
            "what allows TF32 must be of f32, but got bf16");
  EXPECT_EQ(changed([](auto &g) { g.activation = fb::Activation::Swish; }),
            "activation must be none, relu or gelu_tanh, but got 'Swish'");
  EXPECT_NE(changed([](auto &g) {
              g.activation = fb::Activation::Relu;
              g.residual = 2;
            }),
            "");
  EXPECT_EQ(changed([](auto &g) {
              g.dtype = fb::DType::BF16;
              g.is_wide = g.is_narrow_bias = true;
            }),
            "a narrow bias must be of a 16-bit result, but got one of f32");
  EXPECT_NE(changed([](auto &g) { g.k = 0; }), "");
  EXPECT_NE(changed([](auto &g) { g.a_strides = {0, 0, 2, 1}; }), "");
  EXPECT_NE(changed([](auto &g) {
              g.dtype = fb::DType::F64;
              g.bias = 3;
            }),
            "");
  EXPECT_EQ(changed([](auto &g) { g.bias_gradient = 3; }), "");
  EXPECT_EQ(changed([](auto &g) {
              g.bias_gradient = 3;
              g.batch1 = 2;
            }),
            "a bias gradient must be beside one product in f32 without bias "
            "and activation, but got batches 1 and 2 of f32");
  EXPECT_NE(changed([](auto &g) {
              g.bias_gradient = 3;
              g.dtype = fb::DType::BF16;
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
#endif

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

#ifndef DLC_REAL_GPU
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
#endif

} // namespace
