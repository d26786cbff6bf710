// RUN: dlc-opt %s --canonicalize | FileCheck %s

// What changes nothing goes away.
// CHECK-LABEL: func @nothing
// CHECK-SAME:    (%[[X:.+]]: tensor<2x3xf32>)
// CHECK-NEXT:    return %[[X]], %[[X]], %[[X]], %[[X]], %[[X]]
func.func @nothing(%x: tensor<2x3xf32>)
    -> (tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>) {
  %0 = dlc.broadcast %x dims [0, 1] : tensor<2x3xf32> -> tensor<2x3xf32>
  %1 = dlc.reshape %x : tensor<2x3xf32> -> tensor<2x3xf32>
  %2 = dlc.transpose %x [0, 1] : tensor<2x3xf32> -> tensor<2x3xf32>
  %3 = dlc.slice %x starts [0, 0] steps [1, 1] : tensor<2x3xf32> -> tensor<2x3xf32>
  %4 = dlc.concat %x dim 1 : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %0, %1, %2, %3, %4 : tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>
}

// Two in a row are one.
// CHECK-LABEL: func @two_in_a_row
// CHECK-SAME:    (%[[X:.+]]: tensor<2x3x4xf32>, %[[V:.+]]: tensor<3xf32>)
// CHECK-DAG:     %[[B:.+]] = dlc.broadcast %[[V]] dims [1] : tensor<3xf32> -> tensor<5x3x2xf32>
// CHECK-DAG:     %[[R:.+]] = dlc.reshape %[[X]] : tensor<2x3x4xf32> -> tensor<24xf32>
// CHECK-DAG:     %[[T:.+]] = dlc.transpose %[[X]] [1, 2, 0]
// CHECK:         return %[[B]], %[[R]], %[[T]]
func.func @two_in_a_row(%x: tensor<2x3x4xf32>, %v: tensor<3xf32>) -> (tensor<5x3x2xf32>, tensor<24xf32>, tensor<3x4x2xf32>) {
  %0 = dlc.broadcast %v dims [0] : tensor<3xf32> -> tensor<3x2xf32>
  %1 = dlc.broadcast %0 dims [1, 2] : tensor<3x2xf32> -> tensor<5x3x2xf32>
  %2 = dlc.reshape %x : tensor<2x3x4xf32> -> tensor<6x4xf32>
  %3 = dlc.reshape %2 : tensor<6x4xf32> -> tensor<24xf32>
  %4 = dlc.transpose %x [2, 0, 1] : tensor<2x3x4xf32> -> tensor<4x2x3xf32>
  %5 = dlc.transpose %4 [2, 0, 1] : tensor<4x2x3xf32> -> tensor<3x4x2xf32>
  return %1, %3, %5 : tensor<5x3x2xf32>, tensor<24xf32>, tensor<3x4x2xf32>
}

// A transpose that moves dims of size 1 alone moves no element.
// CHECK-LABEL: func @unit_dims
// CHECK:         dlc.reshape %{{.+}} : tensor<1x3x4xf32> -> tensor<3x1x4xf32>
func.func @unit_dims(%x: tensor<1x3x4xf32>) -> tensor<3x1x4xf32> {
  %0 = dlc.transpose %x [1, 0, 2] : tensor<1x3x4xf32> -> tensor<3x1x4xf32>
  return %0 : tensor<3x1x4xf32>
}

// A splat changes its type alone.
// CHECK-LABEL: func @splats
// CHECK-NEXT:    %[[C:.+]] = dlc.constant dense<2.000000e+00> : tensor<3x2xf32>
// CHECK-NEXT:    return %[[C]], %[[C]], %[[C]]
func.func @splats() -> (tensor<3x2xf32>, tensor<3x2xf32>, tensor<3x2xf32>) {
  %scalar = dlc.constant dense<2.0> : tensor<f32>
  %wide = dlc.constant dense<2.0> : tensor<2x3xf32>
  %0 = dlc.broadcast %scalar dims [] : tensor<f32> -> tensor<3x2xf32>
  %1 = dlc.transpose %wide [1, 0] : tensor<2x3xf32> -> tensor<3x2xf32>
  %2 = dlc.reshape %wide : tensor<2x3xf32> -> tensor<3x2xf32>
  return %0, %1, %2 : tensor<3x2xf32>, tensor<3x2xf32>, tensor<3x2xf32>
}
