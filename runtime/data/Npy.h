// NumPy's `.npy` (format versions 1 to 3): magic, version, header length, a
// Python dict literal with 'descr', 'fortran_order' and 'shape', then the
// elements. Column-major arrays are turned to row-major. f16, f32, f64, i1
// (bool), i8, ui8, i16, i32, i64 are read; '<u2', '<u4' and '<u8' widen or
// convert to the next signed type when every value fits. Big-endian files,
// objects and structured types are refused.
#ifndef DLC_RUNTIME_DATA_NPY_H
#define DLC_RUNTIME_DATA_NPY_H

#include "runtime/data/TensorMap.h"

#include <functional>

namespace dlc::rt {

/// Source of a stream of bytes: fills the whole span or fails.
using ReadBytes = std::function<Status(std::span<std::byte>)>;

/// Reads one array; `available` is how many bytes the source can give. Errors
/// are DLC5102.
Result<Tensor> readNpy(const ReadBytes &read, uint64_t available);
Result<Tensor> loadNpy(const std::string &path, uint64_t budget);

/// The header that precedes the elements. bf16 and f8 have no NumPy type and
/// are refused (DLC5102).
Result<std::string> npyHeader(DType dtype, std::span<const int64_t> dims);
Status saveNpy(const std::string &path, const Tensor &tensor);

} // namespace dlc::rt

#endif // DLC_RUNTIME_DATA_NPY_H
