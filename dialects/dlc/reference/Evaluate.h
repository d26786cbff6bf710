//===- Evaluate.h - the numeric oracle --------------------------*- C++ -*-===//
//
// Computes what ops mean, slowly and obviously: sums in double (or wrapping
// 64-bit integers), one rounding to the element type per op result. Kernels,
// folds and gradients are checked against it. Every op of the dialect has an
// evaluator, registered by its family's file under ops/.
//
// Thread-safe: nothing is shared but a table that is built once.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_DIALECTS_DLC_REFERENCE_EVALUATE_H
#define DLC_DIALECTS_DLC_REFERENCE_EVALUATE_H

#include "dialects/dlc/IR/Dlc.h"
#include "dialects/dlc/IR/OpTable.h"
#include "dialects/dlc/reference/Tensor.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <functional>

namespace dlc::reference {

using Operands = llvm::ArrayRef<const Tensor *>;
using Results = llvm::MutableArrayRef<Tensor>;

/// Fills `results`, which are zeros of the op's result types. Fails, with a
/// diagnostic, only where the IR lacks what it needs.
using Evaluator =
    std::function<mlir::LogicalResult(mlir::Operation *, Operands, Results)>;

const OpTable<Evaluator> &evaluators();

/// The results of one verified op for these operands (of the operands' types;
/// they outlive the call only). Fails, with a diagnostic, for ops of other
/// dialects.
mlir::FailureOr<llvm::SmallVector<Tensor>> evaluate(mlir::Operation *op,
                                                    Operands operands);

/// Runs a block of dlc ops that uses no value from outside: what its
/// terminator's operands hold.
mlir::FailureOr<llvm::SmallVector<Tensor>>
evaluateBlock(mlir::Block &block, llvm::ArrayRef<Tensor> arguments);

/// Calls `function`, which has one block.
mlir::FailureOr<llvm::SmallVector<Tensor>>
evaluateFunction(mlir::func::FuncOp function, llvm::ArrayRef<Tensor> arguments);

} // namespace dlc::reference

#endif
