//===- Access.h - which operand elements an element needs -------*- C++ -*-===//
//
// Every op that kernels can hold tells here which elements of its operands one
// element of a result is computed from. The fusion pass reads it to judge a
// region, the emitter to walk it; what is computed from those elements is in
// compiler/codegen/emitter/elements.
//
// An op is either *plain* (a fixed list of accesses) or a *reduction* (the
// accesses of one step, over a reduced box): sums, contractions, convolutions
// and windows are all reductions.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_DIALECTS_DLC_INDEXING_ACCESS_H
#define DLC_DIALECTS_DLC_INDEXING_ACCESS_H

#include "dialects/dlc/IR/OpTable.h"
#include "dialects/dlc/indexing/IndexSpace.h"

namespace dlc {

/// A condition on an index: `0 <= expr < size`, and `expr` a multiple of
/// `multiple`.
struct Guard {
  mlir::AffineExpr expr;
  int64_t size;
  int64_t multiple = 1;
  bool operator==(const Guard &other) const = default;
};

/// One read. Where a guard fails there is nothing to read: the element counts
/// as zero, and the op's element function sees the condition.
struct Access {
  unsigned operand;
  Index index;
  llvm::SmallVector<Guard, 0> guards;
};

struct AccessRule {
  /// The sizes of the reduced box; null for plain ops.
  llvm::SmallVector<int64_t> (*reduced)(mlir::Operation *op) = nullptr;
  /// The accesses for element `at` of the op's results (which share a shape)
  /// and, in a reduction, step `step` of the reduced box.
  void (*accesses)(mlir::Operation *op, IndexSpace &space, const Index &at,
                   const Index &step,
                   llvm::SmallVectorImpl<Access> &accesses);
};

/// The rules of all ops that kernels can hold.
const OpTable<AccessRule> &accessRules();

/// Whether `op` is a reduction in the sense above.
bool isReduction(mlir::Operation *op);
/// Whether `op` only renames elements (reshape, broadcast, slice, transpose,
/// constants …): free inside a kernel.
bool isIndexOnly(mlir::Operation *op);

void addElementwiseAccess(OpTable<AccessRule> &table);
void addShapeAccess(OpTable<AccessRule> &table);
void addReductionAccess(OpTable<AccessRule> &table);
void addContractionAccess(OpTable<AccessRule> &table);
void addIndexAccess(OpTable<AccessRule> &table);
void addWindowAccess(OpTable<AccessRule> &table);
void addRandomAccess(OpTable<AccessRule> &table);

} // namespace dlc

#endif
