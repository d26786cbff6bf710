// cuBLASLt's and cuDNN's parts of the stand-in: products and convolutions in
// double, element by element, from what the descriptors say. Workspaces are
// overwritten, which shows what else lies in them.

#include "runtime/core/DType.h"
#include "tests/unit/runtime/cuda/FakeQueue.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <utility>

using namespace dlc::rt;
using namespace dlc::rt::test;
using namespace dlc::rt::cuda;

namespace {

constexpr int libraryFailure = 14;
constexpr uint64_t neededWorkspace = 512;

enum class Element { F32, F64, F16, BF16 };

uint64_t widthOf(Element type) {
  return type == Element::F64 ? 8 : type == Element::F32 ? 4 : 2;
}

Element blasElement(int type) {
  switch (type) {
  case cudaReal64:
    return Element::F64;
  case cudaReal16:
    return Element::F16;
  case cudaBfloat16:
    return Element::BF16;
  default:
    return Element::F32;
  }
}

Element dnnElement(int type) {
  switch (type) {
  case dnnDouble:
    return Element::F64;
  case dnnHalf:
    return Element::F16;
  case dnnBfloat:
    return Element::BF16;
  default:
    return Element::F32;
  }
}

template <typename T> T loadAs(uint64_t address) {
  T value;
  std::memcpy(&value, device(address, sizeof value, "library"), sizeof value);
  return value;
}

template <typename T> void storeAs(uint64_t address, T value) {
  std::memcpy(device(address, sizeof value, "library"), &value, sizeof value);
}

/// A tensor in device memory.
struct Elements {
  uint64_t base;
  Element type;
  double load(int64_t i) const {
    uint64_t address = base + static_cast<uint64_t>(i) * widthOf(type);
    switch (type) {
    case Element::F64:
      return loadAs<double>(address);
    case Element::F16:
      return halfToFloat(loadAs<uint16_t>(address));
    case Element::BF16:
      return bfloatToFloat(loadAs<uint16_t>(address));
    default:
      return loadAs<float>(address);
    }
  }
  void store(int64_t i, double value) const {
    uint64_t address = base + static_cast<uint64_t>(i) * widthOf(type);
    auto narrow = static_cast<float>(value);
    switch (type) {
    case Element::F64:
      return storeAs(address, value);
    case Element::F16:
      return storeAs(address, floatToHalf(narrow));
    case Element::BF16:
      return storeAs(address, floatToBfloat(narrow));
    default:
      return storeAs(address, narrow);
    }
  }
};

uint64_t addressOf(const void *pointer) {
  return reinterpret_cast<uint64_t>(pointer);
}

void useWorkspace(uint64_t address, uint64_t bytes) {
  if (bytes != 0)
    std::memset(device(address, bytes, "workspace"), 0xff, bytes);
}

//===- cuBLASLt -----------------------------------------------------------===//

struct Matmul {
  int compute, scale;
  int transposeA = 0, transposeB = 0, biasType = -1;
  uint32_t epilogue = epilogueNone;
  uint64_t bias = 0;
};
struct Layout {
  int type;
  int64_t rows, columns, leading;
  int32_t batch = 1;
  int64_t stride = 0;
};
struct Preference {
  uint64_t workspace = 0;
  uint32_t reductions = ~0u, alignments[4] = {256, 256, 256, 256};
};

template <typename T> T read(const void *data, size_t bytes, const char *what) {
  T value{};
  if (bytes != sizeof value)
    violate(std::string(what) + ": attribute of another size");
  else
    std::memcpy(&value, data, bytes);
  return value;
}

double activate(double value, uint32_t epilogue) {
  if (epilogue & epilogueRelu)
    return std::isnan(value) ? value : std::max(value, 0.0);
  if (epilogue & epilogueGelu)
    return value / 2 *
           (1 + std::tanh(std::sqrt(2 / std::numbers::pi) *
                          (value + 0.044715 * value * value * value)));
  return value;
}

double scaleOf(const void *pointer, int type) {
  if (type == cudaReal64)
    return *static_cast<const double *>(pointer);
  return *static_cast<const float *>(pointer);
}

struct Product {
  Matmul op;
  Layout aLayout, bLayout, cLayout, dLayout;
  uint64_t a, b, c, d;
  double alpha, beta;

