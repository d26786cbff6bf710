// RUN: dlc-opt %s --dlc-recompute | FileCheck %s
// RUN: dlc-opt %s --dlc-recompute="mode=full:segments=2" | FileCheck %s --check-prefix=FULL
// RUN: dlc-opt %s --dlc-recompute="mode=none" | FileCheck %s --check-prefix=NONE
// RUN: not dlc-opt %s --dlc-recompute="mode=some" 2>&1 | FileCheck %s --check-prefix=BAD
// BAD: DLC2015: recomputation is 'none', 'cheap' or 'full[:segments=N]', but got 'some'

// Cheap: the product is kept, what follows it is computed again.
// CHECK-LABEL: func.func @activation
// CHECK:         %[[D:.*]] = dlc.dot_general
// CHECK:         dlc.exp %[[D]] :
// CHECK:         %[[E:.*]] = dlc.exp %[[D]] {dlc.recomputed = 1 : i64}
// CHECK-NEXT:    dlc.mul %{{.*}}, %[[E]]
// CHECK-NOT:     dlc.dot_general {{.*}}dlc.recomputed
// NONE-LABEL:  func.func @activation
// NONE-NOT:      dlc.recomputed
func.func @activation(%x: tensor<8x8xf32>) -> (tensor<8x8xf32>, tensor<8x8xf32>) {
  %0 = dlc.dot_general %x, %x batch [] x [] contract [1] x [0] : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %1 = dlc.exp %0 : tensor<8x8xf32>
  %2 = dlc.tanh %1 : tensor<8x8xf32>
  %3 = dlc.mul %0, %1 : tensor<8x8xf32> loc("gradient")
  %4 = dlc.mul %3, %1 : tensor<8x8xf32> loc("gradient")
  return %2, %4 : tensor<8x8xf32>, tensor<8x8xf32>
}

// A sum of two tensors is a link of a residual stream: kept, not followed up.
// CHECK-LABEL: func.func @residual
// CHECK-NOT:     dlc.add {{.*}}dlc.recomputed
// CHECK:         return
func.func @residual(%x: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
  %0 = dlc.tanh %x : tensor<8xf32>
  %1 = dlc.add %0, %x : tensor<8xf32>
  %2 = dlc.exp %1 : tensor<8xf32>
  %3 = dlc.mul %1, %1 : tensor<8xf32> loc("gradient")
  return %2, %3 : tensor<8xf32>, tensor<8xf32>
}

// Full: products of the first segment are done twice, those of the last are not.
// FULL-LABEL: func.func @chain
// FULL:         %[[A:.*]] = dlc.dot_general %arg0, %arg1
// FULL:         %[[B:.*]] = dlc.dot_general
// FULL:         %[[C:.*]] = dlc.dot_general
// FULL:         %[[D:.*]] = dlc.dot_general
// FULL:         dlc.mul %[[D]], %[[D]]
// FULL:         dlc.dot_general {{.*}} {dlc.recomputed = 2 : i64}
// FULL:         return
func.func @chain(%x: tensor<8x8xf32>, %w: tensor<8x8xf32>) -> (tensor<8x8xf32>, tensor<8x8xf32>) {
  %0 = dlc.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %1 = dlc.dot_general %0, %w batch [] x [] contract [1] x [0] : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %2 = dlc.dot_general %1, %w batch [] x [] contract [1] x [0] : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %3 = dlc.dot_general %2, %w batch [] x [] contract [1] x [0] : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %4 = dlc.mul %3, %3 : tensor<8x8xf32> loc("gradient")
  %5 = dlc.mul %4, %2 : tensor<8x8xf32> loc("gradient")
  %6 = dlc.mul %5, %1 : tensor<8x8xf32> loc("gradient")
  %7 = dlc.mul %6, %0 : tensor<8x8xf32> loc("gradient")
  return %3, %7 : tensor<8x8xf32>, tensor<8x8xf32>
}

// Nothing but a forward half: nothing to do.
// CHECK-LABEL: func.func @infer
// CHECK-NOT:     dlc.recomputed
func.func @infer(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = dlc.tanh %x : tensor<8xf32>
  return %0 : tensor<8xf32>
}
