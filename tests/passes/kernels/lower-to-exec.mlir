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
