// RUN: dlc-opt %s --verify-roundtrip --canonicalize | FileCheck %s

// Squares are written as pow by exporters; a multiplication is cheaper.
// CHECK-LABEL: func @square
// CHECK:         dlc.mul %arg0, %arg0
func.func @square(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %two = dlc.constant dense<2.0> : tensor<f32>
  %b = dlc.broadcast %two dims [] : tensor<f32> -> tensor<2x3xf32>
  %0 = dlc.pow %x, %b : tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// CHECK-LABEL: func @kernel
// CHECK:         dlc.kernel "k" <row, [2, 3], cols = [1]>
func.func @kernel(%x: tensor<2x3xf32>) -> tensor<2xf32> {
  %0 = dlc.kernel "k" <row, [2, 3], cols = [1]> (%x) : (tensor<2x3xf32>) -> tensor<2xf32> {
  ^bb0(%a: tensor<2x3xf32>):
    %s = dlc.reduce_sum %a dims [1] : tensor<2x3xf32> -> tensor<2xf32>
    dlc.yield %s : tensor<2xf32>
  }
  return %0 : tensor<2xf32>
}
