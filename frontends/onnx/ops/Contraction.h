//===- Contraction.h - products that several families need ------*- C++ -*-===//
#ifndef DLC_FRONTENDS_ONNX_OPS_CONTRACTION_H
#define DLC_FRONTENDS_ONNX_OPS_CONTRACTION_H

#include "frontends/onnx/NodeContext.h"

namespace dlc::frontend {

/// The dims of a dot_general.
struct DotDims {
  llvm::SmallVector<int64_t> lhsBatch, rhsBatch, lhsContract, rhsContract;
};

/// A checked dot_general.
mlir::FailureOr<mlir::Value> dot(NodeContext &c, mlir::Value lhs,
                                 mlir::Value rhs, const DotDims &dims);
/// Numpy's matmul.
mlir::FailureOr<mlir::Value> matMul(NodeContext &c, mlir::Value lhs,
                                    mlir::Value rhs);

/// [N, C, spatial…] to [N, spatial…, C], and back.
mlir::Value toChannelsLast(NodeContext &c, mlir::Value value);
mlir::Value toChannelsFirst(NodeContext &c, mlir::Value value);

} // namespace dlc::frontend

#endif
