// RUN: dlc-opt %s --dlc-fold-bias-gradients --split-input-file | FileCheck %s
// RUN: dlc-opt %s --dlc-fold-bias-gradients --dlc-inline-kernels --split-input-file | FileCheck %s --check-prefix=INLINE

// One call multiplies the gradient and sums it, in two stages that the library does not need.
// CHECK-LABEL: func @two_stages
// CHECK-SAME:    (%[[X:.+]]: tensor<128x32xbf16>, %[[G:.+]]: tensor<128x16xbf16>)
// CHECK-NEXT:    %[[K:.+]]:2 = dlc.kernel "gemm_bias_gradient" <contract, [32, 16]>(%[[G]], %[[X]]) {library}
// CHECK:           %[[S:.+]] = dlc.reduce_sum %{{.+}} dims [0] : tensor<2x16xf32> -> tensor<16xf32>
// CHECK:           %[[W:.+]] = dlc.dot_general
// CHECK:           dlc.yield %[[W]], %[[S]]
// CHECK-NEXT:    }
// CHECK-NEXT:    return %[[K]]#0, %[[K]]#1
// INLINE-LABEL: func @two_stages
// INLINE-NOT:     dlc.kernel
// INLINE-DAG:     dlc.dot_general
// INLINE-DAG:     dlc.cast
// INLINE-DAG:     dlc.reshape
// INLINE-DAG:     dlc.reduce_sum %{{.+}} dims [1] : tensor<2x64x16xf32> -> tensor<2x16xf32>
// INLINE-DAG:     dlc.reduce_sum %{{.+}} dims [0] : tensor<2x16xf32> -> tensor<16xf32>
// INLINE:         return
func.func @two_stages(%x: tensor<128x32xbf16>, %g: tensor<128x16xbf16>) -> (tensor<32x16xf32>, tensor<16xf32>) {
  %0 = dlc.cast %g : tensor<128x16xbf16> -> tensor<128x16xf32>
  %1 = dlc.reshape %0 : tensor<128x16xf32> -> tensor<2x64x16xf32>
  %2 = dlc.reduce_sum %1 dims [1] : tensor<2x64x16xf32> -> tensor<2x16xf32>
  %3 = dlc.reduce_sum %2 dims [0] : tensor<2x16xf32> -> tensor<16xf32>
  %4 = dlc.dot_general %x, %g batch [] x [] contract [0] x [0] : (tensor<128x32xbf16>, tensor<128x16xbf16>) -> tensor<32x16xf32>
  return %4, %3 : tensor<32x16xf32>, tensor<16xf32>
}

// -----

// The gradient is the left operand, and rows are those of a batch of sequences.
// CHECK-LABEL: func @left
// CHECK:         dlc.kernel "gemm_bias_gradient"
// CHECK:           dlc.dot_general
// CHECK:           dlc.reduce_sum
// CHECK:           dlc.yield
// CHECK-NEXT:    }
// CHECK-NEXT:    return
func.func @left(%x: tensor<4x8x32xf32>, %g: tensor<4x8x16xf32>) -> (tensor<16x32xf32>, tensor<16xf32>) {
  %0 = dlc.dot_general %g, %x batch [] x [] contract [0, 1] x [0, 1] : (tensor<4x8x16xf32>, tensor<4x8x32xf32>) -> tensor<16x32xf32>
  %1 = dlc.reduce_sum %g dims [0, 1] : tensor<4x8x16xf32> -> tensor<16xf32>
  return %0, %1 : tensor<16x32xf32>, tensor<16xf32>
}

// -----

// A kernel reads the gradient anyway, and sums it on the way.
// CHECK-LABEL: func @summed_on_the_way
// CHECK-NOT:     dlc.kernel
// CHECK:         return
func.func @summed_on_the_way(%x: tensor<128x32xf32>, %g: tensor<128x16xf32>, %y: tensor<128x16xf32>)
    -> (tensor<32x16xf32>, tensor<16xf32>, tensor<16xf32>) {
  %0 = dlc.dot_general %x, %g batch [] x [] contract [0] x [0] : (tensor<128x32xf32>, tensor<128x16xf32>) -> tensor<32x16xf32>
  %1 = dlc.reduce_sum %g dims [0] : tensor<128x16xf32> -> tensor<16xf32>
  %2 = dlc.mul %g, %y : tensor<128x16xf32>
  %3 = dlc.reduce_sum %2 dims [0] : tensor<128x16xf32> -> tensor<16xf32>
  return %0, %1, %3 : tensor<32x16xf32>, tensor<16xf32>, tensor<16xf32>
}

