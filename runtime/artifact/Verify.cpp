// Reads like the schema, top to bottom. Everything a later stage will index
// with is compared with what it indexes, in arithmetic that cannot wrap. A
// write into the constants section is refused too: it is mapped read-only.

#include "runtime/artifact/Verify.h"

#include "runtime/core/CheckedMath.h"
#include "runtime/core/DType.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>
#include <string>
#include <vector>

namespace dlc::rt {

namespace {

using Dims = flatbuffers::Vector<int64_t>;

/// No dimension, stride or count of a real model comes near; products of
/// seven bounded factors are still checked one by one.
constexpr int64_t maxDim = int64_t(1) << 40;

/// Of a block, on every GPU that CUDA knows.
constexpr uint32_t mostThreads = 1024, warpThreads = 32;

bool isDType(fb::DType type) {
  return type >= fb::DType::MIN && type <= fb::DType::MAX;
}

template <typename T> size_t length(const flatbuffers::Vector<T> *v) {
  return v ? v->size() : 0;
}

std::optional<uint64_t> bytesOf(fb::DType type, const Dims *dims) {
  if (!isDType(type) || length(dims) > 16)
    return std::nullopt;
  std::vector<int64_t> list;
  if (dims)
    list.assign(dims->begin(), dims->end());
  return tensorBytes(static_cast<DType>(type), list);
}

/// Largest element index + 1 that the strided box touches, when it is legal.
std::optional<int64_t> reach(int64_t offset, const int64_t (&dims)[4],
                             const int64_t (&strides)[4]) {
  if (offset < 0)
    return std::nullopt;
  std::optional<int64_t> last = offset;
  for (int i = 0; i < 4; ++i) {
    int64_t stride = strides[i];
    if (stride < 0 || dims[i] < 1 || dims[i] > maxDim)
      return std::nullopt;
    last = checkedAdd(last, checkedMul<int64_t>(dims[i] - 1, stride));
  }
  return checkedAdd(last, std::optional<int64_t>(1));
}

std::optional<int64_t> reach(int64_t offset, const int64_t (&dims)[4],
                             const Dims &strides) {
  if (strides.size() != 4)
    return std::nullopt;
  const int64_t list[4] = {strides.Get(0), strides.Get(1), strides.Get(2),
                           strides.Get(3)};
  return reach(offset, dims, list);
}

/// True when no two indices of the box address the same element.
bool isInjective(const int64_t (&dims)[4], const int64_t (&strides)[4]) {
  std::vector<std::pair<int64_t, int64_t>> order;
  for (int i = 0; i < 4; ++i)
    if (dims[i] > 1)
      order.emplace_back(strides[i], dims[i]);
  std::sort(order.begin(), order.end());
  int64_t extent = 1;
  for (auto [stride, dim] : order) {
    if (stride < extent)
      return false;
    extent += (dim - 1) * stride; // bounded: reach() has passed
  }
  return true;
}

bool isInjective(const int64_t (&dims)[4], const Dims &strides) {
  return isInjective(dims, {strides.Get(0), strides.Get(1), strides.Get(2),
                            strides.Get(3)});
}

class ProgramVerifier {
public:
  ProgramVerifier(const fb::Artifact &artifact, const fb::Program &program,
                  uint64_t constantBytes)
      : artifact(artifact), program(program), constantBytes(constantBytes) {}

  Status run();

private:
  Status checkBuffer(uint32_t index) const;
  Status checkTensor(const fb::TensorInfo &tensor, bool isInput,
                     std::set<std::string_view> &names) const;
  Status checkLaunch(const fb::Launch &launch) const;
  Status checkGemm(const fb::Gemm &gemm) const;
  Status checkBiasGradient(const fb::Gemm &gemm, fb::DType result) const;
  Status checkConv(const fb::Conv &conv) const;
  Status checkConvGeometry(const fb::Conv &conv) const;
  Status checkView(const char *role, const fb::AttentionView *view,
                   const fb::Attention &a, bool isWritten, int64_t rows,
                   int64_t columns) const;
  Status checkMask(const fb::Attention &a, fb::DType number) const;
  Status checkAttention(const fb::Attention &a) const;
  Status checkCopy(const fb::Copy &copy) const;
  Status checkFill(const fb::Fill &fill) const;
  template <typename Copy> Status checkTransfer(const Copy &copy) const;
  Status checkTransfers() const;
  Status checkTraced(const fb::Check &check) const;
  Status checkInstruction(const fb::Instruction &instruction) const;

