//===- KeptNodes.h - nodes that stay f32 by name ----------------*- C++ -*-===//
//
// What `--keep-f32` names: ops whose locations hold the name of such a node.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_PASSES_PRECISION_KEPTNODES_H
#define DLC_PASSES_PRECISION_KEPTNODES_H

#include "mlir/IR/Operation.h"
#include "llvm/Support/GlobPattern.h"

#include <memory>
#include <string>
#include <vector>

namespace dlc {

class KeptNodes {
public:
  /// Fails with DLC2017 on the location of `context` if a glob is malformed.
  mlir::LogicalResult set(mlir::MLIRContext *context,
                          std::vector<std::string> texts);
  bool contains(mlir::Operation *op) const;

private:
  /// What the globs refer to, in copies as well.
  std::shared_ptr<const std::vector<std::string>> texts;
  std::vector<llvm::GlobPattern> globs;
};

} // namespace dlc

#endif
