//===- Matrices.h - tensor cores of a GPU -----------------------*- C++ -*-===//
//
// mma.sync: a warp multiplies 16 rows by 8 columns. A thread has a part of each
// operand and of the sums. With l its lane, in words of 32 bits, which are two
// neighbours of a 16-bit float or one of TF32:
//
//   left    row l / 4, word l % 4 of the step; the same 8 rows down; then both
//           4 words further
//   right   column l / 4, word l % 4 of the step; then 4 words further
//   sums    row l / 4, columns 2 (l % 4) and its neighbour; the same 8 rows
//   down
//
// So a step is 8 words of either operand: 16 elements of a 16-bit float, 8 of
// TF32. ldmatrix loads four such words of 8 rows by 16 bytes at once.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_COMPILER_CODEGEN_EMITTER_MATRICES_H
#define DLC_COMPILER_CODEGEN_EMITTER_MATRICES_H

#include "compiler/codegen/emitter/Elements.h"

namespace dlc::emit {

/// On the function of a kernel whose products tensor cores compute: their
/// operands' type, f32 for TF32.
inline constexpr llvm::StringLiteral tensorCores = "dlc.tensor_cores";

/// Rows of ldmatrix's matrices, which have as many columns of a 16-bit float.
constexpr int64_t matrixRows = 8;
/// Rows and columns of a product.
constexpr int64_t productRows = 16, productColumns = 8;
/// A row of either operand.
constexpr int64_t stepBytes = 32;

/// Calls `llvm.nvvm.<name>`; null if `result` is.
mlir::Value callIntrinsic(ElementBuilder &e, llvm::StringRef name,
                          mlir::Type result, mlir::ValueRange arguments);

/// Four matrices from workgroup memory. The lanes 8 i to 8 i + 7 give the
/// addresses, each of 16 bytes, of the rows of matrix i. With `isTransposed`,
/// of 16-bit elements, a thread gets what it would of the matrices turned.
llvm::SmallVector<mlir::Value>
loadMatrices(ElementBuilder &e, mlir::Value address, bool isTransposed);

/// sums[0 … 3] += left[0 … 3] right[0 … 1], of `element`: f16, bf16, or f32,
/// which is taken as TF32. Operands are words, sums f32.
void multiplyMatrices(ElementBuilder &e, mlir::Type element,
                      llvm::MutableArrayRef<mlir::Value> sums,
                      mlir::ValueRange left, mlir::ValueRange right);

} // namespace dlc::emit

#endif
