#ifndef DLC_SHAPE_TD
#define DLC_SHAPE_TD

include "dialects/dlc/IR/DlcOpBase.td"

def Dlc_ConstantOp : Dlc_Op<"constant", "Shape", FollowOperands, [ConstantLike, AllTypesMatch<["value", "result"]>]> {
  let summary = "a tensor known at compile time";
  let arguments = (ins ElementsAttr:$value);
  let results = (outs Dlc_Tensor:$result);
  let assemblyFormat = "attr-dict $value";
  let hasFolder = 1;
  let validExamples = ["%0 = dlc.constant dense<[1.0, 2.0]> : tensor<2xf32>"];
}

def Dlc_IotaOp : Dlc_Op<"iota", "Shape", FollowOperands> {
  let summary = "each element is its index along one dim";
  let arguments = (ins I64Attr:$dim);
  let results = (outs Dlc_NumberTensor:$result);
  let assemblyFormat = "`dim` $dim attr-dict `:` type($result)";
  let hasVerifier = 1;
  let validExamples = ["%0 = dlc.iota dim 1 : tensor<2x3xi64>"];
  let invalidExamples = [[{
    expects 'dim' in [0, 2), but got 2
    %0 = dlc.iota dim 2 : tensor<2x3xi64>
  }]];
}

def Dlc_BroadcastOp : Dlc_Op<"broadcast", "Shape", FollowOperands> {
  let summary = "repeat a tensor along new or unit dims";
  let description = [{
    `dims[i]` is the dim of the result that dim `i` of the operand becomes; dims are strictly increasing. A dim of size 1 is
    repeated to the result's size; dims of the result that no operand dim maps to are new. (`dims` as in XLA's
    BroadcastInDim.)
  }];
  let arguments = (ins Dlc_Tensor:$operand, DenseI64ArrayAttr:$dims);
  let results = (outs Dlc_Tensor:$result);
  let assemblyFormat = "$operand `dims` $dims attr-dict `:` type($operand) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
  let validExamples = ["%0 = dlc.broadcast %x dims [1, 2] : tensor<2x3xf32> -> tensor<4x2x3xf32>"];
  let invalidExamples = [[{
    expects result to have element type 'f32', but got 'f64'
    %0 = dlc.broadcast %x dims [0, 1] : tensor<2x3xf32> -> tensor<2x3xf64>
  }], [{
    expects 'dims' to have 2 entries, but got 1
    %0 = dlc.broadcast %x dims [0] : tensor<2x3xf32> -> tensor<2x3xf32>
  }], [{
    expects 'dims' to be strictly increasing in [0, 3), but got 1 after 1
    %0 = dlc.broadcast %x dims [1, 1] : tensor<2x3xf32> -> tensor<4x2x3xf32>
  }], [{
    expects operand dim 1 to be 1 or the size of result dim 2, but got 3 and 5
    %0 = dlc.broadcast %x dims [1, 2] : tensor<2x3xf32> -> tensor<4x2x5xf32>
  }]];
}

def Dlc_ReshapeOp : Dlc_Op<"reshape", "Shape", FollowOperands> {
  let summary = "the same elements in row-major order under another shape";
  let arguments = (ins Dlc_Tensor:$operand);
  let results = (outs Dlc_Tensor:$result);
  let assemblyFormat = "$operand attr-dict `:` type($operand) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
  let hasCanonicalizer = 1;
  let validExamples = ["%0 = dlc.reshape %x : tensor<2x3xf32> -> tensor<6xf32>"];
  let invalidExamples = [[{
    expects operand and result to have equally many elements, but got 6 and 7
    %0 = dlc.reshape %x : tensor<2x3xf32> -> tensor<7xf32>
  }], [{
    expects result to have element type 'f32', but got 'i32'
    %0 = dlc.reshape %x : tensor<2x3xf32> -> tensor<6xi32>
  }]];
}

