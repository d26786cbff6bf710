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

// -----

func.func @library_has_no_exp(%x: tensor<4x8xf32> {dlc.input = "x"}, %w: tensor<8x4xf32> {dlc.param = "w"}) -> (tensor<4x4xf32> {dlc.output = "y"}) {
  // expected-error @below {{is no call that the library has [DLC4006]}}
  %0 = dlc.kernel "gemm_exp" <contract, [4, 4]> (%x, %w) {library} : (tensor<4x8xf32>, tensor<8x4xf32>) -> tensor<4x4xf32> {
  ^bb0(%a: tensor<4x8xf32>, %b: tensor<8x4xf32>):
    %1 = dlc.dot_general %a, %b batch [] x [] contract [1] x [0] : (tensor<4x8xf32>, tensor<8x4xf32>) -> tensor<4x4xf32>
    %2 = dlc.exp %1 : tensor<4x4xf32>
    dlc.yield %2 : tensor<4x4xf32>
  }
  return %0 : tensor<4x4xf32>
}
