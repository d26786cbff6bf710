// RUN: dlc-opt %s --verify-roundtrip --allow-unregistered-dialect -o /dev/null

// Gradients of the index family against central differences: repeated, negative and clamped indices.

func.func @gather(%a: tensor<4x3xf64>, %b: tensor<2x5x3xf64>, %c: tensor<7xf64>)
    -> (tensor<5x3xf64>, tensor<2x2x2x3xf64>, tensor<f64>, tensor<0xf64>) {
  %i = dlc.constant dense<[0, 3, -1, 9, 0]> : tensor<5xi64>
  %j = dlc.constant dense<[[1, -2], [4, 1]]> : tensor<2x2xi32>
  %k = dlc.constant dense<2> : tensor<i64>
  %l = dlc.constant dense<1> : tensor<0xi64>
  %0 = dlc.gather %a, %i dim 0 : (tensor<4x3xf64>, tensor<5xi64>) -> tensor<5x3xf64>
  %1 = dlc.gather %b, %j dim 1 : (tensor<2x5x3xf64>, tensor<2x2xi32>) -> tensor<2x2x2x3xf64>
  %2 = dlc.gather %c, %k dim 0 : (tensor<7xf64>, tensor<i64>) -> tensor<f64>
  %3 = dlc.gather %c, %l dim 0 : (tensor<7xf64>, tensor<0xi64>) -> tensor<0xf64>
  return %0, %1, %2, %3 : tensor<5x3xf64>, tensor<2x2x2x3xf64>, tensor<f64>, tensor<0xf64>
}

func.func @scatter_add(%a: tensor<5x3xf64>, %b: tensor<2x2x2x3xf64>, %c: tensor<f64>, %d: tensor<0xf64>)
    -> (tensor<4x3xf64>, tensor<2x5x3xf64>, tensor<7xf64>, tensor<7xf64>) {
  %i = dlc.constant dense<[0, 3, -1, 9, 0]> : tensor<5xi64>
  %j = dlc.constant dense<[[1, -2], [4, 1]]> : tensor<2x2xi32>
  %k = dlc.constant dense<2> : tensor<i64>
  %l = dlc.constant dense<1> : tensor<0xi64>
  %0 = dlc.scatter_add %i, %a dim 0 : (tensor<5xi64>, tensor<5x3xf64>) -> tensor<4x3xf64>
  %1 = dlc.scatter_add %j, %b dim 1 : (tensor<2x2xi32>, tensor<2x2x2x3xf64>) -> tensor<2x5x3xf64>
  %2 = dlc.scatter_add %k, %c dim 0 : (tensor<i64>, tensor<f64>) -> tensor<7xf64>
  %3 = dlc.scatter_add %l, %d dim 0 : (tensor<0xi64>, tensor<0xf64>) -> tensor<7xf64>
  return %0, %1, %2, %3 : tensor<4x3xf64>, tensor<2x5x3xf64>, tensor<7xf64>, tensor<7xf64>
}

func.func @gather_elements(%a: tensor<2x3xf64>, %b: tensor<3x2x2xf64>, %c: tensor<5xf64>)
    -> (tensor<2x4xf64>, tensor<1x2x2xf64>, tensor<0xf64>) {
  %i = dlc.constant dense<[[0, 2, 2, -3], [1, 1, 7, 0]]> : tensor<2x4xi64>
  %j = dlc.constant dense<[[[0, 2], [1, 0]]]> : tensor<1x2x2xi32>
  %k = dlc.constant dense<1> : tensor<0xi64>
  %0 = dlc.gather_elements %a, %i dim 1 : (tensor<2x3xf64>, tensor<2x4xi64>) -> tensor<2x4xf64>
  %1 = dlc.gather_elements %b, %j dim 0 : (tensor<3x2x2xf64>, tensor<1x2x2xi32>) -> tensor<1x2x2xf64>
  %2 = dlc.gather_elements %c, %k dim 0 : (tensor<5xf64>, tensor<0xi64>) -> tensor<0xf64>
  return %0, %1, %2 : tensor<2x4xf64>, tensor<1x2x2xf64>, tensor<0xf64>
}

func.func @scatter_elements_add(%a: tensor<2x4xf64>, %b: tensor<1x2x2xf64>, %c: tensor<0xf64>)
    -> (tensor<2x3xf64>, tensor<3x2x2xf64>, tensor<5xf64>) {
  %i = dlc.constant dense<[[0, 2, 2, -3], [1, 1, 7, 0]]> : tensor<2x4xi64>
  %j = dlc.constant dense<[[[0, 2], [1, 0]]]> : tensor<1x2x2xi32>
  %k = dlc.constant dense<1> : tensor<0xi64>
  %0 = dlc.scatter_elements_add %i, %a dim 1 : (tensor<2x4xi64>, tensor<2x4xf64>) -> tensor<2x3xf64>
  %1 = dlc.scatter_elements_add %j, %b dim 0 : (tensor<1x2x2xi32>, tensor<1x2x2xf64>) -> tensor<3x2x2xf64>
  %2 = dlc.scatter_elements_add %k, %c dim 0 : (tensor<0xi64>, tensor<0xf64>) -> tensor<5xf64>
  return %0, %1, %2 : tensor<2x3xf64>, tensor<3x2x2xf64>, tensor<5xf64>
}