  size_t bufferCount() const { return length(program.buffers()); }
  const fb::Buffer &buffer(uint32_t i) const {
    return *program.buffers()->Get(i);
  }
  /// `role` exists, may be written if asked, and holds `bytes` bytes. Places in
  /// the host arena are for transfers alone.
  Status checkOperand(const char *role, int64_t index, bool isWritten,
                      std::optional<uint64_t> bytes,
                      bool mayBeOnHost = false) const;
  Status checkElements(const char *role, int64_t index, bool isWritten,
                       fb::DType type, std::optional<int64_t> elements) const;
  Status checkOptional(const char *role, int64_t index, bool isWritten,
                       fb::DType type, std::optional<int64_t> elements) const;

  const fb::Artifact &artifact;
  const fb::Program &program;
  uint64_t constantBytes;
};

Status ProgramVerifier::checkOperand(const char *role, int64_t index,
                                     bool isWritten,
                                     std::optional<uint64_t> bytes,
                                     bool mayBeOnHost) const {
  if (index < 0 || static_cast<uint64_t>(index) >= bufferCount())
    return DLC_ERROR(Corrupt, "DLC5009", "'", role,
                     "' must be one of the program's ", bufferCount(),
                     " buffers, but got index ", index);
  const fb::Buffer &b = buffer(static_cast<uint32_t>(index));
  if (isWritten && b.space() == fb::Space::Constant)
    return DLC_ERROR(Corrupt, "DLC5009", "'", role, "' must be writable, but ",
                     "got buffer ", index, " in the constants section");
  if (b.space() == fb::Space::Host && !mayBeOnHost)
    return DLC_ERROR(Corrupt, "DLC5009", "'", role, "' must not be in the ",
                     "host arena, but got buffer ", index, " there");
  if (!bytes || *bytes > b.bytes())
    return DLC_ERROR(Corrupt, "DLC5009", "'", role, "' must stay within the ",
                     b.bytes(), " bytes of buffer ", index, ", but got ",
                     bytes ? concat(*bytes, " bytes")
                           : std::string("a size beyond 64 bits"));
  return Status::ok();
}

Status ProgramVerifier::checkElements(const char *role, int64_t index,
                                      bool isWritten, fb::DType type,
                                      std::optional<int64_t> elements) const {
  std::optional<uint64_t> bytes;
  if (elements)
    bytes = checkedMul<uint64_t>(static_cast<uint64_t>(*elements),
                                 dtypeBytes(static_cast<DType>(type)));
  DLC_RETURN_IF_ERROR(checkOperand(role, index, isWritten, bytes));
  const fb::Buffer &b = buffer(static_cast<uint32_t>(index));
  if (b.offset() % dtypeBytes(static_cast<DType>(type)) != 0)
    return DLC_ERROR(Corrupt, "DLC5009", "'", role,
                     "' must be aligned to its elements, but got offset ",
                     b.offset());
  return Status::ok();
}

Status ProgramVerifier::checkOptional(const char *role, int64_t index,
                                      bool isWritten, fb::DType type,
                                      std::optional<int64_t> elements) const {
  if (index == -1)
    return Status::ok();
  return checkElements(role, index, isWritten, type, elements);
}

Status ProgramVerifier::checkBuffer(uint32_t index) const {
  const fb::Buffer &b = buffer(index);
  if (b.space() < fb::Space::MIN || b.space() > fb::Space::MAX)
    return DLC_ERROR(Corrupt, "DLC5008", "buffer ", index,
                     " must be in an arena or the constants, but got space ",
                     int(b.space()));
  uint64_t limit = constantBytes;
  if (b.space() != fb::Space::Constant)
    limit = b.space() == fb::Space::Arena ? artifact.arena_bytes()
                                          : artifact.host_bytes();
  if (!isWithin(b.offset(), b.bytes(), limit))
    return DLC_ERROR(Corrupt, "DLC5008", "buffer ", index, " must end within ",
                     limit, " bytes, but got offset ", b.offset(), " and ",
                     b.bytes(), " bytes");
  if (b.category() < fb::Category::MIN || b.category() > fb::Category::MAX)
    return DLC_ERROR(Corrupt, "DLC5008", "buffer ", index,
                     " must have a known category, but got ",
                     int(b.category()));
  return Status::ok();
}

Status ProgramVerifier::checkTensor(const fb::TensorInfo &tensor, bool isInput,
                                    std::set<std::string_view> &names) const {
  std::string name = concat(isInput ? "input '" : "output '",
                            tensor.name()->string_view(), "'");
  if (!names.insert(tensor.name()->string_view()).second)
    return DLC_ERROR(Corrupt, "DLC5008", name,
                     " must have its own name, but got it twice");
  std::optional<uint64_t> bytes = bytesOf(tensor.dtype(), tensor.dims());
  if (!bytes)
    return DLC_ERROR(Corrupt, "DLC5008", name,
                     " must have a known dtype and a size in 64 bits, but got "
                     "dtype ",
                     int(tensor.dtype()));
  if (tensor.buffer() >= bufferCount())
    return DLC_ERROR(Corrupt, "DLC5008", name, " must name one of ",
                     bufferCount(), " buffers, but got ", tensor.buffer());
  const fb::Buffer &b = buffer(tensor.buffer());
  if (*bytes > b.bytes() || b.space() == fb::Space::Host ||
      (isInput && b.space() != fb::Space::Arena))
    return DLC_ERROR(Corrupt, "DLC5008", name, " must fit ",
                     isInput ? "an arena buffer" : "its buffer", " of ", *bytes,
                     " bytes, but got ", b.bytes(), " bytes");
  return Status::ok();
}

Status ProgramVerifier::checkLaunch(const fb::Launch &launch) const {
  if (launch.kernel() >= length(artifact.kernels()))
    return DLC_ERROR(Corrupt, "DLC5009", "kernel must be one of ",
                     length(artifact.kernels()), ", but got ", launch.kernel());
  if (launch.groups() < 0 || launch.groups() > maxDim)
    return DLC_ERROR(Corrupt, "DLC5009", "groups must be from 0 to ", maxDim,
                     ", but got ", launch.groups());
  size_t count = length(launch.buffers());
  bool hasOffsets = length(launch.offsets()) != 0;
  if (hasOffsets && launch.offsets()->size() != count)
    return DLC_ERROR(Corrupt, "DLC5009", "offsets must be one per buffer (",
                     count, "), but got ", launch.offsets()->size());
  for (size_t i = 0; i < count; ++i) {
    int64_t offset = hasOffsets ? launch.offsets()->Get(i) : 0;
    std::optional<uint64_t> needed;
    if (offset >= 0)
      needed = static_cast<uint64_t>(offset);
    DLC_RETURN_IF_ERROR(
        checkOperand("buffers", launch.buffers()->Get(i), false, needed));
  }
  return Status::ok();
}

/// A call that may round what it multiplies.
static Status checkTf32(const char *what, bool allowsTf32, fb::DType type) {
  if (!allowsTf32 || type == fb::DType::F32)
    return Status::ok();
  return DLC_ERROR(Corrupt, "DLC5009", what,
                   " that allows TF32 must be of f32, but got dtype ",
                   int(type));
}

Status ProgramVerifier::checkGemm(const fb::Gemm &g) const {
  if (!isDType(g.dtype()) || g.activation() < fb::Activation::MIN ||
      g.activation() > fb::Activation::MAX)
    return DLC_ERROR(Corrupt, "DLC5009",
                     "gemm dtype and activation must be known, but got ",
                     int(g.dtype()), " and ", int(g.activation()));
  if (!g.a_strides() || !g.b_strides() || !g.c_strides())
    return DLC_ERROR(Corrupt, "DLC5009",
                     "gemm must give strides of a, b and c, but got none");
  const int64_t aDims[4] = {g.batch0(), g.batch1(), g.m(), g.k()};
  const int64_t bDims[4] = {g.batch0(), g.batch1(), g.k(), g.n()};
  const int64_t cDims[4] = {g.batch0(), g.batch1(), g.m(), g.n()};
  std::optional<int64_t> aReach = reach(g.a_offset(), aDims, *g.a_strides());
  std::optional<int64_t> bReach = reach(g.b_offset(), bDims, *g.b_strides());
  std::optional<int64_t> cReach = reach(g.c_offset(), cDims, *g.c_strides());
  DLC_RETURN_IF_ERROR(checkElements("a", g.a(), false, g.dtype(), aReach));
  DLC_RETURN_IF_ERROR(checkElements("b", g.b(), false, g.dtype(), bReach));
  fb::DType result = g.is_wide() ? fb::DType::F32 : g.dtype();
  DLC_RETURN_IF_ERROR(checkElements("c", g.c(), true, result, cReach));
  auto hasUnit = [](const int64_t(&dims)[4], const Dims &s, bool lastOnly) {
    return s.Get(3) == 1 || dims[3] == 1 ||
           (!lastOnly && (s.Get(2) == 1 || dims[2] == 1));
  };
  if (!hasUnit(aDims, *g.a_strides(), false) ||
      !hasUnit(bDims, *g.b_strides(), false) ||
      !hasUnit(cDims, *g.c_strides(), true))
    return DLC_ERROR(Corrupt, "DLC5009",
                     "gemm strides must have a 1 in the "
                     "inner dims, but got a ",
                     listOf(*g.a_strides()), ", b ", listOf(*g.b_strides()),
                     ", c ", listOf(*g.c_strides()));
  if (!isInjective(cDims, *g.c_strides()))
    return DLC_ERROR(Corrupt, "DLC5009",
                     "c must address each element once, "
                     "but got strides ",
                     listOf(*g.c_strides()));
  if (g.is_narrow_bias() && g.is_wide())
    return DLC_ERROR(Corrupt, "DLC5009",
                     "gemm with a narrow bias must have a narrow result, but "
                     "got a wide one");
  DLC_RETURN_IF_ERROR(checkTf32("gemm", g.allows_tf32(), g.dtype()));
  DLC_RETURN_IF_ERROR(
      checkOptional("bias", g.bias(), false,
                    g.is_narrow_bias() ? g.dtype() : fb::DType::F32, g.n()));
  DLC_RETURN_IF_ERROR(
      checkOptional("residual", g.residual(), false, result, cReach));
  DLC_RETURN_IF_ERROR(checkBiasGradient(g, result));
  return checkOptional("workspace", g.workspace(), true, fb::DType::I8, 0);
}

Status ProgramVerifier::checkBiasGradient(const fb::Gemm &g,
                                          fb::DType result) const {
  if (g.bias_gradient() == -1)
    return Status::ok();
  if (g.bias_gradient_of() < fb::GemmOperand::MIN ||
      g.bias_gradient_of() > fb::GemmOperand::MAX)
    return DLC_ERROR(Corrupt, "DLC5009",
                     "gemm bias gradient must be of a or b, but got ",
                     int(g.bias_gradient_of()));
  if (g.batch0() != 1 || g.batch1() != 1 || result != fb::DType::F32 ||
      g.bias() >= 0 || g.activation() != fb::Activation::None)
    return DLC_ERROR(Corrupt, "DLC5009",
                     "gemm bias gradient must be beside one product in f32 "
                     "without bias and activation, but got batches ",
                     g.batch0(), " and ", g.batch1(), " of dtype ",
                     int(result));
  return checkOptional("bias gradient", g.bias_gradient(), true,
                       fb::DType::F32,
                       g.bias_gradient_of() == fb::GemmOperand::A ? g.m()
                                                                  : g.n());
}

/// The output extent of each spatial dim follows from the others.
Status ProgramVerifier::checkConvGeometry(const fb::Conv &c) const {
  size_t rank = length(c.kernel());
  bool isConsistent = rank >= 1 && rank <= 3;
  for (const Dims *list : {c.in_spatial(), c.out_spatial(), c.strides(),
                           c.dilations(), c.pads_begin(), c.pads_end()})
    isConsistent &= length(list) == rank;
  if (!isConsistent)
    return DLC_ERROR(Corrupt, "DLC5009",
                     "conv must give 1 to 3 spatial dims "
                     "in every list, but got ",
                     rank, " kernel dims");
  auto isDim = [](int64_t v) { return v >= 1 && v <= maxDim; };
  if (!isDim(c.batch()) || !isDim(c.in_channels()) ||
      !isDim(c.out_channels()) || !isDim(c.groups()) ||
      c.in_channels() % c.groups() != 0 || c.out_channels() % c.groups() != 0)
    return DLC_ERROR(Corrupt, "DLC5009",
                     "conv channels must be multiples of "
                     "groups, but got ",
                     c.in_channels(), ", ", c.out_channels(), " and ",
                     c.groups());
  for (size_t i = 0; i < rank; ++i) {
    int64_t in = c.in_spatial()->Get(i), out = c.out_spatial()->Get(i);
    int64_t kernel = c.kernel()->Get(i), stride = c.strides()->Get(i);
    int64_t dilation = c.dilations()->Get(i);
    int64_t before = c.pads_begin()->Get(i), after = c.pads_end()->Get(i);
    constexpr int64_t small = int64_t(1) << 20; // keeps the products exact
    bool isSane = isDim(in) && isDim(out) && kernel >= 1 && kernel <= small &&
                  stride >= 1 && stride <= small && dilation >= 1 &&
                  dilation <= small && before >= 0 && before <= small &&
                  after >= 0 && after <= small;
    int64_t span = isSane ? in + before + after - dilation * (kernel - 1) : 0;
    if (!isSane || span < 1 || out != (span - 1) / stride + 1)
      return DLC_ERROR(Corrupt, "DLC5009", "conv spatial dim ", i,
                       " must follow from kernel, stride, dilation and pads, "
                       "but got in ",
                       in, ", out ", out, ", kernel ", kernel, ", stride ",
                       stride, ", dilation ", dilation, ", pads ", before,
                       " and ", after);
  }
  return Status::ok();
}

Status ProgramVerifier::checkConv(const fb::Conv &c) const {
  if (!isDType(c.dtype()) || c.kind() < fb::ConvKind::MIN ||
      c.kind() > fb::ConvKind::MAX || c.activation() < fb::Activation::MIN ||
      c.activation() > fb::Activation::MAX)
    return DLC_ERROR(Corrupt, "DLC5009",
                     "conv kind, dtype and activation "
                     "must be known, but got ",
                     int(c.kind()), ", ", int(c.dtype()), " and ",
                     int(c.activation()));
  DLC_RETURN_IF_ERROR(checkTf32("conv", c.allows_tf32(), c.dtype()));
  DLC_RETURN_IF_ERROR(checkConvGeometry(c));
  auto product = [](std::initializer_list<int64_t> factors, const Dims &more) {
    std::vector<int64_t> all(factors);
    all.insert(all.end(), more.begin(), more.end());
    return elementCount(all);
  };
  std::optional<int64_t> src =
      product({c.batch(), c.in_channels()}, *c.in_spatial());
  std::optional<int64_t> weights =
      product({c.out_channels(), c.in_channels() / c.groups()}, *c.kernel());
  std::optional<int64_t> dst =
      product({c.batch(), c.out_channels()}, *c.out_spatial());
  bool isForward = c.kind() == fb::ConvKind::Forward;
  bool isData = c.kind() == fb::ConvKind::BackwardData;
  bool isWeights = c.kind() == fb::ConvKind::BackwardWeights;
  DLC_RETURN_IF_ERROR(checkElements("src", c.src(), isData, c.dtype(), src));
  DLC_RETURN_IF_ERROR(
      checkElements("weights", c.weights(), isWeights,
                    isWeights && c.is_wide() ? fb::DType::F32 : c.dtype(),
                    weights));
  DLC_RETURN_IF_ERROR(checkElements("dst", c.dst(), isForward, c.dtype(), dst));
  if ((isData && c.bias() != -1) ||
      (!isForward &&
       (c.residual() != -1 || c.activation() != fb::Activation::None)))
    return DLC_ERROR(Corrupt, "DLC5009",
                     "conv epilogue must belong to its "
                     "kind, but got one on kind ",
                     int(c.kind()));
  DLC_RETURN_IF_ERROR(
      checkOptional("bias", c.bias(), isWeights, fb::DType::F32,
                    c.out_channels()));
  DLC_RETURN_IF_ERROR(
      checkOptional("residual", c.residual(), false, c.dtype(), dst));
  return checkOptional("workspace", c.workspace(), true, fb::DType::I8, 0);
}

/// One tensor of attention: [batch, heads, rows, columns], columns contiguous.
Status ProgramVerifier::checkView(const char *role,
                                  const fb::AttentionView *view,
                                  const fb::Attention &a, bool isWritten,
                                  int64_t rows, int64_t columns) const {
  if (!view)
    return DLC_ERROR(Corrupt, "DLC5009", "attention must give '", role,
                     "' of its kind, but got none");
  const int64_t dims[4] = {a.batch(), a.heads(), rows, columns};
  const int64_t strides[4] = {view->batch_stride(), view->head_stride(),
                              view->row_stride(), 1};
  DLC_RETURN_IF_ERROR(checkElements(role, view->buffer(), isWritten, a.dtype(),
                                    reach(view->offset(), dims, strides)));
  if (isWritten && !isInjective(dims, strides))
    return DLC_ERROR(Corrupt, "DLC5009", role,
                     " must address each element once, but got strides ",
                     view->batch_stride(), ", ", view->head_stride(), " and ",
                     view->row_stride());
  return Status::ok();
}

/// Which keys are seen, or numbers like the logsumexp.
Status ProgramVerifier::checkMask(const fb::Attention &a,
                                  fb::DType number) const {
  if (a.mask() == -1)
    return Status::ok();
  if (!a.mask_strides() ||
      (a.mask_dtype() != fb::DType::I1 && a.mask_dtype() != number))
    return DLC_ERROR(Corrupt, "DLC5009",
                     "attention mask must have strides and be of i1 or what "
                     "is computed in, but got dtype ",
                     int(a.mask_dtype()));
  const int64_t dims[4] = {a.batch(), a.heads(), a.rows(), a.keys()};
  return checkElements("mask", a.mask(), false, a.mask_dtype(),
                       reach(a.mask_offset(), dims, *a.mask_strides()));
}

Status ProgramVerifier::checkAttention(const fb::Attention &a) const {
  bool isKnown = a.dtype() == fb::DType::F64 || a.dtype() == fb::DType::F32 ||
                 a.dtype() == fb::DType::F16 || a.dtype() == fb::DType::BF16;
  if (!isKnown || a.kind() < fb::AttentionKind::MIN ||
      a.kind() > fb::AttentionKind::MAX || !std::isfinite(a.scale()))
    return DLC_ERROR(Corrupt, "DLC5009",
                     "attention kind, dtype and scale must be known and "
                     "finite, but got ",
                     int(a.kind()), ", ", int(a.dtype()), " and ", a.scale());
  int64_t rows = a.rows(), keys = a.keys();
  int64_t depth = a.depth(), width = a.width();
  bool isForward = a.kind() == fb::AttentionKind::Forward;
  fb::DType number =
      a.dtype() == fb::DType::F64 ? fb::DType::F64 : fb::DType::F32;
  DLC_RETURN_IF_ERROR(checkView("q", a.q(), a, false, rows, depth));
  DLC_RETURN_IF_ERROR(checkView("k", a.k(), a, false, keys, depth));
  DLC_RETURN_IF_ERROR(checkView("v", a.v(), a, false, keys, width));
  DLC_RETURN_IF_ERROR(
      checkView("output", a.output(), a, isForward, rows, width));
  // In range: the views have been checked.
  std::vector<int64_t> sizes = {a.batch(), a.heads(), rows};
  DLC_RETURN_IF_ERROR(checkElements("logsumexp", a.logsumexp(), isForward,
                                    number,
                                    elementCount(sizes)));
  DLC_RETURN_IF_ERROR(checkMask(a, number));
  if (isForward && (a.grad() || a.dq() || a.dk() || a.dv()))
    return DLC_ERROR(Corrupt, "DLC5009",
                     "attention gradients must belong to the kind backward, "
                     "but got them on kind ",
                     int(a.kind()));
  if (!isForward) {
    DLC_RETURN_IF_ERROR(checkView("grad", a.grad(), a, false, rows, width));
    DLC_RETURN_IF_ERROR(checkView("dq", a.dq(), a, true, rows, depth));
    DLC_RETURN_IF_ERROR(checkView("dk", a.dk(), a, true, keys, depth));
    DLC_RETURN_IF_ERROR(checkView("dv", a.dv(), a, true, keys, width));
  }
  return checkOptional("workspace", a.workspace(), true, fb::DType::I8, 0);
}

Status ProgramVerifier::checkCopy(const fb::Copy &copy) const {
  DLC_RETURN_IF_ERROR(
      checkOperand("source", copy.source(), false,
                   checkedAdd<uint64_t>(copy.source_offset(), copy.bytes())));
  return checkOperand(
      "destination", copy.destination(), true,
      checkedAdd<uint64_t>(copy.destination_offset(), copy.bytes()));
}

Status ProgramVerifier::checkFill(const fb::Fill &fill) const {
  uint32_t width = fill.pattern_bytes();
  if ((width != 1 && width != 2 && width != 4 && width != 8) ||
      fill.bytes() % width != 0)
    return DLC_ERROR(Corrupt, "DLC5009",
                     "fill pattern must have 1, 2, 4 or 8 "
                     "bytes that divide the size, but got ",
                     width, " bytes for ", fill.bytes());
  return checkOperand("destination", fill.destination(), true, fill.bytes());
}

template <typename Copy>
Status ProgramVerifier::checkTransfer(const Copy &copy) const {
  DLC_RETURN_IF_ERROR(
      checkOperand("source", copy.source(), false, copy.bytes(), true));
  DLC_RETURN_IF_ERROR(
      checkOperand("destination", copy.destination(), true, copy.bytes(), true));
  fb::Space from = buffer(copy.source()).space();
  fb::Space to = buffer(copy.destination()).space();
  if ((from == fb::Space::Host) == (to == fb::Space::Host))
    return DLC_ERROR(Corrupt, "DLC5009",
                     "a transfer must go between the arena and the host "
                     "arena, but got spaces ",
                     int(from), " and ", int(to));
  return Status::ok();
}

/// Each is waited for once, with the same bytes: a device may copy at any time
/// in between.
Status ProgramVerifier::checkTransfers() const {
  std::multiset<std::tuple<uint32_t, uint32_t, uint64_t>> underWay;
  for (size_t i = 0; i < length(program.instructions()); ++i) {
    const fb::Instruction &instruction = *program.instructions()->Get(i);
    if (auto *transfer = instruction.op_as_Transfer())
      underWay.emplace(transfer->source(), transfer->destination(),
                       transfer->bytes());
    auto *wait = instruction.op_as_Wait();
    if (!wait)
      continue;
    auto begun = underWay.find(
        {wait->source(), wait->destination(), wait->bytes()});
    if (begun == underWay.end())
      return DLC_ERROR(Corrupt, "DLC5009", "instruction ", i,
                       " must wait for a transfer that is under way, but got "
                       "none from buffer ",
                       wait->source(), " to ", wait->destination());
    underWay.erase(begun);
  }
  if (!underWay.empty())
    return DLC_ERROR(Corrupt, "DLC5009",
                     "every transfer must be waited for, but got ",
                     underWay.size(), " that are not");
  return Status::ok();
}

Status ProgramVerifier::checkTraced(const fb::Check &check) const {
  if (check.tensors())
    for (const fb::TracedTensor *tensor : *check.tensors()) {
      if (!isDType(tensor->dtype()))
        return DLC_ERROR(Corrupt, "DLC5009",
                         "traced tensor must have a known dtype, but got ",
                         int(tensor->dtype()));
      DLC_RETURN_IF_ERROR(checkElements(
          "tensors", tensor->buffer(), tensor->is_written(), tensor->dtype(),
          tensor->dims() ? elementCount(*tensor->dims()) : 1));
    }
  return Status::ok();
}

Status
ProgramVerifier::checkInstruction(const fb::Instruction &instruction) const {
  if (instruction.check())
    DLC_RETURN_IF_ERROR(checkTraced(*instruction.check()));
  switch (instruction.op_type()) {
  case fb::Op::Launch:
    return checkLaunch(*instruction.op_as_Launch());
  case fb::Op::Gemm:
    return checkGemm(*instruction.op_as_Gemm());
  case fb::Op::Conv:
    return checkConv(*instruction.op_as_Conv());
  case fb::Op::Attention:
    return checkAttention(*instruction.op_as_Attention());
  case fb::Op::Copy:
    return checkCopy(*instruction.op_as_Copy());
  case fb::Op::Fill:
    return checkFill(*instruction.op_as_Fill());
  case fb::Op::Transfer:
    return checkTransfer(*instruction.op_as_Transfer());
  case fb::Op::Wait:
    return checkTransfer(*instruction.op_as_Wait());
  default:
    return DLC_ERROR(Unsupported, "DLC5009",
                     "instruction must be of a kind "
                     "that this runtime knows, but got kind ",
                     int(instruction.op_type()));
  }
}

Status ProgramVerifier::run() {
  for (size_t i = 0; i < bufferCount(); ++i)
    DLC_RETURN_IF_ERROR(checkBuffer(static_cast<uint32_t>(i)));
  std::set<std::string_view> inputs, outputs;
  if (program.inputs())
    for (const fb::TensorInfo *tensor : *program.inputs())
      DLC_RETURN_IF_ERROR(checkTensor(*tensor, true, inputs));
  if (program.outputs())
    for (const fb::TensorInfo *tensor : *program.outputs())
      DLC_RETURN_IF_ERROR(checkTensor(*tensor, false, outputs));
  for (size_t i = 0; i < length(program.instructions()); ++i) {
    const fb::Instruction &instruction = *program.instructions()->Get(i);
    if (Status status = checkInstruction(instruction); !status.isOk()) {
      const flatbuffers::String *label = instruction.label();
      return std::move(status).withContext(
          concat("instruction ", i, " '",
                 label ? label->string_view() : std::string_view(), "'"));
    }
  }
  return checkTransfers();
}

Status checkStates(const fb::Artifact &artifact, uint64_t weightBytes) {
  if (artifact.state_bytes() > artifact.arena_bytes())
    return DLC_ERROR(Corrupt, "DLC5007", "states must fit the arena of ",
                     artifact.arena_bytes(), " bytes, but got ",
                     artifact.state_bytes());
  if (!artifact.states())
    return Status::ok();
  std::set<std::string_view> names;
  std::vector<std::pair<uint64_t, uint64_t>> ranges[2];
  for (const fb::State *state : *artifact.states()) {
    std::string name = concat("state '", state->name()->string_view(), "'");
    if (!names.insert(state->name()->string_view()).second)
      return DLC_ERROR(Corrupt, "DLC5007", name,
                       " must have its own name, but got it twice");
    std::optional<uint64_t> bytes = bytesOf(state->dtype(), state->dims());
    if (!bytes || state->role() < fb::StateRole::MIN ||
        state->role() > fb::StateRole::MAX)
      return DLC_ERROR(Corrupt, "DLC5007", name,
                       " must have a known role and "
                       "dtype and a size in 64 bits, but got role ",
                       int(state->role()), " and dtype ", int(state->dtype()));
    uint64_t end =
        state->on_host() ? artifact.host_bytes() : artifact.state_bytes();
    if (state->offset() % 64 != 0 ||
        !isWithin(state->offset(), *bytes, end))
      return DLC_ERROR(Corrupt, "DLC5007", name,
                       " must be aligned to 64 and "
                       "end within ",
                       end, " bytes, but got offset ",
                       state->offset(), " and ", *bytes, " bytes");
    bool isInitGood = state->init() == fb::StateInit::Zero ||
                      (state->init() == fb::StateInit::Constant &&
                       isWithin(state->init_offset(), *bytes, weightBytes)) ||
                      (state->init() == fb::StateInit::Seed &&
                       state->dtype() == fb::DType::I64 && *bytes == 16);
    if (!isInitGood)
      return DLC_ERROR(Corrupt, "DLC5007", name,
                       " must start as zero, as a "
                       "seed of two i64 or within the ",
                       weightBytes, " bytes of weights, but got kind ",
                       int(state->init()), " at ", state->init_offset());
    if (*bytes != 0)
      ranges[state->on_host()].emplace_back(state->offset(), *bytes);
  }
  for (auto &side : ranges) {
    std::sort(side.begin(), side.end());
    for (size_t i = 1; i < side.size(); ++i)
      if (side[i - 1].first + side[i - 1].second > side[i].first)
        return DLC_ERROR(Corrupt, "DLC5007",
                         "states must not overlap, but got "
                         "two at offset ",
                         side[i].first);
  }
  return Status::ok();
}

Status checkKernels(const fb::Artifact &artifact) {
  if (!artifact.kernels())
    return Status::ok();
  for (const fb::Kernel *kernel : *artifact.kernels()) {
    std::string_view symbol = kernel->symbol()->string_view();
    bool isName = !symbol.empty() && symbol.size() < 1024;
    for (char c : symbol)
      isName &= c > ' ' && c < 127;
    if (!isName)
      return DLC_ERROR(Corrupt, "DLC5007",
                       "kernel symbol must be printable "
                       "and shorter than 1024 bytes, but got ",
                       symbol.size(), " bytes");
    if (kernel->threads() > mostThreads ||
        kernel->threads() % warpThreads != 0)
      return DLC_ERROR(Corrupt, "DLC5007", "threads of kernel '", symbol,
                       "' must be a multiple of ", warpThreads,
                       " and at most ", mostThreads, ", but got ",
                       kernel->threads());
  }
  return Status::ok();
}

Status checkExports(const fb::Artifact &artifact) {
  if (!artifact.exports())
    return Status::ok();
  for (const fb::ExportRule *rule : *artifact.exports())
    if (rule->state() >= length(artifact.states()))
      return DLC_ERROR(Corrupt, "DLC5010", "export of '",
                       rule->initializer()->string_view(),
                       "' must name one of ", length(artifact.states()),
                       " states, but got ", rule->state());
  return Status::ok();
}

} // namespace

/// One plan: the outer one or a variant.
static Status verifyOne(const fb::Artifact &artifact, uint64_t constantBytes,
                        uint64_t weightBytes) {
  DLC_RETURN_IF_ERROR(checkStates(artifact, weightBytes));
  DLC_RETURN_IF_ERROR(checkKernels(artifact));
  std::set<std::string_view> names;
  if (!artifact.programs())
    return Status::ok();
  for (const fb::Program *program : *artifact.programs()) {
    std::string_view name = program->name()->string_view();
    if (!names.insert(name).second)
      return DLC_ERROR(Corrupt, "DLC5008", "program '", name,
                       "' must have its own name, but got it twice");
    Status status = ProgramVerifier(artifact, *program, constantBytes).run();
    if (!status.isOk())
      return std::move(status).withContext(concat("program '", name, "'"));
  }
  return Status::ok();
}

Status verifyPlan(const fb::Artifact &artifact, uint64_t constantBytes,
                  uint64_t weightBytes) {
  DLC_RETURN_IF_ERROR(verifyOne(artifact, constantBytes, weightBytes));
  for (size_t i = 0; i < length(artifact.variants()); ++i) {
    const fb::Artifact &variant =
        *artifact.variants()->Get(static_cast<flatbuffers::uoffset_t>(i));
    if (length(variant.variants()) != 0)
      return DLC_ERROR(Corrupt, "DLC5007",
                       "a variant must have no variants of its own, but got ",
                       length(variant.variants()));
    if (Status status = verifyOne(variant, constantBytes, weightBytes);
        !status.isOk())
      return std::move(status).withContext(concat("variant ", i + 1));
  }
  return checkExports(artifact);
}

} // namespace dlc::rt
