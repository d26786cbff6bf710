// NumPy's `.npz`: a zip archive of `.npy` files, stored or deflated.
#ifndef DLC_RUNTIME_DATA_NPZ_H
#define DLC_RUNTIME_DATA_NPZ_H

#include "runtime/data/TensorMap.h"

namespace dlc::rt {

/// Names are the members' names without ".npy". Members may unpack to at most
/// `budget` bytes in all, and each to at most 200 times its packed size (plus
/// 1 MiB, so that small arrays of zeros pass): beyond is DLC5104, a damaged
/// archive DLC5103, a damaged member DLC5102.
Result<TensorMap> loadNpz(const std::string &path, uint64_t budget);
/// Stored, not deflated, so that loading is a copy.
Status saveNpz(const std::string &path, const TensorMap &tensors);

} // namespace dlc::rt

#endif // DLC_RUNTIME_DATA_NPZ_H
