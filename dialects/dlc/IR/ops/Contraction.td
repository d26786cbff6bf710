#ifndef DLC_CONTRACTION_TD
#define DLC_CONTRACTION_TD

include "dialects/dlc/IR/DlcOpBase.td"

def Dlc_DotGeneralOp : Dlc_Op<"dot_general", "Contraction", LowerFreely, [InferTypeOpAdaptorWithIsCompatible]> {
  let summary = "multiply and sum over contracted dims, batch dims in parallel";
  let description = [{
    The result's dims are the batch dims, then the free dims of `lhs`, then those of `rhs`, each in operand order. (StableHLO
    dot_general.) Sums in at least f32 for floats; integers wrap. The result of 16-bit floats may be f32: the sum before it is rounded.
  }];
  let arguments = (ins Dlc_NumberTensor:$lhs, Dlc_NumberTensor:$rhs, DenseI64ArrayAttr:$lhsBatch, DenseI64ArrayAttr:$rhsBatch,
                       DenseI64ArrayAttr:$lhsContract, DenseI64ArrayAttr:$rhsContract);
  let results = (outs Dlc_NumberTensor:$result);
  let assemblyFormat = [{
    $lhs `,` $rhs `batch` $lhsBatch `x` $rhsBatch `contract` $lhsContract `x` $rhsContract attr-dict
    `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let validExamples = [[{
    %0 = dlc.dot_general %x, %x batch [] x [] contract [1] x [1] : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x2xf32>
  }], [{
    %0 = dlc.cast %x : tensor<2x3xf32> -> tensor<2x3xbf16>
    %1 = dlc.dot_general %0, %0 batch [] x [] contract [1] x [1] : (tensor<2x3xbf16>, tensor<2x3xbf16>) -> tensor<2x2xf32>
  }]];
  let invalidExamples = [[{
    expects a result of element type 'f32', but got 'f64'
    %0 = dlc.dot_general %x, %x batch [] x [] contract [1] x [1] : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x2xf64>
  }], [{
    expects the lhs batch and contracted dims to be distinct and in [0, 2), but got 1
    %0 = dlc.dot_general %x, %u batch [1] x [1] contract [1] x [1] : (tensor<2x3xf32>, tensor<5x3xf32>) -> tensor<3x2x5xf32>
  }], [{
    expects the rhs batch and contracted dims to be distinct and in [0, 2), but got 2
    %0 = dlc.dot_general %x, %u batch [] x [] contract [1] x [2] : (tensor<2x3xf32>, tensor<5x3xf32>) -> tensor<2x5x3xf32>
  }], [{
    expects rhs to have element type 'f32', but got 'f64'
    %0 = dlc.dot_general %x, %u batch [] x [] contract [1] x [1] : (tensor<2x3xf32>, tensor<5x3xf64>) -> tensor<2x5xf32>
  }], [{
    expects 'rhsBatch' to have 0 entries, but got 1
    %0 = dlc.dot_general %x, %u batch [] x [0] contract [1] x [1] : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2xf32>
  }], [{
    expects 'rhsContract' to have 1 entries, but got 0
    %0 = dlc.dot_general %x, %v batch [] x [] contract [1] x [] : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  }], [{
    expects lhs dim 0 and rhs dim 1 to be equal, but got 2 and 3
    %0 = dlc.dot_general %x, %u batch [] x [] contract [0] x [1] : (tensor<2x3xf32>, tensor<5x3xf32>) -> tensor<3x5xf32>
  }]];
}

defvar Dlc_ConvGeometry = (ins DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$dilations, DenseI64ArrayAttr:$padsBegin,
                               DenseI64ArrayAttr:$padsEnd, I64Attr:$groups);

class Dlc_ConvBaseOp<string mnemonic> : Dlc_Op<mnemonic, "Contraction", LowerFreely> {
  let hasVerifier = 1;
}

def Dlc_ConvOp : Dlc_ConvBaseOp<"conv"> {
  let summary = "channels-last convolution (cross-correlation) over 1 to 3 spatial dims";
  let description = [{
    `src` [N, spatial…, C], `weights` [O, C / groups, kernel…] (ONNX order), result [N, spatial…, O];
    `out = (in + begin + end - dilation * (kernel - 1) - 1) / stride + 1` per spatial dim.
  }];
  let arguments = !con((ins Dlc_FloatTensor:$src, Dlc_FloatTensor:$weights), Dlc_ConvGeometry);
  let results = (outs Dlc_FloatTensor:$result);
  let assemblyFormat = [{
    $src `,` $weights `strides` $strides `dilations` $dilations `pads` $padsBegin `to` $padsEnd `groups` $groups attr-dict
    `:` functional-type(operands, results)
  }];
  let validExamples = [[{
    %0 = dlc.conv %i, %w strides [1, 1] dilations [1, 1] pads [1, 1] to [1, 1] groups 1
      : (tensor<2x8x8x3xf32>, tensor<4x3x3x3xf32>) -> tensor<2x8x8x4xf32>
  }]];
  let invalidExamples = [[{
    expects 1 to 3 spatial dims, but got 0
    %0 = dlc.conv %i, %w strides [] dilations [] pads [] to [] groups 1
      : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<2x4xf32>
  }], [{
    expects weights to have element type 'f32', but got 'f64'
    %0 = dlc.conv %i, %w strides [1, 1] dilations [1, 1] pads [1, 1] to [1, 1] groups 1
      : (tensor<2x8x8x3xf32>, tensor<4x3x3x3xf64>) -> tensor<2x8x8x4xf32>
  }], [{
    expects result to have element type 'f32', but got 'f64'
    %0 = dlc.conv %i, %w strides [1, 1] dilations [1, 1] pads [1, 1] to [1, 1] groups 1
      : (tensor<2x8x8x3xf32>, tensor<4x3x3x3xf32>) -> tensor<2x8x8x4xf64>
  }], [{
    expects 'strides' to have 2 entries, but got 1
    %0 = dlc.conv %i, %w strides [1] dilations [1, 1] pads [1, 1] to [1, 1] groups 1
      : (tensor<2x8x8x3xf32>, tensor<4x3x3x3xf32>) -> tensor<2x8x8x4xf32>
  }], [{
    expects 'dilations' to have 2 entries, but got 3
    %0 = dlc.conv %i, %w strides [1, 1] dilations [1, 1, 1] pads [1, 1] to [1, 1] groups 1
      : (tensor<2x8x8x3xf32>, tensor<4x3x3x3xf32>) -> tensor<2x8x8x4xf32>
  }], [{
    expects 'padsBegin' to have 2 entries, but got 1
    %0 = dlc.conv %i, %w strides [1, 1] dilations [1, 1] pads [1] to [1, 1] groups 1
      : (tensor<2x8x8x3xf32>, tensor<4x3x3x3xf32>) -> tensor<2x8x8x4xf32>
  }], [{
    expects 'padsEnd' to have 2 entries, but got 0
    %0 = dlc.conv %i, %w strides [1, 1] dilations [1, 1] pads [1, 1] to [] groups 1
      : (tensor<2x8x8x3xf32>, tensor<4x3x3x3xf32>) -> tensor<2x8x8x4xf32>
  }], [{
    expects 'weights shape' to have 4 entries, but got 3
    %0 = dlc.conv %i, %w strides [1, 1] dilations [1, 1] pads [1, 1] to [1, 1] groups 1
      : (tensor<2x8x8x3xf32>, tensor<4x3x3xf32>) -> tensor<2x8x8x4xf32>
  }], [{
    expects 'result shape' to have 4 entries, but got 3
    %0 = dlc.conv %i, %w strides [1, 1] dilations [1, 1] pads [1, 1] to [1, 1] groups 1
      : (tensor<2x8x8x3xf32>, tensor<4x3x3x3xf32>) -> tensor<2x8x4xf32>
  }], [{
    expects 'groups' to divide 3 and 4 channels, but got 2
    %0 = dlc.conv %i, %w strides [1, 1] dilations [1, 1] pads [1, 1] to [1, 1] groups 2
      : (tensor<2x8x8x3xf32>, tensor<4x3x3x3xf32>) -> tensor<2x8x8x4xf32>
  }], [{
    expects spatial dim 0 to hold the kernel's reach of 19 at a stride of at least 1, but got size 10 with pads and stride 1
    %0 = dlc.conv %i, %w strides [1, 1] dilations [9, 1] pads [1, 1] to [1, 1] groups 1
      : (tensor<2x8x8x3xf32>, tensor<4x3x3x3xf32>) -> tensor<2x8x8x4xf32>
  }], [{
    expects weights dim 1 to be channels / groups, but got 2 and 3
    %0 = dlc.conv %i, %w strides [1, 1] dilations [1, 1] pads [1, 1] to [1, 1] groups 1
      : (tensor<2x8x8x3xf32>, tensor<4x2x3x3xf32>) -> tensor<2x8x8x4xf32>
  }], [{
    expects the convolution's output to have shape 2x8x8x4, but got 2x8x7x4
    %0 = dlc.conv %i, %w strides [1, 1] dilations [1, 1] pads [1, 1] to [1, 1] groups 1
      : (tensor<2x8x8x3xf32>, tensor<4x3x3x3xf32>) -> tensor<2x8x7x4xf32>
  }]];
}

def Dlc_ConvGradDataOp : Dlc_ConvBaseOp<"conv_grad_data"> {
  let summary = "the gradient of a convolution with respect to its input; also the transposed convolution";
  let description = "`grad` [N, spatial…, O], `weights` as in `dlc.conv`, result: shaped as the convolution's input.";
  let arguments = !con((ins Dlc_FloatTensor:$grad, Dlc_FloatTensor:$weights), Dlc_ConvGeometry);
  let results = (outs Dlc_FloatTensor:$result);
  let assemblyFormat = [{
    $grad `,` $weights `strides` $strides `dilations` $dilations `pads` $padsBegin `to` $padsEnd `groups` $groups attr-dict
    `:` functional-type(operands, results)
  }];
  let validExamples = [[{
    %0 = dlc.conv_grad_data %g, %w strides [1, 1] dilations [1, 1] pads [1, 1] to [1, 1] groups 1
      : (tensor<2x8x8x4xf32>, tensor<4x3x3x3xf32>) -> tensor<2x8x8x3xf32>
  }]];
  let invalidExamples = [[{
    expects the convolution's output to have shape 2x9x8x4, but got 2x8x8x4
    %0 = dlc.conv_grad_data %g, %w strides [1, 1] dilations [1, 1] pads [1, 1] to [1, 1] groups 1
      : (tensor<2x8x8x4xf32>, tensor<4x3x3x3xf32>) -> tensor<2x9x8x3xf32>
  }]];
}

def Dlc_ConvGradWeightsOp : Dlc_ConvBaseOp<"conv_grad_weights"> {
  let summary = "the gradient of a convolution with respect to its weights";
  let description = [{
    `src` [N, spatial…, C], `grad` [N, spatial…, O], result [O, C / groups, kernel…]; of 16-bit floats it may be f32: the sums before
    they are rounded.
  }];
  let arguments = !con((ins Dlc_FloatTensor:$src, Dlc_FloatTensor:$grad), Dlc_ConvGeometry);
  let results = (outs Dlc_FloatTensor:$result);
  let assemblyFormat = [{
    $src `,` $grad `strides` $strides `dilations` $dilations `pads` $padsBegin `to` $padsEnd `groups` $groups attr-dict
    `:` functional-type(operands, results)
  }];
  let validExamples = [[{
    %0 = dlc.conv_grad_weights %i, %g strides [1, 1] dilations [1, 1] pads [1, 1] to [1, 1] groups 1
      : (tensor<2x8x8x3xf32>, tensor<2x8x8x4xf32>) -> tensor<4x3x3x3xf32>
  }]];
  let invalidExamples = [[{
    expects the convolution's output to have shape 2x8x8x5, but got 2x8x8x4
    %0 = dlc.conv_grad_weights %i, %g strides [1, 1] dilations [1, 1] pads [1, 1] to [1, 1] groups 1
      : (tensor<2x8x8x3xf32>, tensor<2x8x8x4xf32>) -> tensor<5x3x3x3xf32>
  }]];
}

#endif
