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
}

#endif
