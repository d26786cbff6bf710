// RUN: dlc-opt %s --dlc-mixed-precision | FileCheck %s
// RUN: dlc-opt %s --dlc-mixed-precision="type=f16" | FileCheck %s --check-prefix=HALF
// RUN: dlc-opt %s --dlc-mixed-precision="keep=head*" | FileCheck %s --check-prefix=KEEP

// RUN: not dlc-opt %s --dlc-mixed-precision="keep=[" 2>&1 | FileCheck %s --check-prefix=GLOB
// GLOB: DLC2017: a glob of nodes to keep in f32 must be well formed, but got '['

// The residual stream, whose sums add to each other, stays f32, although a product reads a copy; the tanh that
// a product reads is stored once, so the skip reads the rounded one.
// CHECK-LABEL: func.func @stream
// CHECK:         %[[X:.*]] = dlc.cast %arg0 : tensor<4x4xf32> -> tensor<4x4xbf16>
// CHECK:         %[[H:.*]] = dlc.dot_general %[[X]], {{.*}} -> tensor<4x4xbf16>
// CHECK:         %[[T:.*]] = dlc.tanh
// CHECK:         %[[N:.*]] = dlc.cast %[[T]] : tensor<4x4xf32> -> tensor<4x4xbf16>
// CHECK:         %[[W:.*]] = dlc.cast %[[N]] : tensor<4x4xbf16> -> tensor<4x4xf32>
// CHECK:         %[[S:.*]] = dlc.add {{.*}}, %[[W]] : tensor<4x4xf32>
// CHECK:         dlc.cast %[[S]] : tensor<4x4xf32> -> tensor<4x4xbf16>
// CHECK:         dlc.dot_general {{.*}} -> tensor<4x4xf32>
// CHECK:         dlc.exp %[[S]]
// HALF-LABEL:  func.func @stream
// HALF:          dlc.dot_general {{.*}} -> tensor<4x4xf16>
func.func @stream(%x: tensor<4x4xf32>, %w: tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32>) {
  %0 = dlc.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %1 = dlc.tanh %0 : tensor<4x4xf32>
  %2 = dlc.dot_general %1, %w batch [] x [] contract [1] x [0] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %3 = dlc.add %2, %1 : tensor<4x4xf32>
  %4 = dlc.dot_general %3, %w batch [] x [] contract [1] x [0] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %5 = dlc.exp %3 : tensor<4x4xf32>
  %6 = dlc.add %4, %3 : tensor<4x4xf32>
  return %6, %5 : tensor<4x4xf32>, tensor<4x4xf32>
}

// A sum of two products that nothing adds to is no stream: its other reader reads what the product reads.
// CHECK-LABEL: func.func @no_stream
// CHECK:         %[[S:.*]] = dlc.add
// CHECK:         %[[N:.*]] = dlc.cast %[[S]] : tensor<4x4xf32> -> tensor<4x4xbf16>
// CHECK:         %[[W:.*]] = dlc.cast %[[N]] : tensor<4x4xbf16> -> tensor<4x4xf32>
// CHECK:         dlc.reduce_sum %[[W]]
func.func @no_stream(%x: tensor<4x4xf32>, %w: tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4xf32>) {
  %0 = dlc.mul %x, %x : tensor<4x4xf32>
  %1 = dlc.mul %x, %w : tensor<4x4xf32>
  %2 = dlc.add %0, %1 : tensor<4x4xf32>
  %3 = dlc.dot_general %2, %w batch [] x [] contract [1] x [0] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %4 = dlc.reduce_sum %2 dims [0] : tensor<4x4xf32> -> tensor<4xf32>
  return %3, %4 : tensor<4x4xf32>, tensor<4xf32>
}

