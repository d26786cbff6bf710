// Rows of 16-bit floats to f32 and back, for library calls on a CPU that has no
// arithmetic in the narrow type.
#ifndef DLC_RUNTIME_CPU_CONVERT_H
#define DLC_RUNTIME_CPU_CONVERT_H

#include "runtime/artifact/artifact_generated.h"

#include <cstddef>
#include <cstdint>

namespace dlc::rt {

/// to[i] = values[i], exactly; `type` is F32, BF16 or F16.
void widenRow(fb::DType type, const std::byte *values, int64_t count,
              float *to);
/// to[i] = values[i], rounded to nearest even.
void narrowRow(fb::DType type, const float *values, int64_t count,
               std::byte *to);

} // namespace dlc::rt

#endif // DLC_RUNTIME_CPU_CONVERT_H
