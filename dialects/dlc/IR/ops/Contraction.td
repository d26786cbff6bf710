#ifndef DLC_CONTRACTION_TD
#define DLC_CONTRACTION_TD

include "dialects/dlc/IR/DlcOpBase.td"

def Dlc_DotGeneralOp : Dlc_Op<"dot_general", "Contraction", LowerFreely, [InferTypeOpAdaptor]> {
  let summary = "multiply and sum over contracted dims, batch dims in parallel";
  let description = [{
    The result's dims are the batch dims, then the free dims of `lhs`, then those of `rhs`, each in operand order. (StableHLO
    dot_general.) Sums in at least f32 for floats; integers wrap.
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
}

def Dlc_ConvGradWeightsOp : Dlc_ConvBaseOp<"conv_grad_weights"> {
  let summary = "the gradient of a convolution with respect to its weights";
  let description = "`src` [N, spatial…, C], `grad` [N, spatial…, O], result [O, C / groups, kernel…].";
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
}

#endif
