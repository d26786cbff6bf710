#ifndef DLC_ATTENTION_PASSES_TD
#define DLC_ATTENTION_PASSES_TD

include "passes/PassBase.td"

def FormAttentionPass : DlcPass<"dlc-form-attention", "::mlir::func::FuncOp"> {
  let summary = "Make one op of the products and the softmax between that are attention";
  let description = [{
    Models write attention as `softmax(scale q k^T + mask) v`; its scores, two numbers per query, key and head, are the largest traffic of a
    transformer's step. A library computes them block by block, and again for the gradient, and never stores them. This pass looks from each
    softmax over the last dim back to a product and forward to one, and puts `dlc.attention` in their place.

    Between product and softmax there may be numbers that scale (also on queries and keys before the product), reshapes of the batch dims, a
    tensor that is added, and a choice between scores and a very negative number. What is added or chosen by is the mask. A constant mask that
    hides exactly the keys after each row becomes `causal`; one that hides nothing vanishes; a constant of zeros and very negative numbers
    becomes one of booleans. Between softmax and product there may be the zero that exporters choose for rows without keys.

    Everything else stays as it is, with a remark whose reason is: `dropout` and `probabilities-read` (the probabilities are needed
    themselves), `trained-mask`, `two-masks`, `mask`, `hidden-rows`, `batch-dims`, `grouped-queries`, `width` and `scores`. Before differentiation,
    because the gradient of the op is one, too; after simplification, because that brings views and constants to one form.
  }];
  let dependentDialects = ["::dlc::DlcDialect"];
  let statistics = [Statistic<"numFormed", "formed", "attention ops made">];
  let before = [{
    func.func @attention(%q: tensor<2x3x4xf32>, %k: tensor<2x3x4xf32>, %v: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
      %0 = dlc.constant dense<5.000000e-01> : tensor<2x3x3xf32>
      %1 = dlc.dot_general %q, %k batch [0] x [0] contract [2] x [2] : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<2x3x3xf32>
      %2 = dlc.mul %1, %0 : tensor<2x3x3xf32>
      %3 = dlc.softmax %2 dim 2 : tensor<2x3x3xf32>
      %4 = dlc.dot_general %3, %v batch [0] x [0] contract [2] x [1] : (tensor<2x3x3xf32>, tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
      return %4 : tensor<2x3x4xf32>
    }
  }];
  let after = [{
    func.func @attention(%q: tensor<2x3x4xf32>, %k: tensor<2x3x4xf32>, %v: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
      %output, %logsumexp = dlc.attention %q, %k, %v scale 5.000000e-01 : (tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> (tensor<2x3x4xf32>, tensor<2x3xf32>)
      return %output : tensor<2x3x4xf32>
    }
  }];
}

def PlaceAttentionPass : DlcPass<"dlc-place-attention", "::mlir::func::FuncOp"> {
  let summary = "Keep attention's output in the order of dims that the next product reads";
  let description = [{
    Attention writes its output through strides, so that a transpose of it need not be computed, if nothing reads it otherwise. Its gradient
    does, and recomputation makes a second transpose: here both come to read the one transpose, the gradient through the inverse. So do sums of the
    gradients of queries, keys and values (the gradients of biases), if the results that stay keep their order. First in the
    kernels phase, because simplification would cancel a transpose of a transpose.
  }];
  let dependentDialects = ["::dlc::DlcDialect"];
  let before = [{
    func.func @step(%g: tensor<2x3x4xf32>, %q: tensor<2x3x4xf32>) -> (tensor<3x2x4xf32>, tensor<2x3x4xf32>) {
      %output, %logsumexp = dlc.attention %q, %q, %q scale 1.000000e+00 : (tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> (tensor<2x3x4xf32>, tensor<2x3xf32>)
      %0 = dlc.transpose %output [1, 0, 2] : tensor<2x3x4xf32> -> tensor<3x2x4xf32>
      %dq, %dk, %dv = dlc.attention_grad %g, %q, %q, %q, %output, %logsumexp scale 1.000000e+00 : (tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3xf32>) -> (tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>)
      return %0, %dq : tensor<3x2x4xf32>, tensor<2x3x4xf32>
    }
  }];
  let after = [{
    func.func @step(%g: tensor<2x3x4xf32>, %q: tensor<2x3x4xf32>) -> (tensor<3x2x4xf32>, tensor<2x3x4xf32>) {
      %output, %logsumexp = dlc.attention %q, %q, %q scale 1.000000e+00 : (tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> (tensor<2x3x4xf32>, tensor<2x3xf32>)
      %0 = dlc.transpose %output [1, 0, 2] : tensor<2x3x4xf32> -> tensor<3x2x4xf32>
      %1 = dlc.transpose %0 [1, 0, 2] : tensor<3x2x4xf32> -> tensor<2x3x4xf32>
      %dq, %dk, %dv = dlc.attention_grad %g, %q, %q, %q, %1, %logsumexp scale 1.000000e+00 : (tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3xf32>) -> (tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>)
      return %0, %dq : tensor<3x2x4xf32>, tensor<2x3x4xf32>
    }
  }];
}

#endif
