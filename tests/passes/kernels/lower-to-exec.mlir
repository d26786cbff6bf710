// RUN: dlc-opt %s --dlc-lower-to-exec --split-input-file --mlir-print-debuginfo | FileCheck %s

// The states of all functions are variables once, parameters first, and equal kernels have one body.
// CHECK:     exec.variable "w" parameter : tensor<4xf32> at 0 trained
// CHECK:     exec.variable "f" parameter : tensor<4xf32> at 64 note "by --freeze"
// CHECK:     exec.variable "sgd.m/w" optimizer : tensor<4xf32> at 128
// CHECK:     exec.variable "step" step : tensor<i64> at 192
// CHECK:     exec.kernel @[[K:add_.+]] cost
// CHECK-NOT: exec.kernel
// CHECK:     exec.program @one
// CHECK:       exec.launch @[[K]](%x, %w) -> (%[[Y:.+]]) : {{.*}} loc(#[[AT:.+]])
// CHECK:       exec.output "y" %[[Y]]
// CHECK:     exec.program @two
// CHECK:       exec.launch @[[K]](%sgd_m_w, %f) -> (%[[N:.+]]) :
// A new value of a state is copied into it.
// CHECK:       exec.copy %[[N]] -> %sgd_m_w bytes 16
// CHECK:     #[[AT]] = loc("layer/Add")
func.func @one(%s: tensor<i64> {dlc.state = "step"}, %x: tensor<4xf32> {dlc.input = "x"}, %w: tensor<4xf32> {dlc.param = "w"})
    -> (tensor<4xf32> {dlc.output = "y"}) {
  %0 = dlc.kernel "add" <map, [4]> (%x, %w) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>, %b: tensor<4xf32>):
    %1 = dlc.add %a, %b : tensor<4xf32>
    dlc.yield %1 : tensor<4xf32>
  } loc("layer/Add")
  return %0 : tensor<4xf32>
}
func.func @two(%m: tensor<4xf32> {dlc.state = "sgd.m/w"}, %f: tensor<4xf32> {dlc.param = "f", dlc.frozen = "by --freeze"})
    -> (tensor<4xf32> {dlc.alias = 0 : i64}) {
  %0 = dlc.kernel "other" <map, [4]> (%m, %f) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>, %b: tensor<4xf32>):
    %1 = dlc.add %a, %b : tensor<4xf32>
    dlc.yield %1 : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}

// -----

// Two states that change places: the old values are kept before either is overwritten.
// CHECK-LABEL: exec.program @swap
// CHECK:         exec.copy %b -> %[[B:.+]] bytes 16
// CHECK:         exec.copy %a -> %[[A:.+]] bytes 16
// CHECK:         exec.copy %[[B]] -> %a bytes 16
// CHECK:         exec.copy %[[A]] -> %b bytes 16
func.func @swap(%a: tensor<4xf32> {dlc.state = "a"}, %b: tensor<4xf32> {dlc.state = "b"})
    -> (tensor<4xf32> {dlc.alias = 0 : i64}, tensor<4xf32> {dlc.alias = 1 : i64}) {
  return %b, %a : tensor<4xf32>, tensor<4xf32>
}

// -----

// A state that nothing changes needs no copy; a reshape is its operand's place.
// CHECK-LABEL: exec.program @unchanged
// CHECK-NOT:     exec.copy
// CHECK:         exec.output "y" %a : tensor<2x2xf32>
func.func @unchanged(%a: tensor<4xf32> {dlc.state = "a"})
    -> (tensor<4xf32> {dlc.alias = 0 : i64}, tensor<2x2xf32> {dlc.output = "y"}) {
  %0 = dlc.reshape %a : tensor<4xf32> -> tensor<2x2xf32>
  return %a, %0 : tensor<4xf32>, tensor<2x2xf32>
}

// -----

