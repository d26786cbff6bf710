// RUN: dlc-opt %s --dlc-inline-kernels | FileCheck %s

// The body stands where the kernel stood, its arguments replaced by the operands.
// CHECK-LABEL: func @body_takes_the_kernels_place
// CHECK-SAME:    %[[X:.+]]: tensor<2x3xf32>
// CHECK-NEXT:    %[[E:.+]] = dlc.exp %[[X]]
// CHECK-NEXT:    %[[S:.+]] = dlc.reduce_sum %[[E]]
// CHECK-NEXT:    return %[[S]], %[[E]]
func.func @body_takes_the_kernels_place(%x: tensor<2x3xf32>) -> (tensor<2xf32>, tensor<2x3xf32>) {
  %0:2 = dlc.kernel "k" <row, [2, 3], cols = [1]> (%x) : (tensor<2x3xf32>) -> (tensor<2xf32>, tensor<2x3xf32>) {
  ^bb0(%a: tensor<2x3xf32>):
    %e = dlc.exp %a : tensor<2x3xf32>
    %s = dlc.reduce_sum %e dims [1] : tensor<2x3xf32> -> tensor<2xf32>
    dlc.yield %s, %e : tensor<2xf32>, tensor<2x3xf32>
  }
  return %0#0, %0#1 : tensor<2xf32>, tensor<2x3xf32>
}
