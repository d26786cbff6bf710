// RUN: dlc-opt %s --verify-roundtrip --allow-unregistered-dialect -o /dev/null

// Gradients of the normalizations against central differences. The statistics are results too: their gradients count.

func.func @softmax(%a: tensor<2x3xf64>, %b: tensor<3x2x5xf64>, %c: tensor<7xf64>, %d: tensor<0x3xf64>)
    -> (tensor<2x3xf64>, tensor<3x2x5xf64>, tensor<7xf64>, tensor<0x3xf64>) {
  %0 = dlc.softmax %a dim 1 : tensor<2x3xf64>
  %1 = dlc.softmax %b dim 1 : tensor<3x2x5xf64>
  %2 = dlc.softmax %c dim 0 : tensor<7xf64>
  %3 = dlc.softmax %d dim 1 : tensor<0x3xf64>
  return %0, %1, %2, %3 : tensor<2x3xf64>, tensor<3x2x5xf64>, tensor<7xf64>, tensor<0x3xf64>
}

func.func @log_softmax(%a: tensor<2x3xf64>, %b: tensor<3x2x5xf64>, %c: tensor<7xf64>, %d: tensor<0x3xf64>)
    -> (tensor<2x3xf64>, tensor<3x2x5xf64>, tensor<7xf64>, tensor<0x3xf64>) {
  %0 = dlc.log_softmax %a dim 1 : tensor<2x3xf64>
  %1 = dlc.log_softmax %b dim 1 : tensor<3x2x5xf64>
  %2 = dlc.log_softmax %c dim 0 : tensor<7xf64>
  %3 = dlc.log_softmax %d dim 1 : tensor<0x3xf64>
  return %0, %1, %2, %3 : tensor<2x3xf64>, tensor<3x2x5xf64>, tensor<7xf64>, tensor<0x3xf64>
}

func.func @layer_norm(%x: tensor<2x5xf64>, %s: tensor<5xf64>, %b: tensor<5xf64>)
    -> (tensor<2x5xf64>, tensor<2xf64>, tensor<2xf64>) {
  %0:3 = dlc.layer_norm %x, %s, %b axis 1 epsilon 1.0e-5 : (tensor<2x5xf64>, tensor<5xf64>, tensor<5xf64>) -> (tensor<2x5xf64>, tensor<2xf64>, tensor<2xf64>)
  return %0#0, %0#1, %0#2 : tensor<2x5xf64>, tensor<2xf64>, tensor<2xf64>
}

func.func @layer_norm_two_dims(%x: tensor<2x3x4xf64>, %s: tensor<3x4xf64>, %b: tensor<3x4xf64>)
    -> (tensor<2x3x4xf64>, tensor<2xf64>, tensor<2xf64>) {
  %0:3 = dlc.layer_norm %x, %s, %b axis 1 epsilon 1.0e-5 : (tensor<2x3x4xf64>, tensor<3x4xf64>, tensor<3x4xf64>) -> (tensor<2x3x4xf64>, tensor<2xf64>, tensor<2xf64>)
  return %0#0, %0#1, %0#2 : tensor<2x3x4xf64>, tensor<2xf64>, tensor<2xf64>
}

func.func @layer_norm_rows(%x: tensor<2x3x7xf64>, %s: tensor<7xf64>, %b: tensor<7xf64>)
    -> (tensor<2x3x7xf64>, tensor<2x3xf64>, tensor<2x3xf64>) {
  %0:3 = dlc.layer_norm %x, %s, %b axis 2 epsilon 1.0e-5 : (tensor<2x3x7xf64>, tensor<7xf64>, tensor<7xf64>) -> (tensor<2x3x7xf64>, tensor<2x3xf64>, tensor<2x3xf64>)
  return %0#0, %0#1, %0#2 : tensor<2x3x7xf64>, tensor<2x3xf64>, tensor<2x3xf64>
}

func.func @layer_norm_all(%x: tensor<5xf64>, %s: tensor<5xf64>, %b: tensor<5xf64>)
    -> (tensor<5xf64>, tensor<f64>, tensor<f64>) {
  %0:3 = dlc.layer_norm %x, %s, %b axis 0 epsilon 1.0e-1 : (tensor<5xf64>, tensor<5xf64>, tensor<5xf64>) -> (tensor<5xf64>, tensor<f64>, tensor<f64>)
  return %0#0, %0#1, %0#2 : tensor<5xf64>, tensor<f64>, tensor<f64>
}

