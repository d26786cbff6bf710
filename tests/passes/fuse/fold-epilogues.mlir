// RUN: dlc-opt %s --dlc-fold-epilogues --split-input-file | FileCheck %s

// The product's only reader adds a bias, that one's activates: one call, no kernel.
// CHECK-LABEL: func @bias_and_activation
// CHECK-SAME:    (%[[X:.+]]: tensor<64x32xf32>, %[[W:.+]]: tensor<32x16xf32>, %[[B:.+]]: tensor<16xf32>)
// CHECK-NEXT:    %[[Y:.+]] = dlc.kernel "gemm_bias_relu" <contract, [64, 16]>(%[[X]], %[[W]], %[[B]]) {library} :
// CHECK-NEXT:    ^bb0(%[[X1:.+]]: tensor<64x32xf32>, %[[W1:.+]]: tensor<32x16xf32>, %[[B1:.+]]: tensor<16xf32>):
// CHECK-NEXT:      %[[P:.+]] = dlc.dot_general %[[X1]], %[[W1]]
// CHECK-NEXT:      %[[V:.+]] = dlc.broadcast %[[B1]] dims [1]
// CHECK-NEXT:      %[[S:.+]] = dlc.add %[[P]], %[[V]]
// CHECK-NEXT:      %[[R:.+]] = dlc.relu %[[S]]
// CHECK-NEXT:      dlc.yield %[[R]]
// CHECK-NEXT:    }
// CHECK-NEXT:    return %[[Y]]
func.func @bias_and_activation(%x: tensor<64x32xf32>, %w: tensor<32x16xf32>, %bias: tensor<16xf32>) -> tensor<64x16xf32> {
  %0 = dlc.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<64x32xf32>, tensor<32x16xf32>) -> tensor<64x16xf32>
  %1 = dlc.broadcast %bias dims [1] : tensor<16xf32> -> tensor<64x16xf32>
  %2 = dlc.add %0, %1 : tensor<64x16xf32>
  %3 = dlc.relu %2 : tensor<64x16xf32>
  return %3 : tensor<64x16xf32>
}

// -----

// GELU as PyTorch exports it, in f32 numbers.
// CHECK-LABEL: func @gelu
// CHECK:         dlc.kernel "gemm_gelu_erf"
// CHECK-NOT:     dlc.kernel
// CHECK:         return
func.func @gelu(%x: tensor<64x32xf32>, %w: tensor<32x16xf32>) -> tensor<64x16xf32> {
  %half = dlc.constant dense<5.000000e-01> : tensor<64x16xf32>
  %one = dlc.constant dense<1.000000e+00> : tensor<64x16xf32>
  %root = dlc.constant dense<1.41421354> : tensor<64x16xf32>
  %0 = dlc.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<64x32xf32>, tensor<32x16xf32>) -> tensor<64x16xf32>
  %1 = dlc.div %0, %root : tensor<64x16xf32>
  %2 = dlc.erf %1 : tensor<64x16xf32>
  %3 = dlc.add %2, %one : tensor<64x16xf32>
  %4 = dlc.mul %3, %half : tensor<64x16xf32>
  %5 = dlc.mul %0, %4 : tensor<64x16xf32>
  return %5 : tensor<64x16xf32>
}

// -----

// The same with another number is no GELU, and stays for a kernel.
// CHECK-LABEL: func @no_gelu
// CHECK-NOT:     dlc.kernel
func.func @no_gelu(%x: tensor<64x32xf32>, %w: tensor<32x16xf32>) -> tensor<64x16xf32> {
  %half = dlc.constant dense<5.000000e-01> : tensor<64x16xf32>
  %one = dlc.constant dense<1.000000e+00> : tensor<64x16xf32>
  %root = dlc.constant dense<1.500000e+00> : tensor<64x16xf32>
  %0 = dlc.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<64x32xf32>, tensor<32x16xf32>) -> tensor<64x16xf32>
  %1 = dlc.div %0, %root : tensor<64x16xf32>
  %2 = dlc.erf %1 : tensor<64x16xf32>
  %3 = dlc.add %2, %one : tensor<64x16xf32>
  %4 = dlc.mul %3, %half : tensor<64x16xf32>
  %5 = dlc.mul %0, %4 : tensor<64x16xf32>
  return %5 : tensor<64x16xf32>
}

