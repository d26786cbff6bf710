#ifndef DLC_LOSS_TD
#define DLC_LOSS_TD

include "dialects/dlc/IR/DlcOpBase.td"

def Dlc_CrossEntropyOp : Dlc_Op<"cross_entropy", "Loss", KeepF32> {
  let summary = "-ln softmax(logits)[target] per row";
  let description = [{
    `logits` [rows…, classes], `targets` [rows…]: `loss = logsumexp(logits) - logits[target]`, and 0 where the target is `ignore`.
    `logsumexp` is result 1 (for the gradient). A target that is no class and not `ignore` gives NaN; the runtime rejects such inputs.
  }];
  let arguments = (ins Dlc_FloatTensor:$logits, Dlc_IndexTensor:$targets, I64Attr:$ignore);
  let results = (outs Dlc_FloatTensor:$loss, Dlc_FloatTensor:$logsumexp);
  let assemblyFormat = "$logits `,` $targets `ignore` $ignore attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let validExamples = ["%0:2 = dlc.cross_entropy %x, %t ignore -100 : (tensor<2x3xf32>, tensor<2xi64>) -> (tensor<2xf32>, tensor<2xf32>)"];
  let invalidExamples = [[{
    expects logits of rank at least 1, but got 0
    %0:2 = dlc.cross_entropy %s, %t ignore -100 : (tensor<f32>, tensor<i64>) -> (tensor<f32>, tensor<f32>)
  }], [{
    expects targets to have shape 2, but got 3
    %0:2 = dlc.cross_entropy %x, %t ignore -100 : (tensor<2x3xf32>, tensor<3xi64>) -> (tensor<2xf32>, tensor<2xf32>)
  }], [{
    expects loss to have shape 2, but got 3
    %0:2 = dlc.cross_entropy %x, %t ignore -100 : (tensor<2x3xf32>, tensor<2xi64>) -> (tensor<3xf32>, tensor<2xf32>)
  }], [{
    expects logsumexp to have shape 2, but got 3
    %0:2 = dlc.cross_entropy %x, %t ignore -100 : (tensor<2x3xf32>, tensor<2xi64>) -> (tensor<2xf32>, tensor<3xf32>)
  }], [{
    expects loss to have element type 'f32', but got 'f64'
    %0:2 = dlc.cross_entropy %x, %t ignore -100 : (tensor<2x3xf32>, tensor<2xi64>) -> (tensor<2xf64>, tensor<2xf32>)
  }], [{
    expects logsumexp to have element type 'f32', but got 'f64'
    %0:2 = dlc.cross_entropy %x, %t ignore -100 : (tensor<2x3xf32>, tensor<2xi64>) -> (tensor<2xf32>, tensor<2xf64>)
  }]];
}

#endif
