#include "runtime/cuda/LibraryPlan.h"

#include "runtime/core/CheckedMath.h"
#include "runtime/core/DType.h"
#include "runtime/core/Status.h"

#include <algorithm>
#include <limits>
#include <optional>

namespace dlc::rt::cuda {

namespace {

bool isHalf(fb::DType type) {
  return type == fb::DType::F16 || type == fb::DType::BF16;
}

bool isLibraryType(fb::DType type) {
  return type == fb::DType::F32 || type == fb::DType::F64 || isHalf(type);
}

uint64_t widthOf(fb::DType type) { return dtypeBytes(DType(type)); }

std::string typeObstacle(fb::DType type, bool allowsTf32) {
  if (!isLibraryType(type))
    return concat("element type must be f32, f64, f16 or bf16, but got ",
                  dtypeName(DType(type)));
  if (allowsTf32 && type != fb::DType::F32)
    return concat("what allows TF32 must be of f32, but got ",
                  dtypeName(DType(type)));
  return {};
}

/// The matrix of `rows` x `columns` elements at these strides, seen in columns:
/// what is a row here is a column there.
std::optional<MatrixForm> formOf(int64_t rows, int64_t columns,
                                 int64_t rowStride, int64_t columnStride) {
  bool isRowDense = columnStride == 1 || columns == 1;
  if (isRowDense && (rowStride >= columns || rows == 1))
    return MatrixForm{false, columns, rows, std::max(rowStride, columns)};
  bool isColumnDense = rowStride == 1 || rows == 1;
  if (isColumnDense && (columnStride >= rows || columns == 1))
    return MatrixForm{true, rows, columns, std::max(columnStride, rows)};
  return std::nullopt;
}

using Strides = std::vector<int64_t>;

std::optional<MatrixForm> formOf(int64_t rows, int64_t columns,
                                 const Strides &strides) {
  return formOf(rows, columns, strides[2], strides[3]);
}

/// Whether the two batch dims are one of batch0 * batch1 items.
bool isOneBatch(const fb::GemmT &gemm) {
  for (const Strides *strides :
       {&gemm.a_strides, &gemm.b_strides, &gemm.c_strides})
    if ((*strides)[0] != (*strides)[1] * gemm.batch1)
      return false;
  return true;
}

std::string layoutObstacle(const fb::GemmT &gemm) {
  std::optional<MatrixForm> c = formOf(gemm.m, gemm.n, gemm.c_strides);
  if (formOf(gemm.m, gemm.k, gemm.a_strides) &&
      formOf(gemm.k, gemm.n, gemm.b_strides) && c && !c->isTransposed)
    return {};
  return concat("rows must not overlap, but got strides a ",
                listOf(gemm.a_strides), ", b ", listOf(gemm.b_strides), ", c ",
                listOf(gemm.c_strides));
}

} // namespace

std::string gemmObstacle(const fb::GemmT &gemm) {
  if (std::string obstacle = typeObstacle(gemm.dtype, gemm.allows_tf32);
      !obstacle.empty())
    return obstacle;
  bool isDouble = gemm.dtype == fb::DType::F64;
  if (gemm.is_wide && isDouble)
    return "a wide result must be of 16-bit or f32 operands, but got f64";
  if (gemm.is_narrow_bias && (gemm.is_wide || !isHalf(gemm.dtype)))
    return concat("a narrow bias must be of a 16-bit result, but got one of ",
                  dtypeName(gemm.is_wide ? DType::F32 : DType(gemm.dtype)));
  if (gemm.batch0 < 1 || gemm.batch1 < 1 || gemm.m < 1 || gemm.n < 1 ||
      gemm.k < 1)
    return concat("sizes must be at least 1, but got batches ", gemm.batch0,
                  " and ", gemm.batch1, ", m ", gemm.m, ", n ", gemm.n, ", k ",
                  gemm.k);
  bool isActivated = gemm.activation != fb::Activation::None;
  if (isActivated && gemm.activation != fb::Activation::Relu &&
      gemm.activation != fb::Activation::GeluTanh)
    return concat("activation must be none, relu or gelu_tanh, but got '",
                  fb::EnumNameActivation(gemm.activation), "'");
  if (isActivated && gemm.residual >= 0)
    return "an activation and a residual must not be of one call, but got both";
  if (isDouble && (isActivated || gemm.bias >= 0))
    return "an f64 product must have no bias and no activation, but got one";
  bool isAlone = gemm.batch0 == 1 && gemm.batch1 == 1 && gemm.bias < 0 &&
                 !isActivated && !isDouble &&
                 (gemm.is_wide || gemm.dtype == fb::DType::F32);
  if (gemm.bias_gradient >= 0 && !isAlone)
    return concat("a bias gradient must be beside one product in f32 without "
                  "bias and activation, but got batches ",
                  gemm.batch0, " and ", gemm.batch1, " of ",
                  dtypeName(DType(gemm.dtype)));
  return layoutObstacle(gemm);
}

fb::GemmT biasGradientProduct(const fb::GemmT &gemm) {
  bool isOfA = gemm.bias_gradient_of == fb::GemmOperand::A;
  fb::GemmT sums;
  sums.dtype = gemm.dtype;
  sums.is_wide = gemm.is_wide;
  sums.allows_tf32 = gemm.allows_tf32;
  sums.batch0 = sums.batch1 = sums.m = 1;
  sums.n = isOfA ? gemm.m : gemm.n;
  sums.k = gemm.k;
  const Strides &strides = isOfA ? gemm.a_strides : gemm.b_strides;
  sums.a_strides = {0, 0, gemm.k, 1};
  sums.b_strides = {0, 0, isOfA ? strides[3] : strides[2],
                    isOfA ? strides[2] : strides[3]};
  sums.c_strides = {0, 0, sums.n, 1};
  return sums;
}

MatmulForm matmulFormOf(const fb::GemmT &gemm) {
  MatmulForm form;
  form.a = *formOf(gemm.m, gemm.k, gemm.a_strides);
  form.b = *formOf(gemm.k, gemm.n, gemm.b_strides);
  form.c = *formOf(gemm.m, gemm.n, gemm.c_strides);
  // The dim of one call, and the dim that calls step through.
  size_t inner = gemm.batch1 == 1 ? 0 : 1;
  int64_t counts[2] = {gemm.batch0, gemm.batch1};
  if (gemm.batch0 != 1 && gemm.batch1 != 1) {
    if (isOneBatch(gemm)) {
      counts[1] *= counts[0];
      counts[0] = 1;
    } else {
      inner = gemm.batch0 > gemm.batch1 ? 0 : 1;
    }
  }
  size_t outer = 1 - inner;
  form.items = counts[inner];
  form.calls = counts[outer];
  form.aStride = gemm.a_strides[inner];
  form.bStride = gemm.b_strides[inner];
  form.cStride = gemm.c_strides[inner];
  form.aStep = gemm.a_strides[outer];
  form.bStep = gemm.b_strides[outer];
  form.cStep = gemm.c_strides[outer];
  return form;
}

uint64_t gemmWorkspaceBytes(const fb::GemmT &gemm) {
  if (!gemmObstacle(gemm).empty())
    return 0;
  // Room for eight partial results in f32; more than 32 MiB no kernel asks for.
  constexpr int64_t most = int64_t(32) << 20, least = int64_t(64) << 10;
  int64_t result = most;
  int64_t elements = 0;
  if (std::optional<int64_t> count = elementCount(
          std::vector<int64_t>{gemm.batch0, gemm.batch1, gemm.m, gemm.n}))
    elements = *count;
  if (elements < most / 32)
    result = std::max(least, elements * 32);
  return alignUp(static_cast<uint64_t>(result), 256);
}

//===- Convolutions -------------------------------------------------------===//

static std::optional<int64_t> product(std::vector<int64_t> dims,
                                      const std::vector<int64_t> &more) {
  dims.insert(dims.end(), more.begin(), more.end());
  return elementCount(dims);
}

static int64_t weightElements(const fb::ConvT &conv) {
  return product({conv.out_channels, conv.in_channels / conv.groups},
                 conv.kernel)
      .value_or(0);
}

/// cuDNN's extent for pads_begin on both sides.
static int64_t symmetricExtent(const fb::ConvT &conv, size_t dim) {
  int64_t span = conv.in_spatial[dim] + 2 * conv.pads_begin[dim] -
                 conv.dilations[dim] * (conv.kernel[dim] - 1);
  return (span - 1) / conv.strides[dim] + 1;
}

std::string convObstacle(const fb::ConvT &conv) {
  if (std::string obstacle = typeObstacle(conv.dtype, conv.allows_tf32);
      !obstacle.empty())
    return obstacle;
  if (conv.kind == fb::ConvKind::Forward &&
      (conv.bias >= 0 || conv.residual >= 0 ||
       conv.activation != fb::Activation::None))
    return "a forward call must have no bias, activation and residual, but got "
           "one";
  if (conv.bias >= 0 && conv.dtype == fb::DType::F64)
    return "a bias gradient must be of f32, f16 or bf16, but got f64";
  if (conv.is_wide && conv.dtype == fb::DType::F64)
    return "a wide gradient must be of 16-bit or f32 operands, but got f64";
  for (size_t i = 0; i < conv.kernel.size(); ++i)
    if (symmetricExtent(conv, i) != conv.out_spatial[i])
      return concat("pads must be the same on both sides, but got ",
                    listOf(conv.pads_begin), " and ", listOf(conv.pads_end));
  constexpr int64_t most = std::numeric_limits<int32_t>::max();
  std::optional<int64_t> src =
      product({conv.batch, conv.in_channels}, conv.in_spatial);
  std::optional<int64_t> dst =
      product({conv.batch, conv.out_channels}, conv.out_spatial);
  std::optional<int64_t> weights =
      product({conv.out_channels, conv.in_channels / conv.groups}, conv.kernel);
  if (!src || !dst || !weights || *src > most || *dst > most || *weights > most)
    return concat("tensors must have at most ", most, " elements, but got ",
                  src.value_or(-1), ", ", weights.value_or(-1), " and ",
                  dst.value_or(-1));
  return {};
}

bool wantsChannelsFirst(const fb::ConvT &conv) {
  // PyTorch does the same: cuDNN has no channels-last kernels of f64.
  return conv.dtype == fb::DType::F64;
}

ConvCopies convCopiesOf(const fb::ConvT &conv, bool isChannelsFirst) {
  uint64_t width = widthOf(conv.dtype);
  int64_t taps = elementCount(conv.kernel).value_or(0);
  ConvCopies copies;
  copies.turnsWeights =
      !isChannelsFirst && conv.in_channels / conv.groups != 1 && taps != 1;
  copies.narrowsWeights = conv.kind == fb::ConvKind::BackwardWeights &&
                          conv.is_wide && isHalf(conv.dtype);
  copies.weightBytes =
      alignUp(static_cast<uint64_t>(weightElements(conv)) * width, 256);
  auto bytesOf = [&](int64_t channels, const std::vector<int64_t> &spatial) {
    int64_t positions = elementCount(spatial).value_or(0);
    if (!isChannelsFirst || channels == 1 || positions == 1)
      return uint64_t(0);
    return alignUp(
        static_cast<uint64_t>(conv.batch * channels * positions) * width, 256);
  };
  copies.srcBytes = bytesOf(conv.in_channels, conv.in_spatial);
  copies.dstBytes = bytesOf(conv.out_channels, conv.out_spatial);
  return copies;
}

uint64_t convWorkspaceBytes(const fb::ConvT &conv) {
  if (!convObstacle(conv).empty())
    return 0;
  constexpr int64_t most = int64_t(64) << 20, least = int64_t(1) << 20;
  int64_t src =
      product({conv.batch, conv.in_channels}, conv.in_spatial).value_or(0);
  int64_t dst =
      product({conv.batch, conv.out_channels}, conv.out_spatial).value_or(0);
  int64_t bytes = (src + dst) * int64_t(widthOf(conv.dtype)) +
                  16 * weightElements(conv) + least;
  return convCopiesOf(conv, wantsChannelsFirst(conv)).bytes() +
         alignUp(static_cast<uint64_t>(std::min(bytes, most)), 256);
}

//===- Attention ----------------------------------------------------------===//

/// Elements in 16 bytes, which cuDNN's kernels read at once.
static constexpr int64_t attentionGrain = 8;

/// A dim of one element has any stride.
static bool isStepped(int64_t extent, int64_t stride) {
  return extent == 1 || (stride > 0 && stride % attentionGrain == 0);
}

static std::string placeObstacle(const fb::AttentionT &attention,
                                 const fb::AttentionViewT *view, int64_t rows,
                                 const char *role) {
  if (!view || (view->offset % attentionGrain == 0 &&
                isStepped(attention.batch, view->batch_stride) &&
                isStepped(attention.heads, view->head_stride) &&
                isStepped(rows, view->row_stride)))
    return {};
  return concat("rows of ", role, " must begin at multiples of 16 bytes, but "
                "got offset ", view->offset, " and strides ",
                listOf(std::vector<int64_t>{view->batch_stride,
                                            view->head_stride,
                                            view->row_stride}));
}

static std::string placesObstacle(const fb::AttentionT &attention) {
  struct Place {
    const std::unique_ptr<fb::AttentionViewT> &view;
    int64_t rows;
    const char *role;
  };
  int64_t rows = attention.rows, keys = attention.keys;
  for (const Place &place :
       {Place{attention.q, rows, "q"}, Place{attention.k, keys, "k"},
        Place{attention.v, keys, "v"}, Place{attention.output, rows, "output"},
        Place{attention.grad, rows, "grad"}, Place{attention.dq, rows, "dq"},
        Place{attention.dk, keys, "dk"}, Place{attention.dv, keys, "dv"}})
    if (std::string obstacle =
            placeObstacle(attention, place.view.get(), place.rows, place.role);
        !obstacle.empty())
      return obstacle;
  return {};
}

std::string attentionObstacle(const fb::AttentionT &attention) {
  if (!isHalf(attention.dtype))
    return concat("element type must be f16 or bf16, but got ",
                  dtypeName(DType(attention.dtype)));
  if (attention.mask >= 0)
    return "keys must be hidden by causality alone, but got a mask";
  constexpr int64_t mostColumns = 128;
  for (int64_t columns : {attention.depth, attention.width})
    if (columns < 1 || columns > mostColumns || columns % attentionGrain != 0)
      return concat("columns of a head must be a multiple of 8 of at most ",
                    mostColumns, ", but got ", columns);
  if (attention.batch < 1 || attention.heads < 1 || attention.rows < 2 ||
      attention.keys < 2)
    return concat("there must be at least 2 rows and 2 keys, but got ",
                  attention.rows, " and ", attention.keys);
  // Beyond that, memory that grows with rows times keys is not worth its use.
  constexpr uint64_t most = uint64_t(4) << 30;
  uint64_t bytes = attentionRoomOf(attention).bytes();
  if (bytes > most)
    return concat("workspace must be at most ", most, " bytes, but got ",
                  bytes);
  return placesObstacle(attention);
}

AttentionRoom attentionRoomOf(const fb::AttentionT &attention) {
  constexpr uint64_t slack = 4096;
  AttentionRoom room;
  room.libraryBytes = slack;
  if (attention.kind == fb::AttentionKind::Forward)
    return room;
  auto heads = static_cast<uint64_t>(
      product({attention.batch, attention.heads}, {}).value_or(0));
  auto rows = static_cast<uint64_t>(attention.rows);
  auto keys = static_cast<uint64_t>(attention.keys);
  room.rowBytes = alignUp(heads * rows * 4, 256);
  room.libraryBytes += heads * alignUp(rows, 128) * alignUp(keys, 128) * 2;
  return room;
}

uint64_t attentionWorkspaceBytes(const fb::AttentionT &attention) {
  return attentionObstacle(attention).empty()
             ? attentionRoomOf(attention).bytes()
             : 0;
}

} // namespace dlc::rt::cuda
