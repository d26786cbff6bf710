#ifndef DLC_INTERFACES_TD
#define DLC_INTERFACES_TD

include "mlir/IR/OpBase.td"

/// What every dlc op can say of itself. The other answers (reference evaluation, gradient, sharding rule, cost,
/// element function) are registered per family in an `OpTable`, in the folder that needs them.
def DlcOpInterface : OpInterface<"DlcOpInterface"> {
  let cppNamespace = "::dlc";
  let methods = [
    StaticInterfaceMethod<"The family: the name of the file that holds the op in every folder.",
                          "::llvm::StringRef", "getFamily">,
    StaticInterfaceMethod<"What mixed precision may do with the op.",
                          "::dlc::PrecisionClass", "getPrecisionClass">,
    InterfaceMethod<"Whether operand or result `value` keeps f32 where the op computes in a narrow type: a statistic, a mask.",
                    "bool", "staysWide", (ins "::mlir::Value":$value), [{}], [{ return false; }]>
  ];
}

#endif
