// RUN: dlc-opt %s --dlc-trace-nonfinite --mlir-print-debuginfo --mlir-print-local-scope | FileCheck %s

// The mask's -inf goes through the shift and ends at the exponential; the
// maximum of a row is expected to be finite.
// CHECK-LABEL: func.func @masked_softmax
// CHECK:         dlc.select %{{.*}} {dlc.infinities = 1 : i64} : {{.*}} loc(fused<{number = 0 : i64, op = "dlc.select", part = 0 : i64, state = ""}>
// CHECK:         dlc.reduce_max %{{[0-9]+}} dims [1] : {{.*}} loc(fused<{number = 1 : i64
// CHECK:         dlc.broadcast %{{[0-9]+}} dims [0] : {{.*}} loc("{{.*}}":
// CHECK:         dlc.sub %{{.*}} {dlc.infinities = 1 : i64} : {{.*}} loc(fused<{number = 2 : i64
// CHECK:         dlc.exp %{{[0-9]+}} : {{.*}} loc(fused<{number = 3 : i64
func.func @masked_softmax(%s: tensor<2x3xf32>, %m: tensor<2x3xi1>) -> tensor<2x3xf32> {
  %c = dlc.constant dense<0xFF800000> : tensor<2x3xf32>
  %0 = dlc.select %m, %s, %c : tensor<2x3xi1>, tensor<2x3xf32>
  %1 = dlc.reduce_max %0 dims [1] : tensor<2x3xf32> -> tensor<2xf32>
  %2 = dlc.broadcast %1 dims [0] : tensor<2xf32> -> tensor<2x3xf32>
  %3 = dlc.sub %0, %2 : tensor<2x3xf32>
  %4 = dlc.exp %3 : tensor<2x3xf32>
  return %4 : tensor<2x3xf32>
}

// A divisor's infinity gives 0, a factor's either sign; integers are not numbered.
// CHECK-LABEL: func.func @signs
// CHECK:         dlc.neg %{{.*}} {dlc.infinities = 2 : i64}
// CHECK:         dlc.div %{{[a-z0-9]+}}, %{{[a-z0-9]+}} : {{.*}} loc(fused<{number = 1 : i64
// CHECK:         dlc.mul %{{.*}} {dlc.infinities = 3 : i64}
// CHECK:         dlc.max %{{[a-z0-9]+}}, %{{[a-z0-9]+}} : {{.*}} loc(fused<{number = 3 : i64
// CHECK:         dlc.compare {{.*}} loc("{{.*}}":
func.func @signs(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xi1>) {
  %c = dlc.constant dense<0xFF800000> : tensor<4xf32>
  %v = dlc.constant dense<[0xFF800000, 1.0, 2.0, 3.0]> : tensor<4xf32>
  %n = dlc.neg %v : tensor<4xf32>
  %0 = dlc.div %x, %n : tensor<4xf32>
  %1 = dlc.mul %x, %n : tensor<4xf32>
  %2 = dlc.max %x, %c : tensor<4xf32>
  %3 = dlc.compare eq %x, %c : tensor<4xf32>
  return %0, %1, %2, %3 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xi1>
}

// Parts of a step: what reads gradients without being one is the update, of the
// state that it ends in, and so is what only the update reads.
// CHECK-LABEL: func.func @step
// CHECK:         dlc.exp {{.*}} part = 0 : i64
// CHECK:         dlc.mul {{.*}} part = 1 : i64
// CHECK:         dlc.neg {{.*}} part = 2 : i64, state = "w"
// CHECK:         dlc.sub {{.*}} part = 2 : i64, state = "w"
func.func @step(%w: tensor<4xf32> {dlc.param = "w"}) -> (tensor<4xf32> {dlc.alias = 0 : i64}) {
  %0 = dlc.exp %w : tensor<4xf32>
  %1 = dlc.mul %0, %w : tensor<4xf32> loc("gradient")
  %2 = dlc.neg %w : tensor<4xf32>
  %3 = dlc.sub %2, %1 : tensor<4xf32>
  return %3 : tensor<4xf32>
}
