// RUN: dlc-opt %s --split-input-file --verify-diagnostics

// expected-error @below {{expects an offset that is a multiple of 64, but got 8}}
exec.variable "w" parameter : tensor<4xf32> at 8

// -----

// expected-error @below {{expects one 'dlc.kernel', but got 0 ops}}
exec.kernel @empty cost [0, 0, 0] {
^bb0:
}

// -----

exec.program @argument_bytes {
  // expected-error @below {{expects a place of 16 bytes for 'tensor<4xf32>', but got 8}}
  %0 = exec.argument "x" : tensor<4xf32> -> !exec.buffer<8>
}

// -----

exec.program @output_bytes {
  %0 = exec.buffer output : !exec.buffer<8>
  // expected-error @below {{expects a place of 16 bytes for 'tensor<4xf32>', but got 8}}
  exec.output "y" %0 : tensor<4xf32>, !exec.buffer<8>
}

// -----

exec.program @no_such_kernel {
  // expected-error @below {{expects a kernel of the module, but got 'k'}}
  exec.launch @k() -> () : () -> ()
}

// -----

exec.kernel @relu_1 cost [2, 8, 8] {
^bb0(%a: tensor<2xf32>):
  %0 = dlc.kernel "relu" <map, [2]> (%a) : (tensor<2xf32>) -> tensor<2xf32> {
  ^bb0(%b: tensor<2xf32>):
    %1 = dlc.relu %b : tensor<2xf32>
    dlc.yield %1 : tensor<2xf32>
  }
}
exec.program @launch_bytes {
  %0 = exec.buffer activation : !exec.buffer<8>
  %1 = exec.buffer activation : !exec.buffer<16>
  // expected-error @below {{expects outputs 0 to be of 8 bytes, but got 16}}
  exec.launch @relu_1(%0) -> (%1) : (!exec.buffer<8>) -> (!exec.buffer<16>)
}

// -----

exec.program @gemm_outside {
  %0 = exec.buffer activation : !exec.buffer<16>
  // expected-error @below {{expects 'a' to lie in its 16 bytes, but got an end at 24}}
  exec.gemm f32 [1, 1, 2, 2, 2] %0 at 2 by [0, 0, 2, 1], %0 by [0, 0, 2, 1] -> %0 by [0, 0, 2, 1]
    : !exec.buffer<16>, !exec.buffer<16> -> !exec.buffer<16>
}

// -----

// 16-bit operands are never rounded to TF32, which has more bits than bf16.
exec.program @tf32_of_bf16 {
  %0 = exec.buffer activation : !exec.buffer<16>
  // expected-error @below {{expects tf32 of an f32 product, but got 'bf16'}}
  exec.gemm bf16 tf32 [1, 1, 2, 2, 2] %0 by [0, 0, 2, 1], %0 by [0, 0, 2, 1] -> %0 by [0, 0, 2, 1]
    : !exec.buffer<16>, !exec.buffer<16> -> !exec.buffer<16>
}

// -----

exec.program @tf32_of_f64 {
  %0 = exec.buffer activation : !exec.buffer<256>
  %1 = exec.buffer activation : !exec.buffer<432>
  %2 = exec.buffer activation : !exec.buffer<96>
  // expected-error @below {{expects tf32 of an f32 convolution, but got 'f64'}}
  exec.conv forward tf32 %0 as tensor<1x4x4x2xf64>, %1 as tensor<3x2x3x3xf64>, %2 as tensor<1x2x2x3xf64>
    strides [1, 1] dilations [1, 1] pads [0, 0] [0, 0] : !exec.buffer<256>, !exec.buffer<432>, !exec.buffer<96>
}

// -----

exec.program @gradient_with_activation {
  %0 = exec.buffer activation : !exec.buffer<128>
  %1 = exec.buffer activation : !exec.buffer<216>
  %2 = exec.buffer activation : !exec.buffer<48>
  // expected-error @below {{expects activation and residual of 'forward' alone, but got 'backward_data'}}
  exec.conv backward_data %0 as tensor<1x4x4x2xf32>, %1 as tensor<3x2x3x3xf32>, %2 as tensor<1x2x2x3xf32>
    strides [1, 1] dilations [1, 1] pads [0, 0] [0, 0] activation relu : !exec.buffer<128>, !exec.buffer<216>, !exec.buffer<48>
}

// -----

exec.program @copy_outside {
  %0 = exec.buffer activation : !exec.buffer<16>
  // expected-error @below {{expects to copy within 16 and 16 bytes, but got 12}}
  exec.copy %0 -> %0 at 8 bytes 12 : !exec.buffer<16> -> !exec.buffer<16>
}

// -----

exec.program @fill_pattern {
  %0 = exec.buffer activation : !exec.buffer<16>
  // expected-error @below {{expects a pattern of 1, 2, 4 or 8 bytes, but got 3}}
  exec.fill %0 with 0 of 3 : !exec.buffer<16>
}

// -----