  double operand(const Layout &layout, uint64_t base, bool isTransposed,
                 int64_t item, int64_t row, int64_t column) const {
    if (isTransposed)
      std::swap(row, column);
    if (row >= layout.rows || column >= layout.columns)
      violate("cublasLtMatmul: extents do not match");
    return Elements{base, blasElement(layout.type)}.load(
        item * layout.stride + column * layout.leading + row);
  }
  /// Over k: of each row of the first operand, or each column of the second.
  void sum(int64_t depth) const {
    bool isFirst = op.epilogue & epilogueSumFirst;
    Elements sums{op.bias, blasElement(op.biasType)};
    for (int64_t i = 0; i < (isFirst ? dLayout.rows : dLayout.columns); ++i) {
      double total = 0;
      for (int64_t k = 0; k < depth; ++k)
        total += isFirst ? operand(aLayout, a, op.transposeA, 0, i, k)
                         : operand(bLayout, b, op.transposeB, 0, k, i);
      sums.store(i, total);
    }
  }
  void run() const {
    int64_t depth = op.transposeA ? aLayout.rows : aLayout.columns;
    if (op.epilogue & (epilogueSumFirst | epilogueSumSecond))
      sum(depth);
    Elements result{d, blasElement(dLayout.type)};
    for (int64_t item = 0; item < dLayout.batch; ++item)
      for (int64_t column = 0; column < dLayout.columns; ++column)
        for (int64_t row = 0; row < dLayout.rows; ++row) {
          double sum = 0;
          for (int64_t k = 0; k < depth; ++k)
            sum += operand(aLayout, a, op.transposeA, item, row, k) *
                   operand(bLayout, b, op.transposeB, item, k, column);
          sum *= alpha;
          if (beta != 0)
            sum += beta * operand(cLayout, c, false, item, row, column);
          if (op.epilogue & epilogueBias)
            sum += Elements{op.bias, blasElement(op.biasType)}.load(row);
          result.store(item * dLayout.stride + column * dLayout.leading + row,
                       activate(sum, op.epilogue));
        }
  }
};

/// TF32 is asked for exactly where it is allowed.
void checkCompute(const Matmul &op, const Layout &a) {
  int wanted = a.type == cudaReal64 ? blasCompute64
               : a.type == cudaReal32 && fake().allowsTf32
                   ? blasComputeTf32
                   : blasCompute32;
  if (op.compute != wanted)
    violate("cublasLtMatmul: compute type " + std::to_string(op.compute) +
            " instead of " + std::to_string(wanted));
}

void checkMatmul(const Matmul &op, const Layout &c, const uint64_t (&at)[4],
                 const MatmulAlgorithm &algorithm, size_t workspaceBytes) {
  for (int i = 0; i < 4; ++i)
    if (at[i] % algorithm.data[i + 1] != 0)
      violate("cublasLtMatmul: operand is aligned less than was promised");
  if (algorithm.data[0] != workspaceBytes)
    violate("cublasLtMatmul: another workspace than the algorithm's");
  bool hasSums = op.epilogue & (epilogueSumFirst | epilogueSumSecond);
  if (hasSums && ((op.epilogue & (op.epilogue - 1)) || c.batch != 1))
    violate("cublasLtMatmul: sums beside another epilogue or of a batch");
  bool hasBias = hasSums || (op.epilogue & epilogueBias);
  if (hasBias &&
      (op.biasType != c.type || op.bias % widthOf(blasElement(c.type))))
    violate("cublasLtMatmul: bias of another type than the result");
  if (op.compute == blasCompute64 && op.epilogue != epilogueNone)
    violate("cublasLtMatmul: epilogue of an f64 product");
}

//===- cuDNN --------------------------------------------------------------===//

struct DnnTensor {
  int type = 0;
  std::vector<int> dims, strides;
};
struct Conv {
  std::vector<int> pads, strides, dilations;
  int groups = 1, math = 0, compute = 0;
};

template <typename T, typename Handle> T &as(Handle handle) {
  return *reinterpret_cast<T *>(handle);
}

/// Calls visit(n, o, output position, i, input position, tap) for all products.
template <typename Visit>
void forProducts(const DnnTensor &x, const DnnTensor &w, const DnnTensor &y,
                 const Conv &conv, Visit visit) {
  size_t rank = conv.pads.size();
  int perGroup = x.dims[1] / conv.groups, outPerGroup = y.dims[1] / conv.groups;
  if (w.dims[1] != perGroup || w.dims[0] != y.dims[1] ||
      rank + 2 != x.dims.size())
    violate("cudnn: shapes do not match");
  auto offsetOf = [&](const DnnTensor &t, const std::vector<int> &at) {
    int64_t offset = 0;
    for (size_t i = 0; i < rank; ++i)
      offset += int64_t(at[i]) * t.strides[i + 2];
    return offset;
  };
  auto next = [&](std::vector<int> &at, const std::vector<int> &dims) {
    for (size_t i = rank; i-- > 0;) {
      if (++at[i] < dims[i + 2])
        return true;
      at[i] = 0;
    }
    return false;
  };
  std::vector<int> out(rank, 0);
  do {
    std::vector<int> tap(rank, 0);
    do {
      std::vector<int> in(rank);
      bool isInside = true;
      for (size_t i = 0; i < rank; ++i) {
        in[i] = out[i] * conv.strides[i] + tap[i] * conv.dilations[i] -
                conv.pads[i];
        isInside &= in[i] >= 0 && in[i] < x.dims[i + 2];
      }
      for (int n = 0; isInside && n < x.dims[0]; ++n)
        for (int o = 0; o < y.dims[1]; ++o)
          for (int c = 0; c < perGroup; ++c) {
            int channel = o / outPerGroup * perGroup + c;
            visit(n * int64_t(x.strides[0]) + channel * x.strides[1] +
                      offsetOf(x, in),
                  o * int64_t(w.strides[0]) + c * w.strides[1] +
                      offsetOf(w, tap),
                  n * int64_t(y.strides[0]) + o * y.strides[1] +
                      offsetOf(y, out));
          }
    } while (next(tap, w.dims));
  } while (next(out, y.dims));
}

int64_t countOf(const DnnTensor &tensor) {
  int64_t count = 1;
  for (int dim : tensor.dims)
    count *= dim;
  return count;
}

/// result[which] += other * other, over zeros.
void convolve(int result, const DnnTensor (&tensors)[3], uint64_t (&at)[3],
              const Conv &conv) {
  std::vector<double> sums(size_t(countOf(tensors[result])), 0.0);
  Elements elements[3];
  for (int i = 0; i < 3; ++i)
    elements[i] = {at[i], dnnElement(tensors[i].type)};
  forProducts(tensors[0], tensors[1], tensors[2], conv,
              [&](int64_t x, int64_t w, int64_t y) {
                int64_t offsets[3] = {x, w, y};
                double product = 1;
                for (int i = 0; i < 3; ++i)
                  if (i != result)
                    product *= elements[i].load(offsets[i]);
                sums[size_t(offsets[result])] += product;
              });
  for (size_t i = 0; i < sums.size(); ++i)
    elements[result].store(int64_t(i), sums[i]);
}

void checkMath(const char *symbol, TensorHandle tensor, ConvHandle conv) {
  bool isExact =
      as<DnnTensor>(tensor).type == dnnFloat && !fake().allowsTf32;
  if (as<Conv>(conv).math != (isExact ? dnnFmaMath : dnnTensorMath))
    violate(std::string(symbol) + ": math that uses TF32 where it must not, or "
                                  "not where it may");
}

/// cuDNN has f64 channels-first alone.
bool isMissing(TensorHandle handle) {
  const auto &tensor = as<DnnTensor>(handle);
  bool isChannelsLast =
      tensor.strides.back() == tensor.dims[1] && tensor.dims[1] != 1;
  return isChannelsLast &&
         (tensor.type == dnnDouble || fake().lacksChannelsLast);
}

int algorithmToTake() { return fake().lacksPlainSums ? 7 : 1; }

/// What must not be taken comes first: not deterministic, Winograd.
DnnCode offer(TensorHandle x, TensorHandle y, int algorithm, int *count,
              DnnCandidate *candidates) {
  *count = 0;
  if (isMissing(x) || isMissing(y))
    return dnnLastRefusal;
  candidates[0] = {0, 0, 1, 0, 0, dnnTensorMath, {}};
  candidates[1] = {7, 0, 1, 0, dnnDeterministic, dnnTensorMath, {}};
  candidates[2] = {algorithm, 9, 1, 0, dnnDeterministic, dnnTensorMath, {}};
  candidates[3] = {algorithm, 0, 1, 0, dnnDeterministic, dnnTensorMath, {}};
  candidates[4] = candidates[3];
  *count = fake().lacksPlainSums ? 2 : 5;
  return 0;
}

DnnCode sizeOf(const char *symbol, TensorHandle tensor, ConvHandle conv,
               int algorithm, size_t *bytes) {
  if (fails(symbol))
    return libraryFailure;
  checkMath(symbol, tensor, conv);
  if (algorithm != algorithmToTake())
    violate(std::string(symbol) + ": of an algorithm that must not be taken");
  *bytes = neededWorkspace;
  return 0;
}

DnnCode issueConv(const char *symbol, int result, TensorHandle x,
                  const void *xData, FilterHandle w, const void *wData,
                  TensorHandle y, const void *yData, ConvHandle conv,
                  int algorithm, void *workspace, size_t bytes) {
  if (fails(symbol))
    return libraryFailure;
  if (algorithm != algorithmToTake() || bytes != neededWorkspace)
    violate(std::string(symbol) + ": an algorithm that was not chosen");
  if (std::exchange(fake().refusesAdvice, false))
    return dnnLastRefusal;
  checkMath(symbol, x, conv);
  DnnTensor tensors[3] = {as<DnnTensor>(x), as<DnnTensor>(w), as<DnnTensor>(y)};
  uint64_t at[3] = {addressOf(xData), addressOf(wData), addressOf(yData)};
  Conv copy = as<Conv>(conv);
  issue(fake().dnnStream, [=]() mutable {
    useWorkspace(addressOf(workspace), bytes);
    convolve(result, tensors, at, copy);
  });
  return 0;
}

} // namespace

