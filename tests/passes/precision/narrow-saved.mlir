// RUN: dlc-opt %s --dlc-narrow-saved --split-input-file | FileCheck %s
// RUN: dlc-opt %s --dlc-narrow-saved="type=f16" --split-input-file | FileCheck %s --check-prefix=HALF
// RUN: dlc-opt %s --dlc-narrow-saved="keep=act*" --split-input-file | FileCheck %s --check-prefix=KEEP

// GELU: erf is read by both halves. The sum after it, which is computed again, starts from the narrow value there.
// CHECK-LABEL: func.func @gelu
// CHECK:         %[[E:.+]] = dlc.erf
// CHECK-NEXT:    %[[S:.+]] = dlc.cast %[[E]] : tensor<256x256xf32> -> tensor<256x256xbf16>
// CHECK-NEXT:    %[[F:.+]] = dlc.cast %[[S]] : tensor<256x256xbf16> -> tensor<256x256xf32>
// CHECK-NEXT:    %[[P:.+]] = dlc.add %[[E]]
// CHECK-NEXT:    %[[Q:.+]] = dlc.add %[[F]]
// CHECK-NEXT:    %[[Y:.+]] = dlc.mul %{{.+}}, %[[P]]
// CHECK:         dlc.mul %{{.+}}, %[[Q]]
// HALF-LABEL:  func.func @gelu
// HALF:          dlc.erf
// HALF-NEXT:     dlc.cast {{.+}} -> tensor<256x256xf16>
// KEEP-LABEL:  func.func @gelu
// KEEP:          dlc.erf
// KEEP-NEXT:     dlc.add
func.func @gelu(%x: tensor<256x256xbf16>, %w: tensor<256x256xbf16>) -> tensor<256x256xbf16> {
  %one = dlc.constant dense<1.0> : tensor<256x256xf32>
  %0 = dlc.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<256x256xbf16>, tensor<256x256xbf16>) -> tensor<256x256xbf16>
  %1 = dlc.cast %0 : tensor<256x256xbf16> -> tensor<256x256xf32>
  %2 = dlc.erf %1 : tensor<256x256xf32> loc("act/Erf")
  %3 = dlc.add %2, %one : tensor<256x256xf32>
  %4 = dlc.mul %1, %3 : tensor<256x256xf32>
  %5 = dlc.cast %4 : tensor<256x256xf32> -> tensor<256x256xbf16>
  %6 = dlc.dot_general %5, %w batch [] x [] contract [1] x [0] : (tensor<256x256xbf16>, tensor<256x256xbf16>) -> tensor<256x256xbf16> loc("gradient")
  %7 = dlc.cast %6 : tensor<256x256xbf16> -> tensor<256x256xf32> loc("gradient")
  %8 = dlc.mul %7, %3 : tensor<256x256xf32> loc("gradient")
  %9 = dlc.cast %8 : tensor<256x256xf32> -> tensor<256x256xbf16> loc("gradient")
  return %9 : tensor<256x256xbf16>
}

// -----

// What a product reads is stored narrow already: one copy.
// CHECK-LABEL: func.func @stored
// CHECK:         %[[T:.+]] = dlc.tanh
// CHECK-NEXT:    %[[S:.+]] = dlc.cast %[[T]] : tensor<256x256xf32> -> tensor<256x256xbf16>
// CHECK-NEXT:    %[[F:.+]] = dlc.cast %[[S]] : tensor<256x256xbf16> -> tensor<256x256xf32>
// CHECK-NEXT:    dlc.dot_general %[[S]]
// CHECK:         dlc.mul %{{.+}}, %[[F]]
func.func @stored(%x: tensor<256x256xbf16>, %w: tensor<256x256xbf16>) -> tensor<256x256xbf16> {
  %0 = dlc.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<256x256xbf16>, tensor<256x256xbf16>) -> tensor<256x256xbf16>
  %1 = dlc.cast %0 : tensor<256x256xbf16> -> tensor<256x256xf32>
  %2 = dlc.tanh %1 : tensor<256x256xf32>
  %3 = dlc.cast %2 : tensor<256x256xf32> -> tensor<256x256xbf16>
  %4 = dlc.dot_general %3, %w batch [] x [] contract [1] x [0] : (tensor<256x256xbf16>, tensor<256x256xbf16>) -> tensor<256x256xbf16> loc("gradient")
  %5 = dlc.cast %4 : tensor<256x256xbf16> -> tensor<256x256xf32> loc("gradient")
  %6 = dlc.mul %5, %2 : tensor<256x256xf32> loc("gradient")
  %7 = dlc.cast %6 : tensor<256x256xf32> -> tensor<256x256xbf16> loc("gradient")
  return %7 : tensor<256x256xbf16>
}

// -----

