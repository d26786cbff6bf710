// RUN: dlc-opt %s --dlc-schedule | FileCheck %s

// Orders of one peak: the program's stays.
// CHECK-LABEL: exec.program @stays
// CHECK:         exec.copy %x -> %a
// CHECK-NEXT:    exec.copy %x -> %b
exec.program @stays {
  %x = exec.argument "x" : tensor<16xf32> -> !exec.buffer<64>
  %a = exec.buffer output "a" : !exec.buffer<64>
  %b = exec.buffer output "b" : !exec.buffer<64>
  exec.copy %x -> %a bytes 64 : !exec.buffer<64> -> !exec.buffer<64>
  exec.copy %x -> %b bytes 64 : !exec.buffer<64> -> !exec.buffer<64>
  exec.output "a" %a : tensor<16xf32>, !exec.buffer<64>
  exec.output "b" %b : tensor<16xf32>, !exec.buffer<64>
}

// The state is overwritten after its reader, though earlier would take less memory.
// CHECK-LABEL: exec.program @write_waits
// CHECK:         exec.copy %w -> %s
// CHECK:         exec.copy %a -> %w
exec.variable "w" parameter : tensor<256xf32> at 0 trained
exec.program @write_waits {
  %w = exec.state "w" : !exec.buffer<1024>
  %a = exec.buffer activation "a" : !exec.buffer<1024>
  %b = exec.buffer activation "b" : !exec.buffer<1024>
  %s = exec.buffer output "s" : !exec.buffer<64>
  %t = exec.buffer output "t" : !exec.buffer<64>
  exec.fill %a with 0 of 4 : !exec.buffer<1024>
  exec.fill %b with 0 of 4 : !exec.buffer<1024>
  exec.copy %w -> %s bytes 64 : !exec.buffer<1024> -> !exec.buffer<64>
  exec.copy %b -> %t bytes 64 : !exec.buffer<1024> -> !exec.buffer<64>
  exec.copy %a -> %w bytes 1024 : !exec.buffer<1024> -> !exec.buffer<1024>
  exec.output "s" %s : tensor<16xf32>, !exec.buffer<64>
  exec.output "t" %t : tensor<16xf32>, !exec.buffer<64>
}
