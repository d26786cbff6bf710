//===- GraphBuilder.h - one function from a model's graph -------*- C++ -*-===//
//
// Builds the function of one mode. What all modes share (shapes of the inputs,
// what each initializer is) is decided before, in `PreparedModel`.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_FRONTENDS_ONNX_GRAPHBUILDER_H
#define DLC_FRONTENDS_ONNX_GRAPHBUILDER_H

#include "frontends/onnx/Classify.h"

namespace dlc::frontend {

struct PreparedModel {
  LoadedModel model;
  Graph graph;
  std::vector<Classified> fates; ///< per initializer
  std::vector<PortInfo> inputs;  ///< with every dim bound
  /// Constants made of initializers, so that modes share them.
  std::vector<mlir::Attribute> constants;
};

/// Adds the function of `mode` to `module`; fills `imported`'s outputs and
/// ranges. On failure the function is removed again.
mlir::LogicalResult buildFunction(PreparedModel &prepared,
                                  const ImportOptions &options, ImportMode mode,
                                  mlir::ModuleOp module,
                                  ImportedModel &imported,
                                  Diagnostics &diagnostics);

/// The type that an initializer's argument has.
mlir::RankedTensorType argumentType(const Weight &weight,
                                    const ImportOptions &options);

} // namespace dlc::frontend

#endif
