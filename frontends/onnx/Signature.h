//===- Signature.h - what a model file declares -----------------*- C++ -*-===//
//
// The inputs and outputs of a model as the file states them, before any dim is
// bound: what a tool needs to fit data to a model.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_FRONTENDS_ONNX_SIGNATURE_H
#define DLC_FRONTENDS_ONNX_SIGNATURE_H

#include "frontends/onnx/OnnxImporter.h"

namespace dlc {

struct DeclaredPort {
  std::string name;
  /// Null if dlc has no such type.
  mlir::Type elementType;
  /// Whether the file says how many dims there are.
  bool hasShape = false;
  /// -1 where a dim has a name instead of a size.
  std::vector<int64_t> dims;
  /// Per dim its name, as `ImportOptions::dims` takes it; empty where it has a
  /// size.
  std::vector<std::string> dimNames;
};

struct ModelSignature {
  std::vector<DeclaredPort> inputs, outputs;
};

/// Inputs that are initializers too are left out: they are not fed.
ModelSignature signatureOf(const OnnxModel &model);

} // namespace dlc

#endif
