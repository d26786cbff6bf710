// RUN: dlc-opt %s --dlc-simplify --split-input-file | FileCheck %s

// What an importer writes around channels-last ops for an NCHW residual block: every transpose meets its inverse.
// CHECK-LABEL: func @residual_block_is_channels_last
// CHECK-SAME:    (%[[C:.+]]: tensor<2x4x4x8xf32>, %[[SKIP:.+]]: tensor<2x4x4x8xf32>
// CHECK-NOT:     dlc.transpose
// CHECK:         %[[N:.+]], %{{.+}}, %{{.+}} = dlc.batch_norm %[[C]], {{.+}} channel 3
// CHECK:         %[[R:.+]] = dlc.relu %[[N]]
// CHECK:         %[[SUM:.+]] = dlc.add %[[R]], %[[SKIP]]
// CHECK:         %[[POOLED:.+]], %{{.+}} = dlc.pool_max %[[SUM]] window [1, 2, 2, 1]
// CHECK:         dlc.reduce_sum %[[POOLED]] dims [1, 2]
func.func @residual_block_is_channels_last(%c: tensor<2x4x4x8xf32>, %skip: tensor<2x4x4x8xf32>, %s: tensor<8xf32>, %o: tensor<8xf32>) -> tensor<2x8xf32> {
  %0 = dlc.transpose %c [0, 3, 1, 2] : tensor<2x4x4x8xf32> -> tensor<2x8x4x4xf32>
  %1:3 = dlc.batch_norm %0, %s, %o channel 1 epsilon 1.0e-5 : (tensor<2x8x4x4xf32>, tensor<8xf32>, tensor<8xf32>) -> (tensor<2x8x4x4xf32>, tensor<8xf32>, tensor<8xf32>)
  %2 = dlc.relu %1#0 : tensor<2x8x4x4xf32>
  %3 = dlc.transpose %skip [0, 3, 1, 2] : tensor<2x4x4x8xf32> -> tensor<2x8x4x4xf32>
  %4 = dlc.add %2, %3 : tensor<2x8x4x4xf32>
  %5:2 = dlc.pool_max %4 window [1, 1, 2, 2] strides [1, 1, 2, 2] dilations [1, 1, 1, 1] pads [0, 0, 0, 0] : (tensor<2x8x4x4xf32>) -> (tensor<2x8x2x2xf32>, tensor<2x8x2x2xi32>)
  %6 = dlc.reduce_sum %5#0 dims [2, 3] : tensor<2x8x2x2xf32> -> tensor<2x8xf32>
  return %6 : tensor<2x8xf32>
}

// -----

// A bias per channel moves with the layout; slices, pads, joins and softmax do too.
// CHECK-LABEL: func @dim_attributes_move_along
// CHECK-SAME:    (%[[X:.+]]: tensor<2x4x4x8xf32>, %[[B:.+]]: tensor<8xf32>)
// CHECK:         %[[BIAS:.+]] = dlc.broadcast %[[B]] dims [3]
// CHECK:         %[[SUM:.+]] = dlc.add %[[X]], %[[BIAS]]
// CHECK:         %[[SLICE:.+]] = dlc.slice %[[SUM]] starts [0, 0, 0, 2] steps [1, 1, 1, 1]
// CHECK:         %[[PAD:.+]] = dlc.pad %[[SLICE]], %{{.+}} low [0, 1, 0, 0]
// CHECK:         %[[JOIN:.+]] = dlc.concat %[[PAD]], %[[PAD]] dim 3
// CHECK:         %[[SOFT:.+]] = dlc.softmax %[[JOIN]] dim 3
// CHECK:         return %[[SOFT]]
func.func @dim_attributes_move_along(%x: tensor<2x4x4x8xf32>, %b: tensor<8xf32>) -> tensor<2x5x4x8xf32> {
  %0 = dlc.transpose %x [0, 3, 1, 2] : tensor<2x4x4x8xf32> -> tensor<2x8x4x4xf32>
  %1 = dlc.broadcast %b dims [1] : tensor<8xf32> -> tensor<2x8x4x4xf32>
  %2 = dlc.add %0, %1 : tensor<2x8x4x4xf32>
  %3 = dlc.slice %2 starts [0, 2, 0, 0] steps [1, 1, 1, 1] : tensor<2x8x4x4xf32> -> tensor<2x4x4x4xf32>
  %zero = dlc.constant dense<0.0> : tensor<f32>
  %4 = dlc.pad %3, %zero low [0, 0, 1, 0] interior [0, 0, 0, 0] : (tensor<2x4x4x4xf32>, tensor<f32>) -> tensor<2x4x5x4xf32>
  %5 = dlc.concat %4, %4 dim 1 : (tensor<2x4x5x4xf32>, tensor<2x4x5x4xf32>) -> tensor<2x8x5x4xf32>
  %6 = dlc.softmax %5 dim 1 : tensor<2x8x5x4xf32>
  %7 = dlc.transpose %6 [0, 2, 3, 1] : tensor<2x8x5x4xf32> -> tensor<2x5x4x8xf32>
  return %7 : tensor<2x5x4x8xf32>
}

