#ifndef DLC_RANDOM_TD
#define DLC_RANDOM_TD

include "dialects/dlc/IR/DlcOpBase.td"

def Dlc_RandomUniformOp : Dlc_Op<"random_uniform", "Random", KeepF32> {
  let summary = "uniform numbers in [0, 1), each a function of state, stream and the element's index alone";
  let description = [{
    Philox4x32-10 (Salmon et al., SC'11) with, in 32-bit words and i the row-major index of the element,

        key     = (seed mod 2^32, seed / 2^32)                 seed  = state[0]
        counter = (i mod 2^32, i / 2^32, stream, calls)        calls = state[1] mod 2^32

    From the four result words w0 … w3 come 53 bits `(w0 >> 5) * 2^26 + (w1 >> 6)`, of which the upper p make the number `bits * 2^-p`, where p is the precision of the element type in
    bits: 53 for f64, 24 for f32 (so `(w0 >> 8) * 2^-24`), 11 for f16, 8 for bf16, 4 for f8E4M3FN, 3 for f8E5M2. It is exact and below 1. The same
    numbers come out on every device, for every thread count and sharding, and wherever a kernel recomputes them.
  }];
  let arguments = (ins StaticShapeTensorOf<[I64]>:$state, I64Attr:$stream);
  let results = (outs Dlc_FloatTensor:$result);
  let assemblyFormat = "$state `stream` $stream attr-dict `:` type($state) `->` type($result)";
  let hasVerifier = 1;
  let validExamples = ["%0 = dlc.random_uniform %r stream 3 : tensor<2xi64> -> tensor<2x3xf32>"];
  let invalidExamples = [[{
    expects 'stream' to be in [0, 2^32), but got -1
    %0 = dlc.random_uniform %r stream -1 : tensor<2xi64> -> tensor<2x3xf32>
  }], [{
    expects state to have shape 2, but got 3
    %0 = dlc.random_uniform %r stream 3 : tensor<3xi64> -> tensor<2x3xf32>
  }]];
}

#endif
