//===- Cost.h - how much work an op is --------------------------*- C++ -*-===//
//
// Work as the op is written, before any fusion: arithmetic and the bytes of
// operands and results. Reports, recomputation and sharding compare ops by it;
// what a fused kernel costs is the fusion pass's own estimate.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_DIALECTS_DLC_IR_COST_H
#define DLC_DIALECTS_DLC_IR_COST_H

#include "dialects/dlc/IR/Builders.h"
#include "dialects/dlc/IR/OpTable.h"

#include <functional>

namespace dlc {

struct OpCost {
  /// Arithmetic operations: 2 per multiply-add of a contraction, 1 per
  /// elementary operation, some 10 to 20 per exponential or logarithm.
  double flops = 0;
  /// Bytes of the operands and of the results, each counted once. Gathers
  /// count what they take, not what they take it from.
  double bytesRead = 0, bytesWritten = 0;
};

using CostTable = OpTable<std::function<double(mlir::Operation *)>>;

/// The arithmetic of each op; built once, then read from any thread.
const CostTable &flopsTable();
/// Zero arithmetic for ops of other dialects.
OpCost costOf(mlir::Operation *op);
/// Bytes of a tensor; `i1` takes one byte per element.
double tensorBytes(mlir::Value tensor);

} // namespace dlc

#endif
