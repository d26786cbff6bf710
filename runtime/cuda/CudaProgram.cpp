#include "runtime/cuda/CudaProgram.h"

#include "runtime/core/CheckedMath.h"

#include <cstring>

namespace dlc::rt::cuda {

/// What the strictest reader of kept bytes, a library, may ask for.
static constexpr uint64_t keptAlignment = 256;

CudaProgram::~CudaProgram() {
  if (graph)
    driver.api().cuGraphExecDestroy(graph);
  for (EventHandle event : events)
    driver.api().cuEventDestroy_v2(event);
  driver.free(block);
}

size_t CudaProgram::keep(uint64_t bytes) {
  size_t offset = alignUp(image.size(), keptAlignment);
  image.resize(offset + bytes);
  return offset;
}

size_t CudaProgram::keep(std::span<const uint64_t> words) {
  size_t offset = keep(words.size_bytes());
  if (!words.empty())
    std::memcpy(image.data() + offset, words.data(), words.size_bytes());
  return offset;
}

size_t CudaProgram::addFlag() { return flags++; }

void CudaProgram::refer(size_t offset, size_t word, size_t flag) {
  references.push_back({offset + 8 * word, flag});
}

Result<EventHandle> CudaProgram::addEvent(unsigned eventFlags) {
  EventHandle event = nullptr;
  if (DriverCode code = driver.api().cuEventCreate(&event, eventFlags))
    return driver.error(code, "cuEventCreate");
  events.push_back(event);
  return Result<EventHandle>(event);
}

Status CudaProgram::seal() {
  flagOffset = keep(4 * flags);
  if (image.empty())
    return Status::ok();
  DLC_ASSIGN_OR_RETURN(block, driver.allocate(image.size()));
  for (const Reference &reference : references) {
    DeviceAddress value = flagAddress(reference.flag);
    std::memcpy(image.data() + reference.offset, &value, sizeof value);
  }
  DLC_RETURN_IF_ERROR(driver.fill(block, image.data(), image.size()));
  if (flags != 0) {
    DLC_ASSIGN_OR_RETURN(mirror, PinnedBytes::allocate(driver, 4 * flags));
  }
  return Status::ok();
}

Status CudaProgram::clearFlags(StreamHandle stream) {
  if (flags != 0)
    DLC_CUDA(driver, cuMemsetD32Async, flagAddress(0), 0, flags, stream);
  return Status::ok();
}

Status CudaProgram::fetchFlags(StreamHandle stream) {
  if (flags != 0)
    DLC_CUDA(driver, cuMemcpyDtoHAsync_v2, mirror.data(), flagAddress(0),
             4 * flags, stream);
  return Status::ok();
}

bool CudaProgram::isSet(size_t flag) const {
  uint32_t value;
  std::memcpy(&value, mirror.data() + 4 * flag, sizeof value);
  return value != 0;
}

} // namespace dlc::rt::cuda