// -----

// Images are enlarged by a reshape, a broadcast and a reshape; the layout passes all three.
// CHECK-LABEL: func @enlarging_keeps_the_layout
// CHECK-NOT:     dlc.transpose
// CHECK:         %[[COPIES:.+]] = dlc.broadcast %{{.+}} dims [0, 1, 3, 5] : tensor<2x3x4x8xf32> -> tensor<2x3x2x4x2x8xf32>
// CHECK:         dlc.reshape %[[COPIES]] : tensor<2x3x2x4x2x8xf32> -> tensor<2x6x8x8xf32>
func.func @enlarging_keeps_the_layout(%x: tensor<2x3x4x8xf32>) -> tensor<2x6x8x8xf32> {
  %0 = dlc.transpose %x [0, 3, 1, 2] : tensor<2x3x4x8xf32> -> tensor<2x8x3x4xf32>
  %1 = dlc.reshape %0 : tensor<2x8x3x4xf32> -> tensor<2x8x3x1x4x1xf32>
  %2 = dlc.broadcast %1 dims [0, 1, 2, 3, 4, 5] : tensor<2x8x3x1x4x1xf32> -> tensor<2x8x3x2x4x2xf32>
  %3 = dlc.reshape %2 : tensor<2x8x3x2x4x2xf32> -> tensor<2x8x6x8xf32>
  %4 = dlc.transpose %3 [0, 2, 3, 1] : tensor<2x8x6x8xf32> -> tensor<2x6x8x8xf32>
  return %4 : tensor<2x6x8x8xf32>
}

// -----

// A dropout mask can be generated in any order, so it does not hold a transpose back.
// CHECK-LABEL: func @dropout_does_not_stop_a_transpose
// CHECK-SAME:    (%[[X:.+]]: tensor<2x4x4x8xf32>, %[[RNG:.+]]: tensor<2xi64>)
// CHECK:         %[[U:.+]] = dlc.random_uniform %[[RNG]] stream 0 : tensor<2xi64> -> tensor<2x8x4x4xf32>
// CHECK:         %[[KEEP:.+]] = dlc.compare ge %[[U]]
// CHECK:         %[[MASK:.+]] = dlc.transpose %[[KEEP]] [0, 2, 3, 1]
// CHECK:         %[[Y:.+]] = dlc.select %[[MASK]], %[[X]]
// CHECK:         return %[[Y]]
func.func @dropout_does_not_stop_a_transpose(%x: tensor<2x4x4x8xf32>, %rng: tensor<2xi64>) -> tensor<2x4x4x8xf32> {
  %0 = dlc.transpose %x [0, 3, 1, 2] : tensor<2x4x4x8xf32> -> tensor<2x8x4x4xf32>
  %u = dlc.random_uniform %rng stream 0 : tensor<2xi64> -> tensor<2x8x4x4xf32>
  %half = dlc.constant dense<5.0e-1> : tensor<2x8x4x4xf32>
  %zero = dlc.constant dense<0.0> : tensor<2x8x4x4xf32>
  %keep = dlc.compare ge %u, %half : tensor<2x8x4x4xf32>
  %1 = dlc.select %keep, %0, %zero : tensor<2x8x4x4xi1>, tensor<2x8x4x4xf32>
  %2 = dlc.transpose %1 [0, 2, 3, 1] : tensor<2x8x4x4xf32> -> tensor<2x4x4x8xf32>
  return %2 : tensor<2x4x4x8xf32>
}

