// RUN: dlc-opt %s --dlc-form-attention --split-input-file | FileCheck %s
// How exporters and people write attention. What lies between the products is gone; its operands are views.

// PyTorch's math attention: queries and keys are scaled each, a table of zeros and minus infinities is added.
// CHECK-LABEL: func @added_triangle
// CHECK-SAME:    %[[Q:.+]]: tensor<2x3x4x8xf32>, %[[K:.+]]: tensor<2x3x4x8xf32>, %[[V:.+]]: tensor<2x3x4x8xf32>
// CHECK-NEXT:    %[[O:.+]], %{{.+}} = dlc.attention %[[Q]], %[[K]], %[[V]] scale 2.500000e-01 causal :
// CHECK-NEXT:    return %[[O]]
func.func @added_triangle(%q: tensor<2x3x4x8xf32>, %k: tensor<2x3x4x8xf32>, %v: tensor<2x3x4x8xf32>) -> tensor<2x3x4x8xf32> {
  %half = dlc.constant dense<0.5> : tensor<2x3x4x8xf32>
  %table = dlc.constant dense<[[0.0, 0xFF800000, 0xFF800000, 0xFF800000], [0.0, 0.0, 0xFF800000, 0xFF800000],
                               [0.0, 0.0, 0.0, 0xFF800000], [0.0, 0.0, 0.0, 0.0]]> : tensor<4x4xf32>
  %0 = dlc.mul %q, %half : tensor<2x3x4x8xf32>
  %1 = dlc.mul %k, %half : tensor<2x3x4x8xf32>
  %2 = dlc.dot_general %0, %1 batch [0, 1] x [0, 1] contract [3] x [3] : (tensor<2x3x4x8xf32>, tensor<2x3x4x8xf32>) -> tensor<2x3x4x4xf32>
  %3 = dlc.broadcast %table dims [2, 3] : tensor<4x4xf32> -> tensor<2x3x4x4xf32>
  %4 = dlc.add %2, %3 : tensor<2x3x4x4xf32>
  %5 = dlc.softmax %4 dim 3 : tensor<2x3x4x4xf32>
  %6 = dlc.dot_general %5, %v batch [0, 1] x [0, 1] contract [3] x [2] : (tensor<2x3x4x4xf32>, tensor<2x3x4x8xf32>) -> tensor<2x3x4x8xf32>
  return %6 : tensor<2x3x4x8xf32>
}

// -----

// A hand-written model: packed heads, a comparison of positions, a fill of -1e9, heads side by side again.
// CHECK-LABEL: func @compared_positions
// CHECK-SAME:    %[[X:.+]]: tensor<2x4x3x8xf32>
// CHECK-NEXT:    %[[Q:.+]] = dlc.transpose %[[X]] [0, 2, 1, 3]
// CHECK-NEXT:    %[[K:.+]] = dlc.transpose %[[X]] [0, 2, 1, 3]
// CHECK-NEXT:    %[[V:.+]] = dlc.transpose %[[X]] [0, 2, 1, 3]
// CHECK-NEXT:    %[[O:.+]], %{{.+}} = dlc.attention %[[Q]], %[[K]], %[[V]] scale 5.000000e-01 causal :
// CHECK-NEXT:    %[[R:.+]] = dlc.transpose %[[O]] [0, 2, 1, 3]
// CHECK-NEXT:    return %[[R]]
func.func @compared_positions(%x: tensor<2x4x3x8xf32>) -> tensor<2x4x3x8xf32> {
  %two = dlc.constant dense<2.0> : tensor<2x3x4x4xf32>
  %low = dlc.constant dense<-1.0e9> : tensor<2x3x4x4xf32>
  %row = dlc.iota dim 0 : tensor<4x4xi64>
  %key = dlc.iota dim 1 : tensor<4x4xi64>
  %hidden = dlc.compare gt %key, %row : tensor<4x4xi64>
  %0 = dlc.dot_general %x, %x batch [0, 2] x [0, 2] contract [3] x [3] : (tensor<2x4x3x8xf32>, tensor<2x4x3x8xf32>) -> tensor<2x3x4x4xf32>
  %1 = dlc.div %0, %two : tensor<2x3x4x4xf32>
  %2 = dlc.broadcast %hidden dims [2, 3] : tensor<4x4xi1> -> tensor<2x3x4x4xi1>
  %3 = dlc.select %2, %low, %1 : tensor<2x3x4x4xi1>, tensor<2x3x4x4xf32>
  %4 = dlc.softmax %3 dim 3 : tensor<2x3x4x4xf32>
  %5 = dlc.dot_general %4, %x batch [0, 1] x [0, 2] contract [3] x [1] : (tensor<2x3x4x4xf32>, tensor<2x4x3x8xf32>) -> tensor<2x3x4x8xf32>
  %6 = dlc.transpose %5 [0, 2, 1, 3] : tensor<2x3x4x8xf32> -> tensor<2x4x3x8xf32>
  return %6 : tensor<2x4x3x8xf32>
}

// -----

