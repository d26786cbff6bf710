// RUN: dlc-opt %s --dlc-lower-to-exec --split-input-file --verify-diagnostics

func.func @outside_of_kernels(%x: tensor<4xf32> {dlc.input = "x"}) -> (tensor<4xf32> {dlc.output = "y"}) {
  // expected-error @below {{'dlc.relu' op is in no kernel [DLC4006]}}
  %0 = dlc.relu %x : tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func @nobody_writes_it(%x: tensor<2x4xf32> {dlc.input = "x"}) -> (tensor<4x2xf32> {dlc.output = "y"}) {
  %0 = dlc.transpose %x [1, 0] : tensor<2x4xf32> -> tensor<4x2xf32>
  // expected-error @below {{reads a value that no kernel and no library call writes [DLC4006]}}
  return %0 : tensor<4x2xf32>
}
