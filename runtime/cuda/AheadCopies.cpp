#include "runtime/cuda/AheadCopies.h"

namespace dlc::rt::cuda {

AheadCopies::~AheadCopies() {
  for (auto &[to, spare] : spares) {
    for (EventHandle event : {spare.isFilled, spare.isRead})
      if (event)
        driver.api().cuEventDestroy_v2(event);
    driver.free(spare.address);
  }
}

Status AheadCopies::open(Spare &spare, uint64_t bytes) {
  if (!isOpen)
    DLC_RETURN_IF_ERROR(staging.open());
  isOpen = true;
  if (!spare.isFilled)
    DLC_CUDA(driver, cuEventCreate, &spare.isFilled, eventDisableTiming);
  if (!spare.isRead)
    DLC_CUDA(driver, cuEventCreate, &spare.isRead, eventDisableTiming);
  DLC_ASSIGN_OR_RETURN(spare.address, driver.allocate(bytes));
  spare.bytes = bytes;
  return Status::ok();
}

Status AheadCopies::send(DeviceAddress to, const void *from, uint64_t bytes) {
  Spare &spare = spares[to];
  if (spare.bytes < bytes) {
    // The next call may be of another program, with more to bring.
    if (spare.address)
      DLC_CUDA(driver, cuStreamSynchronize, main);
    driver.free(spare.address);
    spare.address = 0;
    spare.bytes = 0;
    DLC_RETURN_IF_ERROR(open(spare, bytes));
  } else {
    DLC_CUDA(driver, cuStreamWaitEvent, copies, spare.isRead, 0);
  }
  DLC_RETURN_IF_ERROR(staging.send(spare.address, from, bytes));
  DLC_CUDA(driver, cuEventRecord, spare.isFilled, copies);
  DLC_CUDA(driver, cuStreamWaitEvent, main, spare.isFilled, 0);
  DLC_CUDA(driver, cuMemcpyAsync, to, spare.address, bytes, main);
  DLC_CUDA(driver, cuEventRecord, spare.isRead, main);
  return Status::ok();
}

uint64_t AheadCopies::spareBytes() const {
  uint64_t bytes = 0;
  for (const auto &[to, spare] : spares)
    bytes += spare.bytes;
  return bytes;
}

} // namespace dlc::rt::cuda
