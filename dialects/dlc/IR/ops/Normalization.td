#ifndef DLC_NORMALIZATION_TD
#define DLC_NORMALIZATION_TD

include "dialects/dlc/IR/DlcOpBase.td"

class Dlc_SoftmaxLikeOp<string mnemonic, string meaning>
    : Dlc_Op<mnemonic, "Normalization", KeepF32, [SameOperandsAndResultType]> {
  let summary = meaning # " along one dim";
  let arguments = (ins Dlc_FloatTensor:$operand, I64Attr:$dim);
  let results = (outs Dlc_FloatTensor:$result);
  let assemblyFormat = "$operand `dim` $dim attr-dict `:` type($result)";
  let hasVerifier = 1;
  let validExamples = ["%0 = dlc." # mnemonic # " %x dim 1 : tensor<2x3xf32>"];
  let invalidExamples = ["expects 'dim' in [0, 2), but got 2\n%0 = dlc." # mnemonic # " %x dim 2 : tensor<2x3xf32>"];
}
def Dlc_SoftmaxOp : Dlc_SoftmaxLikeOp<"softmax", "e^x / sum e^x, computed as e^(x - max x)">;
def Dlc_LogSoftmaxOp : Dlc_SoftmaxLikeOp<"log_softmax", "x - ln sum e^x, computed from x - max x">;

def Dlc_LayerNormOp : Dlc_Op<"layer_norm", "Normalization", KeepF32> {
  let summary = "normalize over the last dims, then scale and shift";
  let description = [{
    Over the dims from `axis` on: `y = (x - mean) * rstd * scale + bias`, `rstd = 1 / sqrt(variance + epsilon)`, variance biased. `scale` and
    `bias` have the shape of those dims; `mean` and `rstd` that of the dims before. (ONNX LayerNormalization-17.)
  }];
  let arguments = (ins Dlc_FloatTensor:$operand, Dlc_FloatTensor:$scale, Dlc_FloatTensor:$bias, I64Attr:$axis, F64Attr:$epsilon);
  let results = (outs Dlc_FloatTensor:$result, Dlc_FloatTensor:$mean, Dlc_FloatTensor:$rstd);
  let assemblyFormat = [{
    $operand `,` $scale `,` $bias `axis` $axis `epsilon` $epsilon attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let validExamples = [[{
    %0:3 = dlc.layer_norm %x, %v, %v axis 1 epsilon 1.0e-5 : (tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<2x3xf32>, tensor<2xf32>, tensor<2xf32>)
  }]];
  let invalidExamples = [[{
    expects 'dim' in [0, 2), but got 2
    %0:3 = dlc.layer_norm %x, %v, %v axis 2 epsilon 1.0e-5
      : (tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<2x3xf32>, tensor<2xf32>, tensor<2xf32>)
  }], [{
    expects scale to have shape 3, but got 2
    %0:3 = dlc.layer_norm %x, %a, %b axis 1 epsilon 1.0e-5
      : (tensor<2x3xf32>, tensor<2xf32>, tensor<3xf32>) -> (tensor<2x3xf32>, tensor<2xf32>, tensor<2xf32>)
  }], [{
    expects bias to have shape 3, but got 2
    %0:3 = dlc.layer_norm %x, %a, %b axis 1 epsilon 1.0e-5
      : (tensor<2x3xf32>, tensor<3xf32>, tensor<2xf32>) -> (tensor<2x3xf32>, tensor<2xf32>, tensor<2xf32>)
  }], [{
    expects mean to have shape 2, but got 3
    %0:3 = dlc.layer_norm %x, %a, %b axis 1 epsilon 1.0e-5
      : (tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<2x3xf32>, tensor<3xf32>, tensor<2xf32>)
  }], [{
    expects rstd to have shape 2, but got 3
    %0:3 = dlc.layer_norm %x, %a, %b axis 1 epsilon 1.0e-5
      : (tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<2x3xf32>, tensor<2xf32>, tensor<3xf32>)
  }], [{
    expects result to have shape 2x3, but got 3x3
    %0:3 = dlc.layer_norm %x, %a, %b axis 1 epsilon 1.0e-5
      : (tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<3x3xf32>, tensor<2xf32>, tensor<2xf32>)
  }], [{
    expects bias to have element type 'f32', but got 'f64'
    %0:3 = dlc.layer_norm %x, %a, %b axis 1 epsilon 1.0e-5
      : (tensor<2x3xf32>, tensor<3xf32>, tensor<3xf64>) -> (tensor<2x3xf32>, tensor<2xf32>, tensor<2xf32>)
  }]];
}

def Dlc_BatchNormOp : Dlc_Op<"batch_norm", "Normalization", KeepF32> {
  let summary = "normalize each channel over the batch, then scale and shift (training form)";
  let description = [{
    Over every dim but `channel`: `y = (x - mean) / sqrt(variance + epsilon) * scale + bias` with the batch's mean and biased variance, which
    are results 1 and 2. The inference form is written in elementwise ops.
  }];
  let arguments = (ins Dlc_FloatTensor:$operand, Dlc_FloatTensor:$scale, Dlc_FloatTensor:$bias, I64Attr:$channel, F64Attr:$epsilon);
  let results = (outs Dlc_FloatTensor:$result, Dlc_FloatTensor:$mean, Dlc_FloatTensor:$variance);
  let assemblyFormat = [{
    $operand `,` $scale `,` $bias `channel` $channel `epsilon` $epsilon attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let validExamples = [[{
    %0:3 = dlc.batch_norm %x, %v, %v channel 1 epsilon 1.0e-5 : (tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>)
  }]];
  let invalidExamples = [[{
    expects 'dim' in [0, 2), but got 2
    %0:3 = dlc.batch_norm %x, %a, %b channel 2 epsilon 1.0e-5
      : (tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>)
  }], [{
    expects scale to have shape 3, but got 2
    %0:3 = dlc.batch_norm %x, %a, %b channel 1 epsilon 1.0e-5
      : (tensor<2x3xf32>, tensor<2xf32>, tensor<3xf32>) -> (tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>)
  }], [{
    expects bias to have shape 3, but got 2
    %0:3 = dlc.batch_norm %x, %a, %b channel 1 epsilon 1.0e-5
      : (tensor<2x3xf32>, tensor<3xf32>, tensor<2xf32>) -> (tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>)
  }], [{
    expects mean to have shape 3, but got 2
    %0:3 = dlc.batch_norm %x, %a, %b channel 1 epsilon 1.0e-5
      : (tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<2x3xf32>, tensor<2xf32>, tensor<3xf32>)
  }], [{
    expects variance to have shape 3, but got 2
    %0:3 = dlc.batch_norm %x, %a, %b channel 1 epsilon 1.0e-5
      : (tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<2x3xf32>, tensor<3xf32>, tensor<2xf32>)
  }], [{
    expects result to have shape 2x3, but got 3x3
    %0:3 = dlc.batch_norm %x, %a, %b channel 1 epsilon 1.0e-5
      : (tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<3x3xf32>, tensor<3xf32>, tensor<3xf32>)
  }], [{
    expects mean to have element type 'f32', but got 'f64'
    %0:3 = dlc.batch_norm %x, %a, %b channel 1 epsilon 1.0e-5
      : (tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<2x3xf32>, tensor<3xf64>, tensor<3xf32>)
  }]];
}

#endif
