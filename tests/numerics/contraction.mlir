// RUN: dlc-opt %s --verify-roundtrip --allow-unregistered-dialect -o /dev/null

// Gradients of the contractions against central differences.

func.func @dot_general(%a: tensor<2x3xf64>, %b: tensor<3x4xf64>, %c: tensor<5x3xf64>, %d: tensor<0x3xf64>, %e: tensor<2x0xf64>, %f: tensor<0x7xf64>)
    -> (tensor<2x4xf64>, tensor<2x5xf64>, tensor<0x4xf64>, tensor<2x7xf64>, tensor<f64>) {
  %0 = dlc.dot_general %a, %b batch [] x [] contract [1] x [0] : (tensor<2x3xf64>, tensor<3x4xf64>) -> tensor<2x4xf64>
  %1 = dlc.dot_general %a, %c batch [] x [] contract [1] x [1] : (tensor<2x3xf64>, tensor<5x3xf64>) -> tensor<2x5xf64>
  %2 = dlc.dot_general %d, %b batch [] x [] contract [1] x [0] : (tensor<0x3xf64>, tensor<3x4xf64>) -> tensor<0x4xf64>
  %3 = dlc.dot_general %e, %f batch [] x [] contract [1] x [0] : (tensor<2x0xf64>, tensor<0x7xf64>) -> tensor<2x7xf64>
  %4 = dlc.dot_general %a, %a batch [] x [] contract [0, 1] x [0, 1] : (tensor<2x3xf64>, tensor<2x3xf64>) -> tensor<f64>
  return %0, %1, %2, %3, %4 : tensor<2x4xf64>, tensor<2x5xf64>, tensor<0x4xf64>, tensor<2x7xf64>, tensor<f64>
}

func.func @dot_general_transposed(%a: tensor<3x2xf64>, %b: tensor<3x4xf64>, %c: tensor<4x3xf64>)
    -> (tensor<2x4xf64>, tensor<2x4xf64>) {
  %0 = dlc.dot_general %a, %b batch [] x [] contract [0] x [0] : (tensor<3x2xf64>, tensor<3x4xf64>) -> tensor<2x4xf64>
  %1 = dlc.dot_general %a, %c batch [] x [] contract [0] x [1] : (tensor<3x2xf64>, tensor<4x3xf64>) -> tensor<2x4xf64>
  return %0, %1 : tensor<2x4xf64>, tensor<2x4xf64>
}

// Attention's two products, batch dims in other places, and several contracted dims.
func.func @dot_general_batched(%q: tensor<2x3x4x5xf64>, %k: tensor<2x3x6x5xf64>, %v: tensor<2x6x3x5xf64>, %w: tensor<3x5xf64>)
    -> (tensor<2x3x4x6xf64>, tensor<2x3x4x5xf64>, tensor<2x4xf64>) {
  %0 = dlc.dot_general %q, %k batch [0, 1] x [0, 1] contract [3] x [3] : (tensor<2x3x4x5xf64>, tensor<2x3x6x5xf64>) -> tensor<2x3x4x6xf64>
  %1 = dlc.dot_general %0, %v batch [0, 1] x [0, 2] contract [3] x [1] : (tensor<2x3x4x6xf64>, tensor<2x6x3x5xf64>) -> tensor<2x3x4x5xf64>
  %2 = dlc.dot_general %q, %w batch [] x [] contract [1, 3] x [0, 1] : (tensor<2x3x4x5xf64>, tensor<3x5xf64>) -> tensor<2x4xf64>
  return %0, %1, %2 : tensor<2x3x4x6xf64>, tensor<2x3x4x5xf64>, tensor<2x4xf64>
}

func.func @dot_general_mixed(%a: tensor<4x2x3x5xf64>, %b: tensor<5x6x4x3xf64>, %c: tensor<3xf64>, %d: tensor<2xf64>)
    -> (tensor<3x2x6xf64>, tensor<3x2xf64>) {
  %0 = dlc.dot_general %a, %b batch [2] x [3] contract [3, 0] x [0, 2] : (tensor<4x2x3x5xf64>, tensor<5x6x4x3xf64>) -> tensor<3x2x6xf64>
  %1 = dlc.dot_general %c, %d batch [] x [] contract [] x [] : (tensor<3xf64>, tensor<2xf64>) -> tensor<3x2xf64>
  return %0, %1 : tensor<3x2x6xf64>, tensor<3x2xf64>
}

