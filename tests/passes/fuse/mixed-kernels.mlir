// RUN: dlc-opt %s --dlc-split-reductions --dlc-form-kernels=target=cuda --split-input-file | FileCheck %s
// RUN: dlc-opt %s --dlc-split-reductions --dlc-form-kernels --split-input-file | FileCheck %s --check-prefix=CPU

// The gradient of a norm needs sums along its rows and gives one across them: rows are read once, in groups, and the groups' sums are added after.
// CHECK-LABEL: func @norm_gradient
// CHECK:         %[[K:.+]]:2 = dlc.kernel "reduce_mul_reduce_sum_sub" <mixed, [64, 16, 64], cols = [2]>
// CHECK:           dlc.reduce_sum %{{.+}} dims [1] : tensor<64x16x64xf32> -> tensor<64x64xf32>
// CHECK:           dlc.reduce_sum %{{.+}} dims [1] : tensor<1024x64xf32> -> tensor<1024xf32>
// CHECK:         %[[G:.+]] = dlc.kernel "reduce_reduce_sum" <column, [64, 64], cols = [1]>(%[[K]]#0)
// CHECK-NOT:     dlc.kernel
// CHECK:         return %[[K]]#1, %[[G]]
// CPU-LABEL: func @norm_gradient
// CPU-NOT:     mixed
// CPU-COUNT-3: dlc.kernel
func.func @norm_gradient(%x: tensor<1024x64xf32>, %dy: tensor<1024x64xf32>) -> (tensor<1024x64xf32>, tensor<64xf32>) {
  %p = dlc.mul %dy, %x : tensor<1024x64xf32>
  %g = dlc.reduce_sum %p dims [0] : tensor<1024x64xf32> -> tensor<64xf32>
  %s = dlc.reduce_sum %p dims [1] : tensor<1024x64xf32> -> tensor<1024xf32>
  %b = dlc.broadcast %s dims [0] : tensor<1024xf32> -> tensor<1024x64xf32>
  %m = dlc.mul %x, %b : tensor<1024x64xf32>
  %dx = dlc.sub %dy, %m : tensor<1024x64xf32>
  return %dx, %g : tensor<1024x64xf32>, tensor<64xf32>
}

// -----

// Rows of 16 would leave half of each warp idle.
// CHECK-LABEL: func @short_rows
// CHECK-NOT:     mixed
// CHECK:         return
// CPU-LABEL: func @short_rows
func.func @short_rows(%x: tensor<4096x16xf32>) -> (tensor<4096xf32>, tensor<16xf32>) {
  %s = dlc.reduce_sum %x dims [1] : tensor<4096x16xf32> -> tensor<4096xf32>
  %g = dlc.reduce_sum %x dims [0] : tensor<4096x16xf32> -> tensor<16xf32>
  return %s, %g : tensor<4096xf32>, tensor<16xf32>
}

// -----

// A workgroup's tile of such rows is larger than a processor's cache.
// CHECK-LABEL: func @long_rows
// CHECK-NOT:     mixed
// CHECK:         return
// CPU-LABEL: func @long_rows
func.func @long_rows(%x: tensor<1024x8192xf32>) -> (tensor<1024xf32>, tensor<8192xf32>) {
  %s = dlc.reduce_sum %x dims [1] : tensor<1024x8192xf32> -> tensor<1024xf32>
  %g = dlc.reduce_sum %x dims [0] : tensor<1024x8192xf32> -> tensor<8192xf32>
  return %s, %g : tensor<1024xf32>, tensor<8192xf32>
}

// -----

// Statistics across rows are needed before the first row can be normalized: a batch norm's do not join sums along the rows that follow.
// CHECK-LABEL: func @across_before_along
// CHECK-NOT:     mixed
// CHECK:         return
// CPU-LABEL: func @across_before_along
func.func @across_before_along(%x: tensor<1024x64xf32>) -> (tensor<1024xf32>, tensor<64xf32>) {
  %g = dlc.reduce_sum %x dims [0] : tensor<1024x64xf32> -> tensor<64xf32>
  %b = dlc.broadcast %g dims [1] : tensor<64xf32> -> tensor<1024x64xf32>
  %c = dlc.sub %x, %b : tensor<1024x64xf32>
  %s = dlc.reduce_max %c dims [1] : tensor<1024x64xf32> -> tensor<1024xf32>
  return %s, %g : tensor<1024xf32>, tensor<64xf32>
}
