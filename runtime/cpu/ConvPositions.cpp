// Convolutions with few output positions, as one matrix product per position.
//
// Write the convolution as the set of its links (p, q, t): output position p
// reads input position q through tap t of the kernel. Links through padding do
// not exist, so they cost nothing. With channels innermost,
//   forward    dst[n, p, :]  = sum over links of p of  src[n, q, :] W[t]^T
//   data       src[n, q, :]  = sum over links of q of  dst[n, p, :] W[t]
//   weights    W[t]          = sum over links of t of  dst[n, p, :]^T src[n, q,
//   :]
// Each right side is one product: the vectors of the links side by side (often
// they already are) times the matrices of their taps one below the other.
//
// The workspace holds the weights as [tap][in][out] (forward) or
// [tap][out][in], for the taps that have links, then what is gathered.

#include "runtime/core/CheckedMath.h"
#include "runtime/cpu/ConvForms.h"
#include "runtime/cpu/Gemm.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>

namespace dlc::rt {

namespace {

constexpr int64_t maxOutPositions = 4, maxInPositions = 16, minChannels = 16;

struct Link {
  int64_t out, in, tap; // flat positions; the tap within the used box
};

/// Rows of `bytes` bytes copied from one strided place to another.
struct RowCopy {
  int64_t fromOffset, toOffset, fromStride, toStride, rows, bytes;
};

/// Part of the kernel that has links: [first, first + size) per dim.
struct TapBox {
  std::vector<int64_t> first, size;
};

class PositionConv final : public ConvPlan {
public:
  PositionConv(LibraryContext &context, const ConvShape &shape,
               const ConvPointers &at)
      : context(context), shape(shape), conv(this->shape.conv), at(at),
        width(static_cast<int64_t>(shape.elementBytes)),
        weightWidth(conv.is_wide ? 4 : width) {}

  /// False when the record does not suit this form.
  bool findLinks();
  Status prepare();
  Status run(const ThreadPool &pool) override;
  uint64_t workspaceBytes() const override { return workspace; }

private:
  /// One product with the copies that bring its operands together.
  struct Group {
    std::vector<RowCopy> aCopies, bCopies; // b: from the reordered weights
    std::unique_ptr<GemmPlan> product;
  };

  void dropUnusedTaps();
  Status prepareReorder();
  Status prepareProducts();
  Status prepareOutputs(bool isForward);
  Status prepareTaps();
  Status addOutput(bool isForward, int64_t position,
                   const std::vector<Link> &own);
  Status addTap(int64_t tap, const std::vector<Link> &own);
  void copyRows(const ThreadPool &pool, const std::vector<RowCopy> &copies,
                const std::byte *from, std::byte *to) const;
  void zeroUnlinked(const ThreadPool &pool) const;
  std::byte *gatherA() const { return at.workspace + weightBytes; }
  std::byte *gatherB() const { return gatherA() + aBytes; }

