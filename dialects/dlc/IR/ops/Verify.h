//===- Verify.h - checks that several families share ------------*- C++ -*-===//
#ifndef DLC_DIALECTS_DLC_IR_OPS_VERIFY_H
#define DLC_DIALECTS_DLC_IR_OPS_VERIFY_H

#include "dialects/dlc/IR/Dlc.h"
#include "llvm/Support/FormatVariadic.h"

namespace dlc {

/// "2x3", for messages.
inline std::string shapeText(llvm::ArrayRef<int64_t> shape) {
  return shape.empty()
             ? "scalar"
             : llvm::formatv("{0:$[x]}",
                             llvm::make_range(shape.begin(), shape.end()))
                   .str();
}

/// What `inferReturnTypes` checks. The verifier of an op whose further checks
/// rely on that calls it first: the inferred types themselves are compared
/// after the op's own verifier.
template <typename OpTy> mlir::LogicalResult verifyInference(OpTy op) {
  llvm::SmallVector<mlir::Type> types;
  return OpTy::inferReturnTypes(
      op.getContext(), op.getLoc(), op->getOperands(), op->getAttrDictionary(),
      op->getPropertiesStorage(), op->getRegions(), types);
}

/// `dim` names a dim of a tensor of rank `rank`.
inline mlir::LogicalResult verifyDim(mlir::Operation *op, int64_t dim,
                                     int64_t rank) {
  if (dim >= 0 && dim < rank)
    return mlir::success();
  return op->emitOpError() << "expects 'dim' in [0, " << rank << "), but got "
                           << dim;
}

/// `dims` are strictly increasing dims of a tensor of rank `rank`.
inline mlir::LogicalResult
verifyDims(mlir::Operation *op, llvm::ArrayRef<int64_t> dims, int64_t rank) {
  int64_t last = -1;
  for (int64_t dim : dims) {
    if (dim <= last || dim >= rank)
      return op->emitOpError()
             << "expects 'dims' to be strictly increasing in [0, " << rank
             << "), but got " << dim << " after " << last;
    last = dim;
  }
  return mlir::success();
}

inline mlir::LogicalResult verifyShape(mlir::Operation *op,
                                       llvm::StringRef what,
                                       llvm::ArrayRef<int64_t> actual,
                                       llvm::ArrayRef<int64_t> expected) {
  if (actual == expected)
    return mlir::success();
  return op->emitOpError() << "expects " << what << " to have shape "
                           << shapeText(expected) << ", but got "
                           << shapeText(actual);
}

inline mlir::LogicalResult verifyElementType(mlir::Operation *op,
                                             llvm::StringRef what,
                                             mlir::Type actual,
                                             mlir::Type expected) {
  if (actual == expected)
    return mlir::success();
  return op->emitOpError() << "expects " << what << " to have element type "
                           << expected << ", but got " << actual;
}

inline mlir::LogicalResult verifyLength(mlir::Operation *op,
                                        llvm::StringRef what, size_t actual,
                                        size_t expected) {
  if (actual == expected)
    return mlir::success();
  return op->emitOpError() << "expects '" << what << "' to have " << expected
                           << " entries, but got " << actual;
}

} // namespace dlc

#endif
