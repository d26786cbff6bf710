#include "runtime/cuda/Staging.h"

#include "runtime/core/CheckedMath.h"

#include <algorithm>
#include <cstring>

namespace dlc::rt::cuda {

PinnedBytes::PinnedBytes(PinnedBytes &&other) noexcept
    : driver(other.driver), base(std::exchange(other.base, nullptr)) {}

PinnedBytes &PinnedBytes::operator=(PinnedBytes &&other) noexcept {
  std::swap(driver, other.driver);
  std::swap(base, other.base);
  return *this;
}

PinnedBytes::~PinnedBytes() {
  if (base)
    driver->api().cuMemFreeHost(base);
}

Result<PinnedBytes> PinnedBytes::allocate(const Driver &driver,
                                          uint64_t bytes) {
  PinnedBytes result;
  result.driver = &driver;
  void *base = nullptr;
  DriverCode code = driver.api().cuMemHostAlloc(
      &base, static_cast<size_t>(std::max<uint64_t>(bytes, 1)),
      hostAllocPortable);
  if (code == driverOutOfMemory)
    return DLC_ERROR(OutOfMemory, "DLC6212", "the system must lock ", bytes,
                     " bytes of host memory for copies beside the GPU's work, "
                     "but got none from cuMemHostAlloc");
  if (code)
    return driver.error(code, "cuMemHostAlloc");
  result.base = static_cast<std::byte *>(base);
  return Result<PinnedBytes>(std::move(result));
}

Status PinnedBytes::clear(uint64_t bytes) const {
  std::memset(base, 0, bytes);
  return Status::ok();
}

Staging::Staging(const Driver &driver, StreamHandle stream)
    : driver(driver), stream(stream) {
  pending.reserve(mostPending);
}

Staging::~Staging() {
  for (Half &half : halves)
    if (half.isRead)
      driver.api().cuEventDestroy_v2(half.isRead);
  for (EventHandle mark : marks)
    if (mark)
      driver.api().cuEventDestroy_v2(mark);
}

Status Staging::open() {
  for (Half &half : halves) {
    DLC_ASSIGN_OR_RETURN(half.memory, PinnedBytes::allocate(driver, halfBytes));
    DLC_CUDA(driver, cuEventCreate, &half.isRead, eventDisableTiming);
  }
  for (EventHandle &mark : marks)
    DLC_CUDA(driver, cuEventCreate, &mark, eventDisableTiming);
  DLC_ASSIGN_OR_RETURN(out, PinnedBytes::allocate(driver, outBytes));
  return Status::ok();
}

/// Goes to the other half, once the GPU has read what it held.
Status Staging::turn() {
  Half &full = halves[current];
  DLC_CUDA(driver, cuEventRecord, full.isRead, stream);
  full.isWaitedFor = true;
  current = 1 - current;
  used = 0;
  if (halves[current].isWaitedFor)
    DLC_CUDA(driver, cuEventSynchronize, halves[current].isRead);
  halves[current].isWaitedFor = false;
  return Status::ok();
}

Status Staging::sendPiece(DeviceAddress to, const std::byte *from,
                          uint64_t bytes) {
  if (used + bytes > halfBytes)
    DLC_RETURN_IF_ERROR(turn());
  std::byte *place = halves[current].memory.data() + used;
  std::memcpy(place, from, bytes);
  used = alignUp(used + bytes, 64);
  DLC_CUDA(driver, cuMemcpyHtoDAsync_v2, to, place, bytes, stream);
  return Status::ok();
}

Status Staging::send(DeviceAddress to, const void *from, uint64_t bytes) {
  auto *source = static_cast<const std::byte *>(from);
  for (uint64_t done = 0; done < bytes; done += halfBytes)
    DLC_RETURN_IF_ERROR(
        sendPiece(to + done, source + done, std::min(halfBytes, bytes - done)));
  return Status::ok();
}

Status Staging::issueFetch(void *to, DeviceAddress from, uint64_t bytes) {
  auto hasRoom = [&] {
    return outUsed + bytes <= outBytes && pending.size() < mostPending;
  };
  // Calls that overlap never leave the piece empty: now and then one waits.
  if (!hasRoom() && bytes <= outBytes)
    DLC_RETURN_IF_ERROR(finish());
  bool fits = hasRoom();
  void *place = fits ? out.data() + outUsed : to;
  DLC_CUDA(driver, cuMemcpyDtoHAsync_v2, place, from, bytes, stream);
  if (fits) {
    pending.push_back({to, out.data() + outUsed, bytes, lastMark + 1});
    outUsed = alignUp(outUsed + bytes, 64);
  }
  return Status::ok();
}

Status Staging::fetch(void *to, DeviceAddress from, uint64_t bytes) {
  if (bytes == 0)
    return Status::ok();
  Status status = issueFetch(to, from, bytes);
  // After an error nobody may still have the places that were to be written.
  if (!status.isOk())
    pending.clear();
  return status;
}

Result<uint64_t> Staging::mark() {
  if (lastMark - reached == mostMarks)
    DLC_RETURN_IF_ERROR(await(reached + 1));
  uint64_t next = lastMark + 1;
  DLC_CUDA(driver, cuEventRecord, marks[next % mostMarks], stream);
  lastMark = next;
  return Result<uint64_t>(next);
}

Status Staging::await(uint64_t mark) {
  if (mark <= reached)
    return Status::ok();
  DriverCode code =
      driver.api().cuEventSynchronize(marks[mark % mostMarks]);
  if (code) {
    // Nobody may still have the places that were to be written.
    pending.clear();
    reached = lastMark;
    return driver.error(code, "cuEventSynchronize");
  }
  auto isBehind = [&](const Pending &piece) { return piece.mark > mark; };
  auto behind = std::find_if(pending.begin(), pending.end(), isBehind);
  for (auto piece = pending.begin(); piece != behind; ++piece)
    std::memcpy(piece->to, piece->from, piece->bytes);
  pending.erase(pending.begin(), behind);
  reached = mark;
  return Status::ok();
}

Status Staging::finish() {
  DriverCode code = driver.api().cuStreamSynchronize(stream);
  if (!code)
    for (const Pending &piece : pending)
      std::memcpy(piece.to, piece.from, piece.bytes);
  pending.clear();
  reached = lastMark;
  outUsed = used = 0;
  for (Half &half : halves)
    half.isWaitedFor = false;
  if (code)
    return driver.error(code, "cuStreamSynchronize");
  return Status::ok();
}

} // namespace dlc::rt::cuda