  LibraryContext &context;
  ConvShape shape;
  const fb::ConvT &conv;
  ConvPointers at;
  int64_t width, weightWidth; // bytes of an element
  std::vector<Link> links;
  TapBox box;
  int64_t usedTaps = 0;
  std::vector<int64_t> unlinked; // input positions without links
  std::optional<WeightReorder> reorder;
  int64_t reorderOffset = 0; // bytes from the weights' start to the box
  std::vector<Group> groups;
  uint64_t weightBytes = 0, aBytes = 0, bBytes = 0, workspace = 0;
  CallFailures failures;
};

/// Advances a multi-index; false after the last.
bool advance(std::vector<int64_t> &index, const std::vector<int64_t> &extent) {
  for (size_t i = index.size(); i-- > 0;) {
    if (++index[i] < extent[i])
      return true;
    index[i] = 0;
  }
  return false;
}

int64_t flatten(const std::vector<int64_t> &index,
                const std::vector<int64_t> &extent) {
  int64_t flat = 0;
  for (size_t i = 0; i < index.size(); ++i)
    flat = flat * extent[i] + index[i];
  return flat;
}

bool PositionConv::findLinks() {
  if (conv.groups != 1 || shape.outPositions > maxOutPositions ||
      shape.inPositions > maxInPositions || shape.taps > 256 ||
      std::min(conv.in_channels, conv.out_channels) < minChannels ||
      (at.residual && conv.activation != fb::Activation::None))
    return false;
  size_t rank = shape.rank();
  std::vector<int64_t> out(rank, 0);
  do {
    size_t before = links.size();
    std::vector<int64_t> tap(rank, 0), in(rank);
    do {
      bool isReal = true;
      for (size_t i = 0; i < rank; ++i) {
        in[i] = out[i] * conv.strides[i] - conv.pads_begin[i] +
                tap[i] * conv.dilations[i];
        isReal &= in[i] >= 0 && in[i] < conv.in_spatial[i];
      }
      if (isReal)
        links.push_back({flatten(out, conv.out_spatial),
                         flatten(in, conv.in_spatial),
                         flatten(tap, conv.kernel)});
    } while (advance(tap, conv.kernel));
    if (links.size() == before)
      return false; // an output that sees padding alone
  } while (advance(out, conv.out_spatial));
  dropUnusedTaps();
  return true;
}

/// Shrinks the kernel to the box of taps that have links.
void PositionConv::dropUnusedTaps() {
  size_t rank = shape.rank();
  box.first.assign(rank, std::numeric_limits<int64_t>::max());
  std::vector<int64_t> last(rank, 0);
  auto unflatten = [&](int64_t flat) {
    std::vector<int64_t> index(rank);
    for (size_t i = rank; i-- > 0; flat /= conv.kernel[i])
      index[i] = flat % conv.kernel[i];
    return index;
  };
  for (const Link &link : links) {
    std::vector<int64_t> tap = unflatten(link.tap);
    for (size_t i = 0; i < rank; ++i) {
      box.first[i] = std::min(box.first[i], tap[i]);
      last[i] = std::max(last[i], tap[i]);
    }
  }
  usedTaps = 1;
  for (size_t i = 0; i < rank; ++i) {
    box.size.push_back(last[i] - box.first[i] + 1);
    usedTaps *= box.size.back();
  }
  for (Link &link : links) {
    std::vector<int64_t> tap = unflatten(link.tap);
    for (size_t i = 0; i < rank; ++i)
      tap[i] -= box.first[i];
    link.tap = flatten(tap, box.size);
  }
}

/// Between ONNX order and [tap][in][out] or [tap][out][in], on the box.
Status PositionConv::prepareReorder() {
  int64_t in = conv.in_channels, out = conv.out_channels;
  bool isForward = conv.kind == fb::ConvKind::Forward;
  dnnl::memory::dims dims = {out, in};
  dims.insert(dims.end(), box.size.begin(), box.size.end());
  dnnl::memory::dims plain(dims.size()), packed(dims.size());
  int64_t plainStride = 1, packedStride = in * out;
  for (size_t i = shape.rank(); i-- > 0;) {
    plain[i + 2] = plainStride;
    packed[i + 2] = packedStride;
    reorderOffset += box.first[i] * plainStride * weightWidth;
    plainStride *= conv.kernel[i];
    packedStride *= box.size[i];
  }
  plain[1] = plainStride;
  plain[0] = plainStride * in;
  packed[0] = isForward ? 1 : in;
  packed[1] = isForward ? out : 1;
  auto type =
      conv.is_wide ? dnnl::memory::data_type::f32 : *libraryType(conv.dtype);
  dnnl::memory::desc onnx(dims, type, plain), own(dims, type, packed);
  bool isGradient = conv.kind == fb::ConvKind::BackwardWeights;
  DLC_ASSIGN_OR_RETURN(
      reorder, isGradient ? WeightReorder::create(context, own, onnx, 16)
                          : WeightReorder::create(context, onnx, own, 16));
  weightBytes =
      alignUp(static_cast<uint64_t>(usedTaps * in * out * weightWidth), 64);
  return Status::ok();
}

Status PositionConv::prepare() {
  DLC_RETURN_IF_ERROR(prepareReorder());
  // Twice: the first pass finds how large the gathered operands are.
  for (int pass = 0; pass < 2; ++pass) {
    groups.clear();
    unlinked.clear();
    DLC_RETURN_IF_ERROR(prepareProducts());
  }
  workspace = weightBytes + aBytes + bBytes;
  return Status::ok();
}

Status PositionConv::prepareProducts() {
  if (conv.kind == fb::ConvKind::BackwardWeights)
    return prepareTaps();
  return prepareOutputs(conv.kind == fb::ConvKind::Forward);
}

Status PositionConv::prepareOutputs(bool isForward) {
  int64_t positions = isForward ? shape.outPositions : shape.inPositions;
  for (int64_t position = 0; position < positions; ++position) {
    std::vector<Link> own;
    for (const Link &link : links)
      if ((isForward ? link.out : link.in) == position)
        own.push_back(link);
    std::sort(own.begin(), own.end(),
              [](const Link &x, const Link &y) { return x.tap < y.tap; });
    if (own.empty())
      unlinked.push_back(position);
    else
      DLC_RETURN_IF_ERROR(addOutput(isForward, position, own));
  }
  return Status::ok();
}

Status PositionConv::addOutput(bool isForward, int64_t position,
                               const std::vector<Link> &own) {
  int64_t aChannels = isForward ? conv.in_channels : conv.out_channels;
  int64_t cChannels = isForward ? conv.out_channels : conv.in_channels;
  int64_t aPositions = isForward ? shape.inPositions : shape.outPositions;
  int64_t cPositions = isForward ? shape.outPositions : shape.inPositions;
  auto count = static_cast<int64_t>(own.size());
  auto source = [&](const Link &l) { return isForward ? l.in : l.out; };
  bool isADense = true, isBDense = true;
  for (int64_t i = 1; i < count; ++i) {
    isADense &= source(own[i]) == source(own[0]) + i;
    isBDense &= own[i].tap == own[0].tap + i;
  }
  Group group;
  fb::GemmT gemm;
  gemm.dtype = conv.dtype;
  gemm.batch0 = gemm.batch1 = 1;
  gemm.m = conv.batch;
  gemm.n = cChannels;
  gemm.k = count * aChannels;
  GemmPointers pointers;
  int64_t aItem = aPositions * aChannels;
  int64_t block = aChannels * cChannels;
  if (isADense) {
    pointers.a = (isForward ? at.src : at.dst);
    gemm.a_offset = source(own[0]) * aChannels;
    gemm.a_strides = {0, 0, aItem, 1};
  } else {
    for (int64_t i = 0; i < count; ++i)
      group.aCopies.push_back({source(own[i]) * aChannels * width,
                               i * aChannels * width, aItem * width,
                               gemm.k * width, conv.batch, aChannels * width});
    aBytes = std::max(
        aBytes,
        alignUp(static_cast<uint64_t>(conv.batch * gemm.k * width), 64));
    pointers.a = gatherA();
    gemm.a_strides = {0, 0, gemm.k, 1};
  }
  pointers.b = at.workspace;
  if (isBDense) {
    gemm.b_offset = own[0].tap * block;
  } else {
    // As many rows as the block has, so that the copy runs in parallel.
    for (int64_t i = 0; i < count; ++i)
      group.bCopies.push_back({own[i].tap * block * width, i * block * width,
                               cChannels * width, cChannels * width, aChannels,
                               cChannels * width});
    bBytes = std::max(
        bBytes, alignUp(static_cast<uint64_t>(count * block * width), 64));
    pointers.b = gatherB();
  }
  gemm.b_strides = {0, 0, cChannels, 1};
  pointers.c = isForward ? at.dst : at.src;
  gemm.c_offset = position * cChannels;
  gemm.c_strides = {0, 0, cPositions * cChannels, 1};
  if (isForward) {
    gemm.activation = conv.activation;
    pointers.bias = at.bias;
    pointers.residual = at.residual;
  }
  DLC_ASSIGN_OR_RETURN(group.product,
                       GemmPlan::create(context, gemm, pointers));
  groups.push_back(std::move(group));
  return Status::ok();
}

Status PositionConv::prepareTaps() {
  for (int64_t tap = 0; tap < usedTaps; ++tap) {
    std::vector<Link> own;
    for (const Link &link : links)
      if (link.tap == tap)
        own.push_back(link);
    DLC_RETURN_IF_ERROR(addTap(tap, own));
  }
  return Status::ok();
}

Status PositionConv::addTap(int64_t tap, const std::vector<Link> &own) {
  int64_t in = conv.in_channels, out = conv.out_channels;
  auto count = static_cast<int64_t>(own.size());
  Group group;
  fb::GemmT gemm;
  gemm.dtype = conv.dtype;
  gemm.batch0 = gemm.batch1 = 1;
  gemm.is_wide = conv.is_wide;
  gemm.m = out;
  gemm.n = in;
  gemm.k = conv.batch * count;
  GemmPointers pointers;
  int64_t dstItem = shape.outPositions * out;
  int64_t srcItem = shape.inPositions * in;
  if (count == 1) {
    pointers.a = at.dst;
    pointers.b = at.src;
    gemm.a_offset = own[0].out * out;
    gemm.b_offset = own[0].in * in;
    gemm.a_strides = {0, 0, 1, dstItem};
    gemm.b_strides = {0, 0, srcItem, 1};
  } else {
    for (int64_t i = 0; i < count; ++i) {
      group.aCopies.push_back({own[i].out * out * width,
                               i * conv.batch * out * width, dstItem * width,
                               out * width, conv.batch, out * width});
      group.bCopies.push_back({own[i].in * in * width,
                               i * conv.batch * in * width, srcItem * width,
                               in * width, conv.batch, in * width});
    }
    aBytes = std::max(aBytes,
                      alignUp(static_cast<uint64_t>(gemm.k * out * width), 64));
    bBytes = std::max(bBytes,
                      alignUp(static_cast<uint64_t>(gemm.k * in * width), 64));
    pointers.a = gatherA();
    pointers.b = gatherB();
    gemm.a_strides = {0, 0, 1, out};
    gemm.b_strides = {0, 0, in, 1};
  }
  pointers.c = at.workspace;
  gemm.c_offset = tap * in * out;
  gemm.c_strides = {0, 0, in, 1};
  if (count != 0) {
    DLC_ASSIGN_OR_RETURN(group.product,
                         GemmPlan::create(context, gemm, pointers));
  } else {
    // A tap inside the box without links (dilated kernels): its zeros are
    // written by hand.
    group.product = nullptr;
  }
  groups.push_back(std::move(group));
  return Status::ok();
}

void PositionConv::copyRows(const ThreadPool &pool,
                            const std::vector<RowCopy> &copies,
                            const std::byte *from, std::byte *to) const {
  if (copies.empty())
    return;
  int64_t rows = copies[0].rows; // the same in all of one list
  pool.parallelFor(rows, [&](int, int64_t first, int64_t end) {
    for (const RowCopy &copy : copies)
      for (int64_t row = first; row < end; ++row)
        std::memcpy(to + copy.toOffset + row * copy.toStride,
                    from + copy.fromOffset + row * copy.fromStride,
                    static_cast<size_t>(copy.bytes));
  });
}

void PositionConv::zeroUnlinked(const ThreadPool &pool) const {
  int64_t bytes = conv.in_channels * width;
  if (unlinked.empty())
    return;
  pool.parallelFor(conv.batch, [&](int, int64_t first, int64_t end) {
    for (int64_t item = first; item < end; ++item)
      for (int64_t position : unlinked)
        std::memset(at.src + (item * shape.inPositions + position) * bytes, 0,
                    static_cast<size_t>(bytes));
  });
}

Status PositionConv::run(const ThreadPool &pool) {
  bool isForward = conv.kind == fb::ConvKind::Forward;
  if (conv.kind == fb::ConvKind::BackwardWeights) {
    int64_t block = conv.in_channels * conv.out_channels * weightWidth;
    for (size_t tap = 0; tap < groups.size(); ++tap) {
      Group &group = groups[tap];
      copyRows(pool, group.aCopies, at.dst, gatherA());
      copyRows(pool, group.bCopies, at.src, gatherB());
      if (group.product)
        DLC_RETURN_IF_ERROR(group.product->run(pool));
      else
        std::memset(at.workspace + static_cast<int64_t>(tap) * block, 0,
                    static_cast<size_t>(block));
    }
    if (usedTaps != shape.taps) {
      int64_t row = conv.in_channels * shape.taps * weightWidth;
      pool.parallelFor(conv.out_channels, [&](int, int64_t first, int64_t end) {
        std::memset(at.weights + first * row, 0,
                    static_cast<size_t>((end - first) * row));
      });
    }
    reorder->run(context, pool, at.workspace, at.weights + reorderOffset,
                 failures);
    if (at.bias)
      sumRows(pool, conv.dtype, at.dst, conv.batch * shape.outPositions,
              conv.out_channels, at.bias);
    return failures.take("conv");
  }
  reorder->run(context, pool, at.weights + reorderOffset, at.workspace,
               failures);
  zeroUnlinked(pool);
  for (Group &group : groups) {
    copyRows(pool, group.aCopies, isForward ? at.src : at.dst, gatherA());
    copyRows(pool, group.bCopies, at.workspace, gatherB());
    DLC_RETURN_IF_ERROR(group.product->run(pool));
  }
  return failures.take("conv");
}

} // namespace

ConvPlanResult createPositionConv(LibraryContext &context,
                                  const ConvShape &shape,
                                  const ConvPointers &at) {
  auto plan = std::make_unique<PositionConv>(context, shape, at);
  if (!plan->findLinks())
    return std::unique_ptr<ConvPlan>();
  DLC_RETURN_IF_ERROR(plan->prepare());
  return std::unique_ptr<ConvPlan>(std::move(plan));
}

} // namespace dlc::rt
