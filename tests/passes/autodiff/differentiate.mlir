// RUN: dlc-opt %s --dlc-differentiate --split-input-file --verify-diagnostics | FileCheck %s

// A linear layer's gradients are one product each, without a transpose.
// CHECK-LABEL: func @linear
// CHECK-SAME:    (%[[X:.+]]: tensor<8x4xf32>, %[[W:.+]]: tensor<3x4xf32>)
// CHECK:         %[[ONE:.+]] = dlc.constant dense<1.000000e+00>
// CHECK:         %[[G:.+]] = dlc.broadcast %[[ONE]]
// CHECK:         %[[DX:.+]] = dlc.dot_general %[[G]], %[[W]] batch [] x [] contract [1] x [0]
// CHECK:         %[[DW:.+]] = dlc.dot_general %[[G]], %[[X]] batch [] x [] contract [0] x [0]
// CHECK:         return %{{.+}}, %[[DX]], %[[DW]]
func.func @linear(%x: tensor<8x4xf32>, %w: tensor<3x4xf32>) -> tensor<f32> attributes {dlc.loss = 0 : i64} {
  %0 = dlc.dot_general %x, %w batch [] x [] contract [1] x [1] : (tensor<8x4xf32>, tensor<3x4xf32>) -> tensor<8x3xf32>
  %1 = dlc.reduce_sum %0 dims [0, 1] : tensor<8x3xf32> -> tensor<f32>
  return %1 : tensor<f32>
}

// The same holds for a weight that is stored the other way round.
// CHECK-LABEL: func @linear_of_rows
// CHECK-SAME:    (%[[X:.+]]: tensor<8x4xf32>, %[[W:.+]]: tensor<4x3xf32>)
// CHECK:         %[[G:.+]] = dlc.broadcast
// CHECK:         dlc.dot_general %[[G]], %[[W]] batch [] x [] contract [1] x [1]
// CHECK:         dlc.dot_general %[[X]], %[[G]] batch [] x [] contract [0] x [0]
// CHECK-NOT:     dlc.transpose
// CHECK:         return
func.func @linear_of_rows(%x: tensor<8x4xf32>, %w: tensor<4x3xf32>) -> tensor<f32> attributes {dlc.loss = 0 : i64} {
  %0 = dlc.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<8x4xf32>, tensor<4x3xf32>) -> tensor<8x3xf32>
  %1 = dlc.reduce_sum %0 dims [0, 1] : tensor<8x3xf32> -> tensor<f32>
  return %1 : tensor<f32>
}

// Integers have no gradient; a float that the loss does not depend on has zeros.
// CHECK-LABEL: func @independent
// CHECK-SAME:    -> (tensor<f32>, tensor<f32>, tensor<2xf32>)
// CHECK:         %[[ZERO:.+]] = dlc.constant dense<0.000000e+00> : tensor<2xf32>
// CHECK:         return %{{.+}}, %{{.+}}, %[[ZERO]]
func.func @independent(%x: tensor<f32>, %unused: tensor<2xf32>, %i: tensor<2xi64>) -> tensor<f32> attributes {dlc.loss = 0 : i64} {
  %0 = dlc.exp %x : tensor<f32>
  return %0 : tensor<f32>
}

// Functions without the attribute stay as they are.
// CHECK-LABEL: func @unmarked
// CHECK-SAME:    -> tensor<f32> {
func.func @unmarked(%x: tensor<f32>) -> tensor<f32> {
  return %x : tensor<f32>
}

// -----

func.func @kernel(%x: tensor<2xf32>) -> tensor<f32> attributes {dlc.loss = 0 : i64} {
  // expected-note @below {{'dlc.kernel' is not differentiable, because kernels are formed after differentiation}}
  %0 = dlc.kernel "k" <map, [2]> (%x) : (tensor<2xf32>) -> tensor<2xf32> {
  ^bb0(%a: tensor<2xf32>):
    dlc.yield %a : tensor<2xf32>
  }
  // expected-error @below {{DLC2101: the loss must depend on the parameters through differentiable ops alone, but got 1 that is not}}
  %1 = dlc.reduce_sum %0 dims [0] : tensor<2xf32> -> tensor<f32>
  return %1 : tensor<f32>
}

// -----

// expected-error @below {{DLC2102: 'dlc.loss' must name one of 1 results of a function with one block, but got 1}}
func.func @no_such_result(%x: tensor<f32>) -> tensor<f32> attributes {dlc.loss = 1 : i64} {
  return %x : tensor<f32>
}

// -----

func.func @no_scalar(%x: tensor<2xf32>) -> tensor<2xf32> attributes {dlc.loss = 0 : i64} {
  // expected-error @below {{DLC2102: the loss must be a float tensor of rank 0, but got 'tensor<2xf32>'}}
  %0 = dlc.exp %x : tensor<2xf32>
  return %0 : tensor<2xf32>
}
