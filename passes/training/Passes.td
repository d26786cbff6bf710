#ifndef DLC_TRAINING_PASSES_TD
#define DLC_TRAINING_PASSES_TD

include "passes/PassBase.td"

def BuildTrainingPass : DlcPass<"dlc-build-training", "::mlir::ModuleOp"> {
  let summary = "Add loss, gradients and optimizer to the model: the entry points of training";
  let description = [{
    Builds those of `step`, `accumulate`, `grad` and `eval` that `entries` lists from the model functions of the importer: `step` and
    `accumulate` from `step-from`, `grad` from `grad-from` and `eval` from `eval-from`. Functions that `entries` does not list are erased.
    Runs after the first simplification, so that what is differentiated is small and channels-last, and before the second, which cleans up
    after it. `passes/training/BuildStep.h` documents the entries; a loss or optimizer that does not exist is DLC2001 or DLC2003.
  }];
  let dependentDialects = ["::dlc::DlcDialect"];
  let options = [
    ListOption<"entries", "entries", "std::string", "functions to build or keep (default: step)">,
    Option<"loss", "loss", "std::string", /*default=*/"\"mse\"", "KIND[:output=NAME,axis=N,chunks=N], terms joined by '+'">,
    Option<"optimizer", "optimizer", "std::string", /*default=*/"\"sgd\"", "KIND[:NAME=NUMBER,...]">,
    Option<"clipNorm", "clip-norm", "double", /*default=*/"0", "the largest joint 2-norm of all gradients; 0: no limit">,
    Option<"lossScale", "loss-scale", "std::string", /*default=*/"\"none\"", "none or dynamic[:init=N,interval=N]">,
    Option<"accumulate", "accumulate", "int64_t", /*default=*/"1", "calls whose gradients are averaged before one update">,
    ListOption<"targetShapes", "target-shapes", "std::string", "shapes of targets where they are known, NAME=4x8">,
    Option<"stepFrom", "step-from", "std::string", /*default=*/"\"train\"", "the model function of 'step' and 'accumulate'">,
    Option<"gradFrom", "grad-from", "std::string", /*default=*/"\"train\"", "the model function of 'grad'">,
    Option<"evalFrom", "eval-from", "std::string", /*default=*/"\"infer\"", "the model function of 'eval'">
  ];
  let exampleOptions = "loss=mse optimizer=sgd entries=eval eval-from=forward";
  let before = [{
    func.func @forward(%x: tensor<2xf32> {dlc.input = "x"}, %w: tensor<2xf32> {dlc.param = "w"}) -> (tensor<2xf32> {dlc.output = "y"}) {
      %0 = dlc.mul %x, %w : tensor<2xf32>
      return %0 : tensor<2xf32>
    }
  }];
  let after = [{
    func.func @eval(%x: tensor<2xf32> {dlc.input = "x"}, %t: tensor<2xf32> {dlc.input = "target"},
                    %w: tensor<2xf32> {dlc.param = "w"}) -> (tensor<f32> {dlc.output = "loss"}) {
      %0 = dlc.mul %x, %w : tensor<2xf32>
      %1 = dlc.sub %0, %t : tensor<2xf32>
      %2 = dlc.mul %1, %1 : tensor<2xf32>
      %3 = dlc.reduce_sum %2 dims [0] : tensor<2xf32> -> tensor<f32>
      %4 = dlc.constant dense<5.000000e-01> : tensor<f32>
      %5 = dlc.mul %3, %4 : tensor<f32>
      return %5 : tensor<f32>
    }
  }];
}

#endif
