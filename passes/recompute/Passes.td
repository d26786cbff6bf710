#ifndef DLC_RECOMPUTE_PASSES_TD
#define DLC_RECOMPUTE_PASSES_TD

include "passes/PassBase.td"

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
