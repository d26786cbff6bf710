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

// The gradient of a bias is a sum of the queries' gradient: of the transposed one, which the next product reads, too.
// CHECK-LABEL: func @summed_gradient
// CHECK:         %[[DQ:.+]], %{{.+}}, %{{.+}} = dlc.attention_grad
// CHECK-NEXT:    %[[T:.+]] = dlc.transpose %[[DQ]] [1, 0, 2]
// CHECK-NEXT:    %[[W:.+]] = dlc.cast %[[T]] : tensor<3x2x4xbf16> -> tensor<3x2x4xf32>
// CHECK-NEXT:    %[[S:.+]] = dlc.reduce_sum %[[W]] dims [0, 1] : tensor<3x2x4xf32> -> tensor<4xf32>
// CHECK-NEXT:    return %[[T]], %[[S]]
func.func @summed_gradient(%q: tensor<2x3x4xbf16>, %l: tensor<2x3xf32>) -> (tensor<3x2x4xbf16>, tensor<4xf32>) {
  %dq, %dk, %dv = dlc.attention_grad %q, %q, %q, %q, %q, %l scale 1.0 : (tensor<2x3x4xbf16>, tensor<2x3x4xbf16>, tensor<2x3x4xbf16>, tensor<2x3x4xbf16>, tensor<2x3x4xbf16>, tensor<2x3xf32>) -> (tensor<2x3x4xbf16>, tensor<2x3x4xbf16>, tensor<2x3x4xbf16>)
  %0 = dlc.cast %dq : tensor<2x3x4xbf16> -> tensor<2x3x4xf32>
  %1 = dlc.reduce_sum %0 dims [0, 1] : tensor<2x3x4xf32> -> tensor<4xf32>
  %2 = dlc.transpose %dq [1, 0, 2] : tensor<2x3x4xbf16> -> tensor<3x2x4xbf16>
  return %2, %1 : tensor<3x2x4xbf16>, tensor<4xf32>
}

// Were the sum's rows to change places, it would need a transpose of its own.
// CHECK-LABEL: func @summed_otherwise
// CHECK:         %[[DQ:.+]], %{{.+}}, %{{.+}} = dlc.attention_grad
// CHECK:         dlc.reduce_sum %[[DQ]] dims [2]
func.func @summed_otherwise(%q: tensor<2x3x4xf32>, %l: tensor<2x3xf32>) -> (tensor<3x2x4xf32>, tensor<2x3xf32>) {
  %dq, %dk, %dv = dlc.attention_grad %q, %q, %q, %q, %q, %l scale 1.0 : (tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3xf32>) -> (tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>)
  %0 = dlc.reduce_sum %dq dims [2] : tensor<2x3x4xf32> -> tensor<2x3xf32>
  %1 = dlc.transpose %dq [1, 0, 2] : tensor<2x3x4xf32> -> tensor<3x2x4xf32>
  return %1, %0 : tensor<3x2x4xf32>, tensor<2x3xf32>
}
