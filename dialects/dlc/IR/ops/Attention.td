#ifndef DLC_ATTENTION_TD
#define DLC_ATTENTION_TD

include "dialects/dlc/IR/DlcOpBase.td"

def Dlc_AttentionTensor : StaticShapeTensorOf<[F64, F32, F16, BF16]>;
/// i1 (true: the key is seen), or numbers that are added to the scores.
def Dlc_AttentionMask : StaticShapeTensorOf<[I1, F64, F32]>;
/// What is summed over keys or rows: wide enough for sums of narrow products.
def Dlc_RowStatistic : StaticShapeTensorOf<[F64, F32]>;

class Dlc_AttentionBaseOp<string mnemonic> : Dlc_Op<mnemonic, "Attention", LowerFreely> {
  let hasVerifier = 1;
  let moreDeclarations = [{
    bool staysWide(::mlir::Value value);
  }];
}

def Dlc_AttentionOp : Dlc_AttentionBaseOp<"attention"> {
  let summary = "softmax(scale q k^T + mask) v, without its scores in memory";
  let description = [{
    `q` [batch…, rows, depth], `k` [batch…, keys, depth], `v` [batch…, keys, width]; `output` [batch…, rows, width]. `logsumexp`
    [batch…, rows] is ln sum e^score over the keys of a row: with it the gradient makes the probabilities again, which are never in memory.

    `mask` has the rank of the scores [batch…, rows, keys] and in each dim their size or 1. Booleans say which keys a row sees, numbers are
    added to its scores. With `causal`, row i sees keys 0 to i. A row that sees no key (all its scores are minus infinity) has an output of 0.

    Scores, softmax and sums are f32 for 16-bit operands; `logsumexp` and a mask of numbers are f32, or f64 for f64.
  }];
  let arguments = (ins Dlc_AttentionTensor:$q, Dlc_AttentionTensor:$k, Dlc_AttentionTensor:$v, Optional<Dlc_AttentionMask>:$mask,
                       F64Attr:$scale, UnitAttr:$causal);
  let results = (outs Dlc_AttentionTensor:$output, Dlc_RowStatistic:$logsumexp);
  let assemblyFormat = [{
    $q `,` $k `,` $v (`mask` $mask^)? `scale` $scale (`causal` $causal^)? attr-dict `:` functional-type(operands, results)
  }];
  let validExamples = [[{
    %0:2 = dlc.attention %x, %u, %u scale 5.0e-1 : (tensor<2x3xf32>, tensor<5x3xf32>, tensor<5x3xf32>) -> (tensor<2x3xf32>, tensor<2xf32>)
  }], [{
    %0:2 = dlc.attention %q, %q, %q scale 1.0 causal
      : (tensor<2x4x6x8xbf16>, tensor<2x4x6x8xbf16>, tensor<2x4x6x8xbf16>) -> (tensor<2x4x6x8xbf16>, tensor<2x4x6xf32>)
  }], [{
    %0:2 = dlc.attention %q, %k, %k mask %m scale 1.0
      : (tensor<4x6x8xf32>, tensor<4x5x8xf32>, tensor<4x5x8xf32>, tensor<1x6x5xi1>) -> (tensor<4x6x8xf32>, tensor<4x6xf32>)
  }]];
  let invalidExamples = [[{
    expects q of rank at least 2, but got 1
    %0:2 = dlc.attention %x, %x, %x scale 1.0 : (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<f32>)
  }], [{
    expects k to have element type 'f32', but got 'f64'
    %0:2 = dlc.attention %x, %k, %v scale 1.0 : (tensor<2x3xf32>, tensor<5x3xf64>, tensor<5x3xf32>) -> (tensor<2x3xf32>, tensor<2xf32>)
  }], [{
    expects k of rank 2, but got 3
    %0:2 = dlc.attention %x, %k, %v scale 1.0 : (tensor<2x3xf32>, tensor<1x5x3xf32>, tensor<5x3xf32>) -> (tensor<2x3xf32>, tensor<2xf32>)
  }], [{
    expects k to have shape 5x3, but got 5x4
    %0:2 = dlc.attention %x, %k, %v scale 1.0 : (tensor<2x3xf32>, tensor<5x4xf32>, tensor<5x3xf32>) -> (tensor<2x3xf32>, tensor<2xf32>)
  }], [{
    expects v to have shape 5x3, but got 4x3
    %0:2 = dlc.attention %x, %k, %v scale 1.0 : (tensor<2x3xf32>, tensor<5x3xf32>, tensor<4x3xf32>) -> (tensor<2x3xf32>, tensor<2xf32>)
  }], [{
    expects output to have shape 2x4, but got 2x3
    %0:2 = dlc.attention %x, %k, %v scale 1.0 : (tensor<2x3xf32>, tensor<5x3xf32>, tensor<5x4xf32>) -> (tensor<2x3xf32>, tensor<2xf32>)
  }], [{
    expects logsumexp to have shape 2, but got 5
    %0:2 = dlc.attention %x, %k, %v scale 1.0 : (tensor<2x3xf32>, tensor<5x3xf32>, tensor<5x3xf32>) -> (tensor<2x3xf32>, tensor<5xf32>)
  }], [{
    expects logsumexp to have element type 'f32', but got 'f64'
    %0:2 = dlc.attention %x, %k, %v scale 1.0 : (tensor<2x3xf32>, tensor<5x3xf32>, tensor<5x3xf32>) -> (tensor<2x3xf32>, tensor<2xf64>)
  }], [{
    expects mask to broadcast to shape 2x5, but got 2x3
    %0:2 = dlc.attention %x, %k, %k mask %m scale 1.0
      : (tensor<2x3xf32>, tensor<5x3xf32>, tensor<5x3xf32>, tensor<2x3xi1>) -> (tensor<2x3xf32>, tensor<2xf32>)
  }], [{
    expects mask to have element type 'f32', but got 'f64'
    %0:2 = dlc.attention %x, %k, %k mask %m scale 1.0
      : (tensor<2x3xf32>, tensor<5x3xf32>, tensor<5x3xf32>, tensor<2x5xf64>) -> (tensor<2x3xf32>, tensor<2xf32>)
  }]];
}