// An exponential keeps f32, by its precision class; so does the statistic of a row, whatever is computed from it; and a sum of two tensors,
// a link of a residual stream.
// CHECK-LABEL: func.func @stays
// CHECK-NOT:     -> tensor<256xbf16>
// CHECK:         dlc.exp
// CHECK-NEXT:    dlc.reduce_sum
// CHECK-NEXT:    dlc.tanh
// CHECK-NEXT:    dlc.broadcast
// CHECK-NEXT:    dlc.add
// CHECK-NEXT:    dlc.mul
// CHECK-NEXT:    dlc.cast
// CHECK-NEXT:    dlc.dot_general
func.func @stays(%x: tensor<256x256xbf16>, %w: tensor<256x256xbf16>, %r: tensor<256x256xf32>) -> (tensor<256x256xbf16>, tensor<256x256xf32>) {
  %0 = dlc.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<256x256xbf16>, tensor<256x256xbf16>) -> tensor<256x256xbf16>
  %1 = dlc.cast %0 : tensor<256x256xbf16> -> tensor<256x256xf32>
  %2 = dlc.exp %1 : tensor<256x256xf32>
  %3 = dlc.reduce_sum %2 dims [1] : tensor<256x256xf32> -> tensor<256xf32>
  %4 = dlc.tanh %3 : tensor<256xf32>
  %5 = dlc.broadcast %4 dims [0] : tensor<256xf32> -> tensor<256x256xf32>
  %6 = dlc.add %2, %r : tensor<256x256xf32>
  %7 = dlc.mul %6, %5 : tensor<256x256xf32>
  %8 = dlc.cast %7 : tensor<256x256xf32> -> tensor<256x256xbf16>
  %9 = dlc.dot_general %8, %w batch [] x [] contract [1] x [0] : (tensor<256x256xbf16>, tensor<256x256xbf16>) -> tensor<256x256xbf16> loc("gradient")
  %10 = dlc.cast %9 : tensor<256x256xbf16> -> tensor<256x256xf32> loc("gradient")
  %11 = dlc.mul %10, %2 : tensor<256x256xf32> loc("gradient")
  %12 = dlc.mul %11, %5 : tensor<256x256xf32> loc("gradient")
  %13 = dlc.mul %12, %6 : tensor<256x256xf32> loc("gradient")
  %14 = dlc.cast %13 : tensor<256x256xf32> -> tensor<256x256xbf16> loc("gradient")
  return %14, %6 : tensor<256x256xbf16>, tensor<256x256xf32>
}

// -----

// Both paths from the narrow value to what the backward half reads start from it.
// CHECK-LABEL: func.func @paths
// CHECK:         %[[T:.+]] = dlc.tanh
// CHECK-NEXT:    %[[S:.+]] = dlc.cast %[[T]] : tensor<256x256xf32> -> tensor<256x256xbf16>
// CHECK-NEXT:    %[[F:.+]] = dlc.cast %[[S]] : tensor<256x256xbf16> -> tensor<256x256xf32>
// CHECK-NEXT:    dlc.mul %[[T]], %[[T]]
// CHECK-NEXT:    %[[A:.+]] = dlc.mul %[[F]], %[[F]]
// CHECK-NEXT:    dlc.add %[[T]]
// CHECK-NEXT:    %[[B:.+]] = dlc.add %[[F]]
// CHECK-NEXT:    dlc.mul
// CHECK-NEXT:    %[[P:.+]] = dlc.mul %[[A]], %[[B]]
// CHECK:         dlc.mul %{{.+}}, %[[P]]
// CHECK:         dlc.mul %{{.+}}, %[[F]]
func.func @paths(%x: tensor<256x256xbf16>, %w: tensor<256x256xbf16>) -> tensor<256x256xbf16> {
  %one = dlc.constant dense<1.0> : tensor<256x256xf32>
  %0 = dlc.dot_general %x, %w batch [] x [] contract [1] x [0] : (tensor<256x256xbf16>, tensor<256x256xbf16>) -> tensor<256x256xbf16>
  %1 = dlc.cast %0 : tensor<256x256xbf16> -> tensor<256x256xf32>
  %2 = dlc.tanh %1 : tensor<256x256xf32>
  %3 = dlc.mul %2, %2 : tensor<256x256xf32>
  %4 = dlc.add %2, %one : tensor<256x256xf32>
  %5 = dlc.mul %3, %4 : tensor<256x256xf32>
  %6 = dlc.mul %1, %5 : tensor<256x256xf32>
  %7 = dlc.cast %6 : tensor<256x256xf32> -> tensor<256x256xbf16>
  %8 = dlc.dot_general %7, %w batch [] x [] contract [1] x [0] : (tensor<256x256xbf16>, tensor<256x256xbf16>) -> tensor<256x256xbf16> loc("gradient")
  %9 = dlc.cast %8 : tensor<256x256xbf16> -> tensor<256x256xf32> loc("gradient")
  %10 = dlc.mul %9, %5 : tensor<256x256xf32> loc("gradient")
  %11 = dlc.mul %10, %2 : tensor<256x256xf32> loc("gradient")
  %12 = dlc.cast %11 : tensor<256x256xf32> -> tensor<256x256xbf16> loc("gradient")
  return %12 : tensor<256x256xbf16>
}
