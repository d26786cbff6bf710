#include "runtime/device/Stream.h"

#include <chrono>

namespace dlc::rt {

Status Stream::runAll(
    std::span<const std::unique_ptr<PreparedInstruction>> instructions,
    std::span<int64_t> nanoseconds) {
  using Clock = std::chrono::steady_clock;
  for (size_t i = 0; i < instructions.size(); ++i) {
    if (nanoseconds.empty()) {
      DLC_RETURN_IF_ERROR(instructions[i]->run());
      continue;
    }
    Clock::time_point start = Clock::now();
    DLC_RETURN_IF_ERROR(instructions[i]->run());
    DLC_RETURN_IF_ERROR(synchronize());
    nanoseconds[i] = std::chrono::nanoseconds(Clock::now() - start).count();
  }
  return Status::ok();
}

Result<int64_t> Stream::time(PreparedInstruction &instruction) {
  using Clock = std::chrono::steady_clock;
  Clock::time_point start = Clock::now();
  DLC_RETURN_IF_ERROR(instruction.run());
  DLC_RETURN_IF_ERROR(synchronize());
  return std::chrono::nanoseconds(Clock::now() - start).count();
}

Result<const std::byte *> Stream::view(const std::byte *from, uint64_t,
                                       std::vector<std::byte> &) {
  return Result<const std::byte *>(from);
}

} // namespace dlc::rt
