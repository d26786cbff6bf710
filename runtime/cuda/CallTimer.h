// Times one call at a time, for tuning. Before it, more memory is written than
// the GPU's second-level cache holds: in a program an operand has mostly left
// the cache when it is read. That also keeps the GPU busy while the host issues
// the call, so the time between the two events is the GPU's alone.
#ifndef DLC_RUNTIME_CUDA_CALLTIMER_H
#define DLC_RUNTIME_CUDA_CALLTIMER_H

#include "runtime/cuda/Driver.h"

#include <functional>

namespace dlc::rt::cuda {

class CallTimer {
public:
  explicit CallTimer(const Driver &driver) : driver(driver) {}
  CallTimer(const CallTimer &) = delete;
  CallTimer &operator=(const CallTimer &) = delete;
  /// The GPU's context is the thread's.
  ~CallTimer();
  /// Takes twice the cache's bytes of device memory. Once, before time().
  Status open();
  /// The nanoseconds between what `issue` puts on `stream` first and last.
  Result<int64_t> time(StreamHandle stream,
                       const std::function<Status()> &issue);

private:
  const Driver &driver;
  DeviceAddress filler = 0;
  uint64_t bytes = 0;
  EventHandle begin = nullptr, end = nullptr;
};

} // namespace dlc::rt::cuda

#endif // DLC_RUNTIME_CUDA_CALLTIMER_H
