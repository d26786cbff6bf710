// RUN: dlc-opt %s --dlc-fold-epilogues=target=cuda --split-input-file | FileCheck %s
// RUN: dlc-opt %s --dlc-fold-epilogues --split-input-file | FileCheck %s --check-prefix CPU

// A 16-bit product gets its bias as narrow, made so at the start, and is rounded once, after the addition. A CPU's kernel adds after the
// product is rounded.
// CHECK-LABEL: func @narrow_bias
// CHECK-SAME:    (%[[X:.+]]: tensor<64x32xbf16>, %[[W:.+]]: tensor<32x16xbf16>, %[[B:.+]]: tensor<16xf32>)
// CHECK-NEXT:    %[[N:.+]] = dlc.cast %[[B]] : tensor<16xf32> -> tensor<16xbf16>
// CHECK-NEXT:    %[[Y:.+]] = dlc.kernel "gemm_bias_relu" <contract, [64, 16]>(%[[X]], %[[W]], %[[N]]) {library} :
// CHECK-NEXT:    ^bb0(%[[X1:.+]]: tensor<64x32xbf16>, %[[W1:.+]]: tensor<32x16xbf16>, %[[B1:.+]]: tensor<16xbf16>):
// CHECK-NEXT:      %[[P:.+]] = dlc.dot_general %[[X1]], %[[W1]] {{.+}} -> tensor<64x16xf32>
// CHECK-NEXT:      %[[F:.+]] = dlc.cast %[[B1]] : tensor<16xbf16> -> tensor<16xf32>
// CHECK-NEXT:      %[[V:.+]] = dlc.broadcast %[[F]] dims [1]
// CHECK-NEXT:      %[[S:.+]] = dlc.add %[[P]], %[[V]]
// CHECK-NEXT:      %[[R:.+]] = dlc.relu %[[S]]
// CHECK-NEXT:      %[[C:.+]] = dlc.cast %[[R]] : tensor<64x16xf32> -> tensor<64x16xbf16>
// CHECK-NEXT:      dlc.yield %[[C]]
// CHECK-NEXT:    }
// CHECK-NEXT:    return %[[Y]]
// CPU-LABEL: func @narrow_bias
// CPU-NOT:     dlc.kernel
func.func @narrow_bias(%x: tensor<64x32xbf16>, %w: tensor<32x16xbf16>, %bias: tensor<16xf32>) -> tensor<64x16xbf16> {
  %0 = dlc.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<64x32xbf16>, tensor<32x16xbf16>) -> tensor<64x16xbf16>
  %1 = dlc.cast %0 : tensor<64x16xbf16> -> tensor<64x16xf32>
  %2 = dlc.broadcast %bias dims [1] : tensor<16xf32> -> tensor<64x16xf32>
  %3 = dlc.add %1, %2 : tensor<64x16xf32>
  %4 = dlc.relu %3 : tensor<64x16xf32>
  %5 = dlc.cast %4 : tensor<64x16xf32> -> tensor<64x16xbf16>
  return %5 : tensor<64x16xbf16>
}

// -----

// One narrow bias for two products; reshapes between product and bias turn f32 with the sums.
// CHECK-LABEL: func @shared
// CHECK:         dlc.cast %arg2 : tensor<4x6xf32> -> tensor<4x6xbf16>
// CHECK-NOT:     dlc.cast %arg2
// CHECK:         dlc.kernel "gemm_bias"
// CHECK:           dlc.reshape %{{.+}} : tensor<64x24xf32> -> tensor<64x4x6xf32>
// CHECK:         dlc.kernel "gemm_bias"
func.func @shared(%x: tensor<64x32xbf16>, %w: tensor<32x24xbf16>, %bias: tensor<4x6xf32>, %v: tensor<32x24xbf16>)
    -> (tensor<64x4x6xbf16>, tensor<64x4x6xbf16>) {
  %b = dlc.broadcast %bias dims [1, 2] : tensor<4x6xf32> -> tensor<64x4x6xf32>
  %0 = dlc.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<64x32xbf16>, tensor<32x24xbf16>) -> tensor<64x24xbf16>
  %1 = dlc.reshape %0 : tensor<64x24xbf16> -> tensor<64x4x6xbf16>
  %2 = dlc.cast %1 : tensor<64x4x6xbf16> -> tensor<64x4x6xf32>
  %3 = dlc.add %2, %b : tensor<64x4x6xf32>
  %4 = dlc.cast %3 : tensor<64x4x6xf32> -> tensor<64x4x6xbf16>
  %5 = dlc.dot_general %x, %v batch [] x [] contract [1] x [0] : (tensor<64x32xbf16>, tensor<32x24xbf16>) -> tensor<64x24xbf16>
  %6 = dlc.reshape %5 : tensor<64x24xbf16> -> tensor<64x4x6xbf16>
  %7 = dlc.cast %6 : tensor<64x4x6xbf16> -> tensor<64x4x6xf32>
  %8 = dlc.add %b, %7 : tensor<64x4x6xf32>
  %9 = dlc.cast %8 : tensor<64x4x6xf32> -> tensor<64x4x6xbf16>
  return %4, %9 : tensor<64x4x6xbf16>, tensor<64x4x6xbf16>
}