// -----

// Windows that extend in dims whose order would change keep their layout: positions count in that order.
// CHECK-LABEL: func @window_positions_keep_their_order
// CHECK:         %[[T:.+]] = dlc.transpose
// CHECK:         dlc.pool_max %[[T]]
func.func @window_positions_keep_their_order(%x: tensor<4x6xf32>) -> tensor<5x3xi32> {
  %0 = dlc.transpose %x [1, 0] : tensor<4x6xf32> -> tensor<6x4xf32>
  %1:2 = dlc.pool_max %0 window [2, 2] strides [1, 1] dilations [1, 1] pads [0, 0] : (tensor<6x4xf32>) -> (tensor<5x3xf32>, tensor<5x3xi32>)
  return %1#1 : tensor<5x3xi32>
}

// -----

// Linear layers on [batch, time, features] are one product each, whatever reshapes the exporter wrote.
// CHECK-LABEL: func @linear_layers_are_plain_products
// CHECK-SAME:    (%[[X:.+]]: tensor<2x5x8xf32>, %[[W:.+]]: tensor<16x8xf32>, %[[B:.+]]: tensor<16xf32>)
// CHECK:         %[[P:.+]] = dlc.dot_general %[[X]], %[[W]] batch [] x [] contract [2] x [1] {{.+}} -> tensor<2x5x16xf32>
// CHECK:         %[[BIAS:.+]] = dlc.broadcast %[[B]] dims [2] : tensor<16xf32> -> tensor<2x5x16xf32>
// CHECK:         %[[SUM:.+]] = dlc.add %[[P]], %[[BIAS]]
// CHECK:         return %[[SUM]]
func.func @linear_layers_are_plain_products(%x: tensor<2x5x8xf32>, %w: tensor<16x8xf32>, %b: tensor<16xf32>) -> tensor<2x5x16xf32> {
  %0 = dlc.reshape %x : tensor<2x5x8xf32> -> tensor<10x8xf32>
  %1 = dlc.transpose %w [1, 0] : tensor<16x8xf32> -> tensor<8x16xf32>
  %2 = dlc.dot_general %0, %1 batch [] x [] contract [1] x [0] : (tensor<10x8xf32>, tensor<8x16xf32>) -> tensor<10x16xf32>
  %3 = dlc.reshape %b : tensor<16xf32> -> tensor<1x16xf32>
  %4 = dlc.broadcast %3 dims [0, 1] : tensor<1x16xf32> -> tensor<10x16xf32>
  %5 = dlc.add %2, %4 : tensor<10x16xf32>
  %6 = dlc.reshape %5 : tensor<10x16xf32> -> tensor<2x5x16xf32>
  return %6 : tensor<2x5x16xf32>
}

// -----

