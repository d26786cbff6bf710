//===- Window.h - the geometry of convolutions and pools --------*- C++ -*-===//
#ifndef DLC_FRONTENDS_ONNX_OPS_WINDOW_H
#define DLC_FRONTENDS_ONNX_OPS_WINDOW_H

#include "frontends/onnx/NodeContext.h"

namespace dlc::frontend {

/// Per spatial dim. `windows` is the result's size.
struct WindowGeometry {
  llvm::SmallVector<int64_t> kernel, strides, dilations, padsBegin, padsEnd,
      windows;
};

/// Strides, dilations and explicit pads, checked; `windows` stays empty and
/// `auto_pad` is not looked at.
mlir::FailureOr<WindowGeometry> readStrides(NodeContext &c,
                                            llvm::ArrayRef<int64_t> kernel);
/// The whole geometry over an input of spatial sizes `input`, `auto_pad` and
/// `ceil_mode` resolved.
mlir::FailureOr<WindowGeometry> readWindow(NodeContext &c,
                                           llvm::ArrayRef<int64_t> input,
                                           llvm::ArrayRef<int64_t> kernel);

} // namespace dlc::frontend

#endif