// A product that is rounded after its narrow bias is added.
// CHECK-LABEL: exec.program @narrow_bias
// CHECK:         exec.gemm bf16 [1, 1, 64, 16, 32] %x by [0, 0, 32, 1], %w by [0, 0, 16, 1] -> %{{.+}} by [0, 0, 16, 1]
// CHECK-SAME:      bias(%bias : !exec.buffer<32> of bf16) activation relu
func.func @narrow_bias(%x: tensor<64x32xbf16> {dlc.input = "x"}, %w: tensor<32x16xbf16> {dlc.param = "w"}, %bias: tensor<16xbf16> {dlc.param = "bias"})
    -> (tensor<64x16xbf16> {dlc.output = "y"}) {
  %0 = dlc.kernel "gemm_bias_relu" <contract, [64, 16]> (%x, %w, %bias) {library}
      : (tensor<64x32xbf16>, tensor<32x16xbf16>, tensor<16xbf16>) -> tensor<64x16xbf16> {
  ^bb0(%a: tensor<64x32xbf16>, %b: tensor<32x16xbf16>, %c: tensor<16xbf16>):
    %1 = dlc.dot_general %a, %b batch [] x [] contract [1] x [0] : (tensor<64x32xbf16>, tensor<32x16xbf16>) -> tensor<64x16xf32>
    %2 = dlc.cast %c : tensor<16xbf16> -> tensor<16xf32>
    %3 = dlc.broadcast %2 dims [1] : tensor<16xf32> -> tensor<64x16xf32>
    %4 = dlc.add %1, %3 : tensor<64x16xf32>
    %5 = dlc.relu %4 : tensor<64x16xf32>
    %6 = dlc.cast %5 : tensor<64x16xf32> -> tensor<64x16xbf16>
    dlc.yield %6 : tensor<64x16xbf16>
  }
  return %0 : tensor<64x16xbf16>
}

// -----

// A library kernel is one call. Views in its body are strides, and what follows the product are operands.
// CHECK:     exec.program @library_kernel
// CHECK:       exec.gemm f32 [1, 1, 64, 16, 8] %x at 8 by [0, 0, 24, 1], %w by [0, 0, 16, 1] -> %[[Y:.+]] by [0, 0, 16, 1]
// CHECK-SAME:    bias(%bias : !exec.buffer<64>) activation tanh residual(%r : !exec.buffer<4096>)
// CHECK:       exec.output "y" %[[Y]] : tensor<64x2x8xf32>
func.func @library_kernel(%x: tensor<64x24xf32> {dlc.input = "x"}, %w: tensor<8x16xf32> {dlc.param = "w"},
                          %bias: tensor<2x8xf32> {dlc.param = "bias"}, %r: tensor<64x16xf32> {dlc.input = "r"})
    -> (tensor<64x2x8xf32> {dlc.output = "y"}) {
  %0 = dlc.reshape %r : tensor<64x16xf32> -> tensor<64x2x8xf32>
  %1 = dlc.kernel "gemm_bias_tanh_residual" <contract, [64, 2, 8]> (%x, %w, %bias, %0) {library}
      : (tensor<64x24xf32>, tensor<8x16xf32>, tensor<2x8xf32>, tensor<64x2x8xf32>) -> tensor<64x2x8xf32> {
  ^bb0(%a: tensor<64x24xf32>, %b: tensor<8x16xf32>, %c: tensor<2x8xf32>, %d: tensor<64x2x8xf32>):
    %2 = dlc.slice %a starts [0, 8] steps [1, 1] : tensor<64x24xf32> -> tensor<64x8xf32>
    %3 = dlc.dot_general %2, %b batch [] x [] contract [1] x [0] : (tensor<64x8xf32>, tensor<8x16xf32>) -> tensor<64x16xf32>
    %4 = dlc.reshape %3 : tensor<64x16xf32> -> tensor<64x2x8xf32>
    %5 = dlc.broadcast %c dims [1, 2] : tensor<2x8xf32> -> tensor<64x2x8xf32>
    %6 = dlc.add %4, %5 : tensor<64x2x8xf32>
    %7 = dlc.tanh %6 : tensor<64x2x8xf32>
    %8 = dlc.add %7, %d : tensor<64x2x8xf32>
    dlc.yield %8 : tensor<64x2x8xf32>
  }
  return %1 : tensor<64x2x8xf32>
}

