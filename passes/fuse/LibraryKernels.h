//===- LibraryKernels.h - library calls with what follows them --*- C++ -*-===//
//
// A library adds a bias, applies an activation and adds another tensor while
// its results are still in registers. A `dlc.kernel` with the attribute
// `library` is such a call: its body holds one product or convolution, the
// views that it reads and writes through, and the ops that follow it. A product
// may have a second result, the sum of an operand over the contracted dims: of
// the gradient that it multiplies, the bias's gradient.
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
  /// A product of 16-bit floats adds a bias that is as narrow to its f32 sums,
  /// and rounds once.
  bool isRounded = false;
  /// The program rounds the product, too, and adds a bias of f32: it has to be
  /// changed (roundOnce) before the call can take what follows.
  bool isRoundedTwice = false;
  /// What is in memory after the call.
  mlir::Value result;
  /// The ops that the call computes, itself and its views included, in no
  /// order.
  llvm::SmallVector<mlir::Operation *> ops;
};

/// Calls that the library can do with longer and longer epilogues, the bare
/// call first. `call` is a product or a convolution that the library computes.
llvm::SmallVector<Epilogue, 0> epiloguesOf(mlir::Operation *call);

/// Makes `epilogue`, of a product that is rounded twice, one that is rounded
/// once. `narrowBias` is its bias in the product's type.
void roundOnce(DotGeneralOp dot, Epilogue &epilogue, mlir::Value narrowBias);

/// "gemm_bias_relu_residual".
std::string nameOf(mlir::Operation *call, const Epilogue &epilogue);

/// A sum that a library does beside a product whose operand it reads.
struct BiasGradient {
  GemmCall call;
  /// It sums the rows of the left operand; else the columns of the right one.
  bool isOfLhs = false;
  /// The ops between the operand's memory and the sum, itself included.
  llvm::SmallVector<mlir::Operation *> ops;
};

/// `sum`, if it is f32 and adds an operand of `dot` over just the dims that are
/// contracted: in one stage or several, after casts to f32, of the memory that
/// the product reads. `dot` is one product in f32 that the library computes.
std::optional<BiasGradient> biasGradientOf(DotGeneralOp dot,
                                           mlir::Value sum);

/// A kernel of `ops`, which are in a block in any order, where `b` is; its
/// results take the place of `results`.
KernelOp makeLibraryKernel(mlir::OpBuilder &b,
                           llvm::ArrayRef<mlir::Operation *> ops,
                           llvm::ArrayRef<mlir::Value> results,
                           llvm::StringRef name);

bool isLibraryKernel(KernelOp kernel);
/// The product or convolution in the body of a library kernel.
mlir::Operation *callOf(KernelOp kernel);

} // namespace dlc

#endif
