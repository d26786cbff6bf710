// RUN: dlc-opt %s --dlc-form-kernels --split-input-file | FileCheck %s

// A chain of elementwise ops is one kernel: nothing between them reaches memory.
// CHECK-LABEL: func @chain_is_one_kernel
// CHECK:         %[[Y:.+]] = dlc.kernel "map_exp_neg" <map, [64, 64]>
// CHECK-NOT:     dlc.kernel
// CHECK:         return %[[Y]]
func.func @chain_is_one_kernel(%x: tensor<64x64xf32>) -> tensor<64x64xf32> {
  %0 = dlc.exp %x : tensor<64x64xf32>
  %1 = dlc.neg %0 : tensor<64x64xf32>
  return %1 : tensor<64x64xf32>
}

// -----

// Softmax reads its row thrice in one kernel, since each level needs the one before.
// CHECK-LABEL: func @softmax_is_one_kernel
// CHECK:         dlc.kernel {{.*}} <row, [128, 256], cols = [1]>
// CHECK:           dlc.reduce_max
// CHECK:           dlc.reduce_sum
// CHECK-NOT:     dlc.kernel
// CHECK:         return
func.func @softmax_is_one_kernel(%x: tensor<128x256xf32>) -> tensor<128x256xf32> {
  %0 = dlc.reduce_max %x dims [1] : tensor<128x256xf32> -> tensor<128xf32>
  %1 = dlc.broadcast %0 dims [0] : tensor<128xf32> -> tensor<128x256xf32>
  %2 = dlc.sub %x, %1 : tensor<128x256xf32>
  %3 = dlc.exp %2 : tensor<128x256xf32>
  %4 = dlc.reduce_sum %3 dims [1] : tensor<128x256xf32> -> tensor<128xf32>
  %5 = dlc.broadcast %4 dims [0] : tensor<128xf32> -> tensor<128x256xf32>
  %6 = dlc.div %3, %5 : tensor<128x256xf32>
  return %6 : tensor<128x256xf32>
}

// -----

// Products of f32 stay for the library.
// CHECK-LABEL: func @product_stays
// CHECK:         %[[P:.+]] = dlc.dot_general
// CHECK:         dlc.kernel "map_relu" {{.*}}(%[[P]])
func.func @product_stays(%a: tensor<64x32xf32>, %b: tensor<32x64xf32>) -> tensor<64x64xf32> {
  %0 = dlc.dot_general %a, %b batch [] x [] contract [1] x [0] : (tensor<64x32xf32>, tensor<32x64xf32>) -> tensor<64x64xf32>
  %1 = dlc.relu %0 : tensor<64x64xf32>
  return %1 : tensor<64x64xf32>
}

// -----

// Rows of %p may join, and so may columns of %q, but not both: each would wait for the other.
// CHECK-LABEL: func @joins_make_no_cycle
// CHECK-COUNT-3: dlc.kernel
// CHECK-NOT:     dlc.kernel
// CHECK:         return
func.func @joins_make_no_cycle(%p: tensor<4096x256xf32>, %q: tensor<4096x256xf32>)
    -> (tensor<4096xf32>, tensor<256xf32>, tensor<4096xf32>, tensor<256xf32>) {
  %a = dlc.reduce_sum %p dims [1] : tensor<4096x256xf32> -> tensor<4096xf32>
  %b = dlc.reduce_sum %q dims [0] : tensor<4096x256xf32> -> tensor<256xf32>
  %0 = dlc.broadcast %b dims [1] : tensor<256xf32> -> tensor<4096x256xf32>
  %1 = dlc.mul %p, %0 : tensor<4096x256xf32>
  %c = dlc.reduce_max %1 dims [1] : tensor<4096x256xf32> -> tensor<4096xf32>
  %2 = dlc.broadcast %a dims [0] : tensor<4096xf32> -> tensor<4096x256xf32>
  %3 = dlc.mul %q, %2 : tensor<4096x256xf32>
  %d = dlc.reduce_max %3 dims [0] : tensor<4096x256xf32> -> tensor<256xf32>
  return %a, %b, %c, %d : tensor<4096xf32>, tensor<256xf32>, tensor<4096xf32>, tensor<256xf32>
}

// -----

