#ifndef DLC_WINDOW_TD
#define DLC_WINDOW_TD

include "dialects/dlc/IR/DlcOpBase.td"

/// Window geometry: one entry per dim of the operand (1, 1, 1, 0 for dims that the window does not move in).
defvar Dlc_Window = (ins DenseI64ArrayAttr:$window, DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$dilations, DenseI64ArrayAttr:$padsBegin);
defvar Dlc_WindowFormat = " `window` $window `strides` $strides `dilations` $dilations `pads` $padsBegin attr-dict `:` functional-type(operands, results)";

class Dlc_WindowOp<string mnemonic, Dlc_PrecisionClass precision> : Dlc_Op<mnemonic, "Window", precision> {
  let hasVerifier = 1;
}

def Dlc_PoolMaxOp : Dlc_WindowOp<"pool_max", FollowOperands> {
  let summary = "the largest element of each window, and where it is";
  let description = [{
    `result[o] = max over w of operand[o * strides - pads + w * dilations]`; positions outside the operand do not count. The result's
    shape gives how many windows there are. `position` is the row-major index within the window of the first largest element (NaN counts as the largest).
  }];
  let arguments = !con((ins Dlc_NumberTensor:$operand), Dlc_Window);
  let results = (outs Dlc_NumberTensor:$result, StaticShapeTensorOf<[I32]>:$position);
  let assemblyFormat = !strconcat("$operand", Dlc_WindowFormat);
  let validExamples = ["%0:2 = dlc.pool_max %x window [1, 2] strides [1, 1] dilations [1, 1] pads [0, 0] : (tensor<2x3xf32>) -> (tensor<2x2xf32>, tensor<2x2xi32>)"];
  let invalidExamples = [[{
    expects position to have shape 2x2, but got 2x1
    %0:2 = dlc.pool_max %x window [1, 2] strides [1, 1] dilations [1, 1] pads [0, 0]
      : (tensor<2x3xf32>) -> (tensor<2x2xf32>, tensor<2x1xi32>)
  }], [{
    expects result to have element type 'f32', but got 'f64'
    %0:2 = dlc.pool_max %x window [1, 2] strides [1, 1] dilations [1, 1] pads [0, 0]
      : (tensor<2x3xf32>) -> (tensor<2x2xf64>, tensor<2x2xi32>)
  }], [{
    expects 'window' to have 2 entries, but got 1
    %0:2 = dlc.pool_max %x window [2] strides [1, 1] dilations [1, 1] pads [0, 0]
      : (tensor<2x3xf32>) -> (tensor<2x2xf32>, tensor<2x2xi32>)
  }], [{
    expects 'strides' to have 2 entries, but got 1
    %0:2 = dlc.pool_max %x window [1, 2] strides [1] dilations [1, 1] pads [0, 0]
      : (tensor<2x3xf32>) -> (tensor<2x2xf32>, tensor<2x2xi32>)
  }], [{
    expects 'dilations' to have 2 entries, but got 1
    %0:2 = dlc.pool_max %x window [1, 2] strides [1, 1] dilations [1] pads [0, 0]
      : (tensor<2x3xf32>) -> (tensor<2x2xf32>, tensor<2x2xi32>)
  }], [{
    expects 'padsBegin' to have 2 entries, but got 1
    %0:2 = dlc.pool_max %x window [1, 2] strides [1, 1] dilations [1, 1] pads [0]
      : (tensor<2x3xf32>) -> (tensor<2x2xf32>, tensor<2x2xi32>)
  }], [{
    expects 'result shape' to have 2 entries, but got 1
    %0:2 = dlc.pool_max %x window [1, 2] strides [1, 1] dilations [1, 1] pads [0, 0]
      : (tensor<2x3xf32>) -> (tensor<2xf32>, tensor<2xi32>)
  }], [{
    expects the last window of dim 1 to start inside the operand's 3 elements, but got 3
    %0:2 = dlc.pool_max %x window [1, 2] strides [1, 3] dilations [1, 1] pads [0, 0]
      : (tensor<2x3xf32>) -> (tensor<2x2xf32>, tensor<2x2xi32>)
  }], [{
    expects window, strides and dilations of at least 1 and pads of at least 0 in dim 1, but got 2, 0, 1 and 0
    %0:2 = dlc.pool_max %x window [1, 2] strides [1, 0] dilations [1, 1] pads [0, 0]
      : (tensor<2x3xf32>) -> (tensor<2x2xf32>, tensor<2x2xi32>)
  }]];
}

