// RUN: dlc-opt %s --verify-roundtrip --allow-unregistered-dialect -o /dev/null

// Gradients of the window family against central differences.

func.func @pool_max(%x: tensor<2x4x4x3xf64>)
    -> (tensor<2x2x2x3xf64>) {
  %0:2 = dlc.pool_max %x window [1, 2, 2, 1] strides [1, 2, 2, 1] dilations [1, 1, 1, 1] pads [0, 0, 0, 0] : (tensor<2x4x4x3xf64>) -> (tensor<2x2x2x3xf64>, tensor<2x2x2x3xi32>)
  return %0#0 : tensor<2x2x2x3xf64>
}

func.func @pool_max_grad(%x: tensor<2x4x4x3xf64>, %g: tensor<2x2x2x3xf64>)
    -> (tensor<2x4x4x3xf64>) {
  %0:2 = dlc.pool_max %x window [1, 2, 2, 1] strides [1, 2, 2, 1] dilations [1, 1, 1, 1] pads [0, 0, 0, 0] : (tensor<2x4x4x3xf64>) -> (tensor<2x2x2x3xf64>, tensor<2x2x2x3xi32>)
  %1 = dlc.pool_max_grad %g, %0#1 window [1, 2, 2, 1] strides [1, 2, 2, 1] dilations [1, 1, 1, 1] pads [0, 0, 0, 0] : (tensor<2x2x2x3xf64>, tensor<2x2x2x3xi32>) -> tensor<2x4x4x3xf64>
  return %1 : tensor<2x4x4x3xf64>
}

func.func @pool_sum(%x: tensor<2x4x4x3xf64>)
    -> (tensor<2x2x2x3xf64>) {
  %0 = dlc.pool_sum %x window [1, 2, 2, 1] strides [1, 2, 2, 1] dilations [1, 1, 1, 1] pads [0, 0, 0, 0] : (tensor<2x4x4x3xf64>) -> tensor<2x2x2x3xf64>
  return %0 : tensor<2x2x2x3xf64>
}

func.func @pool_sum_grad(%g: tensor<2x2x2x3xf64>)
    -> (tensor<2x4x4x3xf64>) {
  %0 = dlc.pool_sum_grad %g window [1, 2, 2, 1] strides [1, 2, 2, 1] dilations [1, 1, 1, 1] pads [0, 0, 0, 0] : (tensor<2x2x2x3xf64>) -> tensor<2x4x4x3xf64>
  return %0 : tensor<2x4x4x3xf64>
}

// Overlap, dilation, pads in front, and a last window that hangs over the end.
func.func @pool_max_overlapping(%x: tensor<4x7xf64>)
    -> (tensor<4x4xf64>) {
  %0:2 = dlc.pool_max %x window [2, 3] strides [1, 2] dilations [1, 2] pads [1, 1] : (tensor<4x7xf64>) -> (tensor<4x4xf64>, tensor<4x4xi32>)
  return %0#0 : tensor<4x4xf64>
}

func.func @pool_max_grad_overlapping(%x: tensor<4x7xf64>, %g: tensor<4x4xf64>)
    -> (tensor<4x7xf64>) {
  %0:2 = dlc.pool_max %x window [2, 3] strides [1, 2] dilations [1, 2] pads [1, 1] : (tensor<4x7xf64>) -> (tensor<4x4xf64>, tensor<4x4xi32>)
  %1 = dlc.pool_max_grad %g, %0#1 window [2, 3] strides [1, 2] dilations [1, 2] pads [1, 1] : (tensor<4x4xf64>, tensor<4x4xi32>) -> tensor<4x7xf64>
  return %1 : tensor<4x7xf64>
}

func.func @pool_sum_overlapping(%x: tensor<4x7xf64>)
    -> (tensor<4x4xf64>) {
  %0 = dlc.pool_sum %x window [2, 3] strides [1, 2] dilations [1, 2] pads [1, 1] : (tensor<4x7xf64>) -> tensor<4x4xf64>
  return %0 : tensor<4x4xf64>
}