// A constant that a scatter reads from memory is a kernel of its own: in one
// with other readers, all readers would wait for each other.
// CHECK-LABEL: func @constant_in_memory
// CHECK:         %[[AT:.+]] = dlc.kernel "map" <map, [8]>()
// CHECK:         dlc.kernel "reduce_gather_add_reduce_max"{{.*}}%[[AT]]
// CHECK:         %[[NEW:.+]] = dlc.kernel "reduce_scatter_add"{{.*}}(%[[AT]],
// CHECK:         return %[[NEW]]
func.func @constant_in_memory(%w: tensor<64xf32>, %x: tensor<4x8xf32>) -> (tensor<64xf32>) {
  %at = dlc.constant dense<3> : tensor<8xi64>
  %row = dlc.gather %w, %at dim 0 : (tensor<64xf32>, tensor<8xi64>) -> tensor<8xf32>
  %wide = dlc.broadcast %row dims [1] : tensor<8xf32> -> tensor<4x8xf32>
  %y = dlc.add %x, %wide : tensor<4x8xf32>
  %max = dlc.reduce_max %y dims [1] : tensor<4x8xf32> -> tensor<4xf32>
  %maxes = dlc.broadcast %max dims [0] : tensor<4xf32> -> tensor<4x8xf32>
  %d = dlc.sub %y, %maxes : tensor<4x8xf32>
  %e = dlc.exp %d : tensor<4x8xf32>
  %sum = dlc.reduce_sum %e dims [0] : tensor<4x8xf32> -> tensor<8xf32>
  %new = dlc.scatter_add %at, %sum dim 0 : (tensor<8xi64>, tensor<8xf32>) -> tensor<64xf32>
  return %new : tensor<64xf32>
}

// -----

// A product that is written transposed is in memory that way only: a kernel
// reads what a second product reads.
// CHECK-LABEL: func.func @written_transposed
// CHECK:         %[[D:.*]] = dlc.dot_general
// CHECK:         %[[T:.*]] = dlc.transpose %[[D]]
// CHECK-DAG:     dlc.kernel "map_exp" {{.*}}(%[[T]])
func.func @written_transposed(%x: tensor<2x12x4x4xf32>, %w: tensor<2x4x12x12xf32>, %v: tensor<16x16xf32>) -> (tensor<2x12x4x4xf32>, tensor<2x12x16xf32>) {
  %0 = dlc.dot_general %w, %x batch [0, 1] x [0, 2] contract [3] x [1] : (tensor<2x4x12x12xf32>, tensor<2x12x4x4xf32>) -> tensor<2x4x12x4xf32>
  %1 = dlc.transpose %0 [0, 2, 1, 3] : tensor<2x4x12x4xf32> -> tensor<2x12x4x4xf32>
  %2 = dlc.exp %1 : tensor<2x12x4x4xf32>
  %3 = dlc.reshape %1 : tensor<2x12x4x4xf32> -> tensor<2x12x16xf32>
  %4 = dlc.dot_general %3, %v batch [] x [] contract [2] x [0] : (tensor<2x12x16xf32>, tensor<16x16xf32>) -> tensor<2x12x16xf32>
  return %2, %4 : tensor<2x12x4x4xf32>, tensor<2x12x16xf32>
}

// -----

