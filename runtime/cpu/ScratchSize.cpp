#include "runtime/cpu/ScratchSize.h"

#include "runtime/cpu/Attention.h"
#include "runtime/cpu/Conv.h"
#include "runtime/cpu/Gemm.h"

namespace dlc::rt {

/// An address for buffer `index`, which nothing reads: equal for equal ones.
static std::byte *addressOf(int64_t index) {
  return index < 0 ? nullptr
                   : reinterpret_cast<std::byte *>(64 * (index + 1));
}

Status ScratchSize::add(const fb::GemmT &gemm) {
  GemmPointers at;
  at.a = addressOf(gemm.a);
  at.b = addressOf(gemm.b);
  at.c = addressOf(gemm.c);
  at.bias = addressOf(gemm.bias);
  at.residual = addressOf(gemm.residual);
  at.workspace = addressOf(gemm.workspace);
  return GemmPlan::create(context, gemm, at).status();
}

Status ScratchSize::add(const fb::ConvT &conv) {
  ConvPointers at;
  at.src = addressOf(conv.src);
  at.weights = addressOf(conv.weights);
  at.dst = addressOf(conv.dst);
  at.bias = addressOf(conv.bias);
  at.residual = addressOf(conv.residual);
  at.workspace = addressOf(conv.workspace);
  return ConvPlan::create(context, conv, at).status();
}

/// Only its shapes matter.
Status ScratchSize::add(const fb::AttentionT &attention) {
  std::byte *any = addressOf(0);
  return AttentionPlan::create(context, attention,
                               {any, any, any, any, any, any, any, any, any,
                                any, any})
      .status();
}

} // namespace dlc::rt