extern "C" {

size_t cublasLtGetVersion() { return fake().blasVersion; }
const char *cublasLtGetStatusName(BlasCode) {
  return "CUBLAS_STATUS_INTERNAL_ERROR";
}
const char *cublasLtGetStatusString(BlasCode) { return "made to fail"; }
BlasCode cublasLtCreate(BlasHandle *handle) {
  if (fails("cublasLtCreate"))
    return libraryFailure;
  gain("cublasLt");
  *handle = reinterpret_cast<BlasHandle>(&fake());
  return 0;
}
BlasCode cublasLtDestroy(BlasHandle) { return gain("cublasLt", -1), 0; }
BlasCode cublasLtMatmulDescCreate(MatmulHandle *matmul, int compute,
                                  int scale) {
  if (fails("cublasLtMatmulDescCreate"))
    return libraryFailure;
  gain("matmul");
  *matmul = reinterpret_cast<MatmulHandle>(new Matmul{compute, scale});
  return 0;
}
BlasCode cublasLtMatmulDescDestroy(MatmulHandle matmul) {
  delete &as<Matmul>(matmul);
  return gain("matmul", -1), 0;
}
BlasCode cublasLtMatmulDescSetAttribute(MatmulHandle handle, int attribute,
                                        const void *data, size_t bytes) {
  if (fails("cublasLtMatmulDescSetAttribute"))
    return libraryFailure;
  auto &op = as<Matmul>(handle);
  switch (attribute) {
  case matmulTransposeA:
    op.transposeA = read<int32_t>(data, bytes, "transA");
    break;
  case matmulTransposeB:
    op.transposeB = read<int32_t>(data, bytes, "transB");
    break;
  case matmulEpilogue:
    op.epilogue = read<uint32_t>(data, bytes, "epilogue");
    break;
  case matmulBiasPointer:
    op.bias = read<uint64_t>(data, bytes, "bias");
    break;
  case matmulBiasType:
    op.biasType = read<int32_t>(data, bytes, "bias type");
    break;
  default:
    violate("cublasLtMatmulDescSetAttribute: unknown attribute");
  }
  return 0;
}
BlasCode cublasLtMatrixLayoutCreate(LayoutHandle *layout, int type,
                                    uint64_t rows, uint64_t columns,
                                    int64_t leading) {
  if (fails("cublasLtMatrixLayoutCreate"))
    return libraryFailure;
  if (leading < int64_t(rows))
    violate("cublasLtMatrixLayoutCreate: leading dim is less than the rows");
  gain("layout");
  *layout = reinterpret_cast<LayoutHandle>(
      new Layout{type, int64_t(rows), int64_t(columns), leading});
  return 0;
}
BlasCode cublasLtMatrixLayoutDestroy(LayoutHandle layout) {
  delete &as<Layout>(layout);
  return gain("layout", -1), 0;
}
BlasCode cublasLtMatrixLayoutSetAttribute(LayoutHandle handle, int attribute,
                                          const void *data, size_t bytes) {
  if (fails("cublasLtMatrixLayoutSetAttribute"))
    return libraryFailure;
  if (attribute == layoutBatchCount)
    as<Layout>(handle).batch = read<int32_t>(data, bytes, "batch");
  else
    as<Layout>(handle).stride = read<int64_t>(data, bytes, "stride");
  return 0;
}
BlasCode cublasLtMatmulPreferenceCreate(PreferenceHandle *preference) {
  if (fails("cublasLtMatmulPreferenceCreate"))
    return libraryFailure;
  gain("preference");
  *preference = reinterpret_cast<PreferenceHandle>(new Preference());
  return 0;
}
BlasCode cublasLtMatmulPreferenceDestroy(PreferenceHandle preference) {
  delete &as<Preference>(preference);
  return gain("preference", -1), 0;
}
BlasCode cublasLtMatmulPreferenceSetAttribute(PreferenceHandle handle,
                                              int attribute, const void *data,
                                              size_t bytes) {
  if (fails("cublasLtMatmulPreferenceSetAttribute"))
    return libraryFailure;
  auto &preference = as<Preference>(handle);
  if (attribute == preferWorkspaceBytes)
    preference.workspace = read<uint64_t>(data, bytes, "workspace");
  else if (attribute == preferReductions)
    preference.reductions = read<uint32_t>(data, bytes, "reductions");
  else
    preference.alignments[attribute - preferAlignmentA] =
        read<uint32_t>(data, bytes, "alignment");
  return 0;
}
BlasCode cublasLtMatmulAlgoGetHeuristic(BlasHandle, MatmulHandle matmul,
                                        LayoutHandle aLayout, LayoutHandle,
                                        LayoutHandle, LayoutHandle,
                                        PreferenceHandle handle, int most,
                                        MatmulCandidate *candidates,
                                        int *count) {
  if (fails("cublasLtMatmulAlgoGetHeuristic") || most < 4)
    return libraryFailure;
  *count = 0;
  if (fake().lacksSums &&
      (as<Matmul>(matmul).epilogue & (epilogueSumFirst | epilogueSumSecond)))
    return blasNotSupported;
  checkCompute(as<Matmul>(matmul), as<Layout>(aLayout));
  auto &preference = as<Preference>(handle);
  if (preference.reductions != reduceInComputeType)
    violate("cublasLtMatmulAlgoGetHeuristic: reductions in any order");
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 4; ++j)
      candidates[i].algorithm.data[j + 1] = preference.alignments[j];
    candidates[i].state = i == 0 ? 15 : 0;
  }
  candidates[1].workspaceBytes = size_t(1) << 40;
  candidates[2].workspaceBytes =
      preference.workspace < neededWorkspace ? 0 : neededWorkspace;
  candidates[2].algorithm.data[0] = candidates[2].workspaceBytes;
  candidates[3] = candidates[2];
  candidates[3].algorithm.data[5] = 1; // not the first
  *count = 4;
  return 0;
}
BlasCode cublasLtMatmul(BlasHandle, MatmulHandle matmul, const void *alpha,
                        const void *a, LayoutHandle aLayout, const void *b,
                        LayoutHandle bLayout, const void *beta, const void *c,
                        LayoutHandle cLayout, void *d, LayoutHandle dLayout,
                        const MatmulAlgorithm *algorithm, void *workspace,
                        size_t workspaceBytes, StreamHandle stream) {
  if (fails("cublasLtMatmul"))
    return libraryFailure;
  if (fake().refusesAdvice && algorithm->data[5] == 0)
    return blasNotSupported;
  if (algorithm->data[5] == 0)
    tick(fake().delayOfAdvice);
  const Matmul &op = as<Matmul>(matmul);
  Product product{op,
                  as<Layout>(aLayout),
                  as<Layout>(bLayout),
                  as<Layout>(cLayout),
                  as<Layout>(dLayout),
                  addressOf(a),
                  addressOf(b),
                  addressOf(c),
                  addressOf(d),
                  scaleOf(alpha, op.scale),
                  scaleOf(beta, op.scale)};
  const uint64_t at[4] = {product.a, product.b, product.c, product.d};
  checkCompute(op, product.aLayout);
  checkMatmul(op, product.dLayout, at, *algorithm, workspaceBytes);
  if (addressOf(workspace) % 256 != 0)
    violate("cublasLtMatmul: workspace must be aligned to 256");
  issue(stream, [=] {
    useWorkspace(addressOf(workspace), workspaceBytes);
    product.run();
  });
  return 0;
}

