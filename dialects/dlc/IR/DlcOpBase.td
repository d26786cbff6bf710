#ifndef DLC_OP_BASE_TD
#define DLC_OP_BASE_TD

include "dialects/dlc/IR/DlcAttrs.td"
include "dialects/dlc/IR/DlcInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

defvar Dlc_Floats = [F64, F32, F16, BF16, F8E4M3FN, F8E5M2];
defvar Dlc_Integers = [I8, UI8, I16, I32, I64];

def Dlc_Tensor : StaticShapeTensorOf<!listconcat(Dlc_Floats, Dlc_Integers, [I1])>;
def Dlc_FloatTensor : StaticShapeTensorOf<Dlc_Floats>;
def Dlc_IntegerTensor : StaticShapeTensorOf<Dlc_Integers>;
def Dlc_NumberTensor : StaticShapeTensorOf<!listconcat(Dlc_Floats, Dlc_Integers)>;
def Dlc_BoolTensor : StaticShapeTensorOf<[I1]>;
def Dlc_BitsTensor : StaticShapeTensorOf<!listconcat(Dlc_Integers, [I1])>;
def Dlc_IndexTensor : StaticShapeTensorOf<[I32, I64]>;

class Dlc_PrecisionClass<string value> { string cpp = "::dlc::PrecisionClass::" # value; }
def LowerFreely : Dlc_PrecisionClass<"LowerFreely">;
def KeepF32 : Dlc_PrecisionClass<"KeepF32">;
def FollowOperands : Dlc_PrecisionClass<"FollowOperands">;

/// Base of every op. `validExamples` and `invalidExamples` are pieces of IR that the test generator runs:
/// a valid one must verify and round-trip; an invalid one starts with the expected message on a line of its own.
class Dlc_Op<string mnemonic, string familyName, Dlc_PrecisionClass precision, list<Trait> traits = []>
    : Op<Dlc_Dialect, mnemonic, !listconcat([Pure, DlcOpInterface], traits)> {
  string family = familyName;
  list<code> validExamples = [];
  list<code> invalidExamples = [];
  code moreDeclarations = "";
  let extraClassDeclaration = [{
    static ::llvm::StringRef getFamily() { return "}] # familyName # [{"; }
    static ::dlc::PrecisionClass getPrecisionClass() { return }] # precision.cpp # [{; }
  }] # moreDeclarations;
}

#endif
