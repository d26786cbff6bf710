#include "runtime/cpu/Gemm.h"

#include "runtime/core/CheckedMath.h"
#include "runtime/core/DType.h"
#include "runtime/cpu/BiasGradient.h"
#include "runtime/cpu/Convert.h"
#include "runtime/cpu/CpuFeatures.h"
#include "runtime/cpu/PackedOperand.h"
#include "runtime/cpu/Transpose.h"

#include <cstring>

namespace dlc::rt {

namespace {
// Tile sizes, measured on Zen 5 (1 MiB of L2 per core): larger tiles gain
// under 3 %, smaller ones lose to packing and call overhead.
constexpr int64_t maxRows = 256, maxColumns = 768, wideColumns = 512;
// bf16 tiles are half as large; as wide as the result they are written in place.
constexpr int64_t maxNarrowColumns = 1536;
constexpr int64_t minRows = 64, minColumns = 128;
constexpr int64_t maxDepth = 1536, wideDepth = 1024;
// Of an operand that is turned as it is gathered: rows a power of two apart
// share few cache sets, and 1024 of them take four times as long to write.
constexpr int64_t turnedDepth = 832;
// A sum is cut into parts from this length on, for results of at most so many
// columns, and while the partial results stay small.
constexpr int64_t minPartDepth = 2048, maxPartColumns = 1536;
// The partial results are f32; where the result is not, the sum has to be
// longer for that traffic to pay.
constexpr int64_t minNarrowPartDepth = 8192;
constexpr int64_t maxPartBytes = 8 << 20;
// A packed operand is worth its memory up to this size: larger ones leave the
// cache before they are read.
constexpr int64_t maxPackedBytes = 8 << 20;
constexpr int64_t minTilesPerPack = 4;
// A tile below this much work is not cut further; a group of batch items is
// collected up to it. About 20 microseconds.
constexpr double smallFlops = 4e6;
// Enough tiles to keep a 16-core machine busy.
constexpr int64_t enoughTiles = 16;

int64_t roundUp(int64_t value, int64_t multiple) {
  return ceilDiv(value, multiple) * multiple;
}

/// Near-equal pieces of at most about `cap`, in multiples of `multiple`.
int64_t evenStep(int64_t extent, int64_t cap, int64_t multiple) {
  if (extent <= cap)
    return extent;
  return std::min(extent,
                  roundUp(ceilDiv(extent, ceilDiv(extent, cap)), multiple));
}

double flopsOf(int64_t rows, int64_t columns, int64_t depth) {
  return 2.0 * static_cast<double>(rows) * static_cast<double>(columns) *
         static_cast<double>(depth);
}
} // namespace

struct GemmPlan::WorkerCache {
  const std::byte *bItem = nullptr;
  int64_t column = -1;
};

uint64_t gemmWorkspaceBytes(const fb::GemmT &gemm) {
  if (!libraryType(gemm.dtype))
    return 0;
  LibraryContext context(1);
  GemmPlan plan(context);
  // Only whether an operand is there matters, never its address.
  std::byte *any = reinterpret_cast<std::byte *>(64);
  GemmPointers at;
  at.a = at.b = at.c = at.workspace = any;
  at.bias = gemm.bias >= 0 ? any : nullptr;
  at.residual = gemm.residual >= 0 ? any : nullptr;
  plan.describe(gemm, at);
  plan.chooseTiles();
  uint64_t packed =
      plan.wantsPacking()
          ? static_cast<uint64_t>(packedElements(gemm.k, gemm.n)) * 2
          : 0;
  return plan.partBytes() + packed;
}

dnnl::algorithm activationAlgorithm(fb::Activation activation) {
  switch (activation) {
  case fb::Activation::None:
    return dnnl::algorithm::undef;
  case fb::Activation::Relu:
    // oneDNN's makes NaN 0; applyRelu does not.
    return dnnl::algorithm::undef;
  case fb::Activation::GeluErf:
    return dnnl::algorithm::eltwise_gelu_erf;
  case fb::Activation::GeluTanh:
    return dnnl::algorithm::eltwise_gelu_tanh;
  case fb::Activation::Tanh:
    return dnnl::algorithm::eltwise_tanh;
  case fb::Activation::Sigmoid:
    return dnnl::algorithm::eltwise_logistic;
  case fb::Activation::Swish:
    return dnnl::algorithm::eltwise_swish;
  }
  return dnnl::algorithm::undef;
}

void applyRelu(fb::DType type, std::byte *values, int64_t count) {
  if (type == fb::DType::F32) {
    auto *x = reinterpret_cast<float *>(values);
    for (int64_t i = 0; i < count; ++i)
      x[i] = x[i] < 0 ? 0.0f : x[i];
    return;
  }
  // Negative bfloats that are no NaN lie between -0 and -infinity.
  auto *x = reinterpret_cast<uint16_t *>(values);
  for (int64_t i = 0; i < count; ++i)
    x[i] = x[i] >= 0x8000 && x[i] <= 0xff80 ? uint16_t(0) : x[i];
}

std::optional<dnnl::memory::data_type> libraryType(fb::DType type) {
  static const bool hasBfloat =
      hostHasFeature("avx512bf16") || hostHasFeature("amx-bf16");
  if (type == fb::DType::BF16 && hasBfloat)
    return dnnl::memory::data_type::bf16;
  if (type == fb::DType::F32 || type == fb::DType::BF16 ||
      type == fb::DType::F16)
    return dnnl::memory::data_type::f32;
  return std::nullopt;
}

Result<std::unique_ptr<GemmPlan>> GemmPlan::create(LibraryContext &context,
                                                   const fb::GemmT &gemm,
                                                   const GemmPointers &at) {
  std::optional<dnnl::memory::data_type> type = libraryType(gemm.dtype);
  if (!type)
    return DLC_ERROR(Unsupported, "DLC6003",
                     "gemm through oneDNN must be f32, bf16 or f16, but got ",
                     dtypeName(static_cast<DType>(gemm.dtype)));
  std::unique_ptr<GemmPlan> plan(new GemmPlan(context));
  plan->describe(gemm, at);
  plan->chooseTiles();
  Status status = plan->createKernels();
  if (!status.isOk() && plan->isPacked) {
    plan->isPacked = false;
    status = plan->createKernels();
  }
  DLC_RETURN_IF_ERROR(std::move(status));
  if (plan->isPacked)
    plan->bBytes = 0;
  context.reserveScratch(plan->aBytes + plan->bBytes + plan->cBytes +
                         plan->libraryBytes);
  return plan;
}

void GemmPlan::describe(const fb::GemmT &record, const GemmPointers &pointers) {
  gemm = record;
  at = pointers;
  if (at.bias && gemm.is_narrow_bias)
    wideBias.resize(static_cast<size_t>(gemm.n));
  computeType = *libraryType(gemm.dtype);
  resultType = gemm.is_wide ? fb::DType::F32 : gemm.dtype;
  bool isNarrow = computeType == dnnl::memory::data_type::bf16;
  tileType =
      isNarrow && !gemm.is_wide ? computeType : dnnl::memory::data_type::f32;
  elementBytes = dtypeBytes(static_cast<DType>(gemm.dtype));
  resultBytes = dtypeBytes(static_cast<DType>(resultType));
  computeBytes = isNarrow ? 2 : 4;
  tileBytes = isNarrow && !gemm.is_wide ? 2 : 4;
  activation = activationAlgorithm(gemm.activation);
  auto operand = [&](const std::byte *base, int64_t offset, uint64_t width,
                     const std::vector<int64_t> &s, int64_t operandColumns) {
    Operand o;
    o.base = base + offset * static_cast<int64_t>(width);
    o.batchStrides[0] = s[0];
    o.batchStrides[1] = s[1];
    o.rowStride = s[2];
    o.columnStride = s[3];
    o.isTransposed = s[3] != 1 && operandColumns != 1;
    return o;
  };
  a = operand(at.a, gemm.a_offset, elementBytes, gemm.a_strides, gemm.k);
  b = operand(at.b, gemm.b_offset, elementBytes, gemm.b_strides, gemm.n);
  c = operand(at.c, gemm.c_offset, resultBytes, gemm.c_strides, gemm.n);
  a.isTurned = a.isTransposed && isNarrow;
}

/// What the workspace holds follows from the record alone, because another
/// machine, with or without bf16 products, may have planned it.
bool GemmPlan::isBfloat() const { return gemm.dtype == fb::DType::BF16; }

/// Terms of a sum that is cut.
int64_t GemmPlan::cutDepth() const {
  if (!isBfloat())
    return evenStep(gemm.k, wideDepth, 16);
  return evenStep(gemm.k, a.isTransposed ? turnedDepth : wideDepth, packedRows);
}

/// Cuts a long sum into parts when the result has few tiles.
bool GemmPlan::chooseParts() {
  int64_t minDepth =
      resultType == fb::DType::F32 ? minPartDepth : minNarrowPartDepth;
  if (!at.workspace || activation != dnnl::algorithm::undef || items != 1 ||
      gemm.k < minDepth || gemm.n > maxPartColumns)
    return false;
  int64_t rowStep = evenStep(gemm.m, maxRows, 16);
  int64_t tiles = ceilDiv(gemm.m, rowStep);
  int64_t depthStep = cutDepth();
  int64_t pieces = ceilDiv(gemm.k, depthStep);
  int64_t wanted = std::min({ceilDiv(enoughTiles, tiles), pieces,
                             maxPartBytes / (gemm.m * gemm.n * 4)});
  if (tiles >= enoughTiles / 2 || wanted < 2)
    return false;
  depth = {gemm.k, depthStep, pieces};
  rows = {gemm.m, rowStep, tiles};
  columns = {gemm.n, gemm.n, 1};
  piecesPerPart = ceilDiv(pieces, wanted);
  parts = ceilDiv(pieces, piecesPerPart);
  if (parts == 1)
    return false;
  tileType = dnnl::memory::data_type::f32;
  tileBytes = 4;
  return true;
}

/// Cuts tiles in half until there are enough, or they are small.
void GemmPlan::cutTiles(int64_t &rowStep, int64_t &columnStep) const {
  auto count = [&] {
    return items * ceilDiv(gemm.m, rowStep) * ceilDiv(gemm.n, columnStep);
  };
  while (count() < enoughTiles &&
         flopsOf(rowStep, columnStep, gemm.k) > 2 * smallFlops) {
    // oneDNN transposes a transposed A once per tile, so there the columns
    // stay together; else narrow tiles keep B's part in the cache.
    bool canCutRows = rowStep > minRows;
    bool canCutColumns = columnStep > minColumns;
    bool isColumnBetter = !a.isTransposed && columnStep > rowStep;
    if (canCutColumns && (isColumnBetter || !canCutRows))
      columnStep = std::max(minColumns, roundUp(columnStep / 2, 64));
    else if (canCutRows)
      rowStep = std::max(minRows, roundUp(rowStep / 2, 16));
    else
      break;
  }
}

void GemmPlan::chooseTiles() {
  items = gemm.batch0 * gemm.batch1;
  if (!chooseParts()) {
    parts = 1;
    // A cut sum rounds to the tile's type in between, so narrow ones stay
    // whole.
    bool canCutDepth = tileBytes == 4 && gemm.k > maxDepth;
    int64_t depthStep = canCutDepth ? cutDepth() : gemm.k;
    int64_t rowStep = evenStep(gemm.m, maxRows, 16);
    int64_t columnLimit = isBfloat() ? maxNarrowColumns : maxColumns;
    int64_t columnStep =
        gemm.n <= columnLimit ? gemm.n : evenStep(gemm.n, wideColumns, 64);
    cutTiles(rowStep, columnStep);
    depth = {gemm.k, depthStep, ceilDiv(gemm.k, depthStep)};
    rows = {gemm.m, rowStep, ceilDiv(gemm.m, rowStep)};
    columns = {gemm.n, columnStep, ceilDiv(gemm.n, columnStep)};
    piecesPerPart = depth.count;
  }
  itemsPerGroup = 1;
  double itemFlops = flopsOf(rows.step, columns.step, gemm.k);
  if (items > 1 && itemFlops < smallFlops)
    itemsPerGroup =
        std::clamp<int64_t>(static_cast<int64_t>(smallFlops / itemFlops), 1,
                            std::max<int64_t>(1, items / enoughTiles));
  groups = ceilDiv(items, itemsPerGroup) * parts * rows.count * columns.count;
  auto bytes = [](int64_t elements, uint64_t width) {
    return alignUp(static_cast<uint64_t>(elements) * width, 4096);
  };
  aBytes = bytes(rows.step * depth.step, computeBytes);
  isPacked = computeBytes == 2 && wantsPacking();
  bBytes = bytes(depth.step * columns.step, computeBytes);
  cBytes = bytes(rows.step * columns.step, tileBytes);
}

/// Bytes of the partial results.
uint64_t GemmPlan::partBytes() const {
  return parts > 1 ? alignUp(static_cast<uint64_t>(parts * gemm.m * gemm.n) * 4,
                             64)
                   : 0;
}

/// Whether B is worth packing before the tiles run.
bool GemmPlan::wantsPacking() const {
  if (!at.workspace || !isBfloat() || items != 1 || gemm.n < packedColumns ||
      gemm.k < packedRows ||
      packedElements(gemm.k, gemm.n) * 2 > maxPackedBytes)
    return false;
  return (b.isTransposed ? b.rowStride : b.columnStride) == 1 &&
         rows.count >= minTilesPerPack;
}

Status GemmPlan::createKernels() {
  for (int isRowShort = 0; isRowShort < 2; ++isRowShort)
    for (int isColumnShort = 0; isColumnShort < 2; ++isColumnShort) {
      if ((isRowShort && !rows.isShort(rows.count - 1)) ||
          (isColumnShort && !columns.isShort(columns.count - 1)))
        continue;
      for (int64_t piece = 0; piece < depth.count; ++piece) {
        bool isFirst = piece % piecesPerPart == 0;
        bool isLast = piece == depth.count - 1;
        if (!kernels[isRowShort][isColumnShort][isFirst][isLast])
          DLC_RETURN_IF_ERROR(
              createKernel(isRowShort, isColumnShort, isFirst, isLast));
      }
    }
  return Status::ok();
}

Status GemmPlan::createKernel(bool isRowShort, bool isColumnShort, bool isFirst,
                              bool isLast) {
  MatmulShape shape;
  shape.dtype = computeType;
  shape.resultType = tileType;
  shape.m = rows.at(isRowShort ? rows.count - 1 : 0).size;
  shape.n = columns.at(isColumnShort ? columns.count - 1 : 0).size;
  shape.k = depth.at(isLast ? depth.count - 1 : 0).size;
  shape.isATransposed = a.isTransposed && !a.isTurned;
  shape.isBTransposed = b.isTransposed && !isPacked;
  shape.isBPacked = isPacked;
  shape.accumulates = !isFirst;
  // Of a sum in parts, addParts does what follows.
  shape.hasBias = isLast && at.bias && parts == 1;
  if (isLast)
    shape.activation = activation;
  uint64_t scratchpad = 0;
  DLC_ASSIGN_OR_RETURN(const BoundPrimitive *kernel,
                       context.matmul(shape, scratchpad));
  kernels[isRowShort][isColumnShort][isFirst][isLast] = kernel;
  libraryBytes = std::max(libraryBytes, scratchpad);
  return Status::ok();
}

/// Depth pieces one after the other, in each its blocks of columns.
const std::byte *GemmPlan::packedTile(Span r, Span c) const {
  int64_t elements = packedElements(r.first, gemm.n) +
                     c.first / packedColumns *
                         packedElements(r.size, packedColumns);
  return at.workspace + partBytes() + 2 * elements;
}

void GemmPlan::pack(const ThreadPool &pool) const {
  int64_t blocks = ceilDiv(gemm.n, packedColumns);
  auto *source = reinterpret_cast<const uint16_t *>(b.base);
  pool.parallelFor(
      blocks * depth.count, [&](int, int64_t first, int64_t end) {
        for (int64_t i = first; i < end; ++i) {
          Span r = depth.at(i / blocks);
          Span c = {i % blocks * packedColumns, packedColumns};
          c.size = std::min(c.size, gemm.n - c.first);
          auto *to = reinterpret_cast<uint16_t *>(
              const_cast<std::byte *>(packedTile(r, c)));
          packBlock(source + r.first * b.rowStride + c.first * b.columnStride,
                    b.rowStride, b.columnStride, r.size, c.size, to);
        }
      });
}

/// The bias of these columns; null if there is none.
const float *GemmPlan::biasOf(Span c) const {
  if (!at.bias)
    return nullptr;
  return c.first + (wideBias.empty() ? reinterpret_cast<const float *>(at.bias)
                                     : wideBias.data());
}

Status GemmPlan::run(const ThreadPool &pool) {
  if (!wideBias.empty())
    widenRow(gemm.dtype, at.bias, gemm.n, wideBias.data());
  if (isPacked)
    pack(pool);
  pool.parallelFor(groups, [this](int worker, int64_t first, int64_t end) {
    runTiles(worker, first, end);
  });
  if (parts > 1)
    addParts(pool);
  if (at.biasGradient)
    sumBiasGradient(pool, gemm, at.a, at.b,
                    reinterpret_cast<float *>(at.biasGradient));
  return failures.take("gemm");
}

void GemmPlan::runTiles(int worker, int64_t first, int64_t end) {
  WorkerCache cache;
  for (int64_t group = first; group < end; ++group) {
    int64_t row = group % rows.count;
    int64_t column = group / rows.count % columns.count;
    int64_t part = group / rows.count / columns.count % parts;
    int64_t item = group / rows.count / columns.count / parts * itemsPerGroup;
    int64_t last = std::min(items, item + itemsPerGroup);
    for (; item < last; ++item)
      runTile(worker, item, part, row, column, cache);
  }
}

int64_t GemmPlan::batchOffset(const Operand &operand, int64_t item) const {
  return item / gemm.batch1 * operand.batchStrides[0] +
         item % gemm.batch1 * operand.batchStrides[1];
}

bool GemmPlan::isDense(const Operand &operand, Span r, Span c) const {
  if (operand.isTurned)
    return false;
  if (operand.isTransposed)
    return c.size == 1 || operand.columnStride == r.size;
  return r.size == 1 || operand.rowStride == c.size;
}

/// Where the tile starts in memory.
std::byte *GemmPlan::addressOf(const Operand &operand, int64_t item, Span r,
                               Span c, uint64_t width) const {
  // The contiguous direction has stride 1 even where a dim of 1 says else.
  int64_t rowStride = operand.isTransposed ? 1 : operand.rowStride;
  int64_t columnStride = operand.isTransposed ? operand.columnStride : 1;
  return const_cast<std::byte *>(operand.base) +
         static_cast<int64_t>(width) *
             (batchOffset(operand, item) + r.first * rowStride +
              c.first * columnStride);
}

/// The dense tile of A or B: in place when it is dense there, else gathered.
const std::byte *GemmPlan::tileOf(const Operand &operand, int64_t item, Span r,
                                  Span c, std::byte *scratch,
                                  bool isScratchValid) const {
  auto width = static_cast<int64_t>(elementBytes);
  const std::byte *source = addressOf(operand, item, r, c, elementBytes);
  bool isWidened = computeBytes != elementBytes;
  if (!isWidened && isDense(operand, r, c))
    return source;
  if (isScratchValid)
    return scratch;
  if (operand.isTurned) {
    transposeHalves(reinterpret_cast<const uint16_t *>(source),
                    operand.columnStride, c.size, r.size,
                    reinterpret_cast<uint16_t *>(scratch), c.size);
    return scratch;
  }
  int64_t lines = operand.isTransposed ? c.size : r.size;
  int64_t count = operand.isTransposed ? r.size : c.size;
  int64_t lineStride =
      width * (operand.isTransposed ? operand.columnStride : operand.rowStride);
  int64_t lineBytes = count * static_cast<int64_t>(computeBytes);
  for (int64_t i = 0; i < lines; ++i) {
    const std::byte *from = source + i * lineStride;
    if (isWidened)
      widenRow(gemm.dtype, from, count,
               reinterpret_cast<float *>(scratch + i * lineBytes));
    else
      std::memcpy(scratch + i * lineBytes, from,
                  static_cast<size_t>(lineBytes));
  }
  return scratch;
}

/// Partial result `part` as an operand like C: dense in the workspace.
GemmPlan::Operand GemmPlan::partialResult(int64_t part) const {
  Operand operand;
  operand.base = at.workspace + part * gemm.m * gemm.n * 4;
  operand.rowStride = gemm.n;
  operand.columnStride = 1;
  return operand;
}

void GemmPlan::runTile(int worker, int64_t item, int64_t part, int64_t row,
                       int64_t column, WorkerCache &cache) {
  Span r = rows.at(row), n = columns.at(column);
  std::byte *aScratch = context.scratch(worker);
  std::byte *bScratch = aScratch + aBytes, *cScratch = bScratch + bBytes;
  std::byte *library = cScratch + cBytes;
  Operand target = parts > 1 ? partialResult(part) : c;
  // Partial results are whole rows of f32.
  bool isInPlace = parts > 1 || (!at.residual && tileBytes == resultBytes &&
                                 isDense(target, r, n));
  std::byte *tile =
      isInPlace ? addressOf(target, item, r, n, tileBytes) : cScratch;
  const std::byte *bias =
      parts == 1 ? reinterpret_cast<const std::byte *>(biasOf(n)) : nullptr;
  const std::byte *bItem =
      b.base + batchOffset(b, item) * static_cast<int64_t>(elementBytes);
  bool isColumnPacked =
      depth.count == 1 && cache.bItem == bItem && cache.column == column;
  int64_t firstPiece = part * piecesPerPart;
  int64_t endPiece = std::min(depth.count, firstPiece + piecesPerPart);
  for (int64_t piece = firstPiece; piece < endPiece; ++piece) {
    Span k = depth.at(piece);
    bool isLast = piece == depth.count - 1;
    const std::byte *aTile = tileOf(a, item, r, k, aScratch, false);
    const std::byte *bTile =
        isPacked ? packedTile(k, n)
                 : tileOf(b, item, k, n, bScratch, isColumnPacked);
    const BoundPrimitive *kernel =
        kernels[rows.isShort(row)][columns.isShort(column)][piece == firstPiece]
               [isLast];
    if (isLast && bias)
      failures.note(kernel->run(worker, context.stream(worker),
                                {aTile, bTile, tile, bias, library}));
    else
      failures.note(kernel->run(worker, context.stream(worker),
                                {aTile, bTile, tile, library}));
  }
  cache = {bItem, column};
  if (gemm.activation == fb::Activation::Relu && parts == 1)
    applyRelu(tileBytes == 4 ? fb::DType::F32 : fb::DType::BF16, tile,
              r.size * n.size);
  if (!isInPlace)
    finishTile(target, item, r, n, tile);
}

/// C = the partial results, added in ascending order in place of the first,
/// then what follows.
void GemmPlan::addParts(const ThreadPool &pool) const {
  const float *bias = biasOf({0, gemm.n});
  pool.parallelFor(gemm.m, [&](int, int64_t first, int64_t end) {
    for (int64_t row = first; row < end; ++row) {
      auto *sum = reinterpret_cast<float *>(at.workspace) + row * gemm.n;
      for (int64_t part = 1; part < parts; ++part) {
        auto *from = reinterpret_cast<const float *>(partialResult(part).base) +
                     row * gemm.n;
        for (int64_t j = 0; j < gemm.n; ++j)
          sum[j] += from[j];
      }
      if (bias)
        for (int64_t j = 0; j < gemm.n; ++j)
          sum[j] += bias[j];
      auto *line = reinterpret_cast<std::byte *>(sum);
      if (gemm.activation == fb::Activation::Relu)
        applyRelu(fb::DType::F32, line, gemm.n);
      std::byte *to = const_cast<std::byte *>(c.base) +
                      row * c.rowStride * static_cast<int64_t>(resultBytes);
      finishRow(line, at.residual ? at.residual + (to - at.c) : nullptr, gemm.n,
                to);
    }
  });
}

/// Copies a computed tile to C, in C's type, and adds the residual, which may
/// be C itself.
void GemmPlan::finishTile(const Operand &to, int64_t item, Span r, Span n,
                          const std::byte *tile) const {
  std::byte *target = addressOf(to, item, r, n, resultBytes);
  const std::byte *residual = nullptr;
  if (at.residual)
    residual = at.residual + (target - at.c);
  bool isCopy = !residual && tileBytes == resultBytes;
  for (int64_t i = 0; i < r.size; ++i) {
    int64_t offset = i * to.rowStride * static_cast<int64_t>(resultBytes);
    const std::byte *line = tile + i * n.size * static_cast<int64_t>(tileBytes);
    if (isCopy)
      std::memcpy(target + offset, line,
                  static_cast<size_t>(n.size) * tileBytes);
    else
      finishRow(line, residual ? residual + offset : nullptr, n.size,
                target + offset);
  }
}

/// One row of a tile, widened, plus the residual, in C's type.
void GemmPlan::finishRow(const std::byte *line, const std::byte *residual,
                         int64_t count, std::byte *target) const {
  constexpr int64_t chunk = 256;
  float sums[chunk], terms[chunk];
  fb::DType lineType = tileBytes == 4 ? fb::DType::F32 : fb::DType::BF16;
  for (int64_t first = 0; first < count; first += chunk) {
    int64_t size = std::min(chunk, count - first);
    auto at = [&](uint64_t width) {
      return first * static_cast<int64_t>(width);
    };
    widenRow(lineType, line + at(tileBytes), size, sums);
    if (residual) {
      widenRow(resultType, residual + at(resultBytes), size, terms);
      for (int64_t j = 0; j < size; ++j)
        sums[j] += terms[j];
    }
    narrowRow(resultType, sums, size, target + at(resultBytes));
  }
}

} // namespace dlc::rt