func.func @conv_2d(%x: tensor<2x4x5x3xf64>, %w: tensor<4x3x3x3xf64>)
    -> (tensor<2x4x5x4xf64>) {
  %0 = dlc.conv %x, %w strides [1, 1] dilations [1, 1] pads [1, 1] to [1, 1] groups 1 : (tensor<2x4x5x3xf64>, tensor<4x3x3x3xf64>) -> tensor<2x4x5x4xf64>
  return %0 : tensor<2x4x5x4xf64>
}

func.func @conv_grad_data_2d(%g: tensor<2x4x5x4xf64>, %w: tensor<4x3x3x3xf64>)
    -> (tensor<2x4x5x3xf64>) {
  %0 = dlc.conv_grad_data %g, %w strides [1, 1] dilations [1, 1] pads [1, 1] to [1, 1] groups 1 : (tensor<2x4x5x4xf64>, tensor<4x3x3x3xf64>) -> tensor<2x4x5x3xf64>
  return %0 : tensor<2x4x5x3xf64>
}

func.func @conv_grad_weights_2d(%x: tensor<2x4x5x3xf64>, %g: tensor<2x4x5x4xf64>)
    -> (tensor<4x3x3x3xf64>) {
  %0 = dlc.conv_grad_weights %x, %g strides [1, 1] dilations [1, 1] pads [1, 1] to [1, 1] groups 1 : (tensor<2x4x5x3xf64>, tensor<2x4x5x4xf64>) -> tensor<4x3x3x3xf64>
  return %0 : tensor<4x3x3x3xf64>
}

// Uneven pads, strides that leave a remainder, dilation, groups.
func.func @conv_strided(%x: tensor<1x5x8x4xf64>, %w: tensor<6x2x2x3xf64>)
    -> (tensor<1x3x2x6xf64>) {
  %0 = dlc.conv %x, %w strides [2, 3] dilations [1, 2] pads [1, 0] to [0, 2] groups 2 : (tensor<1x5x8x4xf64>, tensor<6x2x2x3xf64>) -> tensor<1x3x2x6xf64>
  return %0 : tensor<1x3x2x6xf64>
}

func.func @conv_grad_data_strided(%g: tensor<1x3x2x6xf64>, %w: tensor<6x2x2x3xf64>)
    -> (tensor<1x5x8x4xf64>) {
  %0 = dlc.conv_grad_data %g, %w strides [2, 3] dilations [1, 2] pads [1, 0] to [0, 2] groups 2 : (tensor<1x3x2x6xf64>, tensor<6x2x2x3xf64>) -> tensor<1x5x8x4xf64>
  return %0 : tensor<1x5x8x4xf64>
}

func.func @conv_grad_weights_strided(%x: tensor<1x5x8x4xf64>, %g: tensor<1x3x2x6xf64>)
    -> (tensor<6x2x2x3xf64>) {
  %0 = dlc.conv_grad_weights %x, %g strides [2, 3] dilations [1, 2] pads [1, 0] to [0, 2] groups 2 : (tensor<1x5x8x4xf64>, tensor<1x3x2x6xf64>) -> tensor<6x2x2x3xf64>
  return %0 : tensor<6x2x2x3xf64>
}

func.func @conv_1d(%x: tensor<3x7x2xf64>, %w: tensor<5x2x3xf64>)
    -> (tensor<3x3x5xf64>) {
  %0 = dlc.conv %x, %w strides [2] dilations [1] pads [0] to [1] groups 1 : (tensor<3x7x2xf64>, tensor<5x2x3xf64>) -> tensor<3x3x5xf64>
  return %0 : tensor<3x3x5xf64>
}

