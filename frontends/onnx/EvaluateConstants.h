//===- EvaluateConstants.h - ops over constants, at import time -*- C++ -*-===//
//
// Exporters write shapes, masks and index tables as long chains of small ops
// over constants. Once a node's dlc ops are built, those whose operands are all
// constants are evaluated here and replaced by their results, so the chains
// vanish and operands that must be known (shapes, axes) are. Parameters are
// arguments of the function, so nothing computed from one is ever folded.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_FRONTENDS_ONNX_EVALUATECONSTANTS_H
#define DLC_FRONTENDS_ONNX_EVALUATECONSTANTS_H

#include "frontends/WeightStore.h"
#include "mlir/IR/Builders.h"
#include <optional>

namespace dlc::frontend {

/// A tensor in host memory: floats as double, everything else as int64, rounded
/// or wrapped to `type`'s elements after every op. One stored number stands for
/// all if they are equal.
class HostTensor {
public:
  HostTensor(mlir::RankedTensorType type, bool isSplat);
  static std::optional<HostTensor> fromAttribute(mlir::Attribute attribute);
  mlir::TypedAttr toAttribute() const;

  mlir::RankedTensorType type() const { return tensorType; }
  llvm::ArrayRef<int64_t> shape() const { return tensorType.getShape(); }
  int64_t elements() const { return count; }
  bool isFloat() const { return isFloatType; }
  bool isSplat() const { return splat; }
  /// How many numbers are stored: 1 for a splat.
  int64_t stored() const { return splat ? 1 : count; }

  double number(int64_t i) const {
    size_t at = splat ? 0 : size_t(i);
    return isFloatType ? floats[at] : double(integers[at]);
  }
  int64_t integer(int64_t i) const { return integers[splat ? 0 : size_t(i)]; }
  void setNumber(int64_t i, double value);
  void setInteger(int64_t i, int64_t value);
  /// Element `from` of `source`, of the same element type.
  void copy(int64_t to, const HostTensor &source, int64_t from);

private:
  mlir::RankedTensorType tensorType;
  int64_t count;
  bool isFloatType, splat;
  std::vector<double> floats;
  std::vector<int64_t> integers;
};

/// The value of a `dlc.constant`, or none for any other value.
std::optional<HostTensor> constantValue(mlir::Value value);

/// Evaluates `op` if all of its operands are constants and the result is small
/// enough to keep; inserts the constant, replaces the op's uses by it and erases
/// the op. Returns the constant, or null.
mlir::Value foldToConstant(mlir::Operation *op);

/// `weight` as a constant; with `f64`, floats become f64 and a single number
/// becomes the number that it was rounded from.
mlir::Value literal(mlir::OpBuilder &b, mlir::Location loc,
                    const Weight &weight, bool f64);

} // namespace dlc::frontend

#endif