// Nor is a sum of three terms, whose partial sum nothing else reads: the gradient of a GELU, for one.
// CHECK-LABEL: func.func @one_formula
// CHECK:         %[[S:.*]] = dlc.add
// CHECK:         %[[T:.*]] = dlc.add %[[S]]
// CHECK:         %[[N:.*]] = dlc.cast %[[T]] : tensor<4x4xf32> -> tensor<4x4xbf16>
// CHECK:         %[[W:.*]] = dlc.cast %[[N]] : tensor<4x4xbf16> -> tensor<4x4xf32>
// CHECK:         dlc.reduce_sum %[[W]]
func.func @one_formula(%x: tensor<4x4xf32>, %w: tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4xf32>) {
  %0 = dlc.mul %x, %x : tensor<4x4xf32>
  %1 = dlc.mul %x, %w : tensor<4x4xf32>
  %2 = dlc.add %0, %1 : tensor<4x4xf32>
  %3 = dlc.exp %x : tensor<4x4xf32>
  %4 = dlc.add %2, %3 : tensor<4x4xf32>
  %5 = dlc.dot_general %4, %w batch [] x [] contract [1] x [0] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %6 = dlc.reduce_sum %4 dims [0] : tensor<4x4xf32> -> tensor<4xf32>
  return %5, %6 : tensor<4x4xf32>, tensor<4xf32>
}

// Library calls read through a transpose, so the cast is above it.
// CHECK-LABEL: func.func @above_views
// CHECK-NEXT:    %[[N:.*]] = dlc.cast %arg0
// CHECK-NEXT:    %[[T:.*]] = dlc.transpose %[[N]]
// CHECK-NEXT:    %[[D:.*]] = dlc.dot_general %[[T]], %[[N]]
// CHECK-NEXT:    return %[[D]]
func.func @above_views(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = dlc.transpose %x [1, 0] : tensor<4x4xf32> -> tensor<4x4xf32>
  %1 = dlc.dot_general %0, %x batch [] x [] contract [1] x [0] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  return %1 : tensor<4x4xf32>
}

// A kept node reads and writes f32.
// KEEP-LABEL: func.func @named
// KEEP:         dlc.dot_general {{.*}} -> tensor<4x4xbf16>
// KEEP:         dlc.dot_general {{.*}} (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
func.func @named(%x: tensor<4x4xf32>, %w: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = dlc.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32> loc("body")
  %1 = dlc.dot_general %0, %w batch [] x [] contract [1] x [0] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32> loc("head.0")
  return %1 : tensor<4x4xf32>
}

// f64 and integers are left alone, and so is the model as it was written.
// CHECK-LABEL: func.func @others
// CHECK-NOT:     dlc.cast
func.func @others(%x: tensor<4x4xf64>, %i: tensor<4x4xi32>) -> (tensor<4x4xf64>, tensor<4x4xi32>) {
  %0 = dlc.dot_general %x, %x batch [] x [] contract [1] x [0] : (tensor<4x4xf64>, tensor<4x4xf64>) -> tensor<4x4xf64>
  %1 = dlc.dot_general %i, %i batch [] x [] contract [1] x [0] : (tensor<4x4xi32>, tensor<4x4xi32>) -> tensor<4x4xi32>
  return %0, %1 : tensor<4x4xf64>, tensor<4x4xi32>
}
// CHECK-LABEL: func.func @forward
// CHECK-NOT:     dlc.cast
func.func @forward(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = dlc.dot_general %x, %x batch [] x [] contract [1] x [0] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}

