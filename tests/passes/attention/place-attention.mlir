// RUN: dlc-opt %s --dlc-place-attention | FileCheck %s

// A copy of the transpose, made for the backward half, is the same memory.
// CHECK-LABEL: func @copied_transpose
// CHECK:         %[[O:.+]], %{{.+}} = dlc.attention
// CHECK-NEXT:    %[[T:.+]] = dlc.transpose %[[O]] [1, 0, 2]
// CHECK-NEXT:    return %[[T]], %[[T]]
func.func @copied_transpose(%q: tensor<2x3x4xf32>) -> (tensor<3x2x4xf32>, tensor<3x2x4xf32>) {
  %o, %l = dlc.attention %q, %q, %q scale 1.0 : (tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> (tensor<2x3x4xf32>, tensor<2x3xf32>)
  %0 = dlc.transpose %o [1, 0, 2] : tensor<2x3x4xf32> -> tensor<3x2x4xf32>
  %1 = dlc.transpose %o [1, 0, 2] {dlc.recomputed = 1 : i64} : tensor<2x3x4xf32> -> tensor<3x2x4xf32>
  return %0, %1 : tensor<3x2x4xf32>, tensor<3x2x4xf32>
}

// Something else reads the output as it is, so it is in memory as it is.
// CHECK-LABEL: func @read_untransposed
// CHECK:         %[[O:.+]], %{{.+}} = dlc.attention
// CHECK-NEXT:    %[[E:.+]] = dlc.exp %[[O]]
// CHECK-NEXT:    %[[T:.+]] = dlc.transpose %[[O]] [1, 0, 2]
// CHECK-NEXT:    return %[[E]], %[[T]]
func.func @read_untransposed(%q: tensor<2x3x4xf32>) -> (tensor<2x3x4xf32>, tensor<3x2x4xf32>) {
  %o, %l = dlc.attention %q, %q, %q scale 1.0 : (tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> (tensor<2x3x4xf32>, tensor<2x3xf32>)
  %0 = dlc.exp %o : tensor<2x3x4xf32>
  %1 = dlc.transpose %o [1, 0, 2] : tensor<2x3x4xf32> -> tensor<3x2x4xf32>
  return %0, %1 : tensor<2x3x4xf32>, tensor<3x2x4xf32>
}
