// RUN: dlc-opt %s --verify-roundtrip --allow-unregistered-dialect -o /dev/null

// Gradients of the losses against central differences.

func.func @cross_entropy(%a: tensor<3x5xf64>, %b: tensor<2x2x3xf64>, %c: tensor<4xf64>, %d: tensor<0x3xf64>)
    -> (tensor<3xf64>, tensor<3xf64>, tensor<2x2xf64>, tensor<f64>, tensor<f64>, tensor<0xf64>) {
  %i = dlc.constant dense<[4, -100, 0]> : tensor<3xi64>
  %j = dlc.constant dense<[[2, 1], [-1, 0]]> : tensor<2x2xi32>
  %k = dlc.constant dense<3> : tensor<i64>
  %l = dlc.constant dense<0> : tensor<0xi64>
  %0:2 = dlc.cross_entropy %a, %i ignore -100 : (tensor<3x5xf64>, tensor<3xi64>) -> (tensor<3xf64>, tensor<3xf64>)
  %1:2 = dlc.cross_entropy %b, %j ignore -1 : (tensor<2x2x3xf64>, tensor<2x2xi32>) -> (tensor<2x2xf64>, tensor<2x2xf64>)
  %2:2 = dlc.cross_entropy %c, %k ignore -100 : (tensor<4xf64>, tensor<i64>) -> (tensor<f64>, tensor<f64>)
  %3:2 = dlc.cross_entropy %d, %l ignore -100 : (tensor<0x3xf64>, tensor<0xi64>) -> (tensor<0xf64>, tensor<0xf64>)
  return %0#0, %0#1, %1#0, %2#0, %2#1, %3#0
    : tensor<3xf64>, tensor<3xf64>, tensor<2x2xf64>, tensor<f64>, tensor<f64>, tensor<0xf64>
}

// Only the logarithm of the sum is used.
func.func @cross_entropy_logsumexp(%a: tensor<3x5xf64>) -> tensor<3xf64> {
  %i = dlc.constant dense<[4, -100, 0]> : tensor<3xi64>
  %0:2 = dlc.cross_entropy %a, %i ignore -100 : (tensor<3x5xf64>, tensor<3xi64>) -> (tensor<3xf64>, tensor<3xf64>)
  return %0#1 : tensor<3xf64>
}