def Dlc_TransposeOp : Dlc_Op<"transpose", "Shape", FollowOperands, [InferTypeOpAdaptor]> {
  let summary = "permute dims: dim i of the result is dim permutation[i] of the operand";
  let arguments = (ins Dlc_Tensor:$operand, DenseI64ArrayAttr:$permutation);
  let results = (outs Dlc_Tensor:$result);
  let assemblyFormat = "$operand $permutation attr-dict `:` type($operand) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
  let hasCanonicalizer = 1;
  let validExamples = ["%0 = dlc.transpose %x [1, 0] : tensor<2x3xf32> -> tensor<3x2xf32>"];
  let invalidExamples = [[{
    expects 'permutation' to name each dim once, but got 0
    %0 = dlc.transpose %x [0, 0] : tensor<2x3xf32> -> tensor<2x2xf32>
  }], [{
    expects 'permutation' to have 2 entries, but got 1
    %0 = dlc.transpose %x [1] : tensor<2x3xf32> -> tensor<3xf32>
  }]];
}

def Dlc_SliceOp : Dlc_Op<"slice", "Shape", FollowOperands> {
  let summary = "a strided box of a tensor";
  let description = [{
    `result[i…] = operand[starts + i * steps …]`; every step is at least 1. The result's shape gives the sizes.
  }];
  let arguments = (ins Dlc_Tensor:$operand, DenseI64ArrayAttr:$starts, DenseI64ArrayAttr:$steps);
  let results = (outs Dlc_Tensor:$result);
  let assemblyFormat = "$operand `starts` $starts `steps` $steps attr-dict `:` type($operand) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
  let validExamples = ["%0 = dlc.slice %x starts [0, 1] steps [1, 2] : tensor<2x3xf32> -> tensor<2x1xf32>"];
  let invalidExamples = [[{
    expects result to have element type 'f32', but got 'f64'
    %0 = dlc.slice %x starts [0, 0] steps [1, 1] : tensor<2x3xf32> -> tensor<2x3xf64>
  }], [{
    expects 'starts' to have 2 entries, but got 1
    %0 = dlc.slice %x starts [0] steps [1, 1] : tensor<2x3xf32> -> tensor<2x3xf32>
  }], [{
    expects 'steps' to have 2 entries, but got 3
    %0 = dlc.slice %x starts [0, 0] steps [1, 1, 1] : tensor<2x3xf32> -> tensor<2x3xf32>
  }], [{
    expects 'result shape' to have 2 entries, but got 1
    %0 = dlc.slice %x starts [0, 0] steps [1, 1] : tensor<2x3xf32> -> tensor<3xf32>
  }], [{
    expects dim 1 to stay in [0, 3), but got start 1, step 2 and size 2
    %0 = dlc.slice %x starts [0, 1] steps [1, 2] : tensor<2x3xf32> -> tensor<2x2xf32>
  }], [{
    expects dim 0 to stay in [0, 2), but got start 0, step 0 and size 2
    %0 = dlc.slice %x starts [0, 0] steps [0, 1] : tensor<2x3xf32> -> tensor<2x3xf32>
  }]];
}