// The transposes that split heads are dim numbers of the score product.
// CHECK-LABEL: func @attention_scores_read_heads_in_place
// CHECK-SAME:    (%[[Q:.+]]: tensor<2x5x12xf32>, %[[K:.+]]: tensor<2x5x12xf32>)
// CHECK:         %[[Q4:.+]] = dlc.reshape %[[Q]] : tensor<2x5x12xf32> -> tensor<2x5x3x4xf32>
// CHECK:         %[[K4:.+]] = dlc.reshape %[[K]] : tensor<2x5x12xf32> -> tensor<2x5x3x4xf32>
// CHECK:         dlc.dot_general %[[Q4]], %[[K4]] batch [0, 2] x [0, 2] contract [3] x [3]
func.func @attention_scores_read_heads_in_place(%q: tensor<2x5x12xf32>, %k: tensor<2x5x12xf32>) -> tensor<2x3x5x5xf32> {
  %0 = dlc.reshape %q : tensor<2x5x12xf32> -> tensor<2x5x3x4xf32>
  %1 = dlc.transpose %0 [0, 2, 1, 3] : tensor<2x5x3x4xf32> -> tensor<2x3x5x4xf32>
  %2 = dlc.reshape %k : tensor<2x5x12xf32> -> tensor<2x5x3x4xf32>
  %3 = dlc.transpose %2 [0, 2, 3, 1] : tensor<2x5x3x4xf32> -> tensor<2x3x4x5xf32>
  %4 = dlc.dot_general %1, %3 batch [0, 1] x [0, 1] contract [3] x [2] : (tensor<2x3x5x4xf32>, tensor<2x3x4x5xf32>) -> tensor<2x3x5x5xf32>
  return %4 : tensor<2x3x5x5xf32>
}

// -----

// A weight repeated per batch is read once, with the batch as rows.
// CHECK-LABEL: func @repeated_weight_is_read_once
// CHECK:         dlc.dot_general %{{.+}}, %{{.+}} batch [] x [] contract [2] x [0] : (tensor<2x5x8xf32>, tensor<8x4xf32>) -> tensor<2x5x4xf32>
func.func @repeated_weight_is_read_once(%x: tensor<2x5x8xf32>, %w: tensor<8x4xf32>) -> tensor<2x5x4xf32> {
  %0 = dlc.broadcast %w dims [1, 2] : tensor<8x4xf32> -> tensor<2x8x4xf32>
  %1 = dlc.dot_general %x, %0 batch [0] x [0] contract [2] x [1] : (tensor<2x5x8xf32>, tensor<2x8x4xf32>) -> tensor<2x5x4xf32>
  return %1 : tensor<2x5x4xf32>
}

// -----

// The transpose of a product is the product of the swapped operands.
// CHECK-LABEL: func @transposed_product_swaps_operands
// CHECK-SAME:    (%[[X:.+]]: tensor<5x8xf32>, %[[Y:.+]]: tensor<5x4xf32>)
// CHECK-NEXT:    %[[P:.+]] = dlc.dot_general %[[Y]], %[[X]] batch [] x [] contract [0] x [0]
// CHECK-NEXT:    return %[[P]]
func.func @transposed_product_swaps_operands(%x: tensor<5x8xf32>, %y: tensor<5x4xf32>) -> tensor<4x8xf32> {
  %0 = dlc.dot_general %x, %y batch [] x [] contract [0] x [0] : (tensor<5x8xf32>, tensor<5x4xf32>) -> tensor<8x4xf32>
  %1 = dlc.transpose %0 [1, 0] : tensor<8x4xf32> -> tensor<4x8xf32>
  return %1 : tensor<4x8xf32>
}

// -----

