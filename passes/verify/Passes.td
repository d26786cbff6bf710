#ifndef DLC_VERIFY_PASSES_TD
#define DLC_VERIFY_PASSES_TD

include "passes/PassBase.td"

def VerifyGraphPass : DlcPass<"dlc-verify-graph", "::mlir::ModuleOp"> {
  let summary = "Check what the kernel phase relies on";
  let description = [{
    Guards the edge between the graph and the kernel phase. Every function has one block of dlc ops on static shapes, none of them compound
    (softmax, norms, cross_entropy are decomposed); every argument says what it is, under a name that no other argument of its kind has; every
    result is a named output or the new value of one state or parameter, of its type, given once. A failure is a bug of the passes before it,
    or of hand-written input: DLC2901.
  }];
  let before = [{
    func.func @infer(%x: tensor<2xf32> {dlc.input = "x"}) -> (tensor<2xf32> {dlc.output = "y"}) {
      %0 = dlc.relu %x : tensor<2xf32>
      return %0 : tensor<2xf32>
    }
  }];
  let after = [{
    func.func @infer(%x: tensor<2xf32> {dlc.input = "x"}) -> (tensor<2xf32> {dlc.output = "y"}) {
      %0 = dlc.relu %x : tensor<2xf32>
      return %0 : tensor<2xf32>
    }
  }];
}

#endif
