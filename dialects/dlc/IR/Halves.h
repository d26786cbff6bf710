//===- Halves.h - forward and backward ops of a step ------------*- C++ -*-===//
//
// Differentiation names its ops: a location called "gradient" around the forward
// op's. Recomputation marks the forward ops that it repeats, and a loss that is
// computed in parts the ops of each.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_DIALECTS_DLC_IR_HALVES_H
#define DLC_DIALECTS_DLC_IR_HALVES_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Location.h"
#include "mlir/IR/Operation.h"

namespace dlc {

namespace names {
/// On an op: it computes again what a forward op has computed. The number tells
/// apart copies of one op that must stay apart.
inline constexpr llvm::StringLiteral recomputed = "dlc.recomputed";
/// On a function: the arithmetic that is done twice, as a number.
inline constexpr llvm::StringLiteral recomputedFlops = "dlc.recomputed_flops";
/// On a function: in how many parts its loss is to be computed.
inline constexpr llvm::StringLiteral lossChunks = "dlc.loss_chunks";
/// On an op: the part that it belongs to, from 1.
inline constexpr llvm::StringLiteral chunk = "dlc.chunk";
} // namespace names

/// Whether differentiation made what is at `loc`.
inline bool isGradient(mlir::Location loc) {
  bool found = false;
  loc->walk([&](mlir::Location inner) {
    if (auto name = mlir::dyn_cast<mlir::NameLoc>(inner))
      found |= name.getName() == "gradient";
    return mlir::WalkResult::advance();
  });
  return found;
}

/// Which copy of a forward op `op` is; 0: none.
inline int64_t copyNumber(mlir::Operation *op) {
  auto number = op->getAttrOfType<mlir::IntegerAttr>(names::recomputed);
  return number ? number.getInt() : 0;
}

/// Which part of a loss `op` computes; 0: none.
inline int64_t chunkNumber(mlir::Operation *op) {
  auto number = op->getAttrOfType<mlir::IntegerAttr>(names::chunk);
  return number ? number.getInt() : 0;
}

} // namespace dlc

#endif
