#ifndef DLC_INDEX_TD
#define DLC_INDEX_TD

include "dialects/dlc/IR/DlcOpBase.td"

def Dlc_GatherOp : Dlc_Op<"gather", "Index", FollowOperands, [InferTypeOpAdaptor]> {
  let summary = "take slices at given positions of one dim";
  let description = [{
    Dim `dim` of `operand` is replaced by the dims of `indices` (ONNX Gather). An index counts from the end if it is negative; one outside the
    dim is clamped to it, so that no read is out of bounds; the runtime rejects inputs that would be (`dlc.range`).
  }];
  let arguments = (ins Dlc_Tensor:$operand, Dlc_IndexTensor:$indices, I64Attr:$dim);
  let results = (outs Dlc_Tensor:$result);
  let assemblyFormat = "$operand `,` $indices `dim` $dim attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let validExamples = ["%0 = dlc.gather %x, %k dim 0 : (tensor<2x3xf32>, tensor<5xi64>) -> tensor<5x3xf32>"];
  let invalidExamples = [[{
    expects 'dim' in [0, 2), but got 2
    %0 = dlc.gather %x, %k dim 2 : (tensor<2x3xf32>, tensor<5xi64>) -> tensor<5x3xf32>
  }], [{
    expects dim 0 to have elements, but got size 0
    %0 = dlc.gather %x, %k dim 0 : (tensor<0x3xf32>, tensor<5xi64>) -> tensor<5x3xf32>
  }]];
}

def Dlc_ScatterAddOp : Dlc_Op<"scatter_add", "Index", KeepF32> {
  let summary = "sum slices into given positions of one dim of zeros: the gradient of `dlc.gather`";
  let description = [{
    The result is shaped as the operand of a `dlc.gather` whose result is `updates`. Slices that meet are added in the order of the indices, so
    the result does not depend on the number of threads. Indices outside the dim are clamped as in `dlc.gather`.
  }];
  let arguments = (ins Dlc_IndexTensor:$indices, Dlc_NumberTensor:$updates, I64Attr:$dim);
  let results = (outs Dlc_NumberTensor:$result);
  let assemblyFormat = "$indices `,` $updates `dim` $dim attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let validExamples = ["%0 = dlc.scatter_add %k, %u dim 0 : (tensor<5xi64>, tensor<5x3xf32>) -> tensor<2x3xf32>"];
  let invalidExamples = [[{
    expects 'dim' in [0, 2), but got 2
    %0 = dlc.scatter_add %k, %u dim 2 : (tensor<5xi64>, tensor<5x3xf32>) -> tensor<2x3xf32>
  }], [{
    expects result to have element type 'f32', but got 'f64'
    %0 = dlc.scatter_add %k, %u dim 0 : (tensor<5xi64>, tensor<5x3xf32>) -> tensor<2x3xf64>
  }], [{
    expects updates to have shape 5x4, but got 5x3
    %0 = dlc.scatter_add %k, %u dim 0 : (tensor<5xi64>, tensor<5x3xf32>) -> tensor<2x4xf32>
  }], [{
    expects dim 0 to have elements, but got size 0
    %0 = dlc.scatter_add %k, %u dim 0 : (tensor<5xi64>, tensor<5x3xf32>) -> tensor<0x3xf32>
  }]];
}

def Dlc_GatherElementsOp : Dlc_Op<"gather_elements", "Index", FollowOperands> {
  let summary = "take single elements along one dim (ONNX GatherElements, torch.gather)";
  let description = "`result[i, j, k] = operand[i, indices[i, j, k], k]` for dim 1; indices as in `dlc.gather`.";
  let arguments = (ins Dlc_Tensor:$operand, Dlc_IndexTensor:$indices, I64Attr:$dim);
  let results = (outs Dlc_Tensor:$result);
  let assemblyFormat = "$operand `,` $indices `dim` $dim attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let validExamples = ["%0 = dlc.gather_elements %x, %j dim 1 : (tensor<2x3xf32>, tensor<2x3xi64>) -> tensor<2x3xf32>"];
  let invalidExamples = [[{
    expects 'dim' in [0, 2), but got 2
    %0 = dlc.gather_elements %x, %j dim 2 : (tensor<2x3xf32>, tensor<2x3xi64>) -> tensor<2x3xf32>
  }], [{
    expects indices to have shape 2x3, but got 4x3
    %0 = dlc.gather_elements %x, %j dim 1 : (tensor<2x3xf32>, tensor<4x3xi64>) -> tensor<4x3xf32>
  }], [{
    expects result to have element type 'f32', but got 'f64'
    %0 = dlc.gather_elements %x, %j dim 1 : (tensor<2x3xf32>, tensor<2x3xi64>) -> tensor<2x3xf64>
  }], [{
    expects result to have shape 2x3, but got 2x4
    %0 = dlc.gather_elements %x, %j dim 1 : (tensor<2x3xf32>, tensor<2x3xi64>) -> tensor<2x4xf32>
  }], [{
    expects dim 1 to have elements, but got size 0
    %0 = dlc.gather_elements %x, %j dim 1 : (tensor<2x0xf32>, tensor<2x3xi64>) -> tensor<2x3xf32>
  }]];
}

def Dlc_ScatterElementsAddOp : Dlc_Op<"scatter_elements_add", "Index", KeepF32> {
  let summary = "sum single elements into zeros along one dim: the gradient of `dlc.gather_elements`";
  let arguments = (ins Dlc_IndexTensor:$indices, Dlc_NumberTensor:$updates, I64Attr:$dim);
  let results = (outs Dlc_NumberTensor:$result);
  let assemblyFormat = "$indices `,` $updates `dim` $dim attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let validExamples = ["%0 = dlc.scatter_elements_add %j, %x dim 1 : (tensor<2x3xi64>, tensor<2x3xf32>) -> tensor<2x7xf32>"];
  let invalidExamples = [[{
    expects 'dim' in [0, 2), but got 2
    %0 = dlc.scatter_elements_add %j, %x dim 2 : (tensor<2x3xi64>, tensor<2x3xf32>) -> tensor<2x7xf32>
  }], [{
    expects indices to have shape 4x3, but got 2x3
    %0 = dlc.scatter_elements_add %j, %x dim 1 : (tensor<2x3xi64>, tensor<2x3xf32>) -> tensor<4x7xf32>
  }], [{
    expects result to have element type 'f32', but got 'f64'
    %0 = dlc.scatter_elements_add %j, %x dim 1 : (tensor<2x3xi64>, tensor<2x3xf32>) -> tensor<2x7xf64>
  }], [{
    expects updates to have shape 2x3, but got 2x4
    %0 = dlc.scatter_elements_add %j, %x dim 1 : (tensor<2x3xi64>, tensor<2x4xf32>) -> tensor<2x7xf32>
  }], [{
    expects dim 1 to have elements, but got size 0
    %0 = dlc.scatter_elements_add %j, %x dim 1 : (tensor<2x3xi64>, tensor<2x3xf32>) -> tensor<2x0xf32>
  }]];
}

#endif