// -----

// CHECK:     exec.program @library_conv
// CHECK:       exec.conv forward %x as {{.*}}, %w as {{.*}}, %[[Y:.+]] as tensor<2x5x5x3xf32>
// CHECK-SAME:    bias(%bias : !exec.buffer<12>) activation relu residual(%r : !exec.buffer<600>)
func.func @library_conv(%x: tensor<2x5x5x4xf32> {dlc.input = "x"}, %w: tensor<3x4x1x1xf32> {dlc.param = "w"},
                        %bias: tensor<3xf32> {dlc.param = "bias"}, %r: tensor<2x5x5x3xf32> {dlc.input = "r"})
    -> (tensor<2x5x5x3xf32> {dlc.output = "y"}) {
  %0 = dlc.kernel "conv_bias_relu_residual" <contract, [2, 5, 5, 3]> (%x, %w, %bias, %r) {library}
      : (tensor<2x5x5x4xf32>, tensor<3x4x1x1xf32>, tensor<3xf32>, tensor<2x5x5x3xf32>) -> tensor<2x5x5x3xf32> {
  ^bb0(%a: tensor<2x5x5x4xf32>, %b: tensor<3x4x1x1xf32>, %c: tensor<3xf32>, %d: tensor<2x5x5x3xf32>):
    %1 = dlc.conv %a, %b strides [1, 1] dilations [1, 1] pads [0, 0] to [0, 0] groups 1 : (tensor<2x5x5x4xf32>, tensor<3x4x1x1xf32>) -> tensor<2x5x5x3xf32>
    %2 = dlc.broadcast %c dims [3] : tensor<3xf32> -> tensor<2x5x5x3xf32>
    %3 = dlc.add %1, %2 : tensor<2x5x5x3xf32>
    %4 = dlc.add %3, %d : tensor<2x5x5x3xf32>
    %5 = dlc.relu %4 : tensor<2x5x5x3xf32>
    dlc.yield %5 : tensor<2x5x5x3xf32>
  }
  return %0 : tensor<2x5x5x3xf32>
}

// -----