def Dlc_AttentionGradOp : Dlc_AttentionBaseOp<"attention_grad"> {
  let summary = "the gradients of attention with respect to q, k and v";
  let description = [{
    Operands as of `dlc.attention`, with its results `output` and `logsumexp`, and the gradient `grad` of `output`. With
    `p = e^(score - logsumexp)` and `ds = p * (grad v^T - sum over width of grad * output)`:
    `dq = scale ds k`, `dk = scale ds^T q`, `dv = p^T grad`.
  }];
  let arguments = (ins Dlc_AttentionTensor:$grad, Dlc_AttentionTensor:$q, Dlc_AttentionTensor:$k, Dlc_AttentionTensor:$v,
                       Dlc_AttentionTensor:$output, Dlc_RowStatistic:$logsumexp, Optional<Dlc_AttentionMask>:$mask,
                       F64Attr:$scale, UnitAttr:$causal);
  let results = (outs Dlc_AttentionTensor:$dq, Dlc_AttentionTensor:$dk, Dlc_AttentionTensor:$dv);
  let assemblyFormat = [{
    $grad `,` $q `,` $k `,` $v `,` $output `,` $logsumexp (`mask` $mask^)? `scale` $scale (`causal` $causal^)? attr-dict
    `:` functional-type(operands, results)
  }];
  let validExamples = [[{
    %0:3 = dlc.attention_grad %g, %x, %u, %v, %g, %l scale 5.0e-1
      : (tensor<2x4xf32>, tensor<2x3xf32>, tensor<5x3xf32>, tensor<5x4xf32>, tensor<2x4xf32>, tensor<2xf32>)
      -> (tensor<2x3xf32>, tensor<5x3xf32>, tensor<5x4xf32>)
  }]];
  let invalidExamples = [[{
    expects grad to have shape 2x4, but got 2x3
    %0:3 = dlc.attention_grad %g, %x, %u, %v, %o, %l scale 1.0
      : (tensor<2x3xf32>, tensor<2x3xf32>, tensor<5x3xf32>, tensor<5x4xf32>, tensor<2x4xf32>, tensor<2xf32>)
      -> (tensor<2x3xf32>, tensor<5x3xf32>, tensor<5x4xf32>)
  }], [{
    expects dk to have shape 5x3, but got 2x3
    %0:3 = dlc.attention_grad %g, %x, %u, %v, %g, %l scale 1.0
      : (tensor<2x4xf32>, tensor<2x3xf32>, tensor<5x3xf32>, tensor<5x4xf32>, tensor<2x4xf32>, tensor<2xf32>)
      -> (tensor<2x3xf32>, tensor<2x3xf32>, tensor<5x4xf32>)
  }], [{
    expects dv to have element type 'f32', but got 'f64'
    %0:3 = dlc.attention_grad %g, %x, %u, %v, %g, %l scale 1.0
      : (tensor<2x4xf32>, tensor<2x3xf32>, tensor<5x3xf32>, tensor<5x4xf32>, tensor<2x4xf32>, tensor<2xf32>)
      -> (tensor<2x3xf32>, tensor<5x3xf32>, tensor<5x4xf64>)
  }]];
}

#endif
