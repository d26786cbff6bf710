// RUN: dlc-opt %s --dlc-call-attention --dlc-attention-kernels --split-input-file | FileCheck %s

// Queries, keys and values are parts of one tensor, and causal: a call, which the pass after leaves alone.
// CHECK-LABEL: func @packed
// CHECK-NOT:     dlc.kernel
// CHECK:         dlc.attention {{.*}} causal {dlc.call}
func.func @packed(%h: tensor<2x6x3x4x16xbf16>) -> tensor<2x4x6x16xbf16> {
  %t = dlc.transpose %h [2, 0, 3, 1, 4] : tensor<2x6x3x4x16xbf16> -> tensor<3x2x4x6x16xbf16>
  %a = dlc.slice %t starts [0, 0, 0, 0, 0] steps [1, 1, 1, 1, 1] : tensor<3x2x4x6x16xbf16> -> tensor<1x2x4x6x16xbf16>
  %b = dlc.slice %t starts [1, 0, 0, 0, 0] steps [1, 1, 1, 1, 1] : tensor<3x2x4x6x16xbf16> -> tensor<1x2x4x6x16xbf16>
  %q = dlc.reshape %a : tensor<1x2x4x6x16xbf16> -> tensor<2x4x6x16xbf16>
  %k = dlc.reshape %b : tensor<1x2x4x6x16xbf16> -> tensor<2x4x6x16xbf16>
  %o, %l = dlc.attention %q, %k, %k scale 2.5e-1 causal
    : (tensor<2x4x6x16xbf16>, tensor<2x4x6x16xbf16>, tensor<2x4x6x16xbf16>) -> (tensor<2x4x6x16xbf16>, tensor<2x4x6xf32>)
  return %o : tensor<2x4x6x16xbf16>
}

// -----

// The gradient, too.
// CHECK-LABEL: func @gradient
// CHECK:         dlc.attention_grad {{.*}} {dlc.call}
func.func @gradient(%q: tensor<2x5x16xf16>, %l: tensor<2x5xf32>) -> tensor<2x5x16xf16> {
  %d:3 = dlc.attention_grad %q, %q, %q, %q, %q, %l scale 2.5e-1
    : (tensor<2x5x16xf16>, tensor<2x5x16xf16>, tensor<2x5x16xf16>, tensor<2x5x16xf16>, tensor<2x5x16xf16>, tensor<2x5xf32>)
    -> (tensor<2x5x16xf16>, tensor<2x5x16xf16>, tensor<2x5x16xf16>)
  return %d#0 : tensor<2x5x16xf16>
}

// -----

// cuDNN's kernels are of 16-bit floats.
// CHECK-LABEL: func @wide
// CHECK:         dlc.kernel "attention"
// CHECK-NOT:     dlc.call
func.func @wide(%q: tensor<2x5x16xf32>) -> tensor<2x5x16xf32> {
  %o, %l = dlc.attention %q, %q, %q scale 1.0
    : (tensor<2x5x16xf32>, tensor<2x5x16xf32>, tensor<2x5x16xf32>) -> (tensor<2x5x16xf32>, tensor<2x5xf32>)
  return %o : tensor<2x5x16xf32>
}

// -----

// Keys begin in the middle of 16 bytes.
// CHECK-LABEL: func @uneven
// CHECK:         dlc.kernel "attention"
// CHECK-NOT:     dlc.call
func.func @uneven(%h: tensor<5x20xbf16>, %v: tensor<5x8xbf16>) -> tensor<5x8xbf16> {
  %q = dlc.slice %h starts [0, 0] steps [1, 1] : tensor<5x20xbf16> -> tensor<5x8xbf16>
  %k = dlc.slice %h starts [0, 12] steps [1, 1] : tensor<5x20xbf16> -> tensor<5x8xbf16>
  %o, %l = dlc.attention %q, %k, %v scale 1.0
    : (tensor<5x8xbf16>, tensor<5x8xbf16>, tensor<5x8xbf16>) -> (tensor<5x8xbf16>, tensor<5xf32>)
  return %o : tensor<5x8xbf16>
}