// Queries, keys and values are parts of %h, and their gradients of one place; the output is written as [time, heads, size], and read so.
// CHECK-LABEL: exec.program @attention
// CHECK:         exec.attention forward f32 [1, 2, 3, 3, 4, 4] scale 5.000000e-01 causal q %h by [0, 0, 4, 24] k %h by [8, 0, 4, 24]
// CHECK-SAME:      v %h by [16, 0, 4, 24] out %[[O:.+]] by [0, 24, 4, 8] lse %[[L:.+]] :
// CHECK-NEXT:    exec.attention backward f32 [1, 2, 3, 3, 4, 4] scale 5.000000e-01 causal q %h by [0, 0, 4, 24]
// CHECK-SAME:      out %[[O]] by [0, 24, 4, 8] lse %[[L]] grad(%g : !exec.buffer<96> by [0, 0, 4, 8])
// CHECK-SAME:      dq(%[[D:.+]] : !exec.buffer<288> by [0, 0, 4, 24]) dk(%[[D]] : !exec.buffer<288> by [8, 0, 4, 24])
// CHECK-SAME:      dv(%[[D]] : !exec.buffer<288> by [16, 0, 4, 24])
// CHECK-NEXT:    exec.output "o" %[[O]]
// CHECK-NEXT:    exec.output "d" %[[D]]
func.func @attention(%h: tensor<3x24xf32> {dlc.input = "h"}, %g: tensor<3x8xf32> {dlc.input = "g"})
    -> (tensor<3x2x4xf32> {dlc.output = "o"}, tensor<3x24xf32> {dlc.output = "d"}) {
  %0 = dlc.slice %h starts [0, 0] steps [1, 1] : tensor<3x24xf32> -> tensor<3x8xf32>
  %1 = dlc.slice %h starts [0, 8] steps [1, 1] : tensor<3x24xf32> -> tensor<3x8xf32>
  %2 = dlc.slice %h starts [0, 16] steps [1, 1] : tensor<3x24xf32> -> tensor<3x8xf32>
  %3 = dlc.reshape %0 : tensor<3x8xf32> -> tensor<1x3x2x4xf32>
  %4 = dlc.reshape %1 : tensor<3x8xf32> -> tensor<1x3x2x4xf32>
  %5 = dlc.reshape %2 : tensor<3x8xf32> -> tensor<1x3x2x4xf32>
  %q = dlc.transpose %3 [0, 2, 1, 3] : tensor<1x3x2x4xf32> -> tensor<1x2x3x4xf32>
  %k = dlc.transpose %4 [0, 2, 1, 3] : tensor<1x3x2x4xf32> -> tensor<1x2x3x4xf32>
  %v = dlc.transpose %5 [0, 2, 1, 3] : tensor<1x3x2x4xf32> -> tensor<1x2x3x4xf32>
  %output, %logsumexp = dlc.attention %q, %k, %v scale 5.000000e-01 causal
    : (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>) -> (tensor<1x2x3x4xf32>, tensor<1x2x3xf32>)
  %6 = dlc.transpose %output [0, 2, 1, 3] : tensor<1x2x3x4xf32> -> tensor<1x3x2x4xf32>
  %7 = dlc.reshape %6 : tensor<1x3x2x4xf32> -> tensor<3x2x4xf32>
  %8 = dlc.reshape %g : tensor<3x8xf32> -> tensor<1x3x2x4xf32>
  %9 = dlc.transpose %8 [0, 2, 1, 3] : tensor<1x3x2x4xf32> -> tensor<1x2x3x4xf32>
  %10 = dlc.transpose %6 [0, 2, 1, 3] : tensor<1x3x2x4xf32> -> tensor<1x2x3x4xf32>
  %dq, %dk, %dv = dlc.attention_grad %9, %q, %k, %v, %10, %logsumexp scale 5.000000e-01 causal
    : (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3xf32>)
    -> (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>)
  %11 = dlc.transpose %dq [0, 2, 1, 3] : tensor<1x2x3x4xf32> -> tensor<1x3x2x4xf32>
  %12 = dlc.transpose %dk [0, 2, 1, 3] : tensor<1x2x3x4xf32> -> tensor<1x3x2x4xf32>
  %13 = dlc.transpose %dv [0, 2, 1, 3] : tensor<1x2x3x4xf32> -> tensor<1x3x2x4xf32>
  %14 = dlc.reshape %11 : tensor<1x3x2x4xf32> -> tensor<3x8xf32>
  %15 = dlc.reshape %12 : tensor<1x3x2x4xf32> -> tensor<3x8xf32>
  %16 = dlc.reshape %13 : tensor<1x3x2x4xf32> -> tensor<3x8xf32>
  %17 = dlc.concat %14, %15, %16 dim 1 : (tensor<3x8xf32>, tensor<3x8xf32>, tensor<3x8xf32>) -> tensor<3x24xf32>
  return %7, %17 : tensor<3x2x4xf32>, tensor<3x24xf32>
}

// -----