func.func @conv_grad_data_1d(%g: tensor<3x3x5xf64>, %w: tensor<5x2x3xf64>)
    -> (tensor<3x7x2xf64>) {
  %0 = dlc.conv_grad_data %g, %w strides [2] dilations [1] pads [0] to [1] groups 1 : (tensor<3x3x5xf64>, tensor<5x2x3xf64>) -> tensor<3x7x2xf64>
  return %0 : tensor<3x7x2xf64>
}

func.func @conv_grad_weights_1d(%x: tensor<3x7x2xf64>, %g: tensor<3x3x5xf64>)
    -> (tensor<5x2x3xf64>) {
  %0 = dlc.conv_grad_weights %x, %g strides [2] dilations [1] pads [0] to [1] groups 1 : (tensor<3x7x2xf64>, tensor<3x3x5xf64>) -> tensor<5x2x3xf64>
  return %0 : tensor<5x2x3xf64>
}

// Depthwise over three dims.
func.func @conv_3d(%x: tensor<1x2x3x3x3xf64>, %w: tensor<3x1x2x3x1xf64>)
    -> (tensor<1x1x2x3x3xf64>) {
  %0 = dlc.conv %x, %w strides [1, 2, 1] dilations [1, 1, 1] pads [0, 1, 0] to [0, 1, 0] groups 3 : (tensor<1x2x3x3x3xf64>, tensor<3x1x2x3x1xf64>) -> tensor<1x1x2x3x3xf64>
  return %0 : tensor<1x1x2x3x3xf64>
}

func.func @conv_grad_data_3d(%g: tensor<1x1x2x3x3xf64>, %w: tensor<3x1x2x3x1xf64>)
    -> (tensor<1x2x3x3x3xf64>) {
  %0 = dlc.conv_grad_data %g, %w strides [1, 2, 1] dilations [1, 1, 1] pads [0, 1, 0] to [0, 1, 0] groups 3 : (tensor<1x1x2x3x3xf64>, tensor<3x1x2x3x1xf64>) -> tensor<1x2x3x3x3xf64>
  return %0 : tensor<1x2x3x3x3xf64>
}

func.func @conv_grad_weights_3d(%x: tensor<1x2x3x3x3xf64>, %g: tensor<1x1x2x3x3xf64>)
    -> (tensor<3x1x2x3x1xf64>) {
  %0 = dlc.conv_grad_weights %x, %g strides [1, 2, 1] dilations [1, 1, 1] pads [0, 1, 0] to [0, 1, 0] groups 3 : (tensor<1x2x3x3x3xf64>, tensor<1x1x2x3x3xf64>) -> tensor<3x1x2x3x1xf64>
  return %0 : tensor<3x1x2x3x1xf64>
}

// A batch of nothing.
func.func @conv_empty(%x: tensor<0x4x4x2xf64>, %w: tensor<3x2x3x3xf64>)
    -> (tensor<0x2x2x3xf64>) {
  %0 = dlc.conv %x, %w strides [1, 1] dilations [1, 1] pads [0, 0] to [0, 0] groups 1 : (tensor<0x4x4x2xf64>, tensor<3x2x3x3xf64>) -> tensor<0x2x2x3xf64>
  return %0 : tensor<0x2x2x3xf64>
}

func.func @conv_grad_data_empty(%g: tensor<0x2x2x3xf64>, %w: tensor<3x2x3x3xf64>)
    -> (tensor<0x4x4x2xf64>) {
  %0 = dlc.conv_grad_data %g, %w strides [1, 1] dilations [1, 1] pads [0, 0] to [0, 0] groups 1 : (tensor<0x2x2x3xf64>, tensor<3x2x3x3xf64>) -> tensor<0x4x4x2xf64>
  return %0 : tensor<0x4x4x2xf64>
}

func.func @conv_grad_weights_empty(%x: tensor<0x4x4x2xf64>, %g: tensor<0x2x2x3xf64>)
    -> (tensor<3x2x3x3xf64>) {
  %0 = dlc.conv_grad_weights %x, %g strides [1, 1] dilations [1, 1] pads [0, 0] to [0, 0] groups 1 : (tensor<0x4x4x2xf64>, tensor<0x2x2x3xf64>) -> tensor<3x2x3x3xf64>
  return %0 : tensor<3x2x3x3xf64>
}
