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

// -----

exec.program @wait_without_transfer arena(64) host(64) {
  %0 = exec.buffer activation at 0 : !exec.buffer<64>
  %1 = exec.buffer activation host at 0 : !exec.buffer<64>
  exec.fill %0 with 0 of 4 : !exec.buffer<64>
  // expected-error @below {{a wait follows its transfer, but got one for a copy that is not under way}}
  exec.wait %0 -> %1 : !exec.buffer<64>
}

// -----

// expected-error @below {{every transfer is waited for, but got 1 that are not}}
exec.program @no_wait arena(64) host(64) {
  %0 = exec.buffer activation at 0 : !exec.buffer<64>
  %1 = exec.buffer activation host at 0 : !exec.buffer<64>
  exec.fill %0 with 0 of 4 : !exec.buffer<64>
  exec.transfer %0 -> %1 : !exec.buffer<64>
}

// -----

exec.program @source_overwritten arena(64) host(64) {
  %0 = exec.buffer activation at 0 : !exec.buffer<64>
  %1 = exec.buffer activation host at 0 : !exec.buffer<64>
  exec.fill %0 with 0 of 4 : !exec.buffer<64>
  exec.transfer %0 -> %1 : !exec.buffer<64>
  // expected-error @below {{until a transfer is waited for, nothing touches its target or writes its source, but got an instruction that does}}
  exec.fill %0 with 1 of 4 : !exec.buffer<64>
  exec.wait %0 -> %1 : !exec.buffer<64>
}

// -----

exec.program @fill_on_host arena(0) host(64) {
  %0 = exec.buffer activation host at 0 : !exec.buffer<64>
  // expected-error @below {{only transfers reach the host arena, but got another instruction that does}}
  exec.fill %0 with 0 of 4 : !exec.buffer<64>
}

// -----

exec.program @host_too_small arena(64) host(64) {
  %0 = exec.buffer activation at 0 : !exec.buffer<64>
  // expected-error @below {{a place lies between 0 and the arena's end at 64, but got 64 to 128}}
  %1 = exec.buffer activation host at 64 : !exec.buffer<64>
  exec.fill %0 with 0 of 4 : !exec.buffer<64>
  exec.transfer %0 -> %1 : !exec.buffer<64>
  exec.wait %0 -> %1 : !exec.buffer<64>
}

// -----

exec.variable "m" optimizer : tensor<4xf32> at 0 host
exec.program @state_elsewhere arena(0) {
  // expected-error @below {{state 'm' lies in the host arena, but got the other one}}
  %0 = exec.state "m" : !exec.buffer<16>
}
