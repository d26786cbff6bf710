//===- Builders.h - helpers to build dlc graphs -----------------*- C++ -*-===//
//
// Small functions that importers, gradient rules and decompositions share. All
// insert at the builder's insertion point and return the new value; shapes are
// static.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_DIALECTS_DLC_IR_BUILDERS_H
#define DLC_DIALECTS_DLC_IR_BUILDERS_H

#include "dialects/dlc/IR/Dlc.h"
#include "mlir/IR/Builders.h"

namespace dlc {

inline mlir::RankedTensorType tensorType(mlir::Value value) {
  return mlir::cast<mlir::RankedTensorType>(value.getType());
}
inline llvm::ArrayRef<int64_t> shapeOf(mlir::Value value) {
  return tensorType(value).getShape();
}
inline mlir::Type elementTypeOf(mlir::Value value) {
  return tensorType(value).getElementType();
}
inline int64_t rankOf(mlir::Value value) { return tensorType(value).getRank(); }

/// A constant of type `type` whose elements are all `number` (converted to the
/// element type; integers truncate, `i1` is `number != 0`).
mlir::Value splat(mlir::OpBuilder &b, mlir::Location loc,
                  mlir::RankedTensorType type, double number);
/// The same with the shape and element type of `like`.
mlir::Value splatLike(mlir::OpBuilder &b, mlir::Location loc, mlir::Value like,
                      double number);
/// A rank-1 i64 constant.
mlir::Value i64Constant(mlir::OpBuilder &b, mlir::Location loc,
                        llvm::ArrayRef<int64_t> values);
/// The splat value of a float or integer constant, broadcasts and casts seen
/// through; none if `value` is not one.
std::optional<double> splatValue(mlir::Value value);

/// `value` with its dims mapped to `dims` of `shape`; itself if nothing
/// changes.
mlir::Value broadcastInDim(mlir::OpBuilder &b, mlir::Location loc,
                           mlir::Value value, llvm::ArrayRef<int64_t> shape,
                           llvm::ArrayRef<int64_t> dims);
/// Numpy broadcasting to `shape` (trailing dims align).
mlir::Value broadcastTo(mlir::OpBuilder &b, mlir::Location loc,
                        mlir::Value value, llvm::ArrayRef<int64_t> shape);
/// The shape that numpy broadcasting gives, or failure.
mlir::FailureOr<llvm::SmallVector<int64_t>>
broadcastShapes(llvm::ArrayRef<int64_t> lhs, llvm::ArrayRef<int64_t> rhs);
/// Undoes a reduction: `value`, reduced over `dims`, back to `shape`.
mlir::Value expandReduced(mlir::OpBuilder &b, mlir::Location loc,
                          mlir::Value value, llvm::ArrayRef<int64_t> shape,
                          llvm::ArrayRef<int64_t> dims);

mlir::Value reshapeTo(mlir::OpBuilder &b, mlir::Location loc,
                      mlir::Value value, llvm::ArrayRef<int64_t> shape);
mlir::Value transposeBy(mlir::OpBuilder &b, mlir::Location loc,
                        mlir::Value value, llvm::ArrayRef<int64_t> permutation);
mlir::Value castTo(mlir::OpBuilder &b, mlir::Location loc, mlir::Value value,
                   mlir::Type elementType);
/// Sum over `dims` divided by the number of elements summed.
mlir::Value meanOver(mlir::OpBuilder &b, mlir::Location loc, mlir::Value value,
                     llvm::ArrayRef<int64_t> dims);
/// `operand * factor`, `operand + term` for a number.
mlir::Value scaleBy(mlir::OpBuilder &b, mlir::Location loc, mlir::Value operand,
                    double factor);
mlir::Value addNumber(mlir::OpBuilder &b, mlir::Location loc,
                      mlir::Value operand, double term);

/// 0, 1, …, rank - 1.
llvm::SmallVector<int64_t> iotaDims(int64_t rank);
llvm::SmallVector<int64_t> inversePermutation(llvm::ArrayRef<int64_t> p);
/// The dims of a tensor of rank `rank` that are not in `dims`, in order.
llvm::SmallVector<int64_t> otherDims(int64_t rank,
                                     llvm::ArrayRef<int64_t> dims);

} // namespace dlc

#endif
