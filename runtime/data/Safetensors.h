// `.safetensors`: u64 header length, a JSON object, then the elements.
//
// Strict on reading, because parsers that differ on a doubtful file let one
// program audit other weights than another one loads: no duplicate names, no
// gap, overlap or rest in the data, header of at most 100 MB, sizes that match.
#ifndef DLC_RUNTIME_DATA_SAFETENSORS_H
#define DLC_RUNTIME_DATA_SAFETENSORS_H

#include "runtime/data/TensorMap.h"

namespace dlc::rt {

/// Errors are DLC5105 (header) and DLC5106 (a tensor's place). "__metadata__"
/// is checked and left out. Unsigned types beyond 8 bits are refused.
Result<TensorMap> loadSafetensors(const std::string &path, uint64_t budget);
Status saveSafetensors(const std::string &path, const TensorMap &tensors);

} // namespace dlc::rt

#endif // DLC_RUNTIME_DATA_SAFETENSORS_H
