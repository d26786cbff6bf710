//===- Dlc.h - the graph dialect --------------------------------*- C++ -*-===//
//
// The ops, attributes and interfaces of the `dlc` dialect. `DlcOps.td` lists
// the families; `Builders.h` has helpers to build graphs.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_DIALECTS_DLC_IR_DLC_H
#define DLC_DIALECTS_DLC_IR_DLC_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace dlc {
/// What mixed precision may do with an op.
enum class PrecisionClass {
  /// Compute in the low precision: contractions, which sum in f32 anyway.
  LowerFreely,
  /// Compute in f32 (or f64): reductions, exponentials, losses.
  KeepF32,
  /// Compute in whatever the operands have.
  FollowOperands,
};
} // namespace dlc

#include "dialects/dlc/IR/DlcEnums.h.inc"

#include "dialects/dlc/IR/DlcDialect.h.inc"
#include "dialects/dlc/IR/DlcInterfaces.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/dlc/IR/DlcAttrs.h.inc"

#define GET_OP_CLASSES
#include "dialects/dlc/IR/DlcOps.h.inc"

namespace dlc {

/// Names of the attributes on function arguments and results.
namespace names {
inline constexpr llvm::StringLiteral input = "dlc.input";
inline constexpr llvm::StringLiteral param = "dlc.param";
inline constexpr llvm::StringLiteral state = "dlc.state";
inline constexpr llvm::StringLiteral output = "dlc.output";
inline constexpr llvm::StringLiteral alias = "dlc.alias";
/// On a state: its first value as a number, 0 if absent.
inline constexpr llvm::StringLiteral init = "dlc.init";
/// On a parameter: a string, why it is not trained.
inline constexpr llvm::StringLiteral frozen = "dlc.frozen";
} // namespace names

} // namespace dlc

#endif
