// RUN: dlc-opt %s --verify-roundtrip -o %t
// RUN: FileCheck %s < %t

// CHECK: exec.variable "fc.weight" parameter : tensor<4x8xf32> at 0 trained
exec.variable "fc.weight" parameter : tensor<4x8xf32> at 0 trained
// CHECK: exec.variable "frozen" parameter : tensor<4xf32> at 128 note "by --freeze"
exec.variable "frozen" parameter : tensor<4xf32> at 128 note "by --freeze"
// CHECK: exec.variable "step" step : tensor<i64> at 192
exec.variable "step" step : tensor<i64> at 192

// CHECK: exec.kernel @relu_1 cost [8, 32, 32]
exec.kernel @relu_1 cost [8, 32, 32] {
^bb0(%a: tensor<2x4xf32>):
  %0 = dlc.kernel "relu" <map, [2, 4]> (%a) : (tensor<2x4xf32>) -> tensor<2x4xf32> {
  ^bb0(%b: tensor<2x4xf32>):
    %1 = dlc.relu %b : tensor<2x4xf32>
    dlc.yield %1 : tensor<2x4xf32>
  }
}

// Places print under the names of what they hold.
// CHECK: exec.program @infer arena(512) {
exec.program @infer arena(512) {
  // CHECK: %[[X:x]] = exec.argument "x" : tensor<2x8xf32> at 256
  %0 = exec.argument "x" : tensor<2x8xf32> at 256 -> !exec.buffer<64>
  // CHECK: %[[W:fc_weight]] = exec.state "fc.weight"
  %1 = exec.state "fc.weight" : !exec.buffer<128>
  %2 = exec.state "frozen" : !exec.buffer<16>
  // CHECK: exec.constant dense<1.000000e+00> : tensor<4xf32>
  %3 = exec.constant dense<1.0> : tensor<4xf32> -> !exec.buffer<16>
  // CHECK: %[[H:fc]] = exec.buffer activation "fc" at 320
  %4 = exec.buffer activation "fc" at 320 : !exec.buffer<32>
  // CHECK: exec.buffer workspace at 384
  %5 = exec.buffer workspace at 384 : !exec.buffer<64>
  %6 = exec.buffer output at 448 : !exec.buffer<32>
  // CHECK: exec.gemm f32 [1, 1, 2, 4, 8] %[[X]] by [0, 0, 8, 1], %[[W]] by [0, 0, 1, 8] -> %[[H]] by [0, 0, 4, 1]
  // CHECK-SAME: bias(%frozen : !exec.buffer<16>) activation relu residual(%{{.+}} : !exec.buffer<32>) workspace(%{{.+}} : !exec.buffer<64>)
  exec.gemm f32 [1, 1, 2, 4, 8] %0 by [0, 0, 8, 1], %1 by [0, 0, 1, 8] -> %4 by [0, 0, 4, 1]
    bias(%2 : !exec.buffer<16>) activation relu residual(%6 : !exec.buffer<32>) workspace(%5 : !exec.buffer<64>)
    : !exec.buffer<64>, !exec.buffer<128> -> !exec.buffer<32>
  // CHECK: exec.gemm f32 [1, 1, 1, 4, 8] %[[X]] at 8 by [0, 0, 8, 1]
  exec.gemm f32 [1, 1, 1, 4, 8] %0 at 8 by [0, 0, 8, 1], %1 by [0, 0, 1, 8] -> %4 at 4 by [0, 0, 4, 1]
    : !exec.buffer<64>, !exec.buffer<128> -> !exec.buffer<32>
  // CHECK: exec.gemm f32 {{.+}} bias_gradient(%[[H]] : !exec.buffer<32> of b)
  exec.gemm f32 [1, 1, 2, 2, 4] %0 by [0, 0, 8, 1], %6 by [0, 0, 2, 1] -> %5 by [0, 0, 2, 1] bias_gradient(%4 : !exec.buffer<32> of b)
    : !exec.buffer<64>, !exec.buffer<32> -> !exec.buffer<64>
  // CHECK: exec.gemm f32 tf32 [1, 1, 2, 4, 8]
  exec.gemm f32 tf32 [1, 1, 2, 4, 8] %0 by [0, 0, 8, 1], %1 by [0, 0, 1, 8] -> %4 by [0, 0, 4, 1]
    : !exec.buffer<64>, !exec.buffer<128> -> !exec.buffer<32>
  // CHECK: exec.gemm bf16 {{.+}} bias(%frozen : !exec.buffer<16> of bf16) activation relu :
  exec.gemm bf16 [1, 1, 2, 4, 8] %0 by [0, 0, 8, 1], %1 by [0, 0, 1, 8] -> %4 by [0, 0, 4, 1] bias(%2 : !exec.buffer<16> of bf16) activation relu
    : !exec.buffer<64>, !exec.buffer<128> -> !exec.buffer<32>
  // CHECK: exec.launch @relu_1(%[[H]]) -> (%[[Y:.+]]) grid(2) dims [4] : (!exec.buffer<32>) -> !exec.buffer<32>
  exec.launch @relu_1(%4) -> (%6) grid(2) dims [4] : (!exec.buffer<32>) -> (!exec.buffer<32>)
  // CHECK: exec.copy %{{.+}} -> %[[Y]] at 16 bytes 16
  exec.copy %3 -> %6 at 16 bytes 16 : !exec.buffer<16> -> !exec.buffer<32>
  // CHECK: exec.fill %[[H]] with 0 of 4
  exec.fill %4 with 0 of 4 : !exec.buffer<32>
  // CHECK: exec.output "y" %[[Y]] : tensor<2x4xf32>
  exec.output "y" %6 : tensor<2x4xf32>, !exec.buffer<32>
}

