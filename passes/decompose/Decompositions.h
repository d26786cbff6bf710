//===- Decompositions.h - how each compound op is spelled -------*- C++ -*-===//
#ifndef DLC_PASSES_DECOMPOSE_DECOMPOSITIONS_H
#define DLC_PASSES_DECOMPOSE_DECOMPOSITIONS_H

#include "dialects/dlc/IR/Builders.h"
#include "dialects/dlc/IR/OpTable.h"

#include <functional>

namespace dlc {

/// Builds primitive ops that compute the op's results (of the results' types)
/// at the builder's insertion point. A result that nothing uses may be null.
using Decomposition = std::function<llvm::SmallVector<mlir::Value>(
    mlir::OpBuilder &, mlir::Operation *)>;
using DecompositionTable = OpTable<Decomposition>;

/// The decompositions of all families; built once, then read from any thread.
const DecompositionTable &decompositions();

void addNormalizationDecompositions(DecompositionTable &table);
void addAttentionDecompositions(DecompositionTable &table);
void addLossDecompositions(DecompositionTable &table);

/// Registers `rule(builder, op)` for `OpTy`.
template <typename OpTy, typename Rule>
void addDecomposition(DecompositionTable &table, Rule rule) {
  table.add<OpTy>([rule](mlir::OpBuilder &b, mlir::Operation *op) {
    return rule(b, mlir::cast<OpTy>(op));
  });
}

/// `value` in the type that it is computed in: f32 for 16-bit floats.
inline mlir::Value toComputeType(mlir::OpBuilder &b, mlir::Location loc,
                                 mlir::Value value) {
  return elementTypeOf(value).getIntOrFloatBitWidth() < 32
             ? castTo(b, loc, value, b.getF32Type())
             : value;
}

} // namespace dlc

#endif
