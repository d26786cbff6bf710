// RUN: dlc-opt %s --dlc-split-reductions --split-input-file | FileCheck %s

// Few columns and many rows: the rows are cut, the dims of a batch as one, into parts for workgroups of threads that share them.
// CHECK-LABEL: func @tall
// CHECK:         %[[R:.+]] = dlc.reshape %{{.+}} : tensor<64x64x16x8xf32> -> tensor<128x512x8xf32>
// CHECK:         %[[P:.+]] = dlc.reduce_sum %[[R]] dims [1] : tensor<128x512x8xf32> -> tensor<128x8xf32>
// CHECK:         %[[S:.+]] = dlc.reduce_sum %[[P]] dims [0] : tensor<128x8xf32> -> tensor<8xf32>
// CHECK:         return %[[S]]
func.func @tall(%x: tensor<64x64x16x8xf32>) -> tensor<8xf32> {
  %0 = dlc.reduce_sum %x dims [0, 1, 2] : tensor<64x64x16x8xf32> -> tensor<8xf32>
  return %0 : tensor<8xf32>
}

// -----

// A workgroup of 512 threads shares a part, each of them at least 64 terms.
// CHECK-LABEL: func @everything
// CHECK:         dlc.reduce_sum %{{.+}} dims [1] : tensor<32x32768xf32> -> tensor<32xf32>
// CHECK:         dlc.reduce_sum %{{.+}} dims [0] : tensor<32xf32> -> tensor<f32>
func.func @everything(%x: tensor<1048576xf32>) -> tensor<f32> {
  %0 = dlc.reduce_sum %x dims [0] : tensor<1048576xf32> -> tensor<f32>
  return %0 : tensor<f32>
}

// -----

// A workgroup shares a long row: even of few rows nothing is cut, and what else reads them stays in one kernel.
// CHECK-LABEL: func @long_rows
// CHECK-COUNT-3: dlc.reduce_sum
// CHECK-NOT:     dlc.reduce_sum
func.func @long_rows(%a: tensor<65536xf32>, %b: tensor<256x50304xf32>, %c: tensor<3x50304xf32>) -> (tensor<f32>, tensor<256xf32>, tensor<3xf32>) {
  %0 = dlc.reduce_sum %a dims [0] : tensor<65536xf32> -> tensor<f32>
  %1 = dlc.reduce_sum %b dims [1] : tensor<256x50304xf32> -> tensor<256xf32>
  %2 = dlc.reduce_sum %c dims [1] : tensor<3x50304xf32> -> tensor<3xf32>
  return %0, %1, %2 : tensor<f32>, tensor<256xf32>, tensor<3xf32>
}

// -----

// Few rows that are too long for a workgroup each.
// CHECK-LABEL: func @longer_rows
// CHECK:         dlc.reduce_sum %{{.+}} dims [2] : tensor<2x32x32768xf32> -> tensor<2x32xf32>
// CHECK:         dlc.reduce_sum %{{.+}} dims [1] : tensor<2x32xf32> -> tensor<2xf32>
func.func @longer_rows(%x: tensor<2x1048576xf32>) -> tensor<2xf32> {
  %0 = dlc.reduce_sum %x dims [1] : tensor<2x1048576xf32> -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// -----

// Dims that are not neighbours: the outermost is cut, the rest stays in the first stage.
// CHECK-LABEL: func @apart
// CHECK:         dlc.reduce_sum %{{.+}} dims [1, 3] : tensor<8x64x4x16xf32> -> tensor<8x4xf32>
// CHECK:         dlc.reduce_sum %{{.+}} dims [0] : tensor<8x4xf32> -> tensor<4xf32>
func.func @apart(%x: tensor<512x4x16xf32>) -> tensor<4xf32> {
  %0 = dlc.reduce_sum %x dims [0, 2] : tensor<512x4x16xf32> -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// Enough results where a workgroup's threads share the terms of eight, few terms, or a prime number of them: one stage.
// CHECK-LABEL: func @stay
// CHECK-COUNT-4: dlc.reduce_sum
// CHECK-NOT:     dlc.reduce_sum
func.func @stay(%a: tensor<64x65536xf32>, %b: tensor<16x8xf32>, %c: tensor<4099x8xf32>, %d: tensor<65536x768xf32>)
    -> (tensor<65536xf32>, tensor<8xf32>, tensor<8xf32>, tensor<768xf32>) {
  %0 = dlc.reduce_sum %a dims [0] : tensor<64x65536xf32> -> tensor<65536xf32>
  %1 = dlc.reduce_sum %b dims [0] : tensor<16x8xf32> -> tensor<8xf32>
  %2 = dlc.reduce_sum %c dims [0] : tensor<4099x8xf32> -> tensor<8xf32>
  %3 = dlc.reduce_sum %d dims [0] : tensor<65536x768xf32> -> tensor<768xf32>
  return %0, %1, %2, %3 : tensor<65536xf32>, tensor<8xf32>, tensor<8xf32>, tensor<768xf32>
}
