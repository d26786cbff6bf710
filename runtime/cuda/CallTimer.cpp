#include "runtime/cuda/CallTimer.h"

#include <algorithm>
#include <cmath>

namespace dlc::rt::cuda {

CallTimer::~CallTimer() {
  for (EventHandle event : {begin, end})
    if (event)
      driver.api().cuEventDestroy_v2(event);
  if (filler)
    driver.free(filler);
}

Status CallTimer::open() {
  int cacheBytes = 0;
  DLC_RETURN_IF_ERROR(driver.attribute(attributeCacheBytes, cacheBytes));
  // A GPU that does not say still gets a pause before the call.
  bytes = 2 * static_cast<uint64_t>(std::max(cacheBytes, 1 << 20));
  DLC_ASSIGN_OR_RETURN(filler, driver.allocate(bytes));
  DLC_CUDA(driver, cuEventCreate, &begin, eventDefault);
  DLC_CUDA(driver, cuEventCreate, &end, eventDefault);
  return Status::ok();
}

Result<int64_t> CallTimer::time(StreamHandle stream,
                                const std::function<Status()> &issue) {
  DLC_CUDA(driver, cuMemsetD8Async, filler, 0, bytes, stream);
  DLC_CUDA(driver, cuEventRecord, begin, stream);
  DLC_RETURN_IF_ERROR(issue());
  DLC_CUDA(driver, cuEventRecord, end, stream);
  DLC_CUDA(driver, cuEventSynchronize, end);
  float milliseconds = 0;
  DLC_CUDA(driver, cuEventElapsedTime, &milliseconds, begin, end);
  return std::llround(double(milliseconds) * 1e6);
}

} // namespace dlc::rt::cuda
