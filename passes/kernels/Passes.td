#ifndef DLC_PASSES_KERNELS_PASSES_TD
#define DLC_PASSES_KERNELS_PASSES_TD

include "passes/PassBase.td"

def LowerToExecPass : DlcPass<"dlc-lower-to-exec", "::mlir::ModuleOp"> {
  let summary = "Turn functions of kernels into plans";
  let description = [{
    Every function becomes an `exec.program` of its name, every state of theirs one `exec.variable`, every distinct kernel body one
    `exec.kernel`. Each tensor that something writes gets a buffer of its own; reshapes share their operand's, and matrix products read and
    write through views where the library can. A new value of a state is copied into the state at the end; `dlc-elide-copies` removes most
    such copies. Locations stay, so that every instruction knows the nodes it came from. Needs `dlc-form-kernels` to have run: an op in no
    kernel that no library computes is DLC4006. Linear in the program.
  }];
  let dependentDialects = ["::dlc::exec::ExecDialect"];
  let before = [{
    func.func @infer(%x: tensor<4x2xf32> {dlc.input = "x"}, %w: tensor<2x3xf32> {dlc.param = "w"}) -> (tensor<4x3xf32> {dlc.output = "y"}) {
      %0 = dlc.dot_general %x, %w contract [1] x [0] : (tensor<4x2xf32>, tensor<2x3xf32>) -> tensor<4x3xf32>
      return %0 : tensor<4x3xf32>
    }
  }];
  let after = [{
    exec.variable "w" parameter : tensor<2x3xf32> at 0 trained
    exec.program @infer {
      %x = exec.argument "x" : tensor<4x2xf32> -> !exec.buffer<32>
      %w = exec.state "w" : !exec.buffer<24>
      %y = exec.buffer output : !exec.buffer<48>
      exec.gemm f32 [1, 1, 4, 3, 2] %x by [0, 0, 2, 1], %w by [0, 0, 3, 1] -> %y by [0, 0, 3, 1] : !exec.buffer<32>, !exec.buffer<24> -> !exec.buffer<48>
      exec.output "y" %y : tensor<4x3xf32>, !exec.buffer<48>
    }
  }];
}

#endif
