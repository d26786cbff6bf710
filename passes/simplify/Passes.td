#ifndef DLC_SIMPLIFY_PASSES_TD
#define DLC_SIMPLIFY_PASSES_TD

include "passes/PassBase.td"

def SimplifyPass : DlcPass<"dlc-simplify", "::mlir::func::FuncOp"> {
  let summary = "Remove transposes, reshapes, broadcasts and arithmetic that need not be";
  let description = [{
    Importers write each op by itself, wrapped in what it needs: a convolution in transposes to channels-last and back, a product in reshapes.
    This pass lets transposes and reshapes sink until they meet their inverse, does arithmetic before broadcasting, merges reductions and
    slices, folds transposes, reshapes and repeated batches into the dim numbers of contractions, applies the identities of arithmetic that keep
    NaN and infinity, and removes common subexpressions and dead ops. All rewrites lead one way, so they end; the cost is linear in ops in practice.
    Runs on the imported graph, before differentiation (what is small there is small in the gradient), and again after it and after decomposition.
    A transpose that feeds two ops may be copied below both; if one of them cannot take it in, one copy stays.
  }];
  let dependentDialects = ["::dlc::DlcDialect"];
  let before = [{
    func.func @channels_last(%c: tensor<2x4x4x8xf32>, %d: tensor<2x4x4x8xf32>) -> tensor<2x4x4x8xf32> {
      %0 = dlc.transpose %c [0, 3, 1, 2] : tensor<2x4x4x8xf32> -> tensor<2x8x4x4xf32>
      %1 = dlc.relu %0 : tensor<2x8x4x4xf32>
      %2 = dlc.transpose %d [0, 3, 1, 2] : tensor<2x4x4x8xf32> -> tensor<2x8x4x4xf32>
      %3 = dlc.add %1, %2 : tensor<2x8x4x4xf32>
      %4 = dlc.transpose %3 [0, 2, 3, 1] : tensor<2x8x4x4xf32> -> tensor<2x4x4x8xf32>
      return %4 : tensor<2x4x4x8xf32>
    }
  }];
  let after = [{
    func.func @channels_last(%c: tensor<2x4x4x8xf32>, %d: tensor<2x4x4x8xf32>) -> tensor<2x4x4x8xf32> {
      %0 = dlc.relu %c : tensor<2x4x4x8xf32>
      %1 = dlc.add %0, %d : tensor<2x4x4x8xf32>
      return %1 : tensor<2x4x4x8xf32>
    }
  }];
}

def FoldConstantsPass : DlcPass<"dlc-fold-constants", "::mlir::func::FuncOp"> {
  let summary = "Evaluate ops on constants at compile time";
  let description = [{
    An op whose operands are all constants is evaluated with the reference evaluator (dialects/dlc/reference), which is the oracle that kernels
    are tested against. Results of more than `max-bytes` stay computed at run time, unless all their elements are equal: a large table costs more
    to store and load than to compute. Masks, position tables and shape arithmetic of exporters vanish this way. Runs before `dlc-simplify`,
    which looks for constants, and after it, which makes new ones.
  }];
  let dependentDialects = ["::dlc::DlcDialect"];
  let options = [
    Option<"maxBytes", "max-bytes", "int64_t", /*default=*/"65536", "the largest result that is stored, in bytes">
  ];
  let before = [{
    func.func @product_of_constants() -> tensor<2xf32> {
      %0 = dlc.constant dense<[1.000000e+00, 2.000000e+00]> : tensor<2xf32>
      %1 = dlc.constant dense<3.000000e+00> : tensor<2xf32>
      %2 = dlc.mul %0, %1 : tensor<2xf32>
      return %2 : tensor<2xf32>
    }
  }];
  let after = [{
    func.func @product_of_constants() -> tensor<2xf32> {
      %0 = dlc.constant dense<[3.000000e+00, 6.000000e+00]> : tensor<2xf32>
      return %0 : tensor<2xf32>
    }
  }];
}

#endif
