// RUN: dlc-opt %s --dlc-decompose --split-input-file | FileCheck %s

// Two passes over the data: the mean, then the mean of squared distances from it.
// CHECK-LABEL: func @layer_norm
// CHECK-SAME:    (%[[X:.+]]: tensor<2x8xf32>, %[[S:.+]]: tensor<8xf32>, %[[B:.+]]: tensor<8xf32>)
// CHECK:         %[[SUM:.+]] = dlc.reduce_sum %[[X]] dims [1]
// CHECK:         %[[MEAN:.+]] = dlc.mul %[[SUM]]
// CHECK:         %[[MEANS:.+]] = dlc.broadcast %[[MEAN]] dims [0]
// CHECK:         %[[CENTERED:.+]] = dlc.sub %[[X]], %[[MEANS]]
// CHECK:         %[[SQUARE:.+]] = dlc.mul %[[CENTERED]], %[[CENTERED]]
// CHECK:         dlc.reduce_sum %[[SQUARE]] dims [1]
// CHECK:         %[[RSTD:.+]] = dlc.rsqrt
// CHECK:         return %{{.+}}, %[[MEAN]], %[[RSTD]]
func.func @layer_norm(%x: tensor<2x8xf32>, %s: tensor<8xf32>, %b: tensor<8xf32>) -> (tensor<2x8xf32>, tensor<2xf32>, tensor<2xf32>) {
  %0:3 = dlc.layer_norm %x, %s, %b axis 1 epsilon 1.0e-5 : (tensor<2x8xf32>, tensor<8xf32>, tensor<8xf32>) -> (tensor<2x8xf32>, tensor<2xf32>, tensor<2xf32>)
  return %0#0, %0#1, %0#2 : tensor<2x8xf32>, tensor<2xf32>, tensor<2xf32>
}

// -----

// Statistics are taken over every dim but the channel's.
// CHECK-LABEL: func @batch_norm
// CHECK:         dlc.reduce_sum %{{.+}} dims [0, 1]
// CHECK:         dlc.reduce_sum %{{.+}} dims [0, 1]
// CHECK-NOT:     dlc.batch_norm
func.func @batch_norm(%x: tensor<2x4x8xf32>, %s: tensor<8xf32>, %b: tensor<8xf32>) -> tensor<2x4x8xf32> {
  %0:3 = dlc.batch_norm %x, %s, %b channel 2 epsilon 1.0e-5 : (tensor<2x4x8xf32>, tensor<8xf32>, tensor<8xf32>) -> (tensor<2x4x8xf32>, tensor<8xf32>, tensor<8xf32>)
  return %0#0 : tensor<2x4x8xf32>
}

// -----

// The target's logit is a sum over the row, so that the whole loss is one row kernel; an ignored row has loss 0.
// CHECK-LABEL: func @cross_entropy
// CHECK-SAME:    (%[[X:.+]]: tensor<2x3xf32>, %[[T:.+]]: tensor<2xi64>)
// CHECK:         %[[IOTA:.+]] = dlc.iota dim 1 : tensor<2x3xi64>
// CHECK:         %[[TARGETS:.+]] = dlc.broadcast %[[T]] dims [0]
// CHECK:         %[[HIT:.+]] = dlc.compare eq %[[IOTA]], %[[TARGETS]]
// CHECK:         %[[CHOSEN:.+]] = dlc.select %[[HIT]], %[[X]]
// CHECK:         dlc.reduce_sum %[[CHOSEN]] dims [1]
// CHECK:         %[[IGNORED:.+]] = dlc.compare eq %[[T]]
// CHECK:         dlc.select %[[IGNORED]]
func.func @cross_entropy(%x: tensor<2x3xf32>, %t: tensor<2xi64>) -> tensor<2xf32> {
  %0:2 = dlc.cross_entropy %x, %t ignore -100 : (tensor<2x3xf32>, tensor<2xi64>) -> (tensor<2xf32>, tensor<2xf32>)
  return %0#0 : tensor<2xf32>
}

// -----

// 16-bit rows are summed in f32, with one cast in and one out.
// CHECK-LABEL: func @bf16_is_computed_in_f32
// CHECK:         dlc.cast %{{.+}} : tensor<2x3xbf16> -> tensor<2x3xf32>
// CHECK:         dlc.exp %{{.+}} : tensor<2x3xf32>
// CHECK:         dlc.cast %{{.+}} : tensor<2x3xf32> -> tensor<2x3xbf16>
func.func @bf16_is_computed_in_f32(%x: tensor<2x3xbf16>) -> tensor<2x3xbf16> {
  %0 = dlc.log_softmax %x dim 1 : tensor<2x3xbf16>
  return %0 : tensor<2x3xbf16>
}

// -----

// The largest score of each row is taken from it before the exponential; masked keys count as minus infinity.
// CHECK-LABEL: func @attention
// CHECK-SAME:    (%[[Q:.+]]: tensor<3x2xf32>, %[[K:.+]]: tensor<4x2xf32>, %[[V:.+]]: tensor<4x5xf32>)
// CHECK:         %[[S:.+]] = dlc.dot_general %[[Q]], %[[K]]
// CHECK:         dlc.mul %[[S]]
// CHECK:         %[[SEEN:.+]] = dlc.compare le
// CHECK:         %[[MASKED:.+]] = dlc.select %[[SEEN]]
// CHECK:         %[[MOST:.+]] = dlc.reduce_max %[[MASKED]] dims [1]
// CHECK:         dlc.exp
// CHECK:         dlc.dot_general %{{.+}}, %[[V]]
// CHECK-NOT:     dlc.attention
func.func @attention(%q: tensor<3x2xf32>, %k: tensor<4x2xf32>, %v: tensor<4x5xf32>) -> tensor<3x5xf32> {
  %0:2 = dlc.attention %q, %k, %v scale 0.5 causal : (tensor<3x2xf32>, tensor<4x2xf32>, tensor<4x5xf32>) -> (tensor<3x5xf32>, tensor<3xf32>)
  return %0#0 : tensor<3x5xf32>
}
