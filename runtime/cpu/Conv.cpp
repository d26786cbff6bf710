#include "runtime/cpu/Conv.h"

#include "runtime/core/CheckedMath.h"
#include "runtime/core/DType.h"
#include "runtime/cpu/ConvForms.h"
#include "runtime/cpu/Gemm.h"

#include <algorithm>
#include <cstring>

namespace dlc::rt {

ConvShape::ConvShape(const fb::ConvT &conv)
    : conv(conv), elementBytes(dtypeBytes(static_cast<DType>(conv.dtype))),
      inPositions(*elementCount(conv.in_spatial)),
      outPositions(*elementCount(conv.out_spatial)),
      taps(*elementCount(conv.kernel)),
      weightElements(conv.out_channels * (conv.in_channels / conv.groups) *
                     taps) {}

ConvPlanResult ConvPlan::create(LibraryContext &context, const fb::ConvT &conv,
                                const ConvPointers &at) {
  if (!libraryType(conv.dtype))
    return DLC_ERROR(Unsupported, "DLC6003",
                     "conv through oneDNN must be f32, bf16 or f16, but got ",
                     dtypeName(static_cast<DType>(conv.dtype)));
  ConvShape shape(conv);
  if (conv.dtype != fb::DType::F32 &&
      libraryType(conv.dtype) == dnnl::memory::data_type::f32)
    return createWidenedConv(context, shape, at);
  for (auto *form :
       {createPointwiseConv, createPositionConv, createDirectConv}) {
    ConvPlanResult plan = form(context, shape, at);
    if (!plan.isOk() || *plan)
      return plan;
  }
  return DLC_ERROR(Internal, "DLC6005", "conv must fit one form, but got none");
}

uint64_t convWorkspaceBytes(const fb::ConvT &conv) {
  LibraryContext context(1);
  // The forms look at which operands there are, never at what they hold.
  std::byte *any = reinterpret_cast<std::byte *>(64);
  ConvPointers at;
  at.src = at.weights = at.dst = at.workspace = any;
  at.bias = conv.bias >= 0 ? any : nullptr;
  // An address that is not the destination's: the aliased case needs less.
  at.residual = conv.residual >= 0 ? any + 64 : nullptr;
  ConvPlanResult plan = ConvPlan::create(context, conv, at);
  return plan.isOk() ? plan.value()->workspaceBytes() : 0;
}

static int64_t bytesBetween(const dnnl::memory::desc &part,
                            const dnnl::memory::desc &whole) {
  int64_t width = whole.data_type() == dnnl::memory::data_type::f32 ? 4 : 2;
  return (part.data.offset0 - whole.data.offset0) * width;
}

static Status noReorder() {
  return DLC_ERROR(Unsupported, "DLC6003",
                   "weights must have a layout that "
                   "oneDNN can reorder, but got none");
}

/// A reorder of one piece, whose descriptions start at offset 0.
static Result<const BoundPrimitive *> bindReorder(LibraryContext &context,
                                                  dnnl::memory::desc from,
                                                  dnnl::memory::desc to) {
  from.data.offset0 = to.data.offset0 = 0;
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  SingleThreadedLibraries oneThread;
  dnnl::reorder::primitive_desc description(context.engine(), from,
                                            context.engine(), to, attributes,
                                            /*allow_empty=*/true);
  if (!description)
    return noReorder();
  context.reserveScratch(description.scratchpad_desc().get_size());
  return context.adopt(std::make_unique<BoundPrimitive>(
      context.engine(), dnnl::reorder(description),
      std::vector<BoundPrimitive::Argument>{
          {DNNL_ARG_FROM, from},
          {DNNL_ARG_TO, to},
          {DNNL_ARG_SCRATCHPAD, description.scratchpad_desc()}},
      context.workers()));
}

Result<WeightReorder> WeightReorder::create(LibraryContext &context,
                                            const dnnl::memory::desc &from,
                                            const dnnl::memory::desc &to,
                                            int64_t chunks) {
  WeightReorder result;
  dnnl::memory::dims part = from.dims(), offsets(part.size(), 0);
  int64_t outer = part[0];
  // Blocks of blocked layouts are at most 64 channels.
  auto step = static_cast<int64_t>(
      chunks == 1 ? outer : alignUp(ceilDiv(outer, chunks), 64));
  const BoundPrimitive *full = nullptr;
  for (int64_t first = 0; first < outer; first += step) {
    part[0] = std::min(step, outer - first);
    offsets[0] = first;
    bool isWhole = part[0] == outer;
    auto fromPart = isWhole ? from : from.submemory_desc(part, offsets, true);
    auto toPart = isWhole ? to : to.submemory_desc(part, offsets, true);
    if (!isWhole && (fromPart.is_zero() || toPart.is_zero()))
      return create(context, from, to, 1); // the layout cannot be cut there
    const BoundPrimitive *primitive = part[0] == step ? full : nullptr;
    if (!primitive) {
      DLC_ASSIGN_OR_RETURN(primitive, bindReorder(context, fromPart, toPart));
    }
    if (part[0] == step)
      full = primitive;
    result.pieces.push_back(
        {primitive, bytesBetween(fromPart, from), bytesBetween(toPart, to)});
  }
  return result;
}

void WeightReorder::run(LibraryContext &context, const ThreadPool &pool,
                        const std::byte *from, std::byte *to,
                        CallFailures &failures) const {
  pool.parallelFor(static_cast<int64_t>(pieces.size()),
                   [&](int worker, int64_t first, int64_t end) {
                     for (int64_t i = first; i < end; ++i) {
                       const Piece &piece = pieces[static_cast<size_t>(i)];
                       failures.note(piece.primitive->run(
                           worker, context.stream(worker),
                           {from + piece.fromBytes, to + piece.toBytes,
                            context.scratch(worker)}));
                     }
                   });
}

namespace {
constexpr int64_t sumWidth = 32; // columns per group: two cache lines of f32

template <typename T> float toFloat(T value);
template <> float toFloat(float value) { return value; }
template <> float toFloat(uint16_t value) { return bfloatToFloat(value); }

template <typename T>
void sumColumns(const T *values, int64_t rows, int64_t stride, int64_t count,
                float *totals) {
  std::fill(totals, totals + sumWidth, 0.0f);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t j = 0; j < count; ++j)
      totals[j] += toFloat(values[row * stride + j]);
}
} // namespace

void sumRows(const ThreadPool &pool, fb::DType type, const std::byte *values,
             int64_t rows, int64_t columns, std::byte *out) {
  bool isWide = type == fb::DType::F32;
  pool.parallelFor(
      ceilDiv(columns, sumWidth), [&](int, int64_t first, int64_t end) {
        for (int64_t j = first * sumWidth;
             j < std::min(columns, end * sumWidth); j += sumWidth) {
          float totals[sumWidth];
          int64_t count = std::min(sumWidth, columns - j);
          if (isWide)
            sumColumns(reinterpret_cast<const float *>(values) + j, rows,
                       columns, count, totals);
          else
            sumColumns(reinterpret_cast<const uint16_t *>(values) + j, rows,
                       columns, count, totals);
          std::memcpy(out + j * 4, totals,
                      static_cast<size_t>(count) * sizeof(float));
        }
      });
}

} // namespace dlc::rt