// Attention reads and writes bf16; its logsumexp, and a mask of numbers, stay f32. What joins narrow gradients is narrow.
// CHECK-LABEL: func.func @attention
// CHECK:         %[[Q:.*]] = dlc.cast %arg0 : tensor<2x4xf32> -> tensor<2x4xbf16>
// CHECK:         %[[O:.*]], %[[L:.*]] = dlc.attention %[[Q]], %[[Q]], %[[Q]] mask %arg1 scale 1.000000e+00 : {{.*}} -> (tensor<2x4xbf16>, tensor<2xf32>)
// CHECK:         %[[DQ:.*]], %[[DK:.*]], %[[DV:.*]] = dlc.attention_grad {{.*}}, %[[O]], %[[L]] mask %arg1 {{.*}} -> (tensor<2x4xbf16>, tensor<2x4xbf16>, tensor<2x4xbf16>)
// CHECK:         %[[J:.*]] = dlc.concat %[[DQ]], %[[DK]], %[[DV]] dim 1 {{.*}} -> tensor<2x12xbf16>
// CHECK:         %[[W:.*]] = dlc.cast %[[J]] : tensor<2x12xbf16> -> tensor<2x12xf32>
// CHECK:         dlc.dot_general %[[J]], {{.*}} -> tensor<2x2xf32>
// CHECK:         dlc.reduce_sum %[[W]]
func.func @attention(%q: tensor<2x4xf32>, %m: tensor<2x2xf32>, %w: tensor<12x2xf32>) -> (tensor<2x2xf32>, tensor<12xf32>) {
  %output, %logsumexp = dlc.attention %q, %q, %q mask %m scale 1.0
    : (tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x2xf32>) -> (tensor<2x4xf32>, tensor<2xf32>)
  %dq, %dk, %dv = dlc.attention_grad %q, %q, %q, %q, %output, %logsumexp mask %m scale 1.0
    : (tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>, tensor<2xf32>, tensor<2x2xf32>)
    -> (tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>)
  %0 = dlc.concat %dq, %dk, %dv dim 1 : (tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x12xf32>
  %1 = dlc.dot_general %0, %w batch [] x [] contract [1] x [0] : (tensor<2x12xf32>, tensor<12x2xf32>) -> tensor<2x2xf32>
  %2 = dlc.reduce_sum %0 dims [0] : tensor<2x12xf32> -> tensor<12xf32>
  return %1, %2 : tensor<2x2xf32>, tensor<12xf32>
}

// A concatenation is narrowed as a whole, though its parts are stored narrow in the end.
// CHECK-LABEL: func.func @joined_in_the_end
// CHECK:         %[[J:.*]] = dlc.concat
// CHECK:         %[[N:.*]] = dlc.cast %[[J]] : tensor<8x4xf32> -> tensor<8x4xbf16>
// CHECK:         %[[W:.*]] = dlc.cast %[[N]] : tensor<8x4xbf16> -> tensor<8x4xf32>
// CHECK:         dlc.dot_general %[[N]]
// CHECK:         dlc.reduce_sum %[[W]]
func.func @joined_in_the_end(%x: tensor<4x4xf32>, %w: tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32>, tensor<8x4xf32>, tensor<4xf32>) {
  %0 = dlc.exp %x : tensor<4x4xf32>
  %1 = dlc.sin %x : tensor<4x4xf32>
  %2 = dlc.concat %0, %1 dim 0 : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  %3 = dlc.dot_general %0, %w batch [] x [] contract [1] x [0] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %4 = dlc.dot_general %1, %w batch [] x [] contract [1] x [0] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %5 = dlc.dot_general %2, %w batch [] x [] contract [1] x [0] : (tensor<8x4xf32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  %6 = dlc.reduce_sum %2 dims [0] : tensor<8x4xf32> -> tensor<4xf32>
  return %3, %4, %5, %6 : tensor<4x4xf32>, tensor<4x4xf32>, tensor<8x4xf32>, tensor<4xf32>
}

// An argument that is narrow already.
// CHECK-LABEL: func.func @narrow_argument
// CHECK:         dlc.dot_general %arg0, %{{.*}} : (tensor<4x4xbf16>, tensor<4x4xbf16>) -> tensor<4x4xf32>
func.func @narrow_argument(%x: tensor<4x4xbf16>, %w: tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4xf32>) {
  %0 = dlc.cast %x : tensor<4x4xbf16> -> tensor<4x4xf32>
  %1 = dlc.dot_general %0, %w batch [] x [] contract [1] x [0] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %2 = dlc.reduce_sum %0 dims [0] : tensor<4x4xf32> -> tensor<4xf32>
  return %1, %2 : tensor<4x4xf32>, tensor<4xf32>
}
