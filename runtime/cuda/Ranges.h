// NVTX: named ranges for NVIDIA's profilers. Where the build finds NVTX's
// headers (of CUDA's toolkit, or of the Python package nvidia-nvtx), those
// reach whatever profiler has started the process, with any version of CUDA.
// Else they go through CUDA 12's library, if the machine has it.
#ifndef DLC_RUNTIME_CUDA_RANGES_H
#define DLC_RUNTIME_CUDA_RANGES_H

#include "runtime/cuda/SharedLibrary.h"

namespace dlc::rt::cuda {

class Ranges {
public:
  explicit Ranges(const LibraryNames &names);
  void push(const char *name) const {
    if (begin)
      begin(name);
  }
  void pop() const {
    if (end)
      end();
  }

private:
  SharedLibrary file;
  int (*begin)(const char *) = nullptr;
  int (*end)() = nullptr;
};

} // namespace dlc::rt::cuda

#endif // DLC_RUNTIME_CUDA_RANGES_H
