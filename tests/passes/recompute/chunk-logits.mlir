// RUN: dlc-opt %s --dlc-chunk-logits=chunks=2 --split-input-file | FileCheck %s
// A loss over classes with its gradient: each part has its own logits and row sums; the rows' losses and the gradient of the
// model's side are joined, that of the matrix is added.
// CHECK-LABEL: func @step
// CHECK-NOT:     tensor<4x9xf32>
// CHECK-DAG:     %[[SCALE:.+]] = dlc.constant dense<2.500000e-01> : tensor<4xf32>
// CHECK:         %[[X1:.+]] = dlc.slice %arg0 starts [0, 0]
// CHECK:         %[[L1:.+]] = dlc.dot_general %[[X1]], %arg1
// CHECK:         %[[ROWS1:.+]] = dlc.log
// CHECK:         dlc.iota dim 1 {dlc.chunk = 1 : i64} : tensor<2x9xi64>
// CHECK:         %[[DX1:.+]] = dlc.dot_general %[[DL1:.+]], %arg1 {{.*}} contract [1] x [0]
// CHECK:         %[[DW1:.+]] = dlc.dot_general %[[DL1]], %[[X1]] {{.*}} contract [0] x [0]
// CHECK:         %[[X2:.+]] = dlc.slice %arg0 starts [2, 0]
// CHECK:         %[[ROWS2:.+]] = dlc.log
// CHECK:         %[[DX2:.+]] = dlc.dot_general %[[DL2:.+]], %arg1 {{.*}} contract [1] x [0]
// CHECK:         %[[DW2:.+]] = dlc.dot_general %[[DL2]], %[[X2]] {{.*}} contract [0] x [0]
// CHECK:         %[[DW:.+]] = dlc.add %[[DW1]], %[[DW2]]
// CHECK-DAG:     %[[DX:.+]] = dlc.concat %[[DX1]], %[[DX2]] dim 0
// CHECK-DAG:     %[[ROWS:.+]] = dlc.concat %[[ROWS1]], %[[ROWS2]] dim 0
// CHECK:         %[[LOSS:.+]] = dlc.reduce_sum %[[ROWS]] dims [0]
// CHECK:         return %[[LOSS]], %[[DX]], %[[DW]]
func.func @step(%x: tensor<4x3xf32>, %w: tensor<9x3xf32>, %t: tensor<4xi64>) -> (tensor<f32>, tensor<4x3xf32>, tensor<9x3xf32>) {
  %scale = dlc.constant dense<0.25> : tensor<4xf32>
  %l = dlc.dot_general %x, %w batch [] x [] contract [1] x [1] : (tensor<4x3xf32>, tensor<9x3xf32>) -> tensor<4x9xf32>
  %e = dlc.exp %l : tensor<4x9xf32>
  %s = dlc.reduce_sum %e dims [1] : tensor<4x9xf32> -> tensor<4xf32>
  %rows = dlc.log %s : tensor<4xf32>
  %loss = dlc.reduce_sum %rows dims [0] : tensor<4xf32> -> tensor<f32>
  %i = dlc.iota dim 1 : tensor<4x9xi64>
  %tb = dlc.broadcast %t dims [0] : tensor<4xi64> -> tensor<4x9xi64>
  %hit = dlc.compare eq %i, %tb : tensor<4x9xi64>
  %sb = dlc.broadcast %s dims [0] : tensor<4xf32> -> tensor<4x9xf32>
  %p = dlc.div %e, %sb : tensor<4x9xf32>
  %g = dlc.broadcast %scale dims [0] : tensor<4xf32> -> tensor<4x9xf32>
  %d = dlc.select %hit, %g, %p : tensor<4x9xi1>, tensor<4x9xf32>
  %dx = dlc.dot_general %d, %w batch [] x [] contract [1] x [0] : (tensor<4x9xf32>, tensor<9x3xf32>) -> tensor<4x3xf32>
  %dw = dlc.dot_general %d, %x batch [] x [] contract [0] x [0] : (tensor<4x9xf32>, tensor<4x3xf32>) -> tensor<9x3xf32>
  return %loss, %dx, %dw : tensor<f32>, tensor<4x3xf32>, tensor<9x3xf32>
}

// -----

// Rows of two dims, of which the first has too few: parts of the second.
// CHECK-LABEL: func @second_dim
// CHECK:         dlc.slice %arg0 starts [0, 0, 0] {{.*}} -> tensor<1x3x3xf32>
// CHECK:         dlc.slice %arg0 starts [0, 3, 0] {{.*}} -> tensor<1x3x3xf32>
// CHECK:         dlc.concat {{.*}} dim 1
func.func @second_dim(%x: tensor<1x6x3xf32>, %w: tensor<9x3xf32>) -> tensor<1x6xf32> {
  %l = dlc.dot_general %x, %w batch [] x [] contract [2] x [1] : (tensor<1x6x3xf32>, tensor<9x3xf32>) -> tensor<1x6x9xf32>
  %m = dlc.reduce_max %l dims [2] : tensor<1x6x9xf32> -> tensor<1x6xf32>
  return %m : tensor<1x6xf32>
}

// -----

// Logits that are a result are needed whole.
// CHECK-LABEL: func @returned
// CHECK-NOT:     dlc.slice
func.func @returned(%x: tensor<4x3xf32>, %w: tensor<9x3xf32>) -> (tensor<4x9xf32>, tensor<4xf32>) {
  %l = dlc.dot_general %x, %w batch [] x [] contract [1] x [1] : (tensor<4x3xf32>, tensor<9x3xf32>) -> tensor<4x9xf32>
  %m = dlc.reduce_max %l dims [1] : tensor<4x9xf32> -> tensor<4xf32>
  return %l, %m : tensor<4x9xf32>, tensor<4xf32>
}

// -----

// The scale of the gradient depends on all rows, so none can be finished before all are begun.
// CHECK-LABEL: func @normalized
// CHECK-NOT:     dlc.slice
func.func @normalized(%x: tensor<4x3xf32>, %w: tensor<9x3xf32>) -> tensor<4x3xf32> {
  %l = dlc.dot_general %x, %w batch [] x [] contract [1] x [1] : (tensor<4x3xf32>, tensor<9x3xf32>) -> tensor<4x9xf32>
  %m = dlc.reduce_max %l dims [1] : tensor<4x9xf32> -> tensor<4xf32>
  %n = dlc.reduce_sum %m dims [0] : tensor<4xf32> -> tensor<f32>
  %b = dlc.broadcast %n dims [] : tensor<f32> -> tensor<4x9xf32>
  %d = dlc.mul %l, %b : tensor<4x9xf32>
  %dx = dlc.dot_general %d, %w batch [] x [] contract [1] x [0] : (tensor<4x9xf32>, tensor<9x3xf32>) -> tensor<4x3xf32>
  return %dx : tensor<4x3xf32>
}