func.func @pool_sum_grad_overlapping(%g: tensor<4x4xf64>)
    -> (tensor<4x7xf64>) {
  %0 = dlc.pool_sum_grad %g window [2, 3] strides [1, 2] dilations [1, 2] pads [1, 1] : (tensor<4x4xf64>) -> tensor<4x7xf64>
  return %0 : tensor<4x7xf64>
}

func.func @pool_max_1d(%x: tensor<7xf64>)
    -> (tensor<4xf64>) {
  %0:2 = dlc.pool_max %x window [3] strides [2] dilations [1] pads [1] : (tensor<7xf64>) -> (tensor<4xf64>, tensor<4xi32>)
  return %0#0 : tensor<4xf64>
}

func.func @pool_max_grad_1d(%x: tensor<7xf64>, %g: tensor<4xf64>)
    -> (tensor<7xf64>) {
  %0:2 = dlc.pool_max %x window [3] strides [2] dilations [1] pads [1] : (tensor<7xf64>) -> (tensor<4xf64>, tensor<4xi32>)
  %1 = dlc.pool_max_grad %g, %0#1 window [3] strides [2] dilations [1] pads [1] : (tensor<4xf64>, tensor<4xi32>) -> tensor<7xf64>
  return %1 : tensor<7xf64>
}

func.func @pool_sum_1d(%x: tensor<7xf64>)
    -> (tensor<4xf64>) {
  %0 = dlc.pool_sum %x window [3] strides [2] dilations [1] pads [1] : (tensor<7xf64>) -> tensor<4xf64>
  return %0 : tensor<4xf64>
}

func.func @pool_sum_grad_1d(%g: tensor<4xf64>)
    -> (tensor<7xf64>) {
  %0 = dlc.pool_sum_grad %g window [3] strides [2] dilations [1] pads [1] : (tensor<4xf64>) -> tensor<7xf64>
  return %0 : tensor<7xf64>
}

func.func @pool_max_empty(%x: tensor<0x3xf64>)
    -> (tensor<0x2xf64>) {
  %0:2 = dlc.pool_max %x window [1, 2] strides [1, 1] dilations [1, 1] pads [0, 0] : (tensor<0x3xf64>) -> (tensor<0x2xf64>, tensor<0x2xi32>)
  return %0#0 : tensor<0x2xf64>
}

func.func @pool_max_grad_empty(%x: tensor<0x3xf64>, %g: tensor<0x2xf64>)
    -> (tensor<0x3xf64>) {
  %0:2 = dlc.pool_max %x window [1, 2] strides [1, 1] dilations [1, 1] pads [0, 0] : (tensor<0x3xf64>) -> (tensor<0x2xf64>, tensor<0x2xi32>)
  %1 = dlc.pool_max_grad %g, %0#1 window [1, 2] strides [1, 1] dilations [1, 1] pads [0, 0] : (tensor<0x2xf64>, tensor<0x2xi32>) -> tensor<0x3xf64>
  return %1 : tensor<0x3xf64>
}

func.func @pool_sum_empty(%x: tensor<0x3xf64>)
    -> (tensor<0x2xf64>) {
  %0 = dlc.pool_sum %x window [1, 2] strides [1, 1] dilations [1, 1] pads [0, 0] : (tensor<0x3xf64>) -> tensor<0x2xf64>
  return %0 : tensor<0x2xf64>
}

func.func @pool_sum_grad_empty(%g: tensor<0x2xf64>)
    -> (tensor<0x3xf64>) {
  %0 = dlc.pool_sum_grad %g window [1, 2] strides [1, 1] dilations [1, 1] pads [0, 0] : (tensor<0x2xf64>) -> tensor<0x3xf64>
  return %0 : tensor<0x3xf64>
}
