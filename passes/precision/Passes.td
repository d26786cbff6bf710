#ifndef DLC_PRECISION_PASSES_TD
#define DLC_PRECISION_PASSES_TD

include "passes/PassBase.td"

def MixedPrecisionPass : DlcPass<"dlc-mixed-precision", "::mlir::func::FuncOp"> {
  let summary = "Compute contractions of f32 in bf16 or f16, and store what they read so";
  let description = [{
    Ops whose precision class is *lower freely* (products and convolutions, forward and backward) read and write `type`; everything else stays
    f32, which costs nothing: inside a kernel values are f32 registers whatever memory holds, so only what crosses memory has a width. Parameters
    and optimizer state are arguments and keep f32 (master weights); each is cast once, where it is first read.

    A value that a contraction reads is stored once: its other readers get the rounded value too, instead of a second, wide copy. Sums are the
    exception: a residual stream, forward or backward, is a chain of additions, and rounding every link would add up along the depth of the
    model. Its links are read by others, too; partial sums of one formula, as in the gradient of a GELU, are none. A product from which no other contraction is computed (a weight gradient, the loss's logits at the end of inference) keeps the f32 sum.

    Casts go above reshapes, transposes and slices, which library calls read through. `keep` names nodes (globs) whose ops stay f32; the
    entry `forward` is the model file exactly as written and is left alone. Runs after all simplification, before `dlc-narrow-saved`.
  }];
  let dependentDialects = ["::dlc::DlcDialect"];
  let options = [
    Option<"type", "type", "std::string", /*default=*/"\"bf16\"", "bf16 or f16">,
    ListOption<"keep", "keep", "std::string", "globs of node names whose ops stay f32">
  ];
  let statistics = [
    Statistic<"numLowered", "lowered", "contractions that compute in the narrow type">,
    Statistic<"numKept", "kept", "contractions that stay f32 by name">
  ];
  let before = [{
    func.func @infer(%x: tensor<2x3xf32>, %w: tensor<3x3xf32>) -> tensor<2x3xf32> {
      %0 = dlc.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<2x3xf32>, tensor<3x3xf32>) -> tensor<2x3xf32>
      %1 = dlc.tanh %0 : tensor<2x3xf32>
      %2 = dlc.dot_general %1, %w batch [] x [] contract [1] x [0] : (tensor<2x3xf32>, tensor<3x3xf32>) -> tensor<2x3xf32>
      return %2 : tensor<2x3xf32>
    }
  }];
  let after = [{
    func.func @infer(%x: tensor<2x3xf32>, %w: tensor<3x3xf32>) -> tensor<2x3xf32> {
      %0 = dlc.cast %w : tensor<3x3xf32> -> tensor<3x3xbf16>
      %1 = dlc.cast %x : tensor<2x3xf32> -> tensor<2x3xbf16>
      %2 = dlc.dot_general %1, %0 batch [] x [] contract [1] x [0] : (tensor<2x3xbf16>, tensor<3x3xbf16>) -> tensor<2x3xbf16>
      %3 = dlc.cast %2 : tensor<2x3xbf16> -> tensor<2x3xf32>
      %4 = dlc.tanh %3 : tensor<2x3xf32>
      %5 = dlc.cast %4 : tensor<2x3xf32> -> tensor<2x3xbf16>
      %6 = dlc.dot_general %5, %0 batch [] x [] contract [1] x [0] : (tensor<2x3xbf16>, tensor<3x3xbf16>) -> tensor<2x3xf32>
      return %6 : tensor<2x3xf32>
    }
  }];
}