// GELU and its gradient. The forward kernel waits for arithmetic, so that writing one more tensor would take it no time; but the backward kernel
// computes it by one operation from what it reads anyway.
// CHECK-LABEL: func @kept
// CHECK:         %[[H:.+]] = dlc.dot_general %arg0
// CHECK:         %[[F:.+]]:2 = dlc.kernel "map_cast_add_mul_erf" <map, [1024, 1024]>(%[[H]], %arg2) : (tensor<1024x1024xbf16>, tensor<1024xf32>) -> (tensor<1024x1024xbf16>, tensor<1024x1024xbf16>)
// CHECK:         %[[G:.+]] = dlc.dot_general
// CHECK:         dlc.kernel {{.+}} <map, [1024, 1024]>(%[[H]], %arg2, %[[G]], %[[F]]#0) :
func.func @kept(%x: tensor<1024x1024xbf16>, %w: tensor<1024x1024xbf16>, %bias: tensor<1024xf32>) -> tensor<1024x1024xbf16> {
  %half = dlc.constant dense<5.000000e-01> : tensor<1024x1024xf32>
  %root = dlc.constant dense<0.707106769> : tensor<1024x1024xf32>
  %one = dlc.constant dense<1.000000e+00> : tensor<1024x1024xf32>
  %slope = dlc.constant dense<1.12837923> : tensor<1024x1024xf32>
  %0 = dlc.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<1024x1024xbf16>, tensor<1024x1024xbf16>) -> tensor<1024x1024xbf16>
  %1 = dlc.cast %0 : tensor<1024x1024xbf16> -> tensor<1024x1024xf32>
  %2 = dlc.broadcast %bias dims [1] : tensor<1024xf32> -> tensor<1024x1024xf32>
  %3 = dlc.add %1, %2 : tensor<1024x1024xf32>
  %4 = dlc.mul %3, %half : tensor<1024x1024xf32>
  %5 = dlc.mul %3, %root : tensor<1024x1024xf32>
  %6 = dlc.erf %5 : tensor<1024x1024xf32>
  %7 = dlc.cast %6 : tensor<1024x1024xf32> -> tensor<1024x1024xbf16>
  %8 = dlc.add %6, %one : tensor<1024x1024xf32>
  %9 = dlc.mul %4, %8 : tensor<1024x1024xf32>
  %10 = dlc.cast %9 : tensor<1024x1024xf32> -> tensor<1024x1024xbf16>
  %11 = dlc.dot_general %10, %w batch [] x [] contract [1] x [0] : (tensor<1024x1024xbf16>, tensor<1024x1024xbf16>) -> tensor<1024x1024xbf16> loc("gradient")
  %12 = dlc.cast %11 : tensor<1024x1024xbf16> -> tensor<1024x1024xf32> loc("gradient")
  %13 = dlc.cast %7 : tensor<1024x1024xbf16> -> tensor<1024x1024xf32> loc("gradient")
  %14 = dlc.add %13, %one : tensor<1024x1024xf32> loc("gradient")
  %15 = dlc.mul %12, %14 : tensor<1024x1024xf32> loc("gradient")
  %16 = dlc.mul %12, %4 : tensor<1024x1024xf32> loc("gradient")
  %17 = dlc.mul %5, %5 : tensor<1024x1024xf32> loc("gradient")
  %18 = dlc.neg %17 : tensor<1024x1024xf32> loc("gradient")
  %19 = dlc.exp %18 : tensor<1024x1024xf32> loc("gradient")
  %20 = dlc.mul %19, %slope : tensor<1024x1024xf32> loc("gradient")
  %21 = dlc.mul %16, %20 : tensor<1024x1024xf32> loc("gradient")
  %22 = dlc.mul %21, %root : tensor<1024x1024xf32> loc("gradient")
  %23 = dlc.mul %15, %half : tensor<1024x1024xf32> loc("gradient")
  %24 = dlc.add %22, %23 : tensor<1024x1024xf32> loc("gradient")
  %25 = dlc.cast %24 : tensor<1024x1024xf32> -> tensor<1024x1024xbf16> loc("gradient")
  return %25 : tensor<1024x1024xbf16>
}

// -----

// A GELU by tanh, with what `dlc-narrow-saved` made of it. The forward kernel waits for arithmetic and would write f32 as fast, but the
// backward half reads the tanh narrow: it is written so.
// CHECK-LABEL: func @narrow_at_the_writer
// CHECK:         %[[F:.+]]:2 = dlc.kernel "map_cast_mul_add_tanh" {{.*}} -> (tensor<1024x3072xbf16>, tensor<1024x3072xbf16>)
// CHECK:         dlc.kernel {{.*}}%[[F]]#0{{.*}} : (tensor<1024x3072xbf16>, tensor<1024x3072xbf16>, tensor<1024x3072xbf16>) -> tensor<1024x3072xbf16>
func.func @narrow_at_the_writer(%x: tensor<1024x3072xbf16>, %w: tensor<3072x3072xbf16>) -> tensor<1024x3072xbf16> {
  %half = dlc.constant dense<5.000000e-01> : tensor<1024x3072xf32>
  %cube = dlc.constant dense<4.471500e-02> : tensor<1024x3072xf32>
  %root = dlc.constant dense<0.797884583> : tensor<1024x3072xf32>
  %one = dlc.constant dense<1.000000e+00> : tensor<1024x3072xf32>
  %h = dlc.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<1024x3072xbf16>, tensor<3072x3072xbf16>) -> tensor<1024x3072xbf16>
  %0 = dlc.cast %h : tensor<1024x3072xbf16> -> tensor<1024x3072xf32>
  %1 = dlc.mul %0, %half : tensor<1024x3072xf32>
  %2 = dlc.mul %0, %0 : tensor<1024x3072xf32>
  %3 = dlc.mul %2, %0 : tensor<1024x3072xf32>
  %4 = dlc.mul %3, %cube : tensor<1024x3072xf32>
  %5 = dlc.add %0, %4 : tensor<1024x3072xf32>
  %6 = dlc.mul %5, %root : tensor<1024x3072xf32>
  %7 = dlc.tanh %6 : tensor<1024x3072xf32>
  %8 = dlc.cast %7 : tensor<1024x3072xf32> -> tensor<1024x3072xbf16>
  %9 = dlc.cast %8 : tensor<1024x3072xbf16> -> tensor<1024x3072xf32> loc("gradient")
  %10 = dlc.add %7, %one : tensor<1024x3072xf32>
  %11 = dlc.add %9, %one : tensor<1024x3072xf32> loc("gradient")
  %12 = dlc.mul %1, %10 : tensor<1024x3072xf32>
  %13 = dlc.cast %12 : tensor<1024x3072xf32> -> tensor<1024x3072xbf16>
  %14 = dlc.dot_general %13, %w batch [] x [] contract [1] x [0] : (tensor<1024x3072xbf16>, tensor<3072x3072xbf16>) -> tensor<1024x3072xbf16> loc("gradient")
  %15 = dlc.cast %14 : tensor<1024x3072xbf16> -> tensor<1024x3072xf32> loc("gradient")
  %16 = dlc.mul %15, %11 : tensor<1024x3072xf32> loc("gradient")
  %17 = dlc.mul %15, %1 : tensor<1024x3072xf32> loc("gradient")
  %18 = dlc.mul %9, %9 : tensor<1024x3072xf32> loc("gradient")
  %19 = dlc.sub %one, %18 : tensor<1024x3072xf32> loc("gradient")
  %20 = dlc.mul %17, %19 : tensor<1024x3072xf32> loc("gradient")
  %21 = dlc.mul %20, %root : tensor<1024x3072xf32> loc("gradient")
  %22 = dlc.mul %21, %cube : tensor<1024x3072xf32> loc("gradient")
  %23 = dlc.mul %22, %0 : tensor<1024x3072xf32> loc("gradient")
  %24 = dlc.mul %22, %2 : tensor<1024x3072xf32> loc("gradient")
  %25 = dlc.mul %23, %0 : tensor<1024x3072xf32> loc("gradient")
  %26 = dlc.mul %16, %half : tensor<1024x3072xf32> loc("gradient")
  %27 = dlc.add %21, %24 : tensor<1024x3072xf32> loc("gradient")
  %28 = dlc.add %27, %25 : tensor<1024x3072xf32> loc("gradient")
  %29 = dlc.add %28, %25 : tensor<1024x3072xf32> loc("gradient")
  %30 = dlc.add %29, %26 : tensor<1024x3072xf32> loc("gradient")
  %31 = dlc.cast %30 : tensor<1024x3072xf32> -> tensor<1024x3072xbf16> loc("gradient")
  return %31 : tensor<1024x3072xbf16>
}