// -----

// The backward pass reads the pre-activation, which its kernel gets from the product on the way: nothing to save.
// CHECK-LABEL: func @pre_activation_is_read
// CHECK-NOT:     dlc.kernel
func.func @pre_activation_is_read(%x: tensor<64x32xf32>, %w: tensor<32x16xf32>, %bias: tensor<16xf32>, %g: tensor<64x16xf32>)
    -> (tensor<64x16xf32>, tensor<64x16xf32>) {
  %0 = dlc.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<64x32xf32>, tensor<32x16xf32>) -> tensor<64x16xf32>
  %1 = dlc.broadcast %bias dims [1] : tensor<16xf32> -> tensor<64x16xf32>
  %2 = dlc.add %0, %1 : tensor<64x16xf32>
  %3 = dlc.sigmoid %2 : tensor<64x16xf32>
  %4 = dlc.mul %2, %3 : tensor<64x16xf32>
  %5 = dlc.exp %2 : tensor<64x16xf32>
  %6 = dlc.mul %5, %g : tensor<64x16xf32>
  return %4, %6 : tensor<64x16xf32>, tensor<64x16xf32>
}

// -----

// The sum is kept, so the call can write it, and read the other summand.
// CHECK-LABEL: func @residual_sum_is_kept
// CHECK:         %[[S:.+]] = dlc.kernel "gemm_bias_residual" {{.*}}(%arg0, %arg1, %arg2, %arg3)
// CHECK:         return %{{.+}}, %[[S]]
func.func @residual_sum_is_kept(%x: tensor<64x32xf32>, %w: tensor<32x16xf32>, %bias: tensor<16xf32>, %r: tensor<64x16xf32>)
    -> (tensor<64xf32>, tensor<64x16xf32>) {
  %0 = dlc.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<64x32xf32>, tensor<32x16xf32>) -> tensor<64x16xf32>
  %1 = dlc.broadcast %bias dims [1] : tensor<16xf32> -> tensor<64x16xf32>
  %2 = dlc.add %0, %1 : tensor<64x16xf32>
  %3 = dlc.add %r, %2 : tensor<64x16xf32>
  %4 = dlc.reduce_max %3 dims [1] : tensor<64x16xf32> -> tensor<64xf32>
  return %4, %3 : tensor<64xf32>, tensor<64x16xf32>
}

// -----

// It is not: the one kernel that needs the sum adds on the way.
// CHECK-LABEL: func @residual_sum_is_not_kept
// CHECK-NOT:     dlc.kernel
func.func @residual_sum_is_not_kept(%x: tensor<64x32xf32>, %w: tensor<32x16xf32>, %r: tensor<64x16xf32>) -> tensor<64xf32> {
  %0 = dlc.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<64x32xf32>, tensor<32x16xf32>) -> tensor<64x16xf32>
  %1 = dlc.add %r, %0 : tensor<64x16xf32>
  %2 = dlc.reduce_max %1 dims [1] : tensor<64x16xf32> -> tensor<64xf32>
  return %2 : tensor<64xf32>
}

// -----

// Of two products that are added, the later one adds.
// CHECK-LABEL: func @sum_of_products
// CHECK:         %[[A:.+]] = dlc.dot_general %arg0, %arg1
// CHECK-NEXT:    %[[S:.+]] = dlc.kernel "gemm_residual" {{.*}}(%arg2, %arg3, %[[A]])
// CHECK:         return %[[S]]
func.func @sum_of_products(%x: tensor<64x32xf32>, %w: tensor<32x16xf32>, %y: tensor<64x32xf32>, %v: tensor<32x16xf32>) -> tensor<64x16xf32> {
  %0 = dlc.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<64x32xf32>, tensor<32x16xf32>) -> tensor<64x16xf32>
  %1 = dlc.dot_general %y, %v batch [] x [] contract [1] x [0] : (tensor<64x32xf32>, tensor<32x16xf32>) -> tensor<64x16xf32>
  %2 = dlc.add %0, %1 : tensor<64x16xf32>
  return %2 : tensor<64x16xf32>
}

