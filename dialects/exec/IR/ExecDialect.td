#ifndef EXEC_DIALECT_TD
#define EXEC_DIALECT_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"

def Exec_Dialect : Dialect {
  let name = "exec";
  let cppNamespace = "::dlc::exec";
  let summary = "The plan of a program: what the runtime does, one op each";
  let description = [{
    A module of the exec phase holds, side by side,

    | op | is |
    |---|---|
    | `exec.variable` | a state of all programs: it lives in the arena across calls, below the temporaries |
    | `exec.kernel` | the body of a kernel, once for all its launches |
    | `exec.program` | an entry point: places first, then instructions in the order in which they run |

    Inside a program a value is a *place*: a number of bytes somewhere, of type `!exec.buffer<bytes>`. Instructions have no results; they
    read and write places, so the order of ops is the order of time. `at` is the place's byte offset in the arena, once it is planned.
  }];
  let useDefaultTypePrinterParser = 1;
  let dependentDialects = ["::dlc::DlcDialect"];
}

def Exec_Buffer : TypeDef<Exec_Dialect, "Buffer"> {
  let mnemonic = "buffer";
  let summary = "a place of some bytes";
  let parameters = (ins "uint64_t":$bytes);
  let assemblyFormat = "`<` $bytes `>`";
}

/// The values equal the artifact schema's.
class Exec_Enum<string name, string summary, list<I32EnumAttrCase> cases> : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::dlc::exec";
}

def Exec_RoleAttr : Exec_Enum<"Role", "what a state is", [
    I32EnumAttrCase<"Parameter", 0, "parameter">, I32EnumAttrCase<"Statistic", 1, "statistic">,
    I32EnumAttrCase<"Optimizer", 2, "optimizer">, I32EnumAttrCase<"Random", 3, "random">, I32EnumAttrCase<"Step", 4, "step">]>;

def Exec_CategoryAttr : Exec_Enum<"Category", "what a buffer is for", [
    I32EnumAttrCase<"Activation", 0, "activation">, I32EnumAttrCase<"Gradient", 1, "gradient">,
    I32EnumAttrCase<"Workspace", 2, "workspace">, I32EnumAttrCase<"Output", 3, "output">]>;

def Exec_ActivationAttr : Exec_Enum<"Activation", "what a library call applies to each result", [
    I32EnumAttrCase<"None", 0, "none">, I32EnumAttrCase<"Relu", 1, "relu">, I32EnumAttrCase<"GeluErf", 2, "gelu_erf">,
    I32EnumAttrCase<"GeluTanh", 3, "gelu_tanh">, I32EnumAttrCase<"Tanh", 4, "tanh">, I32EnumAttrCase<"Sigmoid", 5, "sigmoid">,
    I32EnumAttrCase<"Swish", 6, "swish">]>;

def Exec_GemmOperandAttr : Exec_Enum<"GemmOperand", "one of the two that a product multiplies", [
    I32EnumAttrCase<"A", 0, "a">, I32EnumAttrCase<"B", 1, "b">]>;

def Exec_ConvKindAttr : Exec_Enum<"ConvKind", "which side of a convolution is computed", [
    I32EnumAttrCase<"Forward", 0, "forward">, I32EnumAttrCase<"BackwardData", 1, "backward_data">,
    I32EnumAttrCase<"BackwardWeights", 2, "backward_weights">]>;

def Exec_AttentionKindAttr : Exec_Enum<"AttentionKind", "attention, or its gradients", [
    I32EnumAttrCase<"Forward", 0, "forward">, I32EnumAttrCase<"Backward", 1, "backward">]>;

#endif
