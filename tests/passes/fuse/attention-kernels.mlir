// RUN: dlc-opt %s --dlc-attention-kernels --split-input-file | FileCheck %s

// Queries, keys and values are parts of one tensor, and the output is written transposed: the kernel has both in memory.
// CHECK-LABEL: func @packed
// CHECK-SAME:    (%[[H:.+]]: tensor<5x3x2x16xf32>)
// CHECK-NEXT:    %[[K:.+]]:2 = dlc.kernel "attention" <attention, [2, 5, 5], cols = [2]>(%[[H]])
// CHECK-SAME:      (tensor<5x3x2x16xf32>) -> (tensor<5x2x16xf32>, tensor<2x5xf32>)
// CHECK:           %[[O:.+]], %[[L:.+]] = dlc.attention
// CHECK-NEXT:      %[[T:.+]] = dlc.transpose %[[O]] [1, 0, 2]
// CHECK-NEXT:      dlc.yield %[[T]], %[[L]]
// CHECK:         return %[[K]]#0
func.func @packed(%h: tensor<5x3x2x16xf32>) -> tensor<5x2x16xf32> {
  %t = dlc.transpose %h [1, 2, 0, 3] : tensor<5x3x2x16xf32> -> tensor<3x2x5x16xf32>
  %a = dlc.slice %t starts [0, 0, 0, 0] steps [1, 1, 1, 1] : tensor<3x2x5x16xf32> -> tensor<1x2x5x16xf32>
  %b = dlc.slice %t starts [1, 0, 0, 0] steps [1, 1, 1, 1] : tensor<3x2x5x16xf32> -> tensor<1x2x5x16xf32>
  %q = dlc.reshape %a : tensor<1x2x5x16xf32> -> tensor<2x5x16xf32>
  %k = dlc.reshape %b : tensor<1x2x5x16xf32> -> tensor<2x5x16xf32>
  %o, %l = dlc.attention %q, %k, %k scale 2.5e-1 causal
    : (tensor<2x5x16xf32>, tensor<2x5x16xf32>, tensor<2x5x16xf32>) -> (tensor<2x5x16xf32>, tensor<2x5xf32>)
  %r = dlc.transpose %o [1, 0, 2] : tensor<2x5x16xf32> -> tensor<5x2x16xf32>
  return %r : tensor<5x2x16xf32>
}

// -----

// Gradients that are parts of one tensor are one output.
// CHECK-LABEL: func @gradients
// CHECK:         %[[K:.+]] = dlc.kernel "attention_grad" <attention, [2, 5, 5], cols = [2]>
// CHECK-SAME:      -> tensor<6x5x16xf32>
// CHECK:           dlc.concat
// CHECK:         return %[[K]]
func.func @gradients(%q: tensor<2x5x16xf32>, %o: tensor<2x5x16xf32>, %l: tensor<2x5xf32>) -> tensor<6x5x16xf32> {
  %d:3 = dlc.attention_grad %o, %q, %q, %q, %o, %l scale 2.5e-1
    : (tensor<2x5x16xf32>, tensor<2x5x16xf32>, tensor<2x5x16xf32>, tensor<2x5x16xf32>, tensor<2x5x16xf32>, tensor<2x5xf32>)
    -> (tensor<2x5x16xf32>, tensor<2x5x16xf32>, tensor<2x5x16xf32>)
  %j = dlc.concat %d#0, %d#1, %d#2 dim 0 : (tensor<2x5x16xf32>, tensor<2x5x16xf32>, tensor<2x5x16xf32>) -> tensor<6x5x16xf32>
  return %j : tensor<6x5x16xf32>
}

// -----

// A wide head is left to be spelled out.
// CHECK-LABEL: func @wide
// CHECK-NOT:     dlc.kernel
// CHECK:         dlc.attention
func.func @wide(%q: tensor<2x5x160xf32>) -> tensor<2x5x160xf32> {
  %o, %l = dlc.attention %q, %q, %q scale 2.5e-1
    : (tensor<2x5x160xf32>, tensor<2x5x160xf32>, tensor<2x5x160xf32>) -> (tensor<2x5x160xf32>, tensor<2x5xf32>)
  return %o : tensor<2x5x160xf32>
}