exec.program @transfer_within_an_arena {
  %0 = exec.buffer activation : !exec.buffer<64>
  %1 = exec.buffer activation : !exec.buffer<64>
  // expected-error @below {{expects a place in the arena and one in the host arena, but got two of one kind}}
  exec.transfer %0 -> %1 : !exec.buffer<64>
}

// -----

exec.program @attention_outside {
  %0 = exec.buffer activation : !exec.buffer<96>
  %1 = exec.buffer activation : !exec.buffer<16>
  // expected-error @below {{expects 'v' to lie in its 96 bytes, but got an end at 128}}
  exec.attention forward f32 [1, 1, 4, 4, 2, 2] scale 1.0 q %0 by [0, 0, 0, 6] k %0 by [2, 0, 0, 6] v %0 by [12, 0, 0, 6] out %0 by [0, 0, 0, 2] lse %1
    : !exec.buffer<96>, !exec.buffer<96>, !exec.buffer<96>, !exec.buffer<96>, !exec.buffer<16>
}

// -----

exec.program @attention_without_gradients {
  %0 = exec.buffer activation : !exec.buffer<96>
  %1 = exec.buffer activation : !exec.buffer<16>
  // expected-error @below {{expects 'grad' of 'backward' alone, but got 'backward'}}
  exec.attention backward f32 [1, 1, 4, 4, 2, 2] scale 1.0 q %0 by [0, 0, 0, 6] k %0 by [2, 0, 0, 6] v %0 by [4, 0, 0, 6] out %0 by [0, 0, 0, 2] lse %1
    : !exec.buffer<96>, !exec.buffer<96>, !exec.buffer<96>, !exec.buffer<96>, !exec.buffer<16>
}

// -----

exec.program @attention_logsumexp {
  %0 = exec.buffer activation : !exec.buffer<96>
  %1 = exec.buffer activation : !exec.buffer<8>
  // expected-error @below {{expects an 'lse' of 16 bytes, but got 8}}
  exec.attention forward bf16 [1, 1, 4, 4, 2, 2] scale 1.0 q %0 by [0, 0, 0, 6] k %0 by [2, 0, 0, 6] v %0 by [4, 0, 0, 6] out %0 by [0, 0, 0, 2] lse %1
    : !exec.buffer<96>, !exec.buffer<96>, !exec.buffer<96>, !exec.buffer<96>, !exec.buffer<8>
}

// -----

exec.program @attention_mask_type {
  %0 = exec.buffer activation : !exec.buffer<96>
  %1 = exec.buffer activation : !exec.buffer<16>
  // expected-error @below {{expects a mask of i1 or 'f32', but got bf16}}
  exec.attention forward bf16 [1, 1, 4, 4, 2, 2] scale 1.0 q %0 by [0, 0, 0, 6] k %0 by [2, 0, 0, 6] v %0 by [4, 0, 0, 6] out %0 by [0, 0, 0, 2] lse %1
    mask(%1 : !exec.buffer<16> of bf16 by [0, 0, 0, 0, 1])
    : !exec.buffer<96>, !exec.buffer<96>, !exec.buffer<96>, !exec.buffer<96>, !exec.buffer<16>
}

// -----

exec.program @bias_gradient_too_short {
  %0 = exec.buffer activation : !exec.buffer<16>
  %1 = exec.buffer gradient : !exec.buffer<4>
  // expected-error @below {{expects a bias gradient of 8 bytes, but got 4}}
  exec.gemm f32 [1, 1, 2, 2, 2] %0 by [0, 0, 2, 1], %0 by [0, 0, 2, 1] -> %0 by [0, 0, 2, 1] bias_gradient(%1 : !exec.buffer<4> of b)
    : !exec.buffer<16>, !exec.buffer<16> -> !exec.buffer<16>
}

// -----

exec.program @bias_gradient_of_a_batch {
  %0 = exec.buffer activation : !exec.buffer<32>
  %1 = exec.buffer gradient : !exec.buffer<8>
  // expected-error @below {{expects a bias gradient beside one product in f32 without bias and activation, but got array<i64: 2, 1, 2, 2, 2> of 'f32'}}
  exec.gemm f32 [2, 1, 2, 2, 2] %0 by [4, 0, 2, 1], %0 by [4, 0, 2, 1] -> %0 by [4, 0, 2, 1] bias_gradient(%1 : !exec.buffer<8> of a)
    : !exec.buffer<32>, !exec.buffer<32> -> !exec.buffer<32>
}

// -----

exec.program @narrow_bias_of_a_wide_result {
  %0 = exec.buffer activation : !exec.buffer<16>
  // expected-error @below {{expects a narrow bias of the type of the product and its result, but got 'bf16' for 'bf16' and 'f32'}}
  exec.gemm bf16 to f32 [1, 1, 2, 2, 2] %0 by [0, 0, 2, 1], %0 by [0, 0, 2, 1] -> %0 by [0, 0, 2, 1] bias(%0 : !exec.buffer<16> of bf16)
    : !exec.buffer<16>, !exec.buffer<16> -> !exec.buffer<16>
}