// -----

// A convolution adds the residual before it activates, a product after: of the product, the activation stays outside.
// CHECK-LABEL: func @order_of_conv
// CHECK:         dlc.kernel "conv_bias_relu_residual"
// CHECK-LABEL: func @order_of_gemm
// CHECK:         dlc.kernel "gemm_residual" {{.*}} {library}
// CHECK:         }
// CHECK:         dlc.relu
func.func @order_of_conv(%x: tensor<2x8x8x4xf32>, %w: tensor<6x4x3x3xf32>, %bias: tensor<6xf32>, %r: tensor<2x8x8x6xf32>) -> tensor<2x8x8x6xf32> {
  %0 = dlc.conv %x, %w strides [1, 1] dilations [1, 1] pads [1, 1] to [1, 1] groups 1 : (tensor<2x8x8x4xf32>, tensor<6x4x3x3xf32>) -> tensor<2x8x8x6xf32>
  %1 = dlc.broadcast %bias dims [3] : tensor<6xf32> -> tensor<2x8x8x6xf32>
  %2 = dlc.add %0, %1 : tensor<2x8x8x6xf32>
  %3 = dlc.add %2, %r : tensor<2x8x8x6xf32>
  %4 = dlc.relu %3 : tensor<2x8x8x6xf32>
  return %4 : tensor<2x8x8x6xf32>
}
func.func @order_of_gemm(%x: tensor<64x32xf32>, %w: tensor<32x16xf32>, %r: tensor<64x16xf32>) -> (tensor<64x16xf32>, tensor<64x16xf32>) {
  %0 = dlc.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<64x32xf32>, tensor<32x16xf32>) -> tensor<64x16xf32>
  %1 = dlc.add %0, %r : tensor<64x16xf32>
  %2 = dlc.relu %1 : tensor<64x16xf32>
  return %1, %2 : tensor<64x16xf32>, tensor<64x16xf32>
}

// -----

// Heads are read and written through views, which go along; a bias over [heads, width] is one over columns.
// CHECK-LABEL: func @views_go_along
// CHECK:         dlc.kernel "gemm_bias" {{.*}}(%arg0, %arg1, %arg2) {library}
// CHECK:           dlc.slice
// CHECK:           dlc.dot_general
// CHECK:           dlc.reshape
func.func @views_go_along(%x: tensor<64x48xf32>, %w: tensor<16x24xf32>, %bias: tensor<4x6xf32>) -> tensor<64x4x6xf32> {
  %0 = dlc.slice %x starts [0, 16] steps [1, 1] : tensor<64x48xf32> -> tensor<64x16xf32>
  %1 = dlc.dot_general %0, %w batch [] x [] contract [1] x [0] : (tensor<64x16xf32>, tensor<16x24xf32>) -> tensor<64x24xf32>
  %2 = dlc.reshape %1 : tensor<64x24xf32> -> tensor<64x4x6xf32>
  %3 = dlc.broadcast %bias dims [1, 2] : tensor<4x6xf32> -> tensor<64x4x6xf32>
  %4 = dlc.add %2, %3 : tensor<64x4x6xf32>
  return %4 : tensor<64x4x6xf32>
}

// -----

// f64 has no library: the kernel that computes the product adds the bias.
// CHECK-LABEL: func @f64_stays
// CHECK-NOT:     dlc.kernel
func.func @f64_stays(%x: tensor<64x32xf64>, %w: tensor<32x16xf64>, %bias: tensor<16xf64>) -> tensor<64x16xf64> {
  %0 = dlc.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<64x32xf64>, tensor<32x16xf64>) -> tensor<64x16xf64>
  %1 = dlc.broadcast %bias dims [1] : tensor<16xf64> -> tensor<64x16xf64>
  %2 = dlc.add %0, %1 : tensor<64x16xf64>
  return %2 : tensor<64x16xf64>
}
