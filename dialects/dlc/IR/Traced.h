//===- Traced.h - what tracing of NaN and infinity knows of ops -*- C++ -*-===//
//
// A traced function's ops carry their number, name and part of the step in
// their locations, so that kernels still know what they were made of, and
// equal kernels stay equal. Two attributes ask for code: which infinities a
// result holds by design, and a fault to inject.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_DIALECTS_DLC_IR_TRACED_H
#define DLC_DIALECTS_DLC_IR_TRACED_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Location.h"
#include "mlir/IR/Operation.h"

#include <optional>
#include <string>

namespace dlc {

namespace names {
/// On a function: its kernels check that what they compute is finite.
inline constexpr llvm::StringLiteral traced = "dlc.traced";
/// On an op: the infinities that its result holds by design, as Infinities.
inline constexpr llvm::StringLiteral infinities = "dlc.infinities";
/// On an op: "nan", "inf" or "-inf", which its first element becomes.
inline constexpr llvm::StringLiteral inject = "dlc.inject";
} // namespace names

/// A set of infinities.
enum Infinities : unsigned {
  NoInfinity = 0,
  MinusInfinity = 1,
  PlusInfinity = 2,
  BothInfinities = 3
};

/// The infinities that the result of `op` holds by design.
inline unsigned infinitiesOf(mlir::Operation *op) {
  auto set = op->getAttrOfType<mlir::IntegerAttr>(names::infinities);
  return set ? unsigned(set.getInt()) : unsigned(NoInfinity);
}

/// What is injected into the result of `op`, if anything.
std::optional<double> injectedInto(mlir::Operation *op);

/// Which part of a training step an op belongs to.
enum class StepPart { Forward, Backward, Update };

/// An op as its location tells it.
struct TracedOp {
  int64_t number;
  /// "dlc.exp"
  std::string op;
  StepPart part;
  /// The state that an update's op computes; empty if there are several.
  std::string state;
  /// Where the op came from.
  mlir::Location source;
};

/// `loc` with what it tells of an op.
mlir::Location tracedLocation(mlir::Location loc, const TracedOp &op);

/// The ops that `loc` tells of, in the order of their numbers.
llvm::SmallVector<TracedOp> tracedOps(mlir::Location loc);

} // namespace dlc

#endif
