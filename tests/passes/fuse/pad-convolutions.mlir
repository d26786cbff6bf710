// RUN: dlc-opt %s --dlc-pad-convolutions --split-input-file | FileCheck %s

// The far side needs a pad of its own: in the input, and cut from its gradient.
// CHECK-LABEL: func @apart
// CHECK:         %[[P:.+]] = dlc.pad %{{.+}} low [0, 0, 0] interior [0, 0, 0] : (tensor<1x8x3xf32>, tensor<f32>) -> tensor<1x9x3xf32>
// CHECK:         %[[Y:.+]] = dlc.conv %[[P]], %{{.+}} pads [0] to [0] {{.+}} -> tensor<1x4x4xf32>
// CHECK:         %[[G:.+]] = dlc.conv_grad_data {{.+}} pads [0] to [0] {{.+}} -> tensor<1x9x3xf32>
// CHECK:         %[[X:.+]] = dlc.slice %[[G]] starts [0, 0, 0] steps [1, 1, 1] : tensor<1x9x3xf32> -> tensor<1x8x3xf32>
// CHECK:         %[[Q:.+]] = dlc.pad
// CHECK:         %[[W:.+]] = dlc.conv_grad_weights %[[Q]], %{{.+}} pads [0] to [0] {{.+}} -> tensor<4x3x3xf32>
// CHECK:         return %[[Y]], %[[X]], %[[W]]
func.func @apart(%x: tensor<1x8x3xf32>, %w: tensor<4x3x3xf32>, %g: tensor<1x4x4xf32>) -> (tensor<1x4x4xf32>, tensor<1x8x3xf32>, tensor<4x3x3xf32>) {
  %0 = dlc.conv %x, %w strides [2] dilations [1] pads [0] to [1] groups 1 : (tensor<1x8x3xf32>, tensor<4x3x3xf32>) -> tensor<1x4x4xf32>
  %1 = dlc.conv_grad_data %g, %w strides [2] dilations [1] pads [0] to [1] groups 1 : (tensor<1x4x4xf32>, tensor<4x3x3xf32>) -> tensor<1x8x3xf32>
  %2 = dlc.conv_grad_weights %x, %g strides [2] dilations [1] pads [0] to [1] groups 1 : (tensor<1x8x3xf32>, tensor<1x4x4xf32>) -> tensor<4x3x3xf32>
  return %0, %1, %2 : tensor<1x4x4xf32>, tensor<1x8x3xf32>, tensor<4x3x3xf32>
}

// -----

// Alike, or a far side that the stride never reaches.
// CHECK-LABEL: func @stay
// CHECK-NOT:     dlc.pad
// CHECK:         return
func.func @stay(%x: tensor<1x8x3xf32>, %w: tensor<4x3x3xf32>) -> (tensor<1x8x4xf32>, tensor<1x4x4xf32>) {
  %0 = dlc.conv %x, %w strides [1] dilations [1] pads [1] to [1] groups 1 : (tensor<1x8x3xf32>, tensor<4x3x3xf32>) -> tensor<1x8x4xf32>
  %1 = dlc.conv %x, %w strides [2] dilations [1] pads [1] to [0] groups 1 : (tensor<1x8x3xf32>, tensor<4x3x3xf32>) -> tensor<1x4x4xf32>
  return %0, %1 : tensor<1x8x4xf32>, tensor<1x4x4xf32>
}
