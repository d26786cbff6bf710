// Library calls that may round what they multiply to TF32, on a device whose
// library has no TF32: they read rounded copies, so that what a program does
// with such numbers can be seen without a GPU.
#ifndef DLC_RUNTIME_EMULATED_ROUNDEDCALL_H
#define DLC_RUNTIME_EMULATED_ROUNDEDCALL_H

#include "runtime/device/Stream.h"

#include <functional>

namespace dlc::rt {

/// Whether `instruction` is a product or a convolution that allows TF32.
bool allowsTf32(const fb::Instruction &instruction);

/// Prepares an instruction on buffers, as Stream::prepare does.
using PrepareCall = std::function<Result<std::unique_ptr<PreparedInstruction>>(
    const fb::Instruction &, std::span<std::byte *const>,
    std::span<const uint64_t>)>;

/// Bytes of the copies that the call reads.
uint64_t roundedBytes(const fb::Instruction &instruction,
                      std::span<const uint64_t> bufferBytes);

/// `instruction`, prepared by `prepare` to read copies at `memory`, of
/// roundedBytes(), which each run makes first. Other calls may use the memory
/// between runs. What else the call reads, a residual for instance, it reads as
/// it is, even where that is the buffer of an operand.
Result<std::unique_ptr<PreparedInstruction>>
prepareRounded(const fb::Instruction &instruction,
               std::span<std::byte *const> buffers,
               std::span<const uint64_t> bufferBytes, std::byte *memory,
               const PrepareCall &prepare);

} // namespace dlc::rt

#endif // DLC_RUNTIME_EMULATED_ROUNDEDCALL_H
