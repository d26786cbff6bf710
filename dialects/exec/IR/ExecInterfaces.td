#ifndef EXEC_INTERFACES_TD
#define EXEC_INTERFACES_TD

include "mlir/IR/OpBase.td"

def Exec_Instruction : OpInterface<"Instruction"> {
  let cppNamespace = "::dlc::exec";
  let description = "An op that the runtime runs. All passes on plans ask here, so that none knows the kinds of instructions.";
  let methods = [
    InterfaceMethod<"The places that it reads.", "::llvm::SmallVector<::mlir::Value>", "getRead">,
    InterfaceMethod<"The places that it writes, wholly unless it is a partial copy.", "::llvm::SmallVector<::mlir::Value>", "getWritten">,
    InterfaceMethod<"Bytes and operations, for reports.", "::dlc::exec::InstructionCost", "getCost">,
    InterfaceMethod<"A short name for traces.", "::std::string", "getLabel">,
    InterfaceMethod<[{
      Whether `written` may be the same place as `read`: each element is read by the iteration that then writes it, and no other.
    }], "bool", "mayShare", (ins "::mlir::Value":$read, "::mlir::Value":$written), "", "return false;">
  ];
}

#endif
