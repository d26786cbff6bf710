#ifndef DLC_PASSES_FUSE_PASSES_TD
#define DLC_PASSES_FUSE_PASSES_TD

include "mlir/Pass/PassBase.td"

def FormKernelsPass : Pass<"dlc-form-kernels", "::mlir::func::FuncOp"> {
  let summary = "Group ops into fusion regions, one kernel each";
  let description = [{
    Starts with one region per op and merges while the cost model (FusionCost.h) sees time saved and the merged region
    still has a legal walk (indexing/Region.h):

    1. producer into all its readers, computed again in each, so that its result never reaches memory;
    2. producer and one reader side by side, the result written for the others;
    3. neighbours that read the same large tensor.

    In the end, what a kernel of the forward half writes for the backward half alone is computed again there, if that takes at most 5 % longer: such
    a tensor is in memory over the whole step. What other kernels read through a narrowing cast alone is written narrow.

    A kernel of CUDA's walks short rows along and across at once (`mixed`): reductions of rows and the first stages of sums across them, as
    `dlc-split-reductions` makes them, are one region where that reads less: the gradients of norms.

    Reshapes, broadcasts, slices and splat constants are free: each region holds its own. f32 contractions and convolutions
    stay as they are, for the library. Every region becomes a `dlc.kernel` whose body is the ops themselves; inlining it gives
    the program back. Needs `dlc-decompose` to have run. Linear in the program but for the reachability checks.
  }];
  let dependentDialects = ["::dlc::DlcDialect"];
  let options = [
    Option<"merge", "merge", "bool", "true", "merge regions; without it every op is a kernel of its own">,
    Option<"target", "target", "std::string", "\"cpu\"", "whose walks: cpu or cuda">
  ];
  let statistics = [
    Statistic<"numKernels", "kernels", "Number of kernels formed">,
    Statistic<"numOps", "fused-ops", "Number of ops in them">
  ];
}

def FoldEpiloguesPass : Pass<"dlc-fold-epilogues", "::mlir::func::FuncOp"> {
  let summary = "Let library calls add biases, activate and add residuals";
  let description = [{
    A product or convolution and the ops that follow it become one `dlc.kernel` with the attribute `library`: a call whose result gets a
    bias, an activation (ReLU, GELU, tanh, sigmoid, SiLU) and a residual before it reaches memory. A call takes what follows it up to
    the last value that a kernel would have written, which a trial of `dlc-form-kernels` tells, so a fold always saves that kernel's
    write, and often the kernel. Pre-activations that the backward pass reads stay apart, and so does what a kernel computes on the
    way anyway. f64 has no library; its kernels hold the product and what follows it. As costly as `dlc-form-kernels`, before which it runs.

    With target `cuda`, a product of 16-bit floats takes a bias that is a parameter, too. The bias is made as narrow, first of all, and the call adds
    it to its f32 sums before it rounds, where the program rounds the product as well:

    ```mlir
    %h = dlc.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<64x32xbf16>, tensor<32x16xbf16>) -> tensor<64x16xbf16>
    %f = dlc.cast %h : tensor<64x16xbf16> -> tensor<64x16xf32>
    %b = dlc.broadcast %bias dims [1] : tensor<16xf32> -> tensor<64x16xf32>
    %s = dlc.add %f, %b : tensor<64x16xf32>
    %y = dlc.cast %s : tensor<64x16xf32> -> tensor<64x16xbf16>
    // becomes
    %n = dlc.cast %bias : tensor<16xf32> -> tensor<16xbf16>
    %y = dlc.kernel "gemm_bias" <contract, [64, 16]>(%x, %w, %n) {library} … // product in f32, add, cast
    ```
  }];
  let dependentDialects = ["::dlc::DlcDialect"];
  let options = [Option<"target", "target", "std::string", "\"cpu\"", "whose library: cpu or cuda">];
  let statistics = [Statistic<"numFolded", "folded", "Number of calls with an epilogue">];
}

