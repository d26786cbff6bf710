// The sum of an operand over the inner dim, which a Gemm record may ask for
// beside the product: where the operand is the gradient of a layer's result,
// it is that of the layer's bias.
#ifndef DLC_RUNTIME_CPU_BIASGRADIENT_H
#define DLC_RUNTIME_CPU_BIASGRADIENT_H

#include "runtime/artifact/artifact_generated.h"
#include "runtime/core/ThreadPool.h"

namespace dlc::rt {

/// Writes m sums of A or n sums of B, f32, contiguous. `a` and `b` are the
/// starts of the record's buffers, of F32, BF16 or F16. Each sum adds its terms
/// in ascending order, in f64, so neither the threads nor the strides matter.
void sumBiasGradient(const ThreadPool &pool, const fb::GemmT &gemm,
                     const std::byte *a, const std::byte *b, float *to);

} // namespace dlc::rt

#endif // DLC_RUNTIME_CPU_BIASGRADIENT_H
