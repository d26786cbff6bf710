#include "runtime/cuda/Ranges.h"

#ifdef DLC_NVTX_HEADERS
#include <nvtx3/nvToolsExt.h>
#endif

namespace dlc::rt::cuda {

#ifdef DLC_NVTX_HEADERS
Ranges::Ranges(const LibraryNames &)
    : begin(nvtxRangePushA), end(nvtxRangePop) {}
#else
Ranges::Ranges(const LibraryNames &names) {
  auto opened =
      SharedLibrary::open(names.ranges, names.folders, "DLC6201", "NVTX");
  if (!opened.isOk())
    return;
  file = std::move(*opened);
  begin = reinterpret_cast<int (*)(const char *)>(file.find("nvtxRangePushA"));
  end = reinterpret_cast<int (*)()>(file.find("nvtxRangePop"));
}
#endif

} // namespace dlc::rt::cuda
