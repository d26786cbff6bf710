#ifndef DLC_COMPILER_PIPELINE_PASSES_TD
#define DLC_COMPILER_PIPELINE_PASSES_TD

include "passes/PassBase.td"

def SizeWorkspacesPass : DlcPass<"dlc-size-workspaces", "::mlir::ModuleOp"> {
  let summary = "Give library calls the workspaces that they ask for";
  let description = [{
    Asks the CPU library how many bytes each matrix product and convolution wants beside its operands, and adds a buffer of that size: a
    workspace is memory of the arena like any other. Before `dlc-plan-memory`, because it places them; a call that has one keeps it.
    With `target=cuda` it is what cuBLASLt and cuDNN can use; a call that they do not take is an error.
  }];
  let options = [Option<"target", "target", "std::string", "\"cpu\"", "kind of target: cpu or cuda">];
}

#endif
