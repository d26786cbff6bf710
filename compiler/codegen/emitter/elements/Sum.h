//===- Sum.h - what sums of several families share --------------*- C++ -*-===//
#ifndef DLC_COMPILER_CODEGEN_EMITTER_ELEMENTS_SUM_H
#define DLC_COMPILER_CODEGEN_EMITTER_ELEMENTS_SUM_H

#include "compiler/codegen/emitter/Elements.h"

namespace dlc::emit {

/// a + b for floats and integers, scalars and vectors.
mlir::Value add(ElementBuilder &e, mlir::Value a, mlir::Value b);
/// a * b + c; one rounding for floats.
mlir::Value multiplyAdd(ElementBuilder &e, mlir::Value a, mlir::Value b,
                        mlir::Value c);
/// An index that counts from the end if negative, clamped to [0, size). i64.
mlir::Value wrapIndex(ElementBuilder &e, mlir::Value index, int64_t size);

/// Zero, and the sum of partial sums.
llvm::SmallVector<mlir::Value> initSum(ElementBuilder &e, mlir::Operation *op);
llvm::SmallVector<mlir::Value> mergeSum(ElementBuilder &e, mlir::Operation *op,
                                        llvm::ArrayRef<mlir::Value> a,
                                        llvm::ArrayRef<mlir::Value> b);

} // namespace dlc::emit

#endif
