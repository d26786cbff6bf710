// RUN: dlc-opt %s --dlc-verify-graph | FileCheck %s

// CHECK-LABEL: func @step
func.func @step(%x: tensor<2xf32> {dlc.input = "x"}, %w: tensor<2xf32> {dlc.param = "w"}, %n: tensor<i64> {dlc.state = "step"})
    -> (tensor<2xf32> {dlc.output = "y"}, tensor<2xf32> {dlc.alias = 1 : i64}, tensor<i64> {dlc.alias = 2 : i64}) {
  %0 = dlc.mul %x, %w : tensor<2xf32>
  return %0, %w, %n : tensor<2xf32>, tensor<2xf32>, tensor<i64>
}
