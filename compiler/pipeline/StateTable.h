//===- StateTable.h - what lives in the arena across calls ------*- C++ -*-===//
#ifndef DLC_COMPILER_PIPELINE_STATETABLE_H
#define DLC_COMPILER_PIPELINE_STATETABLE_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "runtime/artifact/artifact_generated.h"
#include "llvm/ADT/StringMap.h"

namespace dlc {

/// The union of the states of all entry functions: parameters first, in the
/// order they appear, then running statistics, optimizer state and the rest.
class StateTable {
public:
  /// Adds the states of `function`.
  void add(mlir::func::FuncOp function);
  /// Assigns offsets. Nothing is added after.
  void assignOffsets();

  std::vector<fb::StateT> &entries() { return states; }
  const fb::StateT *find(llvm::StringRef name) const;
  /// Bytes of the arena below the temporaries.
  uint64_t bytes() const { return totalBytes; }

private:
  std::vector<fb::StateT> states;
  llvm::StringMap<size_t> indices;
  uint64_t totalBytes = 0;
};

/// The artifact's name for an element type.
fb::DType dtypeOf(mlir::Type elementType);
/// Bytes of a tensor in memory (`i1` takes one byte).
uint64_t bytesOf(mlir::Type tensorType);

} // namespace dlc

#endif
