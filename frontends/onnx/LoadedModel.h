//===- LoadedModel.h - a parsed model file and its graph --------*- C++ -*-===//
//
// What the parts of the importer share: the parsed file with its initializers
// decoded, and the flat list of nodes that is left once functions are inlined.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_FRONTENDS_ONNX_LOADEDMODEL_H
#define DLC_FRONTENDS_ONNX_LOADEDMODEL_H

#include "frontends/Diagnostics.h"
#include "frontends/onnx/OnnxTypes.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/MemoryBuffer.h"
#include <deque>

namespace dlc::frontend {

struct LoadedModel {
  /// The file's name without folders, for messages.
  std::string name;
  std::shared_ptr<onnx::ModelProto> proto;
  /// Decoded initializers, in the order of `proto`'s, whose own have no data
  /// left: the file is small and may be copied and edited.
  std::vector<Weight> initializers;
  /// The files that initializers are views of.
  std::vector<std::shared_ptr<llvm::MemoryBuffer>> files;
  mlir::MLIRContext *context;
};

/// A node to import: of the file's graph, or of a function it calls.
struct GraphNode {
  const onnx::NodeProto *proto;
  /// The version of the node's operator set.
  int64_t opset;
  /// Index of the node of the file's graph that this one came from.
  int origin;
  /// Whether a function was inlined to get it.
  bool isInlined;
};

/// Nodes in execution order. `owned` holds those that inlining made.
struct Graph {
  std::vector<GraphNode> nodes;
  std::deque<onnx::NodeProto> owned;
};

/// "node 'layer3/Add' (Add, opset 13)"; an unnamed node is named by its first
/// output.
std::string describe(const GraphNode &node);
/// The node's name, or its first output's.
llvm::StringRef nodeName(const onnx::NodeProto &node);

/// The version of `domain` that `imports` states, or 0.
template <typename Imports>
int64_t opsetVersion(const Imports &imports, llvm::StringRef domain) {
  auto plain = [](llvm::StringRef name) {
    return name == "ai.onnx" ? llvm::StringRef() : name;
  };
  for (const onnx::OperatorSetIdProto &import : imports)
    if (plain(import.domain()) == plain(domain))
      return import.version();
  return 0;
}

/// Replaces calls of the file's own functions by their bodies.
mlir::FailureOr<Graph> inlineFunctions(const LoadedModel &model,
                                       Diagnostics &diagnostics);

} // namespace dlc::frontend

#endif