def FoldBiasGradientsPass : Pass<"dlc-fold-bias-gradients", "::mlir::func::FuncOp"> {
  let summary = "Let products of weight gradients sum their bias's gradient";
  let description = [{
    The gradient of a layer's result is multiplied with the layer's input, over all rows, for the gradient of the weights, and summed over the
    rows for that of the bias. Where a kernel would read it for the sum alone, which a trial of `dlc-form-kernels` tells, both become one
    `dlc.kernel` with the attribute `library`: the library sums what it reads for the product. Sums in one stage or two, of f32 or of 16-bit
    floats made f32, beside products in f32. What a kernel sums on the way stays there, and so does all in a traced program, where kernels look
    at every value. For CUDA's library; after `dlc-split-reductions` and `dlc-fold-epilogues`, before `dlc-form-kernels`.

    ```mlir
    %w = dlc.dot_general %x, %g batch [] x [] contract [0] x [0] : (tensor<64x32xf32>, tensor<64x16xf32>) -> tensor<32x16xf32>
    %b = dlc.reduce_sum %g dims [0] : tensor<64x16xf32> -> tensor<16xf32>
    // becomes
    %w, %b = dlc.kernel "gemm_bias_gradient" <contract, [32, 16]>(%x, %g) {library} … // the same ops
    ```
  }];
  let dependentDialects = ["::dlc::DlcDialect"];
  let statistics = [Statistic<"numFolded", "folded", "Number of products with a bias gradient">];
}

def GenerateContractionsPass : Pass<"dlc-generate-contractions", "::mlir::func::FuncOp"> {
  let summary = "Mark contractions that become kernels instead of library calls";
  let description = [{
    Programs for GPUs call cuBLASLt and cuDNN. Where one of them is not to be called, products or convolutions (forward and gradients) are
    generated like everything else: what follows fuses with them, and a workgroup computes a tile of results.

    ```mlir
    %y = dlc.conv %x, %w strides [1] dilations [1] pads [1] to [1] groups 1 : (tensor<1x8x3xf32>, tensor<4x3x3xf32>) -> tensor<1x8x4xf32>
    // becomes
    %y = dlc.conv %x, %w strides [1] dilations [1] pads [1] to [1] groups 1 {dlc.generated} : (tensor<1x8x3xf32>, tensor<4x3x3xf32>) -> tensor<1x8x4xf32>
    ```
  }];
  let options = [
    Option<"products", "products", "bool", "true", "those of matrices">,
    Option<"convolutions", "convolutions", "bool", "true", "convolutions and their gradients">
  ];
  let dependentDialects = ["::dlc::DlcDialect"];
  let statistics = [Statistic<"numMarked", "marked", "Number of contractions that become kernels">];
}

def PadConvolutionsPass : Pass<"dlc-pad-convolutions", "::mlir::func::FuncOp"> {
  let summary = "Give convolutions one pad for both sides of a dim";
  let description = [{
    cuDNN has one pad per dim. Where the far side needs another one, the input is padded by an op of its own, and a gradient of the input is
    cut back; both fuse with their neighbours. What pads alike, or would read nothing of a wider far side, stays.

    ```mlir
    %y = dlc.conv %x, %w strides [2] dilations [1] pads [0] to [1] groups 1 : (tensor<1x8x3xf32>, tensor<4x3x3xf32>) -> tensor<1x4x4xf32>
    // becomes
    %p = dlc.pad %x, %zero low [0, 0, 0] interior [0, 0, 0] : (tensor<1x8x3xf32>, tensor<f32>) -> tensor<1x9x3xf32>
    %y = dlc.conv %p, %w strides [2] dilations [1] pads [0] to [0] groups 1 : (tensor<1x9x3xf32>, tensor<4x3x3xf32>) -> tensor<1x4x4xf32>
    ```
  }];
  let dependentDialects = ["::dlc::DlcDialect"];
  let statistics = [Statistic<"numPadded", "padded", "Number of convolutions with a pad of their own">];
}

