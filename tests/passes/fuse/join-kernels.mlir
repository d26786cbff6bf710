// RUN: dlc-opt %s --dlc-join-kernels --split-input-file | FileCheck %s

// Nothing reads the first sum before the second is there.
// CHECK-LABEL: func @equal_sums_are_one_launch
// CHECK-SAME:    %[[P:.+]]: tensor<4x6xf32>, %[[Q:.+]]: tensor<4x6xf32>
// CHECK:         %[[J:.+]]:2 = dlc.kernel "sum" <column, [6, 4], cols = [1]>(%[[P]], %[[Q]])
// CHECK:           %[[A:.+]] = dlc.reduce_sum
// CHECK:           %[[B:.+]] = dlc.reduce_sum
// CHECK:           dlc.yield %[[A]], %[[B]]
// CHECK-NOT:     dlc.kernel
// CHECK:         return %[[J]]#0, %[[J]]#1
func.func @equal_sums_are_one_launch(%p: tensor<4x6xf32>, %q: tensor<4x6xf32>) -> (tensor<6xf32>, tensor<6xf32>) {
  %0 = dlc.kernel "sum" <column, [6, 4], cols = [1]> (%p) : (tensor<4x6xf32>) -> tensor<6xf32> {
  ^bb0(%a: tensor<4x6xf32>):
    %2 = dlc.reduce_sum %a dims [0] : tensor<4x6xf32> -> tensor<6xf32>
    dlc.yield %2 : tensor<6xf32>
  }
  %1 = dlc.kernel "sum" <column, [6, 4], cols = [1]> (%q) : (tensor<4x6xf32>) -> tensor<6xf32> {
  ^bb0(%a: tensor<4x6xf32>):
    %2 = dlc.reduce_sum %a dims [0] : tensor<4x6xf32> -> tensor<6xf32>
    dlc.yield %2 : tensor<6xf32>
  }
  return %0, %1 : tensor<6xf32>, tensor<6xf32>
}

// -----

// The second reads what the first writes.
// CHECK-LABEL: func @one_after_the_other
// CHECK-COUNT-2: dlc.kernel "exp"
func.func @one_after_the_other(%p: tensor<6xf32>) -> tensor<6xf32> {
  %0 = dlc.kernel "exp" <map, [6]> (%p) : (tensor<6xf32>) -> tensor<6xf32> {
  ^bb0(%a: tensor<6xf32>):
    %2 = dlc.exp %a : tensor<6xf32>
    dlc.yield %2 : tensor<6xf32>
  }
  %1 = dlc.kernel "exp" <map, [6]> (%0) : (tensor<6xf32>) -> tensor<6xf32> {
  ^bb0(%a: tensor<6xf32>):
    %2 = dlc.exp %a : tensor<6xf32>
    dlc.yield %2 : tensor<6xf32>
  }
  return %1 : tensor<6xf32>
}

// -----

// Other shapes are other kernels.
// CHECK-LABEL: func @other_shapes
// CHECK-COUNT-2: dlc.kernel "exp"
func.func @other_shapes(%p: tensor<6xf32>, %q: tensor<7xf32>) -> (tensor<6xf32>, tensor<7xf32>) {
  %0 = dlc.kernel "exp" <map, [6]> (%p) : (tensor<6xf32>) -> tensor<6xf32> {
  ^bb0(%a: tensor<6xf32>):
    %2 = dlc.exp %a : tensor<6xf32>
    dlc.yield %2 : tensor<6xf32>
  }
  %1 = dlc.kernel "exp" <map, [7]> (%q) : (tensor<7xf32>) -> tensor<7xf32> {
  ^bb0(%a: tensor<7xf32>):
    %2 = dlc.exp %a : tensor<7xf32>
    dlc.yield %2 : tensor<7xf32>
  }
  return %0, %1 : tensor<6xf32>, tensor<7xf32>
}
