//===- LibraryKernels.h - library calls with what follows them --*- C++ -*-===//
//
// A library adds a bias, applies an activation and adds another tensor while
// its results are still in registers. A `dlc.kernel` with the attribute
// `library` is such a call: its body holds one product or convolution, the
// views that it reads and writes through, and the ops that follow it.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_PASSES_FUSE_LIBRARYKERNELS_H
#define DLC_PASSES_FUSE_LIBRARYKERNELS_H

#include "passes/fuse/Views.h"

namespace dlc {

/// Numbered like exec::Activation.
enum class LibraryActivation {
  None,
  Relu,
  GeluErf,
  GeluTanh,
  Tanh,
  Sigmoid,
  Swish
};

/// What follows a call. A product applies the activation before it adds the
/// residual, a convolution after.
struct Epilogue {
  /// A vector over the columns (channels), and a tensor like the result; null
  /// if there is none.
  mlir::Value bias, residual;
  LibraryActivation activation = LibraryActivation::None;
  /// What is in memory after the call.
  mlir::Value result;
  /// The ops that the call computes, itself and its views included, in no
  /// order.
  llvm::SmallVector<mlir::Operation *> ops;
};

/// Calls that the library can do with longer and longer epilogues, the bare
/// call first. `call` is a product or a convolution that the library computes.
llvm::SmallVector<Epilogue, 0> epiloguesOf(mlir::Operation *call);

/// "gemm_bias_relu_residual".
std::string nameOf(mlir::Operation *call, const Epilogue &epilogue);

bool isLibraryKernel(KernelOp kernel);
/// The product or convolution in the body of a library kernel.
mlir::Operation *callOf(KernelOp kernel);

} // namespace dlc

#endif