def SplitReductionsPass : Pass<"dlc-split-reductions", "::mlir::func::FuncOp"> {
  let summary = "Sum in two stages where a GPU would have too few threads";
  let description = [{
    A sum with few results and many terms becomes one over equal parts of its outermost reduced dim, and one over the parts: column sums of
    a tall matrix (bias and norm gradients, batch statistics), sums of everything (losses, gradient norms). Both stages have a fixed order, so
    results do not change from run to run; they differ from a CPU's in the last bits. Dims without a suitable divisor stay as they are, and so
    do long rows that a workgroup shares, unless they are very few and very long.
    Before `dlc-form-kernels`, which fuses what computes the terms into the first stage.

    ```mlir
    %s = dlc.reduce_sum %x dims [0] : tensor<4096x64xf32> -> tensor<64xf32>
    // becomes
    %r = dlc.reshape %x : tensor<4096x64xf32> -> tensor<16x256x64xf32>
    %p = dlc.reduce_sum %r dims [1] : tensor<16x256x64xf32> -> tensor<16x64xf32>
    %s = dlc.reduce_sum %p dims [0] : tensor<16x64xf32> -> tensor<64xf32>
    ```
  }];
  let dependentDialects = ["::dlc::DlcDialect"];
  let options = [Option<"threads", "threads", "int64_t", "65536", "as many as keep the GPU busy">];
  let statistics = [Statistic<"numSplit", "split", "Number of sums in two stages">];
}

def AttentionKernelsPass : Pass<"dlc-attention-kernels", "::mlir::func::FuncOp"> {
  let summary = "Make attention a kernel of the attention schedule";
  let description = [{
    `dlc.attention` and its gradient become a `dlc.kernel` each, with the slices, transposes and joins that they read and write through. For
    GPUs, whose code is generated; CPUs keep them as calls. After `dlc-form-kernels`, which leaves all of these alone. Heads of more than 128
    columns are not taken: `dlc-decompose` has spelled them out. Ops with `dlc.call` stay: a library computes them.
  }];
  let dependentDialects = ["::dlc::DlcDialect"];
}

def ListKernelsPass : Pass<"dlc-list-kernels", "::mlir::func::FuncOp"> {
  let summary = "Merge equal updates of many tensors into one kernel";
  let description = [{
    Kernels that are equal but for the number of elements, walk one contiguous range each and produce new state become one
    kernel over a list of slices: the optimizer updates all parameters in one launch. Scalars (the learning rate, bias
    corrections) are shared inputs. Needs `dlc-form-kernels` to have run.

    With `arguments`, equal kernels that read the function's arguments alone are one, too: with mixed precision all weights are made narrow
    in one launch. That launch comes first, so all its results are in memory for the whole step: for devices on which a launch costs more
    than the memory.
  }];
  let options = [Option<"arguments", "arguments", "bool", /*default=*/"false", "also kernels that read arguments alone">];
  let statistics = [Statistic<"numLists", "lists", "Number of merged kernels">];
}

def InlineKernelsPass : Pass<"dlc-inline-kernels", "::mlir::func::FuncOp"> {
  let summary = "Replace each fusion region by its body";
  let description = "Gives the unfused program back: how tests check that fusion changed nothing.";
}

def JoinKernelsPass : Pass<"dlc-join-kernels", "::mlir::func::FuncOp"> {
  let summary = "Put equal small kernels side by side into one launch";
  let description = [{
    Kernels that are equal but for what they read, move little, and whose results nothing reads before the last of them become one kernel over
    the same domain, up to eight results each: the second stages of the gradients of biases and norms, which only the optimizer reads. For
    devices on which such a kernel takes less time than its launch. Needs `dlc-form-kernels` to have run, and `dlc-list-kernels`, which takes
    the updates themselves.
  }];
  let statistics = [Statistic<"numJoined", "joined", "Number of kernels that are now part of another">];
}

#endif
