#ifndef DLC_COMPILER_PIPELINE_PASSES_TD
#define DLC_COMPILER_PIPELINE_PASSES_TD

include "passes/PassBase.td"

def SizeWorkspacesPass : DlcPass<"dlc-size-workspaces", "::mlir::ModuleOp"> {
  let summary = "Give library calls the workspaces that they ask for";
  let description = [{
    Asks the CPU library how many bytes each matrix product, convolution and attention wants beside its operands, and adds a buffer of that size: a
    workspace is memory of the arena like any other. Before `dlc-plan-memory`, because it places them; a call that has one keeps it.
    With `target=cuda` it is what cuBLASLt and cuDNN can use; a call that they do not take is an error.
  }];
  let options = [Option<"target", "target", "std::string", "\"cpu\"", "kind of target: cpu or cuda">];
}

def CallAttentionPass : DlcPass<"dlc-call-attention", "::mlir::func::FuncOp"> {
  let summary = "Mark attention that cuDNN computes";
  let description = [{
    Sets `dlc.call` on `dlc.attention` and its gradient where cuDNN has a kernel for the call that it would be: in f16 and bf16, without a mask
    of its own, with heads of up to 128 columns and tensors whose rows begin at multiples of 16 bytes. `dlc-attention-kernels` leaves these,
    and the plan calls the library. After `dlc-form-kernels`, which settles what the call reads and writes through. Each choice leaves a remark.
  }];
  let dependentDialects = ["::dlc::DlcDialect"];
  let before = [{
    func.func @f(%q: tensor<2x8x16xbf16>) -> tensor<2x8x16xbf16> {
      %output, %logsumexp = dlc.attention %q, %q, %q scale 1.000000e+00 : (tensor<2x8x16xbf16>, tensor<2x8x16xbf16>, tensor<2x8x16xbf16>) -> (tensor<2x8x16xbf16>, tensor<2x8xf32>)
      return %output : tensor<2x8x16xbf16>
    }
  }];
  let after = [{
    func.func @f(%q: tensor<2x8x16xbf16>) -> tensor<2x8x16xbf16> {
      %output, %logsumexp = dlc.attention %q, %q, %q scale 1.000000e+00 {dlc.call} : (tensor<2x8x16xbf16>, tensor<2x8x16xbf16>, tensor<2x8x16xbf16>) -> (tensor<2x8x16xbf16>, tensor<2x8xf32>)
      return %output : tensor<2x8x16xbf16>
    }
  }];
}

#endif