// Per-row numbers are computed per row, then repeated.
// CHECK-LABEL: func @row_arithmetic_stays_small
// CHECK-SAME:    (%[[X:.+]]: tensor<4xf32>, %[[Y:.+]]: tensor<4xf32>)
// CHECK:         %[[P:.+]] = dlc.mul %[[X]], %[[Y]] : tensor<4xf32>
// CHECK:         %[[R:.+]] = dlc.rsqrt %[[P]] : tensor<4xf32>
// CHECK:         dlc.broadcast %[[R]] dims [0] : tensor<4xf32> -> tensor<4x100xf32>
func.func @row_arithmetic_stays_small(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4x100xf32> {
  %0 = dlc.reshape %x : tensor<4xf32> -> tensor<4x1xf32>
  %1 = dlc.broadcast %0 dims [0, 1] : tensor<4x1xf32> -> tensor<4x100xf32>
  %2 = dlc.broadcast %y dims [0] : tensor<4xf32> -> tensor<4x100xf32>
  %3 = dlc.mul %1, %2 : tensor<4x100xf32>
  %4 = dlc.rsqrt %3 : tensor<4x100xf32>
  return %4 : tensor<4x100xf32>
}

// -----

// A factor that is the same in the whole sum is applied to the sum; the two sums of a norm's gradient become one.
// CHECK-LABEL: func @factors_leave_sums
// CHECK-SAME:    (%[[X:.+]]: tensor<4x8xf32>, %[[S:.+]]: tensor<4xf32>)
// CHECK:         %[[SUM:.+]] = dlc.reduce_sum %[[X]] dims [1]
// CHECK:         %[[A:.+]] = dlc.mul %[[SUM]], %[[S]]
// CHECK:         %[[B:.+]] = dlc.mul %[[SUM]], %{{.+}}
// CHECK:         return %[[A]], %[[B]]
func.func @factors_leave_sums(%x: tensor<4x8xf32>, %s: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %0 = dlc.broadcast %s dims [0] : tensor<4xf32> -> tensor<4x8xf32>
  %1 = dlc.mul %x, %0 : tensor<4x8xf32>
  %2 = dlc.reduce_sum %1 dims [1] : tensor<4x8xf32> -> tensor<4xf32>
  %c = dlc.constant dense<1.25e-1> : tensor<4x8xf32>
  %3 = dlc.mul %x, %c : tensor<4x8xf32>
  %4 = dlc.reduce_sum %3 dims [1] : tensor<4x8xf32> -> tensor<4xf32>
  return %2, %4 : tensor<4xf32>, tensor<4xf32>
}

// -----

// Summing a repeated tensor multiplies; reductions of one kind merge.
// CHECK-LABEL: func @reductions_shrink
// CHECK-SAME:    (%[[X:.+]]: tensor<4xf32>, %[[Y:.+]]: tensor<2x3x4xf32>)
// CHECK-DAG:     %[[C:.+]] = dlc.constant dense<8.000000e+00> : tensor<4xf32>
// CHECK-DAG:     %[[P:.+]] = dlc.mul %[[X]], %[[C]]
// CHECK-DAG:     %[[M:.+]] = dlc.reduce_max %[[Y]] dims [1, 2]
// CHECK:         return %[[P]], %[[M]]
func.func @reductions_shrink(%x: tensor<4xf32>, %y: tensor<2x3x4xf32>) -> (tensor<4xf32>, tensor<2xf32>) {
  %0 = dlc.broadcast %x dims [0] : tensor<4xf32> -> tensor<4x8xf32>
  %1 = dlc.reduce_sum %0 dims [1] : tensor<4x8xf32> -> tensor<4xf32>
  %2 = dlc.reduce_max %y dims [2] : tensor<2x3x4xf32> -> tensor<2x3xf32>
  %3 = dlc.reduce_max %2 dims [1] : tensor<2x3xf32> -> tensor<2xf32>
  return %1, %3 : tensor<4xf32>, tensor<2xf32>
}

// -----

// CHECK-LABEL: func @arithmetic_identities
// CHECK-SAME:    (%[[X:.+]]: tensor<4xf32>, %[[Y:.+]]: tensor<4xf32>)
// CHECK-DAG:     %[[SIX:.+]] = dlc.constant dense<6.000000e+00>
// CHECK-DAG:     %[[A:.+]] = dlc.mul %[[X]], %[[SIX]]
// CHECK-DAG:     %[[B:.+]] = dlc.sub %[[X]], %[[Y]]
// CHECK-DAG:     %[[D:.+]] = dlc.relu %[[Y]]
// CHECK:         return %[[A]], %[[B]], %[[X]], %[[D]]
func.func @arithmetic_identities(%x: tensor<4xf32>, %y: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %two = dlc.constant dense<2.0> : tensor<4xf32>
  %three = dlc.constant dense<3.0> : tensor<4xf32>
  %zero = dlc.constant dense<0.0> : tensor<4xf32>
  %0 = dlc.mul %two, %x : tensor<4xf32>
  %a = dlc.mul %0, %three : tensor<4xf32>
  %1 = dlc.neg %y : tensor<4xf32>
  %b = dlc.add %x, %1 : tensor<4xf32>
  %2 = dlc.neg %x : tensor<4xf32>
  %c = dlc.neg %2 : tensor<4xf32>
  %d = dlc.max %zero, %y : tensor<4xf32>
  return %a, %b, %c, %d : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}

// -----

// NaN and infinity stay: x * 0, x - x and the negation of an ordering of floats are no constants and no orderings.
// CHECK-LABEL: func @nan_is_kept
// CHECK:         dlc.mul
// CHECK:         dlc.sub
// CHECK:         %[[LESS:.+]] = dlc.compare lt
// CHECK:         dlc.not %[[LESS]]
func.func @nan_is_kept(%x: tensor<4xf32>, %y: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xi1>) {
  %zero = dlc.constant dense<0.0> : tensor<4xf32>
  %a = dlc.mul %x, %zero : tensor<4xf32>
  %b = dlc.sub %x, %x : tensor<4xf32>
  %0 = dlc.compare lt %x, %y : tensor<4xf32>
  %c = dlc.not %0 : tensor<4xi1>
  return %a, %b, %c : tensor<4xf32>, tensor<4xf32>, tensor<4xi1>
}

// -----

// Positions 0, 1, 2, … of a table are its first rows: no gather, and no scatter in the gradient.
// CHECK-LABEL: func @known_rising_gather_is_a_slice
// CHECK:         dlc.slice %{{.+}} starts [1, 0] steps [2, 1] : tensor<10x4xf32> -> tensor<3x4xf32>
func.func @known_rising_gather_is_a_slice(%x: tensor<10x4xf32>) -> tensor<3x4xf32> {
  %i = dlc.constant dense<[1, 3, 5]> : tensor<3xi64>
  %0 = dlc.gather %x, %i dim 0 : (tensor<10x4xf32>, tensor<3xi64>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// -----

// Splitting and joining again is nothing.
// CHECK-LABEL: func @slices_join
// CHECK-SAME:    (%[[X:.+]]: tensor<2x6xf32>)
// CHECK-NEXT:    return %[[X]]
func.func @slices_join(%x: tensor<2x6xf32>) -> tensor<2x6xf32> {
  %0 = dlc.slice %x starts [0, 0] steps [1, 1] : tensor<2x6xf32> -> tensor<2x2xf32>
  %1 = dlc.slice %x starts [0, 2] steps [1, 1] : tensor<2x6xf32> -> tensor<2x4xf32>
  %2 = dlc.concat %0, %1 dim 1 : (tensor<2x2xf32>, tensor<2x4xf32>) -> tensor<2x6xf32>
  return %2 : tensor<2x6xf32>
}

// -----

// GELU as exporters write it divides by a constant; so does its gradient. Where the quotient goes to a function that steps, it stays.
// CHECK-LABEL: func @quotient_in_a_smooth_function
// CHECK-DAG:     %[[C:.+]] = dlc.constant dense<0.707106769>
// CHECK:         %[[P:.+]] = dlc.mul %arg0, %[[C]]
// CHECK:         %[[E:.+]] = dlc.erf %[[P]]
// CHECK:         %[[Q:.+]] = dlc.div %arg0
// CHECK:         dlc.floor %[[Q]]
func.func @quotient_in_a_smooth_function(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %root = dlc.constant dense<1.41421354> : tensor<4xf32>
  %three = dlc.constant dense<3.0> : tensor<4xf32>
  %0 = dlc.div %x, %root : tensor<4xf32>
  %1 = dlc.erf %0 : tensor<4xf32>
  %2 = dlc.div %x, %three : tensor<4xf32>
  %3 = dlc.floor %2 : tensor<4xf32>
  return %1, %3 : tensor<4xf32>, tensor<4xf32>
}