func.func @layer_norm_empty(%x: tensor<0x3xf64>, %s: tensor<3xf64>, %b: tensor<3xf64>)
    -> (tensor<0x3xf64>, tensor<0xf64>, tensor<0xf64>) {
  %0:3 = dlc.layer_norm %x, %s, %b axis 1 epsilon 1.0e-5 : (tensor<0x3xf64>, tensor<3xf64>, tensor<3xf64>) -> (tensor<0x3xf64>, tensor<0xf64>, tensor<0xf64>)
  return %0#0, %0#1, %0#2 : tensor<0x3xf64>, tensor<0xf64>, tensor<0xf64>
}

func.func @layer_norm_without_statistics(%x: tensor<3x4xf64>, %s: tensor<4xf64>, %b: tensor<4xf64>)
    -> (tensor<3x4xf64>) {
  %0:3 = dlc.layer_norm %x, %s, %b axis 1 epsilon 1.0e-5 : (tensor<3x4xf64>, tensor<4xf64>, tensor<4xf64>) -> (tensor<3x4xf64>, tensor<3xf64>, tensor<3xf64>)
  return %0#0 : tensor<3x4xf64>
}

func.func @batch_norm(%x: tensor<5x3xf64>, %s: tensor<3xf64>, %b: tensor<3xf64>)
    -> (tensor<5x3xf64>, tensor<3xf64>, tensor<3xf64>) {
  %0:3 = dlc.batch_norm %x, %s, %b channel 1 epsilon 1.0e-5 : (tensor<5x3xf64>, tensor<3xf64>, tensor<3xf64>) -> (tensor<5x3xf64>, tensor<3xf64>, tensor<3xf64>)
  return %0#0, %0#1, %0#2 : tensor<5x3xf64>, tensor<3xf64>, tensor<3xf64>
}

func.func @batch_norm_image(%x: tensor<2x3x3x4xf64>, %s: tensor<4xf64>, %b: tensor<4xf64>)
    -> (tensor<2x3x3x4xf64>, tensor<4xf64>, tensor<4xf64>) {
  %0:3 = dlc.batch_norm %x, %s, %b channel 3 epsilon 1.0e-5 : (tensor<2x3x3x4xf64>, tensor<4xf64>, tensor<4xf64>) -> (tensor<2x3x3x4xf64>, tensor<4xf64>, tensor<4xf64>)
  return %0#0, %0#1, %0#2 : tensor<2x3x3x4xf64>, tensor<4xf64>, tensor<4xf64>
}

func.func @batch_norm_first(%x: tensor<3x7xf64>, %s: tensor<3xf64>, %b: tensor<3xf64>)
    -> (tensor<3x7xf64>, tensor<3xf64>, tensor<3xf64>) {
  %0:3 = dlc.batch_norm %x, %s, %b channel 0 epsilon 1.0e-5 : (tensor<3x7xf64>, tensor<3xf64>, tensor<3xf64>) -> (tensor<3x7xf64>, tensor<3xf64>, tensor<3xf64>)
  return %0#0, %0#1, %0#2 : tensor<3x7xf64>, tensor<3xf64>, tensor<3xf64>
}

func.func @batch_norm_no_channels(%x: tensor<4x0xf64>, %s: tensor<0xf64>, %b: tensor<0xf64>)
    -> (tensor<4x0xf64>, tensor<0xf64>, tensor<0xf64>) {
  %0:3 = dlc.batch_norm %x, %s, %b channel 1 epsilon 1.0e-5 : (tensor<4x0xf64>, tensor<0xf64>, tensor<0xf64>) -> (tensor<4x0xf64>, tensor<0xf64>, tensor<0xf64>)
  return %0#0, %0#1, %0#2 : tensor<4x0xf64>, tensor<0xf64>, tensor<0xf64>
}

func.func @batch_norm_without_statistics(%x: tensor<6x2xf64>, %s: tensor<2xf64>, %b: tensor<2xf64>)
    -> (tensor<6x2xf64>) {
  %0:3 = dlc.batch_norm %x, %s, %b channel 1 epsilon 1.0e-5 : (tensor<6x2xf64>, tensor<2xf64>, tensor<2xf64>) -> (tensor<6x2xf64>, tensor<2xf64>, tensor<2xf64>)
  return %0#0 : tensor<6x2xf64>
}