size_t cudnnGetVersion() { return fake().dnnVersion; }
const char *cudnnGetErrorString(DnnCode) { return "CUDNN_STATUS_MADE_TO_FAIL"; }
void cudnnGetLastErrorString(char *text, size_t bytes) {
  std::strncpy(text, "more of it", bytes);
}
DnnCode cudnnCreate(DnnHandle *handle) {
  if (fails("cudnnCreate"))
    return libraryFailure;
  gain("cudnn");
  *handle = reinterpret_cast<DnnHandle>(&fake());
  return 0;
}
DnnCode cudnnDestroy(DnnHandle) { return gain("cudnn", -1), 0; }
DnnCode cudnnSetStream(DnnHandle, StreamHandle stream) {
  fake().dnnStream = stream;
  return fails("cudnnSetStream") ? libraryFailure : 0;
}
DnnCode cudnnCreateTensorDescriptor(TensorHandle *tensor) {
  if (fails("cudnnCreateTensorDescriptor"))
    return libraryFailure;
  gain("tensor");
  *tensor = reinterpret_cast<TensorHandle>(new DnnTensor());
  return 0;
}
DnnCode cudnnDestroyTensorDescriptor(TensorHandle tensor) {
  delete &as<DnnTensor>(tensor);
  return gain("tensor", -1), 0;
}
DnnCode cudnnSetTensorNdDescriptor(TensorHandle tensor, int type, int rank,
                                   const int *dims, const int *strides) {
  if (fails("cudnnSetTensorNdDescriptor") || rank < 4)
    return libraryFailure;
  as<DnnTensor>(tensor) = {
      type, {dims, dims + rank}, {strides, strides + rank}};
  return 0;
}
DnnCode cudnnCreateFilterDescriptor(FilterHandle *filter) {
  if (fails("cudnnCreateFilterDescriptor"))
    return libraryFailure;
  gain("filter");
  *filter = reinterpret_cast<FilterHandle>(new DnnTensor());
  return 0;
}
DnnCode cudnnDestroyFilterDescriptor(FilterHandle filter) {
  delete &as<DnnTensor>(filter);
  return gain("filter", -1), 0;
}
DnnCode cudnnSetFilterNdDescriptor(FilterHandle filter, int type, int format,
                                   int rank, const int *dims) {
  if (fails("cudnnSetFilterNdDescriptor") || rank < 4)
    return libraryFailure;
  DnnTensor tensor{
      type, {dims, dims + rank}, std::vector<int>(size_t(rank), 1)};
  int stride = format == dnnChannelsLast ? dims[1] : 1;
  for (int i = rank; i-- > 2;) {
    tensor.strides[size_t(i)] = stride;
    stride *= dims[i];
  }
  if (format == dnnChannelsFirst)
    tensor.strides[1] = stride, stride *= dims[1];
  tensor.strides[0] = stride;
  as<DnnTensor>(filter) = tensor;
  return 0;
}
DnnCode cudnnCreateConvolutionDescriptor(ConvHandle *conv) {
  if (fails("cudnnCreateConvolutionDescriptor"))
    return libraryFailure;
  gain("conv");
  *conv = reinterpret_cast<ConvHandle>(new Conv());
  return 0;
}
DnnCode cudnnDestroyConvolutionDescriptor(ConvHandle conv) {
  delete &as<Conv>(conv);
  return gain("conv", -1), 0;
}
DnnCode cudnnSetConvolutionNdDescriptor(ConvHandle handle, int rank,
                                        const int *pads, const int *strides,
                                        const int *dilations, int mode,
                                        int compute) {
  if (fails("cudnnSetConvolutionNdDescriptor") || mode != dnnCrossCorrelation)
    return libraryFailure;
  auto &conv = as<Conv>(handle);
  conv.pads.assign(pads, pads + rank);
  conv.strides.assign(strides, strides + rank);
  conv.dilations.assign(dilations, dilations + rank);
  conv.compute = compute;
  return 0;
}
DnnCode cudnnSetConvolutionGroupCount(ConvHandle conv, int groups) {
  as<Conv>(conv).groups = groups;
  return fails("cudnnSetConvolutionGroupCount") ? libraryFailure : 0;
}
DnnCode cudnnSetConvolutionMathType(ConvHandle conv, int math) {
  as<Conv>(conv).math = math;
  return fails("cudnnSetConvolutionMathType") ? libraryFailure : 0;
}
DnnCode cudnnGetConvolutionForwardAlgorithm_v7(DnnHandle, TensorHandle x,
                                               FilterHandle, ConvHandle,
                                               TensorHandle y, int, int *count,
                                               DnnCandidate *candidates) {
  if (fails("cudnnGetConvolutionForwardAlgorithm_v7"))
    return libraryFailure;
  return offer(x, y, forwardPrecomputed, count, candidates);
}
DnnCode cudnnGetConvolutionBackwardDataAlgorithm_v7(DnnHandle, FilterHandle,
                                                    TensorHandle y, ConvHandle,
                                                    TensorHandle x, int,
                                                    int *count,
                                                    DnnCandidate *candidates) {
  if (fails("cudnnGetConvolutionBackwardDataAlgorithm_v7"))
    return libraryFailure;
  return offer(x, y, backwardOrdered, count, candidates);
}
DnnCode cudnnGetConvolutionBackwardFilterAlgorithm_v7(
    DnnHandle, TensorHandle x, TensorHandle y, ConvHandle, FilterHandle, int,
    int *count, DnnCandidate *candidates) {
  if (fails("cudnnGetConvolutionBackwardFilterAlgorithm_v7"))
    return libraryFailure;
  return offer(x, y, backwardOrdered, count, candidates);
}
DnnCode cudnnGetConvolutionForwardWorkspaceSize(DnnHandle, TensorHandle x,
                                                FilterHandle, ConvHandle conv,
                                                TensorHandle, int algorithm,
                                                size_t *bytes) {
  return sizeOf("cudnnGetConvolutionForwardWorkspaceSize", x, conv, algorithm,
                bytes);
}
DnnCode cudnnGetConvolutionBackwardDataWorkspaceSize(
    DnnHandle, FilterHandle, TensorHandle y, ConvHandle conv, TensorHandle,
    int algorithm, size_t *bytes) {
  return sizeOf("cudnnGetConvolutionBackwardDataWorkspaceSize", y, conv,
                algorithm, bytes);
}
DnnCode cudnnGetConvolutionBackwardFilterWorkspaceSize(
    DnnHandle, TensorHandle x, TensorHandle, ConvHandle conv, FilterHandle,
    int algorithm, size_t *bytes) {
  return sizeOf("cudnnGetConvolutionBackwardFilterWorkspaceSize", x, conv,
                algorithm, bytes);
}
DnnCode cudnnConvolutionForward(DnnHandle, const void *, TensorHandle x,
                                const void *xData, FilterHandle w,
                                const void *wData, ConvHandle conv,
                                int algorithm, void *workspace, size_t bytes,
                                const void *, TensorHandle y, void *yData) {
  return issueConv("cudnnConvolutionForward", 2, x, xData, w, wData, y, yData,
                   conv, algorithm, workspace, bytes);
}
DnnCode cudnnConvolutionBackwardData(DnnHandle, const void *, FilterHandle w,
                                     const void *wData, TensorHandle y,
                                     const void *yData, ConvHandle conv,
                                     int algorithm, void *workspace,
                                     size_t bytes, const void *, TensorHandle x,
                                     void *xData) {
  return issueConv("cudnnConvolutionBackwardData", 0, x, xData, w, wData, y,
                   yData, conv, algorithm, workspace, bytes);
}
DnnCode cudnnConvolutionBackwardFilter(DnnHandle, const void *, TensorHandle x,
                                       const void *xData, TensorHandle y,
                                       const void *yData, ConvHandle conv,
                                       int algorithm, void *workspace,
                                       size_t bytes, const void *,
                                       FilterHandle w, void *wData) {
  return issueConv("cudnnConvolutionBackwardFilter", 1, x, xData, w, wData, y,
                   yData, conv, algorithm, workspace, bytes);
}
DnnCode cudnnConvolutionBackwardBias(DnnHandle, const void *, TensorHandle y,
                                     const void *yData, const void *,
                                     TensorHandle bias, void *biasData) {
  if (fails("cudnnConvolutionBackwardBias"))
    return libraryFailure;
  DnnTensor from = as<DnnTensor>(y), to = as<DnnTensor>(bias);
  if (from.type != to.type)
    violate("cudnnConvolutionBackwardBias: types do not match");
  issue(fake().dnnStream, [=] {
    Elements source{addressOf(yData), dnnElement(from.type)};
    Elements result{addressOf(biasData), dnnElement(to.type)};
    std::vector<double> sums(size_t(from.dims[1]), 0.0);
    for (int64_t i = 0; i < countOf(from); ++i)
      sums[size_t(i / from.strides[1] % from.dims[1])] += source.load(i);
    for (size_t i = 0; i < sums.size(); ++i)
      result.store(int64_t(i), sums[i]);
  });
  return 0;
}
}