def NarrowSavedPass : DlcPass<"dlc-narrow-saved", "::mlir::func::FuncOp"> {
  let summary = "Store narrow what the forward half of a step saves for elementwise ops of the backward half";
  let description = [{
    A kernel of the forward half keeps what the backward half would have to compute again at more cost than reading it. Which values those are,
    a trial of `dlc-form-kernels` tells. A value that only elementwise ops of the backward half read from memory is stored in `type`: half the
    memory, and half the traffic of both kernels. The forward half goes on with the f32 value, which is in a register there.

    Results of elementwise ops whose precision class is *follow operands* are taken. So exponentials, logarithms and roots stay f32, and so do
    statistics (what is computed from sums and extremes without being spread over elements again), masks, and sums of two tensors, which are
    links of a residual stream. In f16 only what is bounded is taken (erf, tanh, sigmoid). `keep` names nodes (globs) whose ops stay f32.
    After `dlc-mixed-precision`, which stores what contractions read; before recomputation, which then keeps or repeats the narrow values.
  }];
  let dependentDialects = ["::dlc::DlcDialect"];
  let options = [
    Option<"type", "type", "std::string", /*default=*/"\"bf16\"", "bf16 or f16">,
    ListOption<"keep", "keep", "std::string", "globs of node names whose ops stay f32">
  ];
  let statistics = [
    Statistic<"numNarrowed", "narrowed", "values that are saved in the narrow type">
  ];
  let before = [{
    func.func @step(%x: tensor<256x256xbf16>, %w: tensor<256x256xbf16>) -> tensor<256x256xbf16> {
      %0 = dlc.constant dense<1.000000e+00> : tensor<256x256xf32>
      %1 = dlc.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<256x256xbf16>, tensor<256x256xbf16>) -> tensor<256x256xbf16>
      %2 = dlc.cast %1 : tensor<256x256xbf16> -> tensor<256x256xf32>
      %3 = dlc.erf %2 : tensor<256x256xf32>
      %4 = dlc.add %3, %0 : tensor<256x256xf32>
      %5 = dlc.mul %2, %4 : tensor<256x256xf32>
      %6 = dlc.cast %5 : tensor<256x256xf32> -> tensor<256x256xbf16>
      %7 = dlc.dot_general %6, %w batch [] x [] contract [1] x [0] : (tensor<256x256xbf16>, tensor<256x256xbf16>) -> tensor<256x256xbf16> loc("gradient")
      %8 = dlc.cast %7 : tensor<256x256xbf16> -> tensor<256x256xf32> loc("gradient")
      %9 = dlc.mul %8, %4 : tensor<256x256xf32> loc("gradient")
      %10 = dlc.cast %9 : tensor<256x256xf32> -> tensor<256x256xbf16> loc("gradient")
      return %10 : tensor<256x256xbf16>
    }
  }];
  let after = [{
    func.func @step(%x: tensor<256x256xbf16>, %w: tensor<256x256xbf16>) -> tensor<256x256xbf16> {
      %0 = dlc.constant dense<1.000000e+00> : tensor<256x256xf32>
      %1 = dlc.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<256x256xbf16>, tensor<256x256xbf16>) -> tensor<256x256xbf16>
      %2 = dlc.cast %1 : tensor<256x256xbf16> -> tensor<256x256xf32>
      %3 = dlc.erf %2 : tensor<256x256xf32>
      %4 = dlc.cast %3 : tensor<256x256xf32> -> tensor<256x256xbf16>
      %5 = dlc.cast %4 : tensor<256x256xbf16> -> tensor<256x256xf32>
      %6 = dlc.add %3, %0 : tensor<256x256xf32>
      %7 = dlc.add %5, %0 : tensor<256x256xf32>
      %8 = dlc.mul %2, %6 : tensor<256x256xf32>
      %9 = dlc.cast %8 : tensor<256x256xf32> -> tensor<256x256xbf16>
      %10 = dlc.dot_general %9, %w batch [] x [] contract [1] x [0] : (tensor<256x256xbf16>, tensor<256x256xbf16>) -> tensor<256x256xbf16>
      %11 = dlc.cast %10 : tensor<256x256xbf16> -> tensor<256x256xf32>
      %12 = dlc.mul %11, %7 : tensor<256x256xf32>
      %13 = dlc.cast %12 : tensor<256x256xf32> -> tensor<256x256xbf16>
      return %13 : tensor<256x256xbf16>
    }
  }];
}

def AllowTf32Pass : DlcPass<"dlc-allow-tf32", "::mlir::func::FuncOp"> {
  let summary = "Mark f32 contractions whose operands may be rounded to TF32";
  let description = [{
    Tensor cores multiply f32 only after rounding it to TF32, 10 bits of mantissa; they add in f32. Products, convolutions and their gradients
    whose operands are f32 get an attribute, which library calls and generated kernels of GPUs take up; what is stored stays as it is.
    `keep` names nodes (globs) whose ops stay exact, and the entry `forward`, the model file exactly as written, is left alone. For GPUs
    alone, so after the graph phase, which programs for CPUs share; before anything that asks how a contraction is computed.
  }];
  let dependentDialects = ["::dlc::DlcDialect"];
  let options = [
    ListOption<"keep", "keep", "std::string", "globs of node names whose ops stay f32">
  ];
  let statistics = [
    Statistic<"numAllowed", "allowed", "contractions that may round"> ,
    Statistic<"numKept", "kept", "contractions that stay f32 by name">
  ];
  let before = [{
    func.func @infer(%x: tensor<2x3xf32>, %w: tensor<3x3xf32>) -> tensor<2x3xf32> {
      %0 = dlc.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<2x3xf32>, tensor<3x3xf32>) -> tensor<2x3xf32>
      return %0 : tensor<2x3xf32>
    }
  }];
  let after = [{
    func.func @infer(%x: tensor<2x3xf32>, %w: tensor<3x3xf32>) -> tensor<2x3xf32> {
      %0 = dlc.dot_general %x, %w batch [] x [] contract [1] x [0] {dlc.allows_tf32} : (tensor<2x3xf32>, tensor<3x3xf32>) -> tensor<2x3xf32>
      return %0 : tensor<2x3xf32>
    }
  }];
}

#endif
