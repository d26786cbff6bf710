// RUN: dlc-opt %s --dlc-verify-exec --split-input-file --verify-diagnostics

exec.variable "v" parameter : tensor<32xf32> at 0
// expected-error @below {{variable 'w' begins behind the one before it, at 128, but got 64}}
exec.variable "w" parameter : tensor<4xf32> at 64

// -----

exec.variable "w" parameter : tensor<4xf32> at 0
// expected-error @below {{a variable has a name of its own, but got another 'w'}}
exec.variable "w" parameter : tensor<4xf32> at 64

// -----

exec.program @unknown_state arena(0) {
  // expected-error @below {{a state is a variable of the module, but got 'w'}}
  %0 = exec.state "w" : !exec.buffer<16>
}

// -----

exec.program @read_before_write arena(128) {
  %0 = exec.buffer activation at 0 : !exec.buffer<64>
  %1 = exec.buffer activation at 64 : !exec.buffer<64>
  // expected-error @below {{an instruction reads what was written before, but got a place that was not}}
  exec.copy %0 -> %1 bytes 64 : !exec.buffer<64> -> !exec.buffer<64>
}

// -----

exec.program @write_to_constant arena(0) {
  %0 = exec.constant dense<1.0> : tensor<4xf32> -> !exec.buffer<16>
  // expected-error @below {{constants are read alone, but got a write to one}}
  exec.fill %0 with 0 of 4 : !exec.buffer<16>
}

// -----

exec.program @without_offset arena(64) {
  // expected-error @below {{every place has an offset, but got none}}
  %0 = exec.argument "x" : tensor<4xf32> -> !exec.buffer<16>
}

// -----

exec.program @outside arena(64) {
  // expected-error @below {{a place lies between 0 and the arena's end at 64, but got 64 to 80}}
  %0 = exec.argument "x" : tensor<4xf32> at 64 -> !exec.buffer<16>
}

// -----

exec.program @overlap arena(128) {
  // expected-note @below {{the other place}}
  %0 = exec.argument "x" : tensor<32xf32> at 0 -> !exec.buffer<128>
  // expected-error @below {{places in use at one time lie apart, but got 64 to 128 and 0 to 128}}
  %1 = exec.buffer activation at 64 : !exec.buffer<64>
  exec.copy %0 -> %1 bytes 64 : !exec.buffer<128> -> !exec.buffer<64>
}

// -----

exec.program @place_after_instruction arena(128) {
  %0 = exec.buffer activation at 0 : !exec.buffer<64>
  exec.fill %0 with 0 of 4 : !exec.buffer<64>
  // expected-error @below {{a program holds places, then instructions, then outputs, but got 'exec.buffer' here}}
  %1 = exec.buffer activation at 64 : !exec.buffer<64>
}
