// RUN: dlc-opt %s --dlc-form-kernels --dlc-list-kernels --split-input-file | FileCheck %s
// RUN: dlc-opt %s --dlc-form-kernels --dlc-list-kernels=arguments=true --split-input-file | FileCheck %s --check-prefix=EARLY

// Updates by one formula are one launch over slices; the rate is shared.
// CHECK-LABEL: func @equal_updates_are_one_list
// CHECK:         %[[L:.+]]:2 = dlc.kernel "list_mul_sub" <list, [32, 6]>
// CHECK-NOT:     dlc.kernel
// CHECK:         return %[[L]]#0, %[[L]]#1
func.func @equal_updates_are_one_list(%lr: tensor<f32>, %g0: tensor<8x4xf32>, %w0: tensor<8x4xf32>, %g1: tensor<6xf32>, %w1: tensor<6xf32>)
    -> (tensor<8x4xf32>, tensor<6xf32>) {
  %0 = dlc.broadcast %lr dims [] : tensor<f32> -> tensor<8x4xf32>
  %1 = dlc.mul %0, %g0 : tensor<8x4xf32>
  %2 = dlc.sub %w0, %1 : tensor<8x4xf32>
  %3 = dlc.broadcast %lr dims [] : tensor<f32> -> tensor<6xf32>
  %4 = dlc.mul %3, %g1 : tensor<6xf32>
  %5 = dlc.sub %w1, %4 : tensor<6xf32>
  return %2, %5 : tensor<8x4xf32>, tensor<6xf32>
}

// -----

// Other formulas are other kernels.
// CHECK-LABEL: func @different_updates_stay
// CHECK-COUNT-2: dlc.kernel "map
// CHECK-NOT:     dlc.kernel "list
// CHECK:         return
func.func @different_updates_stay(%lr: tensor<f32>, %g0: tensor<8x4xf32>, %w0: tensor<8x4xf32>, %g1: tensor<6xf32>, %w1: tensor<6xf32>)
    -> (tensor<8x4xf32>, tensor<6xf32>) {
  %0 = dlc.broadcast %lr dims [] : tensor<f32> -> tensor<8x4xf32>
  %1 = dlc.mul %0, %g0 : tensor<8x4xf32>
  %2 = dlc.sub %w0, %1 : tensor<8x4xf32>
  %3 = dlc.broadcast %lr dims [] : tensor<f32> -> tensor<6xf32>
  %4 = dlc.mul %3, %g1 : tensor<6xf32>
  %5 = dlc.add %w1, %4 : tensor<6xf32>
  return %2, %5 : tensor<8x4xf32>, tensor<6xf32>
}

// -----

// A gradient of another shape with the same elements in the same order is no other formula.
// CHECK-LABEL: func @reshaped_gradient_is_in_the_list
// CHECK:         dlc.kernel "list_mul_sub" <list, [32, 6]>
// CHECK-NOT:     dlc.kernel
func.func @reshaped_gradient_is_in_the_list(%lr: tensor<f32>, %g0: tensor<2x4x4xf32>, %w0: tensor<8x4xf32>, %g1: tensor<6xf32>, %w1: tensor<6xf32>)
    -> (tensor<8x4xf32>, tensor<6xf32>) {
  %r = dlc.reshape %g0 : tensor<2x4x4xf32> -> tensor<8x4xf32>
  %0 = dlc.broadcast %lr dims [] : tensor<f32> -> tensor<8x4xf32>
  %1 = dlc.mul %0, %r : tensor<8x4xf32>
  %2 = dlc.sub %w0, %1 : tensor<8x4xf32>
  %3 = dlc.broadcast %lr dims [] : tensor<f32> -> tensor<6xf32>
  %4 = dlc.mul %3, %g1 : tensor<6xf32>
  %5 = dlc.sub %w1, %4 : tensor<6xf32>
  return %2, %5 : tensor<8x4xf32>, tensor<6xf32>
}

// -----

// Narrow weights are made by kernels that read arguments alone: on request one launch, before all else.
// CHECK-LABEL:      func @narrow_weights
// CHECK-COUNT-2:      dlc.kernel "map_cast"
// EARLY-LABEL:      func @narrow_weights
// EARLY:              %[[L:.+]]:2 = dlc.kernel "list_cast" <list, [32, 16]>
// EARLY-DAG:          dlc.dot_general %{{.+}}, %[[L]]#0
// EARLY-DAG:          dlc.dot_general %{{.+}}, %[[L]]#1
// EARLY-NOT:          dlc.kernel "map_cast"
func.func @narrow_weights(%x: tensor<2x8xbf16>, %v: tensor<8x4xf32>, %w: tensor<4x4xf32>) -> tensor<2x4xbf16> {
  %0 = dlc.cast %v : tensor<8x4xf32> -> tensor<8x4xbf16>
  %1 = dlc.dot_general %x, %0 batch [] x [] contract [1] x [0] : (tensor<2x8xbf16>, tensor<8x4xbf16>) -> tensor<2x4xbf16>
  %2 = dlc.cast %w : tensor<4x4xf32> -> tensor<4x4xbf16>
  %3 = dlc.dot_general %1, %2 batch [] x [] contract [1] x [0] : (tensor<2x4xbf16>, tensor<4x4xbf16>) -> tensor<2x4xbf16>
  return %3 : tensor<2x4xbf16>
}

// -----

// Nor is one whose square was taken above the reshape.
// CHECK-LABEL: func @shapes_within_one_update
// CHECK:         %[[R:.+]] = dlc.reshape %arg1 : tensor<4x2x4xf32> -> tensor<4x8xf32>
// CHECK:         dlc.kernel "list_{{.*}}" <list, [32, 6]>
// CHECK-NOT:     dlc.kernel "map
func.func @shapes_within_one_update(%lr: tensor<f32>, %g0: tensor<4x2x4xf32>, %w0: tensor<4x8xf32>, %g1: tensor<6xf32>, %w1: tensor<6xf32>)
    -> (tensor<4x8xf32>, tensor<6xf32>) {
  %c0 = dlc.constant dense<5.0> : tensor<4x2x4xf32>
  %c1 = dlc.constant dense<5.0> : tensor<6xf32>
  %0 = dlc.broadcast %lr dims [] : tensor<f32> -> tensor<4x8xf32>
  %1 = dlc.mul %g0, %c0 : tensor<4x2x4xf32>
  %2 = dlc.mul %1, %g0 : tensor<4x2x4xf32>
  %3 = dlc.reshape %2 : tensor<4x2x4xf32> -> tensor<4x8xf32>
  %4 = dlc.reshape %g0 : tensor<4x2x4xf32> -> tensor<4x8xf32>
  %5 = dlc.add %3, %4 : tensor<4x8xf32>
  %6 = dlc.mul %0, %5 : tensor<4x8xf32>
  %7 = dlc.sub %w0, %6 : tensor<4x8xf32>
  %8 = dlc.broadcast %lr dims [] : tensor<f32> -> tensor<6xf32>
  %9 = dlc.mul %g1, %c1 : tensor<6xf32>
  %10 = dlc.mul %9, %g1 : tensor<6xf32>
  %11 = dlc.add %10, %g1 : tensor<6xf32>
  %12 = dlc.mul %8, %11 : tensor<6xf32>
  %13 = dlc.sub %w1, %12 : tensor<6xf32>
  return %7, %13 : tensor<4x8xf32>, tensor<6xf32>
}