// Values of which columns lie apart are in memory as they are.
// CHECK-LABEL: exec.program @columns_apart
// CHECK:         exec.attention forward f32 [1, 1, 3, 3, 4, 4] scale 1.000000e+00 q %x by [0, 0, 0, 4] k %x by [0, 0, 0, 4] v %[[T:.+]] by [0, 0, 0, 4]
func.func @columns_apart(%x: tensor<3x4xf32> {dlc.input = "x"}, %y: tensor<4x3xf32> {dlc.input = "y"}) -> (tensor<3x4xf32> {dlc.output = "o"}) {
  %0 = dlc.kernel "transpose" <map, [3, 4]> (%y) : (tensor<4x3xf32>) -> tensor<3x4xf32> {
  ^bb0(%a: tensor<4x3xf32>):
    %1 = dlc.transpose %a [1, 0] : tensor<4x3xf32> -> tensor<3x4xf32>
    dlc.yield %1 : tensor<3x4xf32>
  }
  %output, %logsumexp = dlc.attention %x, %x, %0 scale 1.000000e+00
    : (tensor<3x4xf32>, tensor<3x4xf32>, tensor<3x4xf32>) -> (tensor<3x4xf32>, tensor<3xf32>)
  return %output : tensor<3x4xf32>
}

// -----

// A product's second result is the sum of an operand.
// CHECK:     exec.program @bias_gradient
// CHECK:       exec.gemm bf16 to f32 [1, 1, 32, 16, 128] %x by [0, 0, 1, 32], %g by [0, 0, 16, 1] -> %[[W:.+]] by [0, 0, 16, 1]
// CHECK-SAME:    bias_gradient(%[[B:.+]] : !exec.buffer<64> of b)
// CHECK:       exec.output "w" %[[W]]
// CHECK:       exec.output "b" %[[B]]
func.func @bias_gradient(%x: tensor<128x32xbf16> {dlc.input = "x"}, %g: tensor<128x16xbf16> {dlc.input = "g"})
    -> (tensor<32x16xf32> {dlc.output = "w"}, tensor<16xf32> {dlc.output = "b"}) {
  %0:2 = dlc.kernel "gemm_bias_gradient" <contract, [32, 16]>(%x, %g) {library} : (tensor<128x32xbf16>, tensor<128x16xbf16>) -> (tensor<32x16xf32>, tensor<16xf32>) {
  ^bb0(%x1: tensor<128x32xbf16>, %g1: tensor<128x16xbf16>):
    %1 = dlc.dot_general %x1, %g1 batch [] x [] contract [0] x [0] : (tensor<128x32xbf16>, tensor<128x16xbf16>) -> tensor<32x16xf32>
    %2 = dlc.cast %g1 : tensor<128x16xbf16> -> tensor<128x16xf32>
    %3 = dlc.reduce_sum %2 dims [0] : tensor<128x16xf32> -> tensor<16xf32>
    dlc.yield %1, %3 : tensor<32x16xf32>, tensor<16xf32>
  }
  return %0#0, %0#1 : tensor<32x16xf32>, tensor<16xf32>
}

// -----

// A product that writes its result transposed has written nothing else: the next one reads what is there, not a view of
// what was before the transpose.
// CHECK:     exec.program @transposed_between_products
// CHECK:       exec.gemm f32 [3, 6, 9, 1, 9] %p by [486, 81, 9, 1], %v by [54, 1, 6, 1] -> %[[T:.+]] by [54, 1, 6, 1]
// CHECK:       exec.gemm f32 [1, 1, 27, 6, 6] %[[T]] by [0, 0, 6, 1], %w by [0, 0, 1, 6]
func.func @transposed_between_products(%p: tensor<3x6x9x9xf32> {dlc.input = "p"}, %v: tensor<3x9x6xf32> {dlc.input = "v"},
                                       %w: tensor<6x6xf32> {dlc.param = "w"}) -> (tensor<3x9x6xf32> {dlc.output = "y"}) {
  %0 = dlc.dot_general %p, %v batch [0, 1] x [0, 2] contract [3] x [1] : (tensor<3x6x9x9xf32>, tensor<3x9x6xf32>) -> tensor<3x6x9xf32>
  %1 = dlc.transpose %0 [0, 2, 1] : tensor<3x6x9xf32> -> tensor<3x9x6xf32>
  %2 = dlc.dot_general %1, %w batch [] x [] contract [2] x [1] : (tensor<3x9x6xf32>, tensor<6x6xf32>) -> tensor<3x9x6xf32>
  return %2 : tensor<3x9x6xf32>
}
