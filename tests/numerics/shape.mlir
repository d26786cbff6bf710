// RUN: dlc-opt %s --verify-roundtrip --allow-unregistered-dialect -o /dev/null

// Gradients of the shape family against central differences.

func.func @broadcast(%a: tensor<2x3xf64>, %b: tensor<1x3xf64>, %c: tensor<f64>, %d: tensor<0x1xf64>, %e: tensor<3x1xf64>)
    -> (tensor<4x2x3xf64>, tensor<5x2x3xf64>, tensor<2x7xf64>, tensor<0x3xf64>, tensor<3x1xf64>, tensor<0x2xf64>) {
  %0 = dlc.broadcast %a dims [1, 2] : tensor<2x3xf64> -> tensor<4x2x3xf64>
  %1 = dlc.broadcast %b dims [0, 2] : tensor<1x3xf64> -> tensor<5x2x3xf64>
  %2 = dlc.broadcast %c dims [] : tensor<f64> -> tensor<2x7xf64>
  %3 = dlc.broadcast %d dims [0, 1] : tensor<0x1xf64> -> tensor<0x3xf64>
  %4 = dlc.broadcast %e dims [0, 1] : tensor<3x1xf64> -> tensor<3x1xf64>
  %5 = dlc.broadcast %c dims [] : tensor<f64> -> tensor<0x2xf64>
  return %0, %1, %2, %3, %4, %5 : tensor<4x2x3xf64>, tensor<5x2x3xf64>, tensor<2x7xf64>, tensor<0x3xf64>, tensor<3x1xf64>, tensor<0x2xf64>
}

func.func @reshape(%a: tensor<2x3xf64>, %b: tensor<1x1xf64>, %c: tensor<0x3xf64>, %d: tensor<7xf64>)
    -> (tensor<3x2xf64>, tensor<f64>, tensor<5x0xf64>, tensor<1x7x1xf64>) {
  %0 = dlc.reshape %a : tensor<2x3xf64> -> tensor<3x2xf64>
  %1 = dlc.reshape %b : tensor<1x1xf64> -> tensor<f64>
  %2 = dlc.reshape %c : tensor<0x3xf64> -> tensor<5x0xf64>
  %3 = dlc.reshape %d : tensor<7xf64> -> tensor<1x7x1xf64>
  return %0, %1, %2, %3 : tensor<3x2xf64>, tensor<f64>, tensor<5x0xf64>, tensor<1x7x1xf64>
}

func.func @transpose(%a: tensor<2x3xf64>, %b: tensor<2x3x5xf64>, %c: tensor<0x3xf64>, %d: tensor<f64>)
    -> (tensor<3x2xf64>, tensor<5x2x3xf64>, tensor<3x0xf64>, tensor<f64>) {
  %0 = dlc.transpose %a [1, 0] : tensor<2x3xf64> -> tensor<3x2xf64>
  %1 = dlc.transpose %b [2, 0, 1] : tensor<2x3x5xf64> -> tensor<5x2x3xf64>
  %2 = dlc.transpose %c [1, 0] : tensor<0x3xf64> -> tensor<3x0xf64>
  %3 = dlc.transpose %d [] : tensor<f64> -> tensor<f64>
  return %0, %1, %2, %3 : tensor<3x2xf64>, tensor<5x2x3xf64>, tensor<3x0xf64>, tensor<f64>
}

func.func @slice(%a: tensor<7xf64>, %b: tensor<4x5xf64>, %c: tensor<0x3xf64>)
    -> (tensor<3xf64>, tensor<2x2xf64>, tensor<0x2xf64>, tensor<0x3xf64>) {
  %0 = dlc.slice %a starts [1] steps [2] : tensor<7xf64> -> tensor<3xf64>
  %1 = dlc.slice %b starts [1, 0] steps [1, 3] : tensor<4x5xf64> -> tensor<2x2xf64>
  %2 = dlc.slice %c starts [0, 1] steps [1, 1] : tensor<0x3xf64> -> tensor<0x2xf64>
  %3 = dlc.slice %b starts [4, 2] steps [2, 1] : tensor<4x5xf64> -> tensor<0x3xf64>
  return %0, %1, %2, %3 : tensor<3xf64>, tensor<2x2xf64>, tensor<0x2xf64>, tensor<0x3xf64>
}

func.func @pad(%a: tensor<3xf64>, %b: tensor<2x3xf64>, %c: tensor<0x3xf64>, %v: tensor<f64>)
    -> (tensor<10xf64>, tensor<2x5xf64>, tensor<2x5xf64>) {
  %0 = dlc.pad %a, %v low [1] interior [2] : (tensor<3xf64>, tensor<f64>) -> tensor<10xf64>
  %1 = dlc.pad %b, %v low [0, 2] interior [0, 0] : (tensor<2x3xf64>, tensor<f64>) -> tensor<2x5xf64>
  %2 = dlc.pad %c, %v low [1, 0] interior [0, 1] : (tensor<0x3xf64>, tensor<f64>) -> tensor<2x5xf64>
  return %0, %1, %2 : tensor<10xf64>, tensor<2x5xf64>, tensor<2x5xf64>
}

func.func @concat(%a: tensor<2x3xf64>, %b: tensor<2x1xf64>, %c: tensor<0x3xf64>, %d: tensor<5xf64>)
    -> (tensor<2x7xf64>, tensor<2x3xf64>, tensor<5xf64>) {
  %0 = dlc.concat %a, %b, %a dim 1 : (tensor<2x3xf64>, tensor<2x1xf64>, tensor<2x3xf64>) -> tensor<2x7xf64>
  %1 = dlc.concat %c, %a dim 0 : (tensor<0x3xf64>, tensor<2x3xf64>) -> tensor<2x3xf64>
  %2 = dlc.concat %d dim 0 : (tensor<5xf64>) -> tensor<5xf64>
  return %0, %1, %2 : tensor<2x7xf64>, tensor<2x3xf64>, tensor<5xf64>
}

func.func @reverse(%a: tensor<7xf64>, %b: tensor<2x3x4xf64>, %c: tensor<0x3xf64>)
    -> (tensor<7xf64>, tensor<2x3x4xf64>, tensor<0x3xf64>) {
  %0 = dlc.reverse %a dims [0] : tensor<7xf64>
  %1 = dlc.reverse %b dims [0, 2] : tensor<2x3x4xf64>
  %2 = dlc.reverse %c dims [1] : tensor<0x3xf64>
  return %0, %1, %2 : tensor<7xf64>, tensor<2x3x4xf64>, tensor<0x3xf64>
}
