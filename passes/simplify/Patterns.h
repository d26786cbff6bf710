//===- Patterns.h - the rewrites of dlc-simplify ----------------*- C++ -*-===//
//
// Each group is one file. All directions agree, so that the whole terminates:
// transposes and reshapes sink toward the results, broadcasts sink toward the
// results and small arithmetic stays before them, constants gather on the
// right, slices rise to what they read. A transpose sinks below a reshape.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_PASSES_SIMPLIFY_PATTERNS_H
#define DLC_PASSES_SIMPLIFY_PATTERNS_H

#include "mlir/IR/PatternMatch.h"

namespace dlc {

/// Transposes sink through ops, or vanish into attributes.
void populateTransposePatterns(mlir::RewritePatternSet &patterns);
/// Reshapes sink through ops that do not touch the dims they change.
void populateReshapePatterns(mlir::RewritePatternSet &patterns);
/// Arithmetic on broadcast tensors happens before the broadcast.
void populateBroadcastPatterns(mlir::RewritePatternSet &patterns);
/// Reductions merge, and let factors and broadcasts out.
void populateReductionPatterns(mlir::RewritePatternSet &patterns);
/// Identities of arithmetic and logic.
void populateAlgebraPatterns(mlir::RewritePatternSet &patterns);
/// dot_general takes in transposes, reshapes and broadcasts of its operands.
void populateContractionPatterns(mlir::RewritePatternSet &patterns);
/// Slices, concatenations, pads and gathers by known indices.
void populateSlicePatterns(mlir::RewritePatternSet &patterns);

} // namespace dlc

#endif
