// RUN: dlc-opt %s --dlc-elide-copies --split-input-file | FileCheck %s

exec.variable "w" parameter : tensor<2xf32> at 0 trained
exec.kernel @neg_1 cost [2, 8, 8] {
^bb0(%a: tensor<2xf32>):
  %0 = dlc.kernel "neg" <map, [2]> (%a) : (tensor<2xf32>) -> tensor<2xf32> {
  ^bb0(%b: tensor<2xf32>):
    %1 = dlc.neg %b : tensor<2xf32>
    dlc.yield %1 : tensor<2xf32>
  }
}
// Each element is read where it is written.
// CHECK-LABEL: exec.program @in_place
// CHECK:         exec.launch @neg_1(%w) -> (%w)
// CHECK-NOT:     exec.copy
exec.program @in_place {
  %w = exec.state "w" : !exec.buffer<8>
  %n = exec.buffer activation "n" : !exec.buffer<8>
  exec.launch @neg_1(%w) -> (%n) : (!exec.buffer<8>) -> (!exec.buffer<8>)
  exec.copy %n -> %w bytes 8 : !exec.buffer<8> -> !exec.buffer<8>
}
// Whoever reads the old value later would see the new one.
// CHECK-LABEL: exec.program @read_later
// CHECK:         exec.launch @neg_1(%w) -> (%n)
// CHECK:         exec.copy %n -> %w
exec.program @read_later {
  %w = exec.state "w" : !exec.buffer<8>
  %n = exec.buffer activation "n" : !exec.buffer<8>
  %y = exec.buffer output "y" : !exec.buffer<8>
  exec.launch @neg_1(%w) -> (%n) : (!exec.buffer<8>) -> (!exec.buffer<8>)
  exec.launch @neg_1(%w) -> (%y) : (!exec.buffer<8>) -> (!exec.buffer<8>)
  exec.copy %n -> %w bytes 8 : !exec.buffer<8> -> !exec.buffer<8>
  exec.output "y" %y : tensor<2xf32>, !exec.buffer<8>
}
// What reads the new value reads the state.
// CHECK-LABEL: exec.program @new_value_read
// CHECK:         exec.launch @neg_1(%w) -> (%w)
// CHECK-NEXT:    exec.launch @neg_1(%w) -> (%y)
// CHECK-NOT:     exec.copy
exec.program @new_value_read {
  %w = exec.state "w" : !exec.buffer<8>
  %n = exec.buffer activation "n" : !exec.buffer<8>
  %y = exec.buffer output "y" : !exec.buffer<8>
  exec.launch @neg_1(%w) -> (%n) : (!exec.buffer<8>) -> (!exec.buffer<8>)
  exec.launch @neg_1(%n) -> (%y) : (!exec.buffer<8>) -> (!exec.buffer<8>)
  exec.copy %n -> %w bytes 8 : !exec.buffer<8> -> !exec.buffer<8>
  exec.output "y" %y : tensor<2xf32>, !exec.buffer<8>
}

// -----

exec.variable "w" parameter : tensor<4x4xf32> at 0 trained
exec.kernel @transpose_1 cost [16, 64, 64] {
^bb0(%a: tensor<4x4xf32>):
  %0 = dlc.kernel "transpose" <map, [4, 4]> (%a) : (tensor<4x4xf32>) -> tensor<4x4xf32> {
  ^bb0(%b: tensor<4x4xf32>):
    %1 = dlc.transpose %b [1, 0] : tensor<4x4xf32> -> tensor<4x4xf32>
    dlc.yield %1 : tensor<4x4xf32>
  }
}
// Elements are read after others were written over them.
// CHECK-LABEL: exec.program @read_elsewhere
// CHECK:         exec.launch @transpose_1(%w) -> (%n)
// CHECK:         exec.copy %n -> %w
exec.program @read_elsewhere {
  %w = exec.state "w" : !exec.buffer<64>
  %n = exec.buffer activation "n" : !exec.buffer<64>
  exec.launch @transpose_1(%w) -> (%n) : (!exec.buffer<64>) -> (!exec.buffer<64>)
  exec.copy %n -> %w bytes 64 : !exec.buffer<64> -> !exec.buffer<64>
}
