#ifndef DLC_DIALECT_TD
#define DLC_DIALECT_TD

include "mlir/IR/OpBase.td"

def Dlc_Dialect : Dialect {
  let name = "dlc";
  let cppNamespace = "::dlc";
  let summary = "The graph of a training or inference program";
  let description = [{
    Tensor operations with value semantics and no side effects on builtin, statically shaped ranked tensors. A program
    is a `func.func`; its arguments carry what they are:

    | argument attribute | meaning |
    |---|---|
    | `dlc.input = "x"` | an input of the entry point |
    | `dlc.param = "fc.weight"` | a parameter: lives across calls; trained unless `dlc.frozen` says why not |
    | `dlc.state = "adamw.m/fc.weight"` | other state: optimizer moments, running statistics, `step`, `rng` |

    and its results carry `dlc.output = "loss"` or `dlc.alias = N`: the new value of the state in argument N.
  }];
  let useDefaultAttributePrinterParser = 1;
  let hasConstantMaterializer = 1;
  let hasOperationAttrVerify = 0;
}

#endif
