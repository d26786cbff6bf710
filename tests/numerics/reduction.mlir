// RUN: dlc-opt %s --verify-roundtrip --allow-unregistered-dialect -o /dev/null

// Gradients of the reduction family against central differences.

func.func @reduce_sum(%a: tensor<2x3xf64>, %b: tensor<3x2x5xf64>, %c: tensor<7xf64>, %d: tensor<0x3xf64>)
    -> (tensor<2xf64>, tensor<2xf64>, tensor<f64>, tensor<0xf64>, tensor<2x3xf64>, tensor<3xf64>) {
  %0 = dlc.reduce_sum %a dims [1] : tensor<2x3xf64> -> tensor<2xf64>
  %1 = dlc.reduce_sum %b dims [0, 2] : tensor<3x2x5xf64> -> tensor<2xf64>
  %2 = dlc.reduce_sum %c dims [0] : tensor<7xf64> -> tensor<f64>
  %3 = dlc.reduce_sum %d dims [1] : tensor<0x3xf64> -> tensor<0xf64>
  %4 = dlc.reduce_sum %a dims [] : tensor<2x3xf64> -> tensor<2x3xf64>
  %5 = dlc.reduce_sum %d dims [0] : tensor<0x3xf64> -> tensor<3xf64>
  return %0, %1, %2, %3, %4, %5 : tensor<2xf64>, tensor<2xf64>, tensor<f64>, tensor<0xf64>, tensor<2x3xf64>, tensor<3xf64>
}

func.func @reduce_prod(%a: tensor<2x3xf64>, %b: tensor<3x2x5xf64>, %c: tensor<7xf64>, %d: tensor<0x3xf64>)
    -> (tensor<2xf64>, tensor<2xf64>, tensor<f64>, tensor<0xf64>, tensor<2x3xf64>, tensor<3xf64>) {
  %0 = dlc.reduce_prod %a dims [1] : tensor<2x3xf64> -> tensor<2xf64>
  %1 = dlc.reduce_prod %b dims [0, 2] : tensor<3x2x5xf64> -> tensor<2xf64>
  %2 = dlc.reduce_prod %c dims [0] : tensor<7xf64> -> tensor<f64>
  %3 = dlc.reduce_prod %d dims [1] : tensor<0x3xf64> -> tensor<0xf64>
  %4 = dlc.reduce_prod %a dims [] : tensor<2x3xf64> -> tensor<2x3xf64>
  %5 = dlc.reduce_prod %d dims [0] : tensor<0x3xf64> -> tensor<3xf64>
  return %0, %1, %2, %3, %4, %5 : tensor<2xf64>, tensor<2xf64>, tensor<f64>, tensor<0xf64>, tensor<2x3xf64>, tensor<3xf64>
}

func.func @reduce_max(%a: tensor<2x3xf64>, %b: tensor<3x2x5xf64>, %c: tensor<7xf64>, %d: tensor<0x3xf64>)
    -> (tensor<2xf64>, tensor<2xf64>, tensor<f64>, tensor<0xf64>, tensor<2x3xf64>) {
  %0 = dlc.reduce_max %a dims [1] : tensor<2x3xf64> -> tensor<2xf64>
  %1 = dlc.reduce_max %b dims [0, 2] : tensor<3x2x5xf64> -> tensor<2xf64>
  %2 = dlc.reduce_max %c dims [0] : tensor<7xf64> -> tensor<f64>
  %3 = dlc.reduce_max %d dims [1] : tensor<0x3xf64> -> tensor<0xf64>
  %4 = dlc.reduce_max %a dims [] : tensor<2x3xf64> -> tensor<2x3xf64>
  return %0, %1, %2, %3, %4 : tensor<2xf64>, tensor<2xf64>, tensor<f64>, tensor<0xf64>, tensor<2x3xf64>
}

func.func @reduce_min(%a: tensor<2x3xf64>, %b: tensor<3x2x5xf64>, %c: tensor<7xf64>, %d: tensor<0x3xf64>)
    -> (tensor<2xf64>, tensor<2xf64>, tensor<f64>, tensor<0xf64>, tensor<2x3xf64>) {
  %0 = dlc.reduce_min %a dims [1] : tensor<2x3xf64> -> tensor<2xf64>
  %1 = dlc.reduce_min %b dims [0, 2] : tensor<3x2x5xf64> -> tensor<2xf64>
  %2 = dlc.reduce_min %c dims [0] : tensor<7xf64> -> tensor<f64>
  %3 = dlc.reduce_min %d dims [1] : tensor<0x3xf64> -> tensor<0xf64>
  %4 = dlc.reduce_min %a dims [] : tensor<2x3xf64> -> tensor<2x3xf64>
  return %0, %1, %2, %3, %4 : tensor<2xf64>, tensor<2xf64>, tensor<f64>, tensor<0xf64>, tensor<2x3xf64>
}

// Products that hold one zero, two zeros, none.
func.func @reduce_prod_of_zeros(%a: tensor<3x4xf64>) -> tensor<3xf64> {
  %mask = dlc.constant dense<[[1.0, 0.0, 1.0, 1.0], [0.0, 1.0, 1.0, 0.0], [1.0, 1.0, 1.0, 1.0]]> : tensor<3x4xf64>
  %0 = dlc.mul %a, %mask : tensor<3x4xf64>
  %1 = dlc.reduce_prod %0 dims [1] : tensor<3x4xf64> -> tensor<3xf64>
  return %1 : tensor<3xf64>
}

