//===- ExternalData.h - tensors in files beside the model -------*- C++ -*-===//
//
// A model may name other files that hold its tensors. The names come from an
// untrusted file, so they are resolved one path component at a time, beneath
// the model's folder, following no links: the file that is opened is the file
// that was checked.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_FRONTENDS_ONNX_EXTERNALDATA_H
#define DLC_FRONTENDS_ONNX_EXTERNALDATA_H

#include "frontends/onnx/OnnxTypes.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/MemoryBuffer.h"

namespace dlc::frontend {

/// Maps the external files of one model, each once.
class ExternalFiles {
public:
  explicit ExternalFiles(std::string folder) : folder(std::move(folder)) {}

  /// Reads `tensor`, whose `data_location` is EXTERNAL; on failure fills
  /// `error`.
  std::optional<Weight> decode(mlir::MLIRContext *context,
                               const onnx::TensorProto &tensor,
                               TensorError &error);

  /// The files that were read.
  std::vector<std::shared_ptr<llvm::MemoryBuffer>> opened() const;

private:
  std::shared_ptr<llvm::MemoryBuffer> open(llvm::StringRef location,
                                           TensorError &error);

  std::string folder;
  llvm::StringMap<std::shared_ptr<llvm::MemoryBuffer>> files;
};

/// Opens the regular file `location` beneath the folder `folder` for reading.
/// Refuses absolute paths, `..`, links of both kinds and anything that is no
/// regular file. Returns a descriptor that the caller closes, or -1 with a
/// message.
int openBeneath(llvm::StringRef folder, llvm::StringRef location,
                std::string &message);

} // namespace dlc::frontend

#endif
