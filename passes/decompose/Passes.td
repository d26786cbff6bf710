#ifndef DLC_DECOMPOSE_PASSES_TD
#define DLC_DECOMPOSE_PASSES_TD

include "passes/PassBase.td"

def DecomposePass : DlcPass<"dlc-decompose", "::mlir::func::FuncOp"> {
  let summary = "Spell compound ops as primitive ones";
  let description = [{
    softmax, log_softmax, layer_norm, batch_norm, cross_entropy, attention and its gradient become reductions, broadcasts and elementwise ops, which fusion then joins
    with their neighbours into row and column kernels. Runs after differentiation, whose rules for these ops are shorter and keep less than
    those of their parts, and before fusion. Every family registers its decompositions (passes/decompose/rules). Reductions are over the op's own
    dims, and their results are broadcast back, which is the form that fusion takes in. Softmax multiplies by the reciprocal of its row sum:
    one division per row, at most one more rounding per element than a division. Variances take two passes over the data, the mean first, since
    the one-pass form cancels. Ops in a 16-bit type are computed in f32 between one cast in and one out.
  }];
  let dependentDialects = ["::dlc::DlcDialect"];
  let options = [
    Option<"keepAttention", "keep-attention", "bool", /*default=*/"false", "leave attention that a library computes in one call">,
    Option<"generatedAttention", "generated-attention", "bool", /*default=*/"false", "leave attention that a kernel can be generated for">
  ];
  let before = [{
    func.func @softmax(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
      %0 = dlc.softmax %x dim 1 : tensor<2x3xf32>
      return %0 : tensor<2x3xf32>
    }
  }];
  let after = [{
    func.func @softmax(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
      %0 = dlc.reduce_max %x dims [1] : tensor<2x3xf32> -> tensor<2xf32>
      %1 = dlc.broadcast %0 dims [0] : tensor<2xf32> -> tensor<2x3xf32>
      %2 = dlc.sub %x, %1 : tensor<2x3xf32>
      %3 = dlc.exp %2 : tensor<2x3xf32>
      %4 = dlc.reduce_sum %3 dims [1] : tensor<2x3xf32> -> tensor<2xf32>
      %5 = dlc.constant dense<1.000000e+00> : tensor<2xf32>
      %6 = dlc.div %5, %4 : tensor<2xf32>
      %7 = dlc.broadcast %6 dims [0] : tensor<2xf32> -> tensor<2x3xf32>
      %8 = dlc.mul %3, %7 : tensor<2x3xf32>
      return %8 : tensor<2x3xf32>
    }
  }];
}

#endif
