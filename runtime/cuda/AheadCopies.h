// Inputs on their way to the GPU while the call before still reads its own: a
// copy stream brings them to a spare place, and the main stream, when it gets
// there, from the spare place to where programs read them.
//
//   copy stream   | host -> spare (call 2) |      | host -> spare (call 3) | …
//   main stream   |      call 1        | spare -> place | call 2 …
//
// Small inputs are not worth a spare place: they go with the main stream.
#ifndef DLC_RUNTIME_CUDA_AHEADCOPIES_H
#define DLC_RUNTIME_CUDA_AHEADCOPIES_H

#include "runtime/cuda/Staging.h"

#include <map>

namespace dlc::rt::cuda {

/// Of one stream and its copy stream; used by one thread at a time, whose
/// context is the GPU's.
class AheadCopies {
public:
  static constexpr uint64_t leastBytes = uint64_t(1) << 20;

  AheadCopies(const Driver &driver, StreamHandle main, StreamHandle copies)
      : driver(driver), main(main), copies(copies), staging(driver, copies) {}
  ~AheadCopies();
  AheadCopies(const AheadCopies &) = delete;
  AheadCopies &operator=(const AheadCopies &) = delete;

  /// At least `leastBytes`; the first for a place takes memory.
  Status send(DeviceAddress to, const void *from, uint64_t bytes);
  /// What spare places take on the GPU.
  uint64_t spareBytes() const;

private:
  struct Spare {
    DeviceAddress address = 0;
    uint64_t bytes = 0;
    EventHandle isFilled = nullptr, isRead = nullptr;
  };
  Status open(Spare &spare, uint64_t bytes);

  const Driver &driver;
  StreamHandle main, copies;
  Staging staging;
  bool isOpen = false;
  /// By the place that it stands for.
  std::map<DeviceAddress, Spare> spares;
};

} // namespace dlc::rt::cuda

#endif // DLC_RUNTIME_CUDA_AHEADCOPIES_H