func.func @cumsum(%a: tensor<7xf64>, %b: tensor<2x3x4xf64>, %c: tensor<0x3xf64>)
    -> (tensor<7xf64>, tensor<2x3x4xf64>, tensor<0x3xf64>) {
  %0 = dlc.cumsum %a dim 0 : tensor<7xf64>
  %1 = dlc.cumsum %b dim 1 : tensor<2x3x4xf64>
  %2 = dlc.cumsum %c dim 1 : tensor<0x3xf64>
  return %0, %1, %2 : tensor<7xf64>, tensor<2x3x4xf64>, tensor<0x3xf64>
}

func.func @cumsum_exclusive(%a: tensor<7xf64>, %b: tensor<2x3x4xf64>, %c: tensor<0x3xf64>)
    -> (tensor<7xf64>, tensor<2x3x4xf64>, tensor<0x3xf64>) {
  %0 = dlc.cumsum %a dim 0 exclusive : tensor<7xf64>
  %1 = dlc.cumsum %b dim 1 exclusive : tensor<2x3x4xf64>
  %2 = dlc.cumsum %c dim 1 exclusive : tensor<0x3xf64>
  return %0, %1, %2 : tensor<7xf64>, tensor<2x3x4xf64>, tensor<0x3xf64>
}

func.func @cumsum_reverse(%a: tensor<7xf64>, %b: tensor<2x3x4xf64>, %c: tensor<0x3xf64>)
    -> (tensor<7xf64>, tensor<2x3x4xf64>, tensor<0x3xf64>) {
  %0 = dlc.cumsum %a dim 0 reverse : tensor<7xf64>
  %1 = dlc.cumsum %b dim 1 reverse : tensor<2x3x4xf64>
  %2 = dlc.cumsum %c dim 1 reverse : tensor<0x3xf64>
  return %0, %1, %2 : tensor<7xf64>, tensor<2x3x4xf64>, tensor<0x3xf64>
}

func.func @cumsum_both(%a: tensor<7xf64>, %b: tensor<2x3x4xf64>, %c: tensor<0x3xf64>)
    -> (tensor<7xf64>, tensor<2x3x4xf64>, tensor<0x3xf64>) {
  %0 = dlc.cumsum %a dim 0 exclusive reverse : tensor<7xf64>
  %1 = dlc.cumsum %b dim 1 exclusive reverse : tensor<2x3x4xf64>
  %2 = dlc.cumsum %c dim 1 exclusive reverse : tensor<0x3xf64>
  return %0, %1, %2 : tensor<7xf64>, tensor<2x3x4xf64>, tensor<0x3xf64>
}

// The index does not move with small changes; what is gathered by it does.
func.func @arg_max(%a: tensor<2x5xf64>, %b: tensor<7xf64>, %c: tensor<0x3xf64>) -> (tensor<2x1xf64>, tensor<f64>, tensor<0x1xf64>) {
  %i = dlc.arg_max %a dim 1 : tensor<2x5xf64> -> tensor<2xi64>
  %j = dlc.reshape %i : tensor<2xi64> -> tensor<2x1xi64>
  %0 = dlc.gather_elements %a, %j dim 1 : (tensor<2x5xf64>, tensor<2x1xi64>) -> tensor<2x1xf64>
  %k = dlc.arg_max %b dim 0 : tensor<7xf64> -> tensor<i64>
  %1 = dlc.gather %b, %k dim 0 : (tensor<7xf64>, tensor<i64>) -> tensor<f64>
  %l = dlc.arg_max %c dim 1 : tensor<0x3xf64> -> tensor<0xi64>
  %m = dlc.reshape %l : tensor<0xi64> -> tensor<0x1xi64>
  %2 = dlc.gather_elements %c, %m dim 1 : (tensor<0x3xf64>, tensor<0x1xi64>) -> tensor<0x1xf64>
  return %0, %1, %2 : tensor<2x1xf64>, tensor<f64>, tensor<0x1xf64>
}

// The index does not move with small changes; what is gathered by it does.
func.func @arg_min(%a: tensor<2x5xf64>, %b: tensor<7xf64>, %c: tensor<0x3xf64>) -> (tensor<2x1xf64>, tensor<f64>, tensor<0x1xf64>) {
  %i = dlc.arg_min %a dim 1 : tensor<2x5xf64> -> tensor<2xi64>
  %j = dlc.reshape %i : tensor<2xi64> -> tensor<2x1xi64>
  %0 = dlc.gather_elements %a, %j dim 1 : (tensor<2x5xf64>, tensor<2x1xi64>) -> tensor<2x1xf64>
  %k = dlc.arg_min %b dim 0 : tensor<7xf64> -> tensor<i64>
  %1 = dlc.gather %b, %k dim 0 : (tensor<7xf64>, tensor<i64>) -> tensor<f64>
  %l = dlc.arg_min %c dim 1 : tensor<0x3xf64> -> tensor<0xi64>
  %m = dlc.reshape %l : tensor<0xi64> -> tensor<0x1xi64>
  %2 = dlc.gather_elements %c, %m dim 1 : (tensor<0x3xf64>, tensor<0x1xi64>) -> tensor<0x1xf64>
  return %0, %1, %2 : tensor<2x1xf64>, tensor<f64>, tensor<0x1xf64>
}
