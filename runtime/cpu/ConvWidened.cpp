// Convolutions of 16-bit floats where the CPU has no such products: the
// operands are widened into the workspace, the f32 forms do the work, and the
// result is rounded once.

#include "runtime/core/CheckedMath.h"
#include "runtime/cpu/ConvForms.h"
#include "runtime/cpu/Convert.h"

#include <algorithm>

namespace dlc::rt {

namespace {

class WidenedConv final : public ConvPlan {
public:
  WidenedConv(const ConvShape &shape, const ConvPointers &at)
      : conv(shape.conv), at(at) {
    int64_t src = conv.batch * conv.in_channels * shape.inPositions;
    int64_t dst = conv.batch * conv.out_channels * shape.outPositions;
    bool isGradient = conv.kind == fb::ConvKind::BackwardWeights;
    addCopy(at.src, src, conv.kind == fb::ConvKind::BackwardData);
    addCopy(at.weights, shape.weightElements, isGradient);
    addCopy(at.dst, dst, conv.kind == fb::ConvKind::Forward);
    if (at.residual)
      addCopy(const_cast<std::byte *>(at.residual), dst, false);
  }

  Status prepare(LibraryContext &context) {
    fb::ConvT wide = conv;
    wide.dtype = fb::DType::F32;
    wide.is_wide = false;
    ConvPointers inner = at;
    inner.src = copies[0].wide;
    // A gradient that is f32 in memory is written there.
    inner.weights = conv.is_wide ? at.weights : copies[1].wide;
    inner.dst = copies[2].wide;
    inner.residual = at.residual ? copies[3].wide : nullptr;
    inner.workspace = at.workspace + used;
    DLC_ASSIGN_OR_RETURN(plan, ConvPlan::create(context, wide, inner));
    return Status::ok();
  }

  Status run(const ThreadPool &pool) override {
    for (const Copy &copy : copies)
      if (!copy.isResult)
        forRows(pool, copy, [&](int64_t first, int64_t count) {
          widenRow(conv.dtype, copy.narrow + 2 * first, count,
                   reinterpret_cast<float *>(copy.wide) + first);
        });
    DLC_RETURN_IF_ERROR(plan->run(pool));
    for (const Copy &copy : copies)
      if (copy.isResult && !conv.is_wide)
        forRows(pool, copy, [&](int64_t first, int64_t count) {
          narrowRow(conv.dtype, reinterpret_cast<float *>(copy.wide) + first,
                    count, copy.narrow + 2 * first);
        });
    return Status::ok();
  }

  uint64_t workspaceBytes() const override {
    return used + plan->workspaceBytes();
  }

private:
  struct Copy {
    std::byte *narrow, *wide;
    int64_t count;
    bool isResult;
  };

  void addCopy(std::byte *narrow, int64_t count, bool isResult) {
    copies.push_back({narrow, at.workspace + used, count, isResult});
    used += alignUp(static_cast<uint64_t>(count) * sizeof(float), 64);
  }

  template <typename Body>
  static void forRows(const ThreadPool &pool, const Copy &copy, Body body) {
    constexpr int64_t row = 4096;
    pool.parallelFor(ceilDiv(copy.count, row),
                     [&](int, int64_t first, int64_t end) {
                       int64_t start = first * row;
                       body(start, std::min(copy.count, end * row) - start);
                     });
  }

  fb::ConvT conv;
  ConvPointers at;
  std::vector<Copy> copies;
  uint64_t used = 0;
  std::unique_ptr<ConvPlan> plan;
};

} // namespace

ConvPlanResult createWidenedConv(LibraryContext &context,
                                 const ConvShape &shape,
                                 const ConvPointers &at) {
  auto plan = std::make_unique<WidenedConv>(shape, at);
  DLC_RETURN_IF_ERROR(plan->prepare(context));
  return std::unique_ptr<ConvPlan>(std::move(plan));
}

} // namespace dlc::rt
