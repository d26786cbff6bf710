#ifndef DLC_RANDOM_TD
#define DLC_RANDOM_TD

include "dialects/dlc/IR/DlcOpBase.td"

def Dlc_RandomUniformOp : Dlc_Op<"random_uniform", "Random", KeepF32> {
  let summary = "uniform numbers in [0, 1), each a function of state, stream and the element's index alone";
  let description = [{
    Philox4x32-10 (Salmon et al., SC'11): key = `state[0]` (the seed), counter = (element index, `stream`, `state[1]` (calls so far)). The same
    numbers come out on every device, for every thread count and sharding, and wherever a kernel recomputes them.
  }];
  let arguments = (ins StaticShapeTensorOf<[I64]>:$state, I64Attr:$stream);
  let results = (outs Dlc_FloatTensor:$result);
  let assemblyFormat = "$state `stream` $stream attr-dict `:` type($state) `->` type($result)";
  let hasVerifier = 1;
  let validExamples = ["%0 = dlc.random_uniform %r stream 3 : tensor<2xi64> -> tensor<2x3xf32>"];
}

#endif
