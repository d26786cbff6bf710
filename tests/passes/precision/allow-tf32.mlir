// RUN: dlc-opt %s --dlc-allow-tf32 | FileCheck %s
// RUN: dlc-opt %s --dlc-allow-tf32="keep=head*" | FileCheck %s --check-prefix=KEEP

// Contractions of f32 are marked, forward and backward; nothing else is.
// CHECK-LABEL: func.func @step
// CHECK:         dlc.dot_general {{.*}} {dlc.allows_tf32}
// CHECK:         dlc.dot_general {{.*}} {dlc.allows_tf32}
// CHECK:         dlc.tanh %{{.*}} : tensor<4x4xf32>
// A node that is kept stays as it is.
// KEEP-LABEL:  func.func @step
// KEEP:          dlc.dot_general {{.*}} {dlc.allows_tf32}
// KEEP-NOT:      dlc.allows_tf32
func.func @step(%x: tensor<4x4xf32>, %w: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = dlc.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %1 = dlc.dot_general %0, %w batch [] x [] contract [1] x [0] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32> loc("head/MatMul")
  %2 = dlc.tanh %1 : tensor<4x4xf32>
  return %2 : tensor<4x4xf32>
}

// Other types have no TF32.
// CHECK-LABEL: func.func @others
// CHECK-NOT:     dlc.allows_tf32
func.func @others(%x: tensor<4x4xf64>, %h: tensor<4x4xbf16>) -> (tensor<4x4xf64>, tensor<4x4xf32>) {
  %0 = dlc.dot_general %x, %x batch [] x [] contract [1] x [0] : (tensor<4x4xf64>, tensor<4x4xf64>) -> tensor<4x4xf64>
  %1 = dlc.dot_general %h, %h batch [] x [] contract [1] x [0] : (tensor<4x4xbf16>, tensor<4x4xbf16>) -> tensor<4x4xf32>
  return %0, %1 : tensor<4x4xf64>, tensor<4x4xf32>
}

// The model file exactly as written.
// CHECK-LABEL: func.func @forward
// CHECK-NOT:     dlc.allows_tf32
func.func @forward(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = dlc.dot_general %x, %x batch [] x [] contract [1] x [0] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}
