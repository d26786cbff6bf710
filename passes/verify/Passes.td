#ifndef DLC_VERIFY_PASSES_TD
#define DLC_VERIFY_PASSES_TD

include "passes/PassBase.td"

def VerifyGraphPass : DlcPass<"dlc-verify-graph", "::mlir::ModuleOp"> {
  let summary = "Check what the kernel phase relies on";
  let description = [{
    Guards the edge between the graph and the kernel phase. Every function has one block of dlc ops on static shapes, none of them compound
    (softmax, norms, cross_entropy are decomposed); every argument says what it is, under a name that no other argument of its kind has; every
    result is a named output or the new value of one state or parameter, of its type, given once. A failure is a bug of the passes before it,
    or of hand-written input: DLC2901. Products and results have elements; a model file may lack them: DLC2013.
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

def VerifyExecPass : DlcPass<"dlc-verify-exec", "::mlir::ModuleOp"> {
  let summary = "Check what the runtime relies on";
  let description = [{
    Guards the edge between the exec phase and the artifact. In every program: places, then instructions, then outputs; every state is a
    variable of its size; no instruction reads a place that nothing wrote before, or writes a constant; every input and temporary has an
    aligned offset between the variables and the arena's end; and no two that are in use at one time overlap. Variables do not overlap
    either. A failure is a bug of the passes before it, or of hand-written input: DLC4901. Quadratic in the places that live at one time.
  }];
  let before = [{
    exec.program @infer arena(128) {
      %x = exec.argument "x" : tensor<16xf32> at 0 -> !exec.buffer<64>
      %y = exec.buffer output at 64 : !exec.buffer<64>
      exec.copy %x -> %y bytes 64 : !exec.buffer<64> -> !exec.buffer<64>
      exec.output "y" %y : tensor<16xf32>, !exec.buffer<64>
    }
  }];
  let after = [{
    exec.program @infer arena(128) {
      %x = exec.argument "x" : tensor<16xf32> at 0 -> !exec.buffer<64>
      %y = exec.buffer output at 64 : !exec.buffer<64>
      exec.copy %x -> %y bytes 64 : !exec.buffer<64> -> !exec.buffer<64>
      exec.output "y" %y : tensor<16xf32>, !exec.buffer<64>
    }
  }];
}

#endif