def Dlc_PoolMaxGradOp : Dlc_WindowOp<"pool_max_grad", KeepF32> {
  let summary = "send each window's gradient to the element that was its largest";
  let arguments = !con((ins Dlc_FloatTensor:$grad, StaticShapeTensorOf<[I32]>:$position), Dlc_Window);
  let results = (outs Dlc_FloatTensor:$result);
  let assemblyFormat = !strconcat("$grad `,` $position", Dlc_WindowFormat);
  let validExamples = ["%0 = dlc.pool_max_grad %y, %p window [1, 2] strides [1, 1] dilations [1, 1] pads [0, 0] : (tensor<2x2xf32>, tensor<2x2xi32>) -> tensor<2x3xf32>"];
  let invalidExamples = [[{
    expects position to have shape 2x2, but got 2x1
    %0 = dlc.pool_max_grad %y, %p window [1, 2] strides [1, 1] dilations [1, 1] pads [0, 0]
      : (tensor<2x2xf32>, tensor<2x1xi32>) -> tensor<2x3xf32>
  }], [{
    expects result to have element type 'f32', but got 'f64'
    %0 = dlc.pool_max_grad %y, %p window [1, 2] strides [1, 1] dilations [1, 1] pads [0, 0]
      : (tensor<2x2xf32>, tensor<2x2xi32>) -> tensor<2x3xf64>
  }], [{
    expects 'window' to have 2 entries, but got 1
    %0 = dlc.pool_max_grad %y, %p window [2] strides [1, 1] dilations [1, 1] pads [0, 0]
      : (tensor<2x2xf32>, tensor<2x2xi32>) -> tensor<2x3xf32>
  }]];
}

def Dlc_PoolSumOp : Dlc_WindowOp<"pool_sum", KeepF32> {
  let summary = "the sum of each window (positions outside the operand count as zero)";
  let arguments = !con((ins Dlc_NumberTensor:$operand), Dlc_Window);
  let results = (outs Dlc_NumberTensor:$result);
  let assemblyFormat = !strconcat("$operand", Dlc_WindowFormat);
  let validExamples = ["%0 = dlc.pool_sum %x window [1, 2] strides [1, 1] dilations [1, 1] pads [0, 0] : (tensor<2x3xf32>) -> tensor<2x2xf32>"];
  let invalidExamples = [[{
    expects result to have element type 'f32', but got 'f64'
    %0 = dlc.pool_sum %x window [1, 2] strides [1, 1] dilations [1, 1] pads [0, 0] : (tensor<2x3xf32>) -> tensor<2x2xf64>
  }], [{
    expects 'padsBegin' to have 2 entries, but got 3
    %0 = dlc.pool_sum %x window [1, 2] strides [1, 1] dilations [1, 1] pads [0, 0, 0] : (tensor<2x3xf32>) -> tensor<2x2xf32>
  }]];
}

def Dlc_PoolSumGradOp : Dlc_WindowOp<"pool_sum_grad", KeepF32> {
  let summary = "sum, for each element, the gradients of the windows that hold it";
  let arguments = !con((ins Dlc_FloatTensor:$grad), Dlc_Window);
  let results = (outs Dlc_FloatTensor:$result);
  let assemblyFormat = !strconcat("$grad", Dlc_WindowFormat);
  let validExamples = ["%0 = dlc.pool_sum_grad %y window [1, 2] strides [1, 1] dilations [1, 1] pads [0, 0] : (tensor<2x2xf32>) -> tensor<2x3xf32>"];
  let invalidExamples = [[{
    expects result to have element type 'f32', but got 'f64'
    %0 = dlc.pool_sum_grad %y window [1, 2] strides [1, 1] dilations [1, 1] pads [0, 0] : (tensor<2x2xf32>) -> tensor<2x3xf64>
  }], [{
    expects the last window of dim 1 to start inside the operand's 3 elements, but got 4
    %0 = dlc.pool_sum_grad %y window [1, 2] strides [1, 4] dilations [1, 1] pads [0, 0] : (tensor<2x2xf32>) -> tensor<2x3xf32>
  }]];
}

#endif