// -----

// Kernels that compute a value again leave no reader to those that have it: nothing to join.
// CHECK-LABEL: func @all_readers_repeat_it
// CHECK:         dlc.kernel {{.*}} <column,
func.func @all_readers_repeat_it(%x: tensor<7x15x33xf32>) -> (tensor<99xf32>, tensor<99xf32>) {
  %y = dlc.constant dense<0.0> : tensor<3x7x15x99xf32>
  %0 = dlc.compare gt %x, %x : tensor<7x15x33xf32>
  %1 = dlc.broadcast %0 dims [1, 2, 4] : tensor<7x15x33xi1> -> tensor<3x7x15x3x33xi1>
  %2 = dlc.reshape %1 : tensor<3x7x15x3x33xi1> -> tensor<3x7x15x99xi1>
  %3 = dlc.cos %x {dlc.recomputed = 1 : i64} : tensor<7x15x33xf32>
  %4 = dlc.broadcast %3 dims [1, 2, 4] {dlc.recomputed = 1 : i64} : tensor<7x15x33xf32> -> tensor<3x7x15x3x33xf32>
  %5 = dlc.reshape %4 {dlc.recomputed = 1 : i64} : tensor<3x7x15x3x33xf32> -> tensor<3x7x15x99xf32>
  %6 = dlc.select %2, %5, %5 {dlc.recomputed = 1 : i64} : tensor<3x7x15x99xi1>, tensor<3x7x15x99xf32>
  %7 = dlc.mul %6, %y {dlc.recomputed = 1 : i64} : tensor<3x7x15x99xf32>
  %8 = dlc.tanh %7 {dlc.recomputed = 1 : i64} : tensor<3x7x15x99xf32>
  %9 = dlc.mul %8, %6 : tensor<3x7x15x99xf32> loc("gradient")
  %10 = dlc.reduce_sum %9 dims [0, 1, 2] : tensor<3x7x15x99xf32> -> tensor<99xf32> loc("gradient")
  %11 = dlc.select %2, %y, %8 : tensor<3x7x15x99xi1>, tensor<3x7x15x99xf32> loc("gradient")
  %12 = dlc.reduce_sum %11 dims [0, 1, 2] : tensor<3x7x15x99xf32> -> tensor<99xf32> loc("gradient")
  return %10, %12 : tensor<99xf32>, tensor<99xf32>
}
