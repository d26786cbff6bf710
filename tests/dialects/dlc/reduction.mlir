// RUN: dlc-opt %s --canonicalize | FileCheck %s

// A sum over no dims is its operand; one over dims of size 1 still drops them.
// CHECK-LABEL: func @sum_of_one
// CHECK-SAME:    (%[[X:.+]]: tensor<2x1xf32>)
// CHECK:         %[[S:.+]] = dlc.reduce_sum %[[X]] dims [1]
// CHECK:         return %[[X]], %[[S]]
func.func @sum_of_one(%x: tensor<2x1xf32>) -> (tensor<2x1xf32>, tensor<2xf32>) {
  %0 = dlc.reduce_sum %x dims [] : tensor<2x1xf32> -> tensor<2x1xf32>
  %1 = dlc.reduce_sum %x dims [1] : tensor<2x1xf32> -> tensor<2xf32>
  return %0, %1 : tensor<2x1xf32>, tensor<2xf32>
}