// -----

// A kernel that reads the product anyway adds on the way.
// CHECK-LABEL: func @on_the_way
// CHECK-NOT:     dlc.kernel
func.func @on_the_way(%x: tensor<64x32xbf16>, %w: tensor<32x16xbf16>, %bias: tensor<16xf32>) -> (tensor<64x16xbf16>, tensor<64xf32>) {
  %0 = dlc.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<64x32xbf16>, tensor<32x16xbf16>) -> tensor<64x16xbf16>
  %1 = dlc.cast %0 : tensor<64x16xbf16> -> tensor<64x16xf32>
  %2 = dlc.broadcast %bias dims [1] : tensor<16xf32> -> tensor<64x16xf32>
  %3 = dlc.add %1, %2 : tensor<64x16xf32>
  %4 = dlc.exp %3 : tensor<64x16xf32>
  %5 = dlc.cast %4 : tensor<64x16xf32> -> tensor<64x16xbf16>
  %6 = dlc.reduce_max %3 dims [1] : tensor<64x16xf32> -> tensor<64xf32>
  return %5, %6 : tensor<64x16xbf16>, tensor<64xf32>
}

// -----

// A bias that is computed would be narrowed by a launch of its own.
// CHECK-LABEL: func @computed_bias
// CHECK-NOT:     dlc.kernel
func.func @computed_bias(%x: tensor<64x32xbf16>, %w: tensor<32x16xbf16>, %bias: tensor<16xf32>) -> tensor<64x16xbf16> {
  %0 = dlc.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<64x32xbf16>, tensor<32x16xbf16>) -> tensor<64x16xbf16>
  %1 = dlc.cast %0 : tensor<64x16xbf16> -> tensor<64x16xf32>
  %2 = dlc.exp %bias : tensor<16xf32>
  %3 = dlc.broadcast %2 dims [1] : tensor<16xf32> -> tensor<64x16xf32>
  %4 = dlc.add %1, %3 : tensor<64x16xf32>
  %5 = dlc.cast %4 : tensor<64x16xf32> -> tensor<64x16xbf16>
  return %5 : tensor<64x16xbf16>
}

// -----

// Where ops are computed again, a product and its copy might not both be folded, and their bits would differ.
// CHECK-LABEL: func @copies
// CHECK-NOT:     dlc.kernel
func.func @copies(%x: tensor<64x32xbf16>, %w: tensor<32x16xbf16>, %bias: tensor<16xf32>) -> (tensor<64x16xbf16>, tensor<64x16xf32>) {
  %0 = dlc.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<64x32xbf16>, tensor<32x16xbf16>) -> tensor<64x16xbf16>
  %1 = dlc.cast %0 : tensor<64x16xbf16> -> tensor<64x16xf32>
  %2 = dlc.broadcast %bias dims [1] : tensor<16xf32> -> tensor<64x16xf32>
  %3 = dlc.add %1, %2 : tensor<64x16xf32>
  %4 = dlc.cast %3 : tensor<64x16xf32> -> tensor<64x16xbf16>
  %5 = dlc.exp %2 {dlc.recomputed = 1 : i64} : tensor<64x16xf32>
  return %4, %5 : tensor<64x16xbf16>, tensor<64x16xf32>
}