def Dlc_PadOp : Dlc_Op<"pad", "Shape", FollowOperands> {
  let summary = "place a tensor inside a larger one that holds a scalar elsewhere";
  let description = [{
    `result[low + i * (interior + 1)] = operand[i]` per dim; every other element is `value` (a tensor of rank 0). `low` and
    `interior` are at least 0; the result's shape gives what is added behind. The gradient of a strided slice.
  }];
  let arguments = (ins Dlc_Tensor:$operand, Dlc_Tensor:$value, DenseI64ArrayAttr:$low, DenseI64ArrayAttr:$interior);
  let results = (outs Dlc_Tensor:$result);
  let assemblyFormat = "$operand `,` $value `low` $low `interior` $interior attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let validExamples = ["%0 = dlc.pad %x, %s low [0, 1] interior [0, 0] : (tensor<2x3xf32>, tensor<f32>) -> tensor<2x5xf32>"];
  let invalidExamples = [[{
    expects result to have element type 'f32', but got 'f64'
    %0 = dlc.pad %x, %s low [0, 1] interior [0, 0] : (tensor<2x3xf32>, tensor<f32>) -> tensor<2x5xf64>
  }], [{
    expects value to have element type 'f32', but got 'f64'
    %0 = dlc.pad %x, %s low [0, 1] interior [0, 0] : (tensor<2x3xf32>, tensor<f64>) -> tensor<2x5xf32>
  }], [{
    expects value to have shape scalar, but got 3
    %0 = dlc.pad %x, %v low [0, 1] interior [0, 0] : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x5xf32>
  }], [{
    expects 'low' to have 2 entries, but got 1
    %0 = dlc.pad %x, %s low [0] interior [0, 0] : (tensor<2x3xf32>, tensor<f32>) -> tensor<2x5xf32>
  }], [{
    expects 'interior' to have 2 entries, but got 1
    %0 = dlc.pad %x, %s low [0, 1] interior [0] : (tensor<2x3xf32>, tensor<f32>) -> tensor<2x5xf32>
  }], [{
    expects 'result shape' to have 2 entries, but got 1
    %0 = dlc.pad %x, %s low [0, 1] interior [0, 0] : (tensor<2x3xf32>, tensor<f32>) -> tensor<10xf32>
  }], [{
    expects dim 1 to need at most 5 elements, but got 6
    %0 = dlc.pad %x, %s low [0, 1] interior [0, 1] : (tensor<2x3xf32>, tensor<f32>) -> tensor<2x5xf32>
  }], [{
    expects 'low' and 'interior' of dim 1 to be at least 0, but got -1 and 0
    %0 = dlc.pad %x, %s low [0, -1] interior [0, 0] : (tensor<2x3xf32>, tensor<f32>) -> tensor<2x5xf32>
  }]];
}

def Dlc_ConcatOp : Dlc_Op<"concat", "Shape", FollowOperands, [InferTypeOpAdaptor]> {
  let summary = "join tensors along a dim";
  let arguments = (ins Variadic<Dlc_Tensor>:$operands, I64Attr:$dim);
  let results = (outs Dlc_Tensor:$result);
  let assemblyFormat = "$operands `dim` $dim attr-dict `:` functional-type($operands, $result)";
  let hasVerifier = 1;
  let hasFolder = 1;
  let validExamples = ["%0 = dlc.concat %x, %x dim 0 : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<4x3xf32>"];
  let invalidExamples = [[{
    expects at least one operand, but got none
    %0 = dlc.concat dim 0 : () -> tensor<4x3xf32>
  }], [{
    expects 'dim' in [0, 2), but got 2
    %0 = dlc.concat %x dim 2 : (tensor<2x3xf32>) -> tensor<2x3xf32>
  }], [{
    expects operands of one rank and element type, but got 'tensor<2x3xf32>' and 'tensor<3xf32>'
    %0 = dlc.concat %x, %v dim 0 : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<3x3xf32>
  }], [{
    expects operands to differ in dim 0 alone, but got 'tensor<2x3xf32>' and 'tensor<2x2xf32>'
    %0 = dlc.concat %x, %y dim 0 : (tensor<2x3xf32>, tensor<2x2xf32>) -> tensor<4x3xf32>
  }]];
}

def Dlc_ReverseOp : Dlc_Op<"reverse", "Shape", FollowOperands, [SameOperandsAndResultType]> {
  let summary = "reverse the order along some dims";
  let arguments = (ins Dlc_Tensor:$operand, DenseI64ArrayAttr:$dims);
  let results = (outs Dlc_Tensor:$result);
  let assemblyFormat = "$operand `dims` $dims attr-dict `:` type($result)";
  let hasVerifier = 1;
  let validExamples = ["%0 = dlc.reverse %x dims [1] : tensor<2x3xf32>"];
  let invalidExamples = [[{
    expects 'dims' to be strictly increasing in [0, 2), but got 0 after 1
    %0 = dlc.reverse %x dims [1, 0] : tensor<2x3xf32>
  }]];
}

#endif