// -----

// Over other dims than those that are contracted; of a batch; in a narrow result; of another tensor.
// CHECK-LABEL: func @other_sums
// CHECK-NOT:     dlc.kernel
// CHECK:         return
func.func @other_sums(%x: tensor<16x32xf32>, %g: tensor<16x16xf32>, %h: tensor<2x16x16xf32>, %i: tensor<16x16xbf16>, %j: tensor<16x32xbf16>)
    -> (tensor<32x16xf32>, tensor<16xf32>, tensor<2x16x16xf32>, tensor<2x16xf32>, tensor<32x16xbf16>, tensor<16xf32>) {
  %0 = dlc.dot_general %x, %g batch [] x [] contract [0] x [0] : (tensor<16x32xf32>, tensor<16x16xf32>) -> tensor<32x16xf32>
  %1 = dlc.reduce_sum %g dims [1] : tensor<16x16xf32> -> tensor<16xf32>
  %2 = dlc.dot_general %h, %h batch [0] x [0] contract [1] x [1] : (tensor<2x16x16xf32>, tensor<2x16x16xf32>) -> tensor<2x16x16xf32>
  %3 = dlc.reduce_sum %h dims [1] : tensor<2x16x16xf32> -> tensor<2x16xf32>
  %4 = dlc.dot_general %j, %i batch [] x [] contract [0] x [0] : (tensor<16x32xbf16>, tensor<16x16xbf16>) -> tensor<32x16xbf16>
  %5 = dlc.cast %i : tensor<16x16xbf16> -> tensor<16x16xf32>
  %6 = dlc.reduce_sum %5 dims [0] : tensor<16x16xf32> -> tensor<16xf32>
  return %0, %1, %2, %3, %4, %6 : tensor<32x16xf32>, tensor<16xf32>, tensor<2x16x16xf32>, tensor<2x16xf32>, tensor<32x16xbf16>, tensor<16xf32>
}

// -----

// The sum is needed for the product's other operand.
// CHECK-LABEL: func @needed_before
// CHECK-NOT:     dlc.kernel
// CHECK:         return
func.func @needed_before(%x: tensor<128x16xf32>, %g: tensor<128x16xf32>) -> tensor<16x16xf32> {
  %0 = dlc.reduce_sum %g dims [0] : tensor<128x16xf32> -> tensor<16xf32>
  %1 = dlc.broadcast %0 dims [1] : tensor<16xf32> -> tensor<128x16xf32>
  %2 = dlc.mul %x, %1 : tensor<128x16xf32>
  %3 = dlc.dot_general %2, %g batch [] x [] contract [0] x [0] : (tensor<128x16xf32>, tensor<128x16xf32>) -> tensor<16x16xf32>
  return %3 : tensor<16x16xf32>
}

// -----

// A kernel makes the gradient narrow, for the product; the sum adds what it wrote.
// CHECK-LABEL: func @made_narrow
// CHECK:         %[[N:.+]] = dlc.cast %{{.+}} : tensor<4096x16xf32> -> tensor<4096x16xbf16>
// CHECK:         dlc.kernel "gemm_bias_gradient" <contract, [32, 16]>(%[[N]], %{{.+}}) {library}
// INLINE-LABEL: func @made_narrow
// INLINE-NOT:     dlc.kernel
// INLINE:         return
func.func @made_narrow(%x: tensor<4096x32xbf16>, %h: tensor<4096x16x8xf32>) -> (tensor<32x16xf32>, tensor<16xf32>) {
  %0 = dlc.reduce_max %h dims [2] : tensor<4096x16x8xf32> -> tensor<4096x16xf32>
  %1 = dlc.cast %0 : tensor<4096x16xf32> -> tensor<4096x16xbf16>
  %2 = dlc.cast %1 : tensor<4096x16xbf16> -> tensor<4096x16xf32>
  %3 = dlc.reduce_sum %2 dims [0] : tensor<4096x16xf32> -> tensor<16xf32>
  %4 = dlc.dot_general %x, %1 batch [] x [] contract [0] x [0] : (tensor<4096x32xbf16>, tensor<4096x16xbf16>) -> tensor<32x16xf32>
  return %4, %3 : tensor<32x16xf32>, tensor<16xf32>
}
