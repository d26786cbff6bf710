#ifndef DLC_AUTODIFF_PASSES_TD
#define DLC_AUTODIFF_PASSES_TD

include "passes/PassBase.td"

def DifferentiatePass : DlcPass<"dlc-differentiate", "::mlir::func::FuncOp"> {
  let summary = "Return the gradients of a function's loss with respect to its float arguments";
  let description = [{
    Works on functions with the attribute `dlc.loss = N`, where result N is a float tensor of rank 0, and leaves others alone. The gradient of
    every float argument is appended to the results, in the order of the arguments; the attribute goes away. The entry points of a training
    program are built with the same `differentiate` (`passes/autodiff/Differentiate.h`) from loss, parameters and optimizer together;
    this pass shows gradients alone. Errors: DLC2101, DLC2102.
  }];
  let dependentDialects = ["::dlc::DlcDialect"];
  let before = [{
    func.func @square(%x: tensor<3xf32>) -> tensor<f32> attributes {dlc.loss = 0 : i64} {
      %0 = dlc.mul %x, %x : tensor<3xf32>
      %1 = dlc.reduce_sum %0 dims [0] : tensor<3xf32> -> tensor<f32>
      return %1 : tensor<f32>
    }
  }];
  let after = [{
    func.func @square(%x: tensor<3xf32>) -> (tensor<f32>, tensor<3xf32>) {
      %0 = dlc.mul %x, %x : tensor<3xf32>
      %1 = dlc.reduce_sum %0 dims [0] : tensor<3xf32> -> tensor<f32>
      %2 = dlc.constant dense<1.000000e+00> : tensor<f32>
      %3 = dlc.broadcast %2 dims [] : tensor<f32> -> tensor<3xf32>
      %4 = dlc.mul %3, %x : tensor<3xf32>
      %5 = dlc.mul %3, %x : tensor<3xf32>
      %6 = dlc.add %4, %5 : tensor<3xf32>
      return %1, %6 : tensor<f32>, tensor<3xf32>
    }
  }];
}

#endif
