#ifndef DLC_REDUCTION_TD
#define DLC_REDUCTION_TD

include "dialects/dlc/IR/DlcOpBase.td"

class Dlc_ReduceOp<string mnemonic, string meaning>
    : Dlc_Op<mnemonic, "Reduction", KeepF32, [InferTypeOpAdaptor]> {
  let summary = meaning # " over some dims, which are dropped";
  let description = "`dims` are strictly increasing. The result over no elements is the neutral one; for max and min the least and the largest number of the type.";
  let arguments = (ins Dlc_NumberTensor:$operand, DenseI64ArrayAttr:$dims);
  let results = (outs Dlc_NumberTensor:$result);
  let assemblyFormat = "$operand `dims` $dims attr-dict `:` type($operand) `->` type($result)";
  let hasVerifier = 1;
  let validExamples = ["%0 = dlc." # mnemonic # " %x dims [1] : tensor<2x3xf32> -> tensor<2xf32>"];
  let invalidExamples = [
    "expects 'dims' to be strictly increasing in [0, 2), but got 0 after 1\n%0 = dlc." # mnemonic # " %x dims [1, 0] : tensor<2x3xf32> -> tensor<f32>",
    "expects 'dims' to be strictly increasing in [0, 2), but got 2\n%0 = dlc." # mnemonic # " %x dims [2] : tensor<2x3xf32> -> tensor<2xf32>"];
}
def Dlc_ReduceSumOp : Dlc_ReduceOp<"reduce_sum", "the sum"> { let hasFolder = 1; }
def Dlc_ReduceProdOp : Dlc_ReduceOp<"reduce_prod", "the product">;
def Dlc_ReduceMaxOp : Dlc_ReduceOp<"reduce_max", "the largest element (NaN if there is one)">;
def Dlc_ReduceMinOp : Dlc_ReduceOp<"reduce_min", "the smallest element (NaN if there is one)">;

class Dlc_ArgReduceOp<string mnemonic, string meaning>
    : Dlc_Op<mnemonic, "Reduction", FollowOperands, [InferTypeOpAdaptor]> {
  let summary = "the index of " # meaning # " along one dim, which is dropped";
  let description = "Of equal elements the first counts, or the last with `last`. A NaN counts as the extreme.";
  let arguments = (ins Dlc_NumberTensor:$operand, I64Attr:$dim, UnitAttr:$last);
  let results = (outs StaticShapeTensorOf<[I64]>:$result);
  let assemblyFormat = "$operand `dim` $dim (`last` $last^)? attr-dict `:` type($operand) `->` type($result)";
  let hasVerifier = 1;
  let validExamples = ["%0 = dlc." # mnemonic # " %x dim 1 : tensor<2x3xf32> -> tensor<2xi64>"];
  let invalidExamples = [
    "expects 'dim' in [0, 2), but got 2\n%0 = dlc." # mnemonic # " %x dim 2 : tensor<2x3xf32> -> tensor<2x3xi64>",
    "expects dim 1 to have elements, but got size 0\n%0 = dlc." # mnemonic # " %x dim 1 : tensor<2x0xf32> -> tensor<2xi64>"];
}
def Dlc_ArgMaxOp : Dlc_ArgReduceOp<"arg_max", "the largest element">;
def Dlc_ArgMinOp : Dlc_ArgReduceOp<"arg_min", "the smallest element">;

def Dlc_CumSumOp : Dlc_Op<"cumsum", "Reduction", KeepF32, [SameOperandsAndResultType]> {
  let summary = "running sums along one dim";
  let description = "`exclusive` leaves the own element out; `reverse` runs from the end.";
  let arguments = (ins Dlc_NumberTensor:$operand, I64Attr:$dim, UnitAttr:$exclusive, UnitAttr:$reverse);
  let results = (outs Dlc_NumberTensor:$result);
  let assemblyFormat = "$operand `dim` $dim (`exclusive` $exclusive^)? (`reverse` $reverse^)? attr-dict `:` type($result)";
  let hasVerifier = 1;
  let validExamples = ["%0 = dlc.cumsum %x dim 1 : tensor<2x3xf32>"];
  let invalidExamples = [[{
    expects 'dim' in [0, 2), but got 2
    %0 = dlc.cumsum %x dim 2 : tensor<2x3xf32>
  }]];
}

#endif
