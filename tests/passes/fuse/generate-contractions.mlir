// RUN: dlc-opt %s --dlc-generate-contractions --split-input-file | FileCheck %s --check-prefixes=CHECK,BOTH
// RUN: dlc-opt %s --dlc-generate-contractions=products=false --split-input-file | FileCheck %s --check-prefixes=CHECK,CONV
// RUN: dlc-opt %s --dlc-kernels-pipeline="target=cuda without=cublas,cudnn" --split-input-file | FileCheck %s --check-prefix=KERNEL

// What follows fuses with a product that no library computes.
// CHECK-LABEL: func @both
// CHECK:         dlc.conv %{{.+}} {dlc.generated}
// BOTH:          dlc.dot_general %{{.+}} {dlc.generated}
// CONV-NOT:      dlc.dot_general %{{.+}} {dlc.generated}
// KERNEL-LABEL: func @both
// KERNEL:         dlc.kernel {{.+}}<contract
// KERNEL:           dlc.conv
// KERNEL:         dlc.kernel {{.+}}<contract
// KERNEL:           dlc.dot_general
// KERNEL:           dlc.relu
// KERNEL-NOT:     library
func.func @both(%x: tensor<1x8x3xf32>, %w: tensor<4x3x3xf32>, %v: tensor<32x5xf32>) -> tensor<1x5xf32> {
  %0 = dlc.conv %x, %w strides [1] dilations [1] pads [1] to [1] groups 1 : (tensor<1x8x3xf32>, tensor<4x3x3xf32>) -> tensor<1x8x4xf32>
  %1 = dlc.reshape %0 : tensor<1x8x4xf32> -> tensor<1x32xf32>
  %2 = dlc.dot_general %1, %v batch [] x [] contract [1] x [0] : (tensor<1x32xf32>, tensor<32x5xf32>) -> tensor<1x5xf32>
  %3 = dlc.relu %2 : tensor<1x5xf32>
  return %3 : tensor<1x5xf32>
}
