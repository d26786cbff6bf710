// RUN: dlc-opt %s --dlc-fold-constants=max-bytes=64 --split-input-file | FileCheck %s

// A causal mask is spelled in ops by exporters and becomes one constant.
// CHECK-LABEL: func @chain_becomes_one_constant
// CHECK-NEXT:    %[[MASK:.+]] = dlc.constant dense<{{\[\[}}true, false], [true, true]]> : tensor<2x2xi1>
// CHECK-NEXT:    return %[[MASK]]
func.func @chain_becomes_one_constant() -> tensor<2x2xi1> {
  %0 = dlc.constant dense<[0, 1]> : tensor<2xi64>
  %1 = dlc.broadcast %0 dims [0] : tensor<2xi64> -> tensor<2x2xi64>
  %2 = dlc.broadcast %0 dims [1] : tensor<2xi64> -> tensor<2x2xi64>
  %3 = dlc.compare le %2, %1 : tensor<2x2xi64>
  return %3 : tensor<2x2xi1>
}

// -----

// 128 bytes are more than the limit; the table is computed at run time.
// CHECK-LABEL: func @large_result_stays
// CHECK:         dlc.exp
func.func @large_result_stays() -> tensor<4x8xf32> {
  %0 = dlc.constant dense<[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]> : tensor<8xf32>
  %1 = dlc.broadcast %0 dims [1] : tensor<8xf32> -> tensor<4x8xf32>
  %2 = dlc.exp %1 : tensor<4x8xf32>
  return %2 : tensor<4x8xf32>
}

// -----

// Equal elements are stored once, so size does not matter.
// CHECK-LABEL: func @large_splat_folds
// CHECK-NEXT:    dlc.constant dense<6.000000e+00> : tensor<64x64xf32>
func.func @large_splat_folds() -> tensor<64x64xf32> {
  %0 = dlc.constant dense<2.0> : tensor<64x64xf32>
  %1 = dlc.constant dense<3.0> : tensor<64x64xf32>
  %2 = dlc.mul %0, %1 : tensor<64x64xf32>
  return %2 : tensor<64x64xf32>
}

// -----

// Random numbers of a known state are constants too; of an argument they are not.
// CHECK-LABEL: func @arguments_stay
// CHECK:         dlc.add
func.func @arguments_stay(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = dlc.constant dense<1.0> : tensor<2xf32>
  %1 = dlc.add %x, %0 : tensor<2xf32>
  return %1 : tensor<2xf32>
}