// CHECK: exec.program @conv
exec.program @conv {
  %0 = exec.argument "x" : tensor<1x4x4x2xf32> -> !exec.buffer<128>
  %1 = exec.argument "w" : tensor<3x2x3x3xf32> -> !exec.buffer<216>
  %2 = exec.buffer gradient : !exec.buffer<48>
  // CHECK: exec.conv forward %x as tensor<1x4x4x2xf32>, %w as tensor<3x2x3x3xf32>, %{{.+}} as tensor<1x2x2x3xf32>
  // CHECK-SAME: strides [1, 1] dilations [1, 1] pads [0, 0] [0, 0]
  exec.conv forward %0 as tensor<1x4x4x2xf32>, %1 as tensor<3x2x3x3xf32>, %2 as tensor<1x2x2x3xf32>
    strides [1, 1] dilations [1, 1] pads [0, 0] [0, 0] : !exec.buffer<128>, !exec.buffer<216>, !exec.buffer<48>
}

// Parts of one place are read and written; the mask is repeated over batch and heads.
// CHECK-LABEL: exec.program @attention
exec.program @attention {
  %h = exec.buffer activation "qkv" : !exec.buffer<96>
  %o = exec.buffer activation "o" : !exec.buffer<32>
  %l = exec.buffer activation "l" : !exec.buffer<16>
  %m = exec.buffer activation "m" : !exec.buffer<16>
  %g = exec.buffer gradient "dqkv" : !exec.buffer<96>
  %w = exec.buffer workspace : !exec.buffer<16>
  // CHECK:      exec.attention forward f32 [1, 1, 4, 4, 2, 2] scale 5.000000e-01 causal q %qkv by [0, 24, 2, 6] k %qkv by [2, 24, 2, 6]
  // CHECK-SAME: v %qkv by [4, 24, 2, 6] out %o by [0, 8, 2, 2] lse %l mask(%m : !exec.buffer<16> of i1 by [0, 0, 0, 4, 1])
  exec.attention forward f32 [1, 1, 4, 4, 2, 2] scale 5.0e-1 causal q %h by [0, 24, 2, 6] k %h by [2, 24, 2, 6] v %h by [4, 24, 2, 6]
    out %o by [0, 8, 2, 2] lse %l mask(%m : !exec.buffer<16> of i1 by [0, 0, 0, 4, 1])
    : !exec.buffer<96>, !exec.buffer<96>, !exec.buffer<96>, !exec.buffer<32>, !exec.buffer<16>
  // CHECK:      exec.attention backward f32
  // CHECK-SAME: grad(%o : !exec.buffer<32> by [0, 8, 2, 2]) dq(%dqkv : !exec.buffer<96> by [0, 24, 2, 6])
  // CHECK-SAME: dk(%dqkv : !exec.buffer<96> by [2, 24, 2, 6]) dv(%dqkv : !exec.buffer<96> by [4, 24, 2, 6])
  exec.attention backward f32 [1, 1, 4, 4, 2, 2] scale 5.0e-1 causal q %h by [0, 24, 2, 6] k %h by [2, 24, 2, 6] v %h by [4, 24, 2, 6]
    out %o by [0, 8, 2, 2] lse %l grad(%o : !exec.buffer<32> by [0, 8, 2, 2]) dq(%g : !exec.buffer<96> by [0, 24, 2, 6])
    dk(%g : !exec.buffer<96> by [2, 24, 2, 6]) dv(%g : !exec.buffer<96> by [4, 24, 2, 6]) workspace(%w : !exec.buffer<16>)
    : !exec.buffer<96>, !exec.buffer<96>, !exec.buffer<96>, !exec.buffer<32>, !exec.buffer<16>
}
