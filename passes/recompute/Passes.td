#ifndef DLC_RECOMPUTE_PASSES_TD
#define DLC_RECOMPUTE_PASSES_TD

include "passes/PassBase.td"

def ChunkLogitsPass : DlcPass<"dlc-chunk-logits", "::mlir::func::FuncOp"> {
  let summary = "Compute a loss over many classes for some rows at a time";
  let description = [{
    The logits of a language model are its largest tensor, and their gradient is as large. Rows of a loss do not look at each other, so this
    pass computes logits, loss and gradients for one part of the rows after the other, up to the three products that the logits meet: what
    becomes of the model's side is joined, what becomes of the matrix is added. Nothing is computed twice. `chunks` comes from the function's
    `dlc.loss_chunks` where that is there. Of the products that this can be done with, the largest is taken for the
    logits; a remark says where there is none.

    After the graph is simplified, because the region is recognized by its primitive ops; ops carry `dlc.chunk`, so that fusion leaves
    the parts apart.
  }];
  let dependentDialects = ["::dlc::DlcDialect"];
  let options = [Option<"chunks", "chunks", "int64_t", /*default=*/"1", "parts of the rows">];
  let statistics = [Statistic<"numSplit", "split", "losses that are computed in parts">];
  let exampleOptions = "chunks=2";
  let before = [{
    func.func @step(%x: tensor<4x3xf32>, %w: tensor<9x3xf32>) -> (tensor<4x3xf32>, tensor<9x3xf32>) {
      %0 = dlc.dot_general %x, %w batch [] x [] contract [1] x [1] : (tensor<4x3xf32>, tensor<9x3xf32>) -> tensor<4x9xf32>
      %1 = dlc.exp %0 : tensor<4x9xf32>
      %2 = dlc.dot_general %1, %w batch [] x [] contract [1] x [0] : (tensor<4x9xf32>, tensor<9x3xf32>) -> tensor<4x3xf32>
      %3 = dlc.dot_general %1, %x batch [] x [] contract [0] x [0] : (tensor<4x9xf32>, tensor<4x3xf32>) -> tensor<9x3xf32>
      return %2, %3 : tensor<4x3xf32>, tensor<9x3xf32>
    }
  }];
  let after = [{
    func.func @step(%x: tensor<4x3xf32>, %w: tensor<9x3xf32>) -> (tensor<4x3xf32>, tensor<9x3xf32>) {
      %0 = dlc.slice %x starts [0, 0] steps [1, 1] : tensor<4x3xf32> -> tensor<2x3xf32>
      %1 = dlc.dot_general %0, %w batch [] x [] contract [1] x [1] {dlc.chunk = 1 : i64} : (tensor<2x3xf32>, tensor<9x3xf32>) -> tensor<2x9xf32>
      %2 = dlc.exp %1 {dlc.chunk = 1 : i64} : tensor<2x9xf32>
      %3 = dlc.dot_general %2, %w batch [] x [] contract [1] x [0] {dlc.chunk = 1 : i64} : (tensor<2x9xf32>, tensor<9x3xf32>) -> tensor<2x3xf32>
      %4 = dlc.dot_general %2, %0 batch [] x [] contract [0] x [0] {dlc.chunk = 1 : i64} : (tensor<2x9xf32>, tensor<2x3xf32>) -> tensor<9x3xf32>
      %5 = dlc.slice %x starts [2, 0] steps [1, 1] : tensor<4x3xf32> -> tensor<2x3xf32>
      %6 = dlc.dot_general %5, %w batch [] x [] contract [1] x [1] {dlc.chunk = 2 : i64} : (tensor<2x3xf32>, tensor<9x3xf32>) -> tensor<2x9xf32>
      %7 = dlc.exp %6 {dlc.chunk = 2 : i64} : tensor<2x9xf32>
      %8 = dlc.dot_general %7, %w batch [] x [] contract [1] x [0] {dlc.chunk = 2 : i64} : (tensor<2x9xf32>, tensor<9x3xf32>) -> tensor<2x3xf32>
      %9 = dlc.dot_general %7, %5 batch [] x [] contract [0] x [0] {dlc.chunk = 2 : i64} : (tensor<2x9xf32>, tensor<2x3xf32>) -> tensor<9x3xf32>
      %10 = dlc.add %4, %9 {dlc.chunk = 2 : i64} : tensor<9x3xf32>
      %11 = dlc.concat %3, %8 dim 0 : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<4x3xf32>
      return %11, %10 : tensor<4x3xf32>, tensor<9x3xf32>
    }
  }];
}

def RecomputePass : DlcPass<"dlc-recompute", "::mlir::func::FuncOp"> {
  let summary = "Compute activations again instead of keeping them for the backward half";
  let description = [{
    Chooses which results of the forward half stay in memory. What the backward half reads besides is computed again from those, by copies of
    the forward ops that carry `dlc.recomputed`; fusion does not join such a copy with its original. The copies stand where they are first
    needed and do the same arithmetic, so results keep their bits.

    `mode=cheap` keeps the least bytes that save repeating a contraction (a minimum cut); the copies end up inside backward kernels, so this
    often saves traffic, too. `mode=full` cuts the forward half into segments and keeps what crosses the cuts; everything inside a segment but
    the last, contractions included, is done twice. Runs last in the graph phase, because joining equal ops would undo it.
  }];
  let dependentDialects = ["::dlc::DlcDialect"];
  let options = [
    Option<"mode", "mode", "std::string", /*default=*/"\"cheap\"", "none, cheap or full[:segments=N]">
  ];
  let statistics = [
    Statistic<"numRepeated", "repeated", "ops that are computed twice">,
    Statistic<"numContractions", "contractions", "of these, products and convolutions">
  ];
  let before = [{
    func.func @step(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
      %0 = dlc.tanh %x : tensor<4xf32>
      %1 = dlc.exp %0 : tensor<4xf32>
      %2 = dlc.mul %0, %1 : tensor<4xf32> loc("gradient")
      return %1, %2 : tensor<4xf32>, tensor<4xf32>
    }
  }];
  let after = [{
    func.func @step(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) attributes {dlc.recomputed_flops = 1.200000e+02 : f64} {
      %0 = dlc.tanh %x : tensor<4xf32>
      %1 = dlc.exp %0 : tensor<4xf32>
      %2 = dlc.tanh %x {dlc.recomputed = 1 : i64} : tensor<4xf32>
      %3 = dlc.exp %2 {dlc.recomputed = 1 : i64} : tensor<4xf32>
      %4 = dlc.mul %2, %3 : tensor<4xf32>
      return %1, %4 : tensor<4xf32>, tensor<4xf32>
    }
  }];
}

#endif
