// RUN: dlc-opt %s --dlc-plan-memory --dlc-verify-exec | FileCheck %s

exec.variable "w" parameter : tensor<16xf32> at 0 trained
exec.kernel @neg_1 cost [16, 64, 64] {
^bb0(%a: tensor<16xf32>):
  %0 = dlc.kernel "neg" <map, [16]> (%a) : (tensor<16xf32>) -> tensor<16xf32> {
  ^bb0(%b: tensor<16xf32>):
    %1 = dlc.neg %b : tensor<16xf32>
    dlc.yield %1 : tensor<16xf32>
  }
}
// Temporaries come above the states; a result takes over the place of an operand that dies, but not that of an input.
// CHECK-LABEL: exec.program @shared arena(192)
// CHECK-DAG:     exec.argument "x" : tensor<16xf32> at [[X:64|128]]
// CHECK-DAG:     %[[A:.+]] = exec.buffer output "a" at
// CHECK:         exec.launch @neg_1(%x) -> (%[[A]])
// CHECK-NEXT:    exec.launch @neg_1(%[[A]]) -> (%[[A]])
// CHECK:         exec.output "y" %[[A]]
exec.program @shared {
  %x = exec.argument "x" : tensor<16xf32> -> !exec.buffer<64>
  %a = exec.buffer activation "a" : !exec.buffer<64>
  %b = exec.buffer output "b" : !exec.buffer<64>
  exec.launch @neg_1(%x) -> (%a) : (!exec.buffer<64>) -> (!exec.buffer<64>)
  exec.launch @neg_1(%a) -> (%b) : (!exec.buffer<64>) -> (!exec.buffer<64>)
  exec.output "x" %x : tensor<16xf32>, !exec.buffer<64>
  exec.output "y" %b : tensor<16xf32>, !exec.buffer<64>
}
// What does not live together overlaps.
// CHECK-LABEL: exec.program @reused arena(320)
exec.program @reused {
  %x = exec.argument "x" : tensor<32xf32> -> !exec.buffer<128>
  %a = exec.buffer activation "a" : !exec.buffer<128>
  %b = exec.buffer activation "b" : !exec.buffer<64>
  %c = exec.buffer output "c" : !exec.buffer<128>
  exec.copy %x -> %a bytes 128 : !exec.buffer<128> -> !exec.buffer<128>
  exec.copy %a -> %b bytes 64 : !exec.buffer<128> -> !exec.buffer<64>
  exec.copy %b -> %c bytes 64 : !exec.buffer<64> -> !exec.buffer<128>
  exec.output "y" %c : tensor<32xf32>, !exec.buffer<128>
}
// An operand that is read again keeps its place.
// CHECK-LABEL: exec.program @read_again
// CHECK:         exec.launch @neg_1(%a) -> (%b)
exec.program @read_again {
  %x = exec.argument "x" : tensor<16xf32> -> !exec.buffer<64>
  %a = exec.buffer output "a" : !exec.buffer<64>
  %b = exec.buffer output "b" : !exec.buffer<64>
  exec.launch @neg_1(%x) -> (%a) : (!exec.buffer<64>) -> (!exec.buffer<64>)
  exec.launch @neg_1(%a) -> (%b) : (!exec.buffer<64>) -> (!exec.buffer<64>)
  exec.output "a" %a : tensor<16xf32>, !exec.buffer<64>
  exec.output "b" %b : tensor<16xf32>, !exec.buffer<64>
}
// A product adds what its place held, if nobody needs that any more.
// CHECK-LABEL: exec.program @added_in_place
// CHECK:         exec.launch @neg_1(%x) -> (%[[R:.+]]) :
// CHECK-NEXT:    exec.gemm {{.*}} %x {{.*}}, %w {{.*}} -> %[[R]] by [0, 0, 4, 1] residual(%[[R]] :
exec.program @added_in_place {
  %x = exec.argument "x" : tensor<16xf32> -> !exec.buffer<64>
  %w = exec.state "w" : !exec.buffer<64>
  %r = exec.buffer activation "r" : !exec.buffer<64>
  %c = exec.buffer output "c" : !exec.buffer<64>
  exec.launch @neg_1(%x) -> (%r) : (!exec.buffer<64>) -> (!exec.buffer<64>)
  exec.gemm f32 [1, 1, 4, 4, 4] %x by [0, 0, 4, 1], %w by [0, 0, 4, 1] -> %c by [0, 0, 4, 1] residual(%r : !exec.buffer<64>)
    : !exec.buffer<64>, !exec.buffer<64> -> !exec.buffer<64>
  exec.output "c" %c : tensor<16xf32>, !exec.buffer<64>
}