// Padding known only at run time, as booleans; the zero for rows without keys is what the op does anyway.
// CHECK-LABEL: func @padding
// CHECK-SAME:    %[[Q:.+]]: tensor<2x3x4x8xf32>, %[[SEEN:.+]]: tensor<2x4xi1>
// CHECK-NEXT:    %[[M:.+]] = dlc.reshape %[[SEEN]] : tensor<2x4xi1> -> tensor<2x1x1x4xi1>
// CHECK-NEXT:    dlc.attention %[[Q]], %[[Q]], %[[Q]] mask %[[M]] scale 1.000000e+00 :
func.func @padding(%q: tensor<2x3x4x8xf32>, %seen: tensor<2x4xi1>) -> tensor<2x3x4x8xf32> {
  %low = dlc.constant dense<0xFF800000> : tensor<2x3x4x4xf32>
  %zero = dlc.constant dense<0.0> : tensor<2x3x4x4xf32>
  %m = dlc.broadcast %seen dims [0, 3] : tensor<2x4xi1> -> tensor<2x3x4x4xi1>
  %0 = dlc.dot_general %q, %q batch [0, 1] x [0, 1] contract [3] x [3] : (tensor<2x3x4x8xf32>, tensor<2x3x4x8xf32>) -> tensor<2x3x4x4xf32>
  %1 = dlc.select %m, %0, %low : tensor<2x3x4x4xi1>, tensor<2x3x4x4xf32>
  %2 = dlc.softmax %1 dim 3 : tensor<2x3x4x4xf32>
  %3 = dlc.select %m, %2, %zero : tensor<2x3x4x4xi1>, tensor<2x3x4x4xf32>
  %4 = dlc.dot_general %3, %q batch [0, 1] x [0, 1] contract [3] x [2] : (tensor<2x3x4x4xf32>, tensor<2x3x4x8xf32>) -> tensor<2x3x4x8xf32>
  return %4 : tensor<2x3x4x8xf32>
}

// -----

// One head, whose dim comes and goes by reshapes; a constant band that is not causal.
// CHECK-LABEL: func @band
// CHECK-DAG:     %[[M:.+]] = dlc.constant dense<{{\[\[\[}}true, true, false], [true, true, true], [false, true, true]]]> : tensor<1x3x3xi1>
// CHECK:         dlc.attention %{{.+}}, %{{.+}}, %{{.+}} mask %[[M]] scale 1.000000e+00 :
// CHECK-NOT:     dlc.softmax
func.func @band(%q: tensor<2x3x8xf32>) -> tensor<2x3x8xf32> {
  %low = dlc.constant dense<0xFF800000> : tensor<2x3x3xf32>
  %m = dlc.constant dense<[[true, true, false], [true, true, true], [false, true, true]]> : tensor<3x3xi1>
  %0 = dlc.broadcast %m dims [1, 2] : tensor<3x3xi1> -> tensor<2x3x3xi1>
  %1 = dlc.dot_general %q, %q batch [0] x [0] contract [2] x [2] : (tensor<2x3x8xf32>, tensor<2x3x8xf32>) -> tensor<2x3x3xf32>
  %2 = dlc.select %0, %1, %low : tensor<2x3x3xi1>, tensor<2x3x3xf32>
  %3 = dlc.softmax %2 dim 2 : tensor<2x3x3xf32>
  %4 = dlc.reshape %3 : tensor<2x3x3xf32> -> tensor<2x1x3x3xf32>
  %5 = dlc.dot_general %4, %q batch [0] x [0] contract [3] x [1] : (tensor<2x1x3x3xf32>, tensor<2x3x8xf32>) -> tensor<2x1x3x8xf32>
  %6 = dlc.reshape %5 : tensor<2x1x3x8xf32> -> tensor<2x3x8xf32>
  return %6 : tensor<2x3x8xf32>
}

// -----

// A table of numbers, as for relative positions, and a causal mask besides.
// CHECK-LABEL: func @numbers_and_triangle
// CHECK-SAME:    %[[Q:.+]]: tensor<2x3x8xf32>, %[[T:.+]]: tensor<2x3x3xf32>
// CHECK:         dlc.attention %[[Q]], %[[Q]], %[[Q]] mask %[[T]] scale 1.000000e+00 causal :
func.func @numbers_and_triangle(%q: tensor<2x3x8xf32>, %t: tensor<2x3x3xf32>) -> tensor<2x3x8xf32> {
  %low = dlc.constant dense<0xFF800000> : tensor<2x3x3xf32>
  %m = dlc.constant dense<[[true, false, false], [true, true, false], [true, true, true]]> : tensor<3x3xi1>
  %0 = dlc.broadcast %m dims [1, 2] : tensor<3x3xi1> -> tensor<2x3x3xi1>
  %1 = dlc.dot_general %q, %q batch [0] x [0] contract [2] x [2] : (tensor<2x3x8xf32>, tensor<2x3x8xf32>) -> tensor<2x3x3xf32>
  %2 = dlc.add %t, %1 : tensor<2x3x3xf32>
  %3 = dlc.select %0, %2, %low : tensor<2x3x3xi1>, tensor<2x3x3xf32>
  %4 = dlc.softmax %3 dim 2 : tensor<2x3x3xf32>
  %5 = dlc.dot_general %4, %q batch [0] x [0] contract [2] x [1] : (tensor<2x3x3xf32>, tensor<2x3x8xf32>) -> tensor<2x3x8xf32>
  return %5 : tensor<2x3x8xf32>
}

// -----

// Values come first in the product, so the result is transposed.
// CHECK-LABEL: func @values_first
// CHECK:         %[[O:.+]], %{{.+}} = dlc.attention
// CHECK-NEXT:    dlc.transpose %[[O]] [0, 2, 1]
func.func @values_first(%q: tensor<2x3x8xf32>, %v: tensor<2x3x5xf32>) -> tensor<2x5x3xf32> {
  %0 = dlc.dot_general %q, %q batch [0] x [0] contract [2] x [2] : (tensor<2x3x8xf32>, tensor<2x3x8xf32>) -> tensor<2x3x3xf32>
  %1 = dlc.softmax %0 dim 2 : tensor<2x3x3xf32>
  %2 = dlc.dot_general %v, %1 batch [0] x [0] contract [1] x [2] : (tensor<2x3x5xf32>, tensor<2x3x3xf32>) -> tensor<2x5x3xf32>
  return %2 : tensor<2x5x3xf32>
}
