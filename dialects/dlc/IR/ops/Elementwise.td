#ifndef DLC_ELEMENTWISE_TD
#define DLC_ELEMENTWISE_TD

include "dialects/dlc/IR/DlcOpBase.td"

//===- Unary -----------------------------------------------------------------------------------------------------===//

class Dlc_UnaryOp<string mnemonic, TypeConstraint type, string meaning, Dlc_PrecisionClass precision = FollowOperands>
    : Dlc_Op<mnemonic, "Elementwise", precision, [SameOperandsAndResultType, Elementwise]> {
  let summary = meaning;
  let description = "`result[i] = " # meaning # "` for every element of `operand`.";
  let arguments = (ins type:$operand);
  let results = (outs type:$result);
  let assemblyFormat = "$operand attr-dict `:` type($result)";
  let hasFolder = 0;
  let validExamples = ["%0 = dlc." # mnemonic # " %x : tensor<2x3xf32>"];
}

def Dlc_NegOp : Dlc_UnaryOp<"neg", Dlc_NumberTensor, "-x">;
def Dlc_AbsOp : Dlc_UnaryOp<"abs", Dlc_NumberTensor, "|x|">;
def Dlc_SignOp : Dlc_UnaryOp<"sign", Dlc_NumberTensor, "-1, 0 or 1 by the sign of x; NaN for NaN">;
def Dlc_ReluOp : Dlc_UnaryOp<"relu", Dlc_NumberTensor, "x if x > 0, else 0; NaN for NaN">;
def Dlc_FloorOp : Dlc_UnaryOp<"floor", Dlc_FloatTensor, "the largest whole number not above x">;
def Dlc_CeilOp : Dlc_UnaryOp<"ceil", Dlc_FloatTensor, "the least whole number not below x">;
def Dlc_RoundOp : Dlc_UnaryOp<"round", Dlc_FloatTensor, "x rounded to the nearest whole number, ties to even">;
def Dlc_ExpOp : Dlc_UnaryOp<"exp", Dlc_FloatTensor, "e^x", KeepF32>;
def Dlc_Expm1Op : Dlc_UnaryOp<"expm1", Dlc_FloatTensor, "e^x - 1", KeepF32>;
def Dlc_LogOp : Dlc_UnaryOp<"log", Dlc_FloatTensor, "ln x", KeepF32>;
def Dlc_Log1pOp : Dlc_UnaryOp<"log1p", Dlc_FloatTensor, "ln (1 + x)", KeepF32>;
def Dlc_SqrtOp : Dlc_UnaryOp<"sqrt", Dlc_FloatTensor, "the square root of x", KeepF32>;
def Dlc_RsqrtOp : Dlc_UnaryOp<"rsqrt", Dlc_FloatTensor, "1 / sqrt x", KeepF32>;
def Dlc_SinOp : Dlc_UnaryOp<"sin", Dlc_FloatTensor, "sin x", KeepF32>;
def Dlc_CosOp : Dlc_UnaryOp<"cos", Dlc_FloatTensor, "cos x", KeepF32>;
def Dlc_TanOp : Dlc_UnaryOp<"tan", Dlc_FloatTensor, "tan x", KeepF32>;
def Dlc_AsinOp : Dlc_UnaryOp<"asin", Dlc_FloatTensor, "arcsin x", KeepF32>;
def Dlc_AcosOp : Dlc_UnaryOp<"acos", Dlc_FloatTensor, "arccos x", KeepF32>;
def Dlc_AtanOp : Dlc_UnaryOp<"atan", Dlc_FloatTensor, "arctan x", KeepF32>;
def Dlc_SinhOp : Dlc_UnaryOp<"sinh", Dlc_FloatTensor, "sinh x", KeepF32>;
def Dlc_CoshOp : Dlc_UnaryOp<"cosh", Dlc_FloatTensor, "cosh x", KeepF32>;
def Dlc_TanhOp : Dlc_UnaryOp<"tanh", Dlc_FloatTensor, "tanh x">;
def Dlc_AsinhOp : Dlc_UnaryOp<"asinh", Dlc_FloatTensor, "arsinh x", KeepF32>;
def Dlc_AcoshOp : Dlc_UnaryOp<"acosh", Dlc_FloatTensor, "arcosh x", KeepF32>;
def Dlc_AtanhOp : Dlc_UnaryOp<"atanh", Dlc_FloatTensor, "artanh x", KeepF32>;
def Dlc_ErfOp : Dlc_UnaryOp<"erf", Dlc_FloatTensor, "the error function of x">;
def Dlc_SigmoidOp : Dlc_UnaryOp<"sigmoid", Dlc_FloatTensor, "1 / (1 + e^-x)">;
def Dlc_NotOp : Dlc_UnaryOp<"not", Dlc_BitsTensor, "the bits of x inverted"> {
  let validExamples = ["%0 = dlc.not %x : tensor<2x3xi1>"];
}

class Dlc_FloatTestOp<string mnemonic, string meaning>
    : Dlc_Op<mnemonic, "Elementwise", FollowOperands, [Elementwise, SameOperandsAndResultShape,
             InferTypeOpAdaptor]> {
  let summary = meaning;
  let arguments = (ins Dlc_FloatTensor:$operand);
  let results = (outs Dlc_BoolTensor:$result);
  let assemblyFormat = "$operand attr-dict `:` type($operand)";
  let validExamples = ["%0 = dlc." # mnemonic # " %x : tensor<2x3xf32>"];
}
def Dlc_IsNanOp : Dlc_FloatTestOp<"is_nan", "whether x is not a number">;
def Dlc_IsInfOp : Dlc_FloatTestOp<"is_inf", "whether x is infinite">;

def Dlc_CastOp : Dlc_Op<"cast", "Elementwise", FollowOperands, [Elementwise, SameOperandsAndResultShape]> {
  let summary = "convert the element type";
  let description = [{
    Float to float rounds to nearest even; float to integer truncates toward zero and saturates (NaN gives 0); a number to
    `i1` is `x != 0`; `i1` to a number gives 0 or 1; integer to a narrower integer wraps.
  }];
  let arguments = (ins Dlc_Tensor:$operand);
  let results = (outs Dlc_Tensor:$result);
  let assemblyFormat = "$operand attr-dict `:` type($operand) `->` type($result)";
  let hasFolder = 1;
  let validExamples = ["%0 = dlc.cast %x : tensor<2x3xf32> -> tensor<2x3xi64>"];
}

//===- Binary ----------------------------------------------------------------------------------------------------===//

class Dlc_BinaryOp<string mnemonic, TypeConstraint type, string meaning, list<Trait> traits = [],
                   Dlc_PrecisionClass precision = FollowOperands>
    : Dlc_Op<mnemonic, "Elementwise", precision, !listconcat([SameOperandsAndResultType, Elementwise], traits)> {
  let summary = meaning;
  let description = "`result[i] = " # meaning # "` for every element; operands of different shape need `dlc.broadcast`.";
  let arguments = (ins type:$lhs, type:$rhs);
  let results = (outs type:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` type($result)";
  let validExamples = ["%0 = dlc." # mnemonic # " %x, %x : tensor<2x3xf32>"];
}

def Dlc_AddOp : Dlc_BinaryOp<"add", Dlc_NumberTensor, "x + y", [Commutative]> { let hasFolder = 1; }
def Dlc_SubOp : Dlc_BinaryOp<"sub", Dlc_NumberTensor, "x - y"> { let hasFolder = 1; }
def Dlc_MulOp : Dlc_BinaryOp<"mul", Dlc_NumberTensor, "x y", [Commutative]> { let hasFolder = 1; }
def Dlc_DivOp : Dlc_BinaryOp<"div", Dlc_NumberTensor, "x / y; integers truncate toward zero, and x / 0 is 0"> {
  let hasFolder = 1;
}
def Dlc_PowOp : Dlc_BinaryOp<"pow", Dlc_FloatTensor, "x^y", [], KeepF32> { let hasCanonicalizer = 1; }
def Dlc_MaxOp : Dlc_BinaryOp<"max", Dlc_NumberTensor, "the larger of x and y; NaN if either is", [Commutative]>;
def Dlc_MinOp : Dlc_BinaryOp<"min", Dlc_NumberTensor, "the smaller of x and y; NaN if either is", [Commutative]>;
def Dlc_RemOp : Dlc_BinaryOp<"rem", Dlc_NumberTensor,
    "the remainder of x / y with the sign of x (C fmod); integers by 0 give 0">;
def Dlc_ModOp : Dlc_BinaryOp<"mod", Dlc_NumberTensor,
    "the remainder of x / y with the sign of y (Python %); integers by 0 give 0">;
class Dlc_BitsOp<string mnemonic, string meaning, list<Trait> traits = []>
    : Dlc_BinaryOp<mnemonic, Dlc_BitsTensor, meaning, traits> {
  let validExamples = ["%0 = dlc." # mnemonic # " %x, %x : tensor<2x3xi32>"];
}
def Dlc_AndOp : Dlc_BitsOp<"and", "bitwise x and y", [Commutative]>;
def Dlc_OrOp : Dlc_BitsOp<"or", "bitwise x or y", [Commutative]>;
def Dlc_XorOp : Dlc_BitsOp<"xor", "bitwise x xor y", [Commutative]>;
def Dlc_ShiftLeftOp : Dlc_BitsOp<"shift_left", "x shifted left by y bits; 0 if y is at least the width">;
def Dlc_ShiftRightOp : Dlc_BitsOp<"shift_right",
    "x shifted right by y bits, arithmetic for signed types; 0 (or the sign) if y is at least the width">;

def Dlc_CompareOp : Dlc_Op<"compare", "Elementwise", FollowOperands,
    [Elementwise, SameTypeOperands, SameOperandsAndResultShape, InferTypeOpAdaptor]> {
  let summary = "compare two tensors element by element";
  let description = "Comparisons with NaN are false, but for `ne`, which is true (IEEE 754).";
  let arguments = (ins Dlc_ComparePredicateAttr:$predicate, Dlc_Tensor:$lhs, Dlc_Tensor:$rhs);
  let results = (outs Dlc_BoolTensor:$result);
  let assemblyFormat = "$predicate $lhs `,` $rhs attr-dict `:` type($lhs)";
  let validExamples = ["%0 = dlc.compare lt %x, %x : tensor<2x3xf32>"];
}

def Dlc_SelectOp : Dlc_Op<"select", "Elementwise", FollowOperands,
    [Elementwise, AllTypesMatch<["onTrue", "onFalse", "result"]>, AllShapesMatch<["condition", "onTrue"]>]> {
  let summary = "choose between two tensors element by element";
  let arguments = (ins Dlc_BoolTensor:$condition, Dlc_Tensor:$onTrue, Dlc_Tensor:$onFalse);
  let results = (outs Dlc_Tensor:$result);
  let assemblyFormat = "$condition `,` $onTrue `,` $onFalse attr-dict `:` type($condition) `,` type($result)";
  let hasFolder = 1;
  let validExamples = ["%0 = dlc.select %c, %x, %x : tensor<2x3xi1>, tensor<2x3xf32>"];
}

#endif
