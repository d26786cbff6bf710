//===- RawData.h - initializers' bytes left where they lie ------*- C++ -*-===//
//
// Nearly all of a model file is the raw data of its initializers. A protobuf
// parser copies them; here they stay in the file:
//
//   file   graph { node… initializer { dims name raw_data <500 MB> } }
//     |
//     +--> small.bytes   the same file with `raw_data` empty, to be parsed
//     +--> small.data    per initializer, where its bytes lie in the file
//
//===----------------------------------------------------------------------===//
#ifndef DLC_FRONTENDS_ONNX_RAWDATA_H
#define DLC_FRONTENDS_ONNX_RAWDATA_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <optional>
#include <string>
#include <vector>

namespace dlc::frontend {

struct SmallModelFile {
  /// A ModelProto.
  std::string bytes;
  /// One per initializer of the graph; null where its data are in `bytes`.
  std::vector<llvm::ArrayRef<char>> data;
};

/// Takes large raw data out of the ModelProto `file`; the result refers to it.
/// None where the encoding is not the usual one (a field split in several
/// parts, a group, an end inside a field): a parser has to judge such a file.
std::optional<SmallModelFile> takeRawData(llvm::StringRef file);

} // namespace dlc::frontend

#endif
