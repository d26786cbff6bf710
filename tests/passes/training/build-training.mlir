// RUN: dlc-opt %s "--dlc-build-training=entries=step,grad,eval,forward eval-from=forward loss=cross-entropy optimizer=adamw" | FileCheck %s

// Inputs come first, then parameters, then state; each new value names the argument it replaces. The running mean of
// the model stays state of the step and is no part of grad and eval.

// CHECK-LABEL: func @forward

// CHECK-LABEL: func @eval
// CHECK-SAME:    {dlc.input = "x"}, %{{.+}}: tensor<4xi64> {dlc.input = "target"}, %{{.+}}: tensor<3x2xf32> {dlc.param = "w"})
// CHECK-SAME:    -> (tensor<f32> {dlc.output = "loss"}, tensor<f32> {dlc.output = "accuracy"}, tensor<i64> {dlc.output = "correct"}, tensor<i64> {dlc.output = "count"})

// CHECK-LABEL: func @grad
// CHECK-SAME:    -> (tensor<f32> {dlc.output = "loss"}, tensor<3x2xf32> {dlc.output = "grad/w"})

// CHECK-LABEL: func @step
// CHECK-SAME:    %{{.+}}: tensor<4x2xf32> {dlc.input = "x"}, %{{.+}}: tensor<4xi64> {dlc.input = "target"}, %{{.+}}: tensor<f32> {dlc.input = "lr"},
// CHECK-SAME:    %{{.+}}: tensor<3x2xf32> {dlc.param = "w"}, %{{.+}}: tensor<2xf32> {dlc.state = "mean"}, %{{.+}}: tensor<i64> {dlc.state = "step"},
// CHECK-SAME:    %{{.+}}: tensor<3x2xf32> {dlc.state = "adamw.m/w"}, %{{.+}}: tensor<3x2xf32> {dlc.state = "adamw.v/w"})
// CHECK-SAME:    -> (tensor<f32> {dlc.output = "loss"}, tensor<3x2xf32> {dlc.alias = 3 : i64}, tensor<3x2xf32> {dlc.alias = 6 : i64}, tensor<3x2xf32> {dlc.alias = 7 : i64},
// CHECK-SAME:    tensor<i64> {dlc.alias = 5 : i64}, tensor<2xf32> {dlc.alias = 4 : i64})
// Bias corrections are scalars in f64.
// CHECK:         dlc.pow %{{.+}} : tensor<f64>
func.func @forward(%x: tensor<4x2xf32> {dlc.input = "x"}, %w: tensor<3x2xf32> {dlc.param = "w"}) -> (tensor<4x3xf32> {dlc.output = "y"}) {
  %0 = dlc.dot_general %x, %w batch [] x [] contract [1] x [1] : (tensor<4x2xf32>, tensor<3x2xf32>) -> tensor<4x3xf32>
  return %0 : tensor<4x3xf32>
}
func.func @train(%x: tensor<4x2xf32> {dlc.input = "x"}, %w: tensor<3x2xf32> {dlc.param = "w"}, %m: tensor<2xf32> {dlc.state = "mean"})
    -> (tensor<4x3xf32> {dlc.output = "y"}, tensor<2xf32> {dlc.alias = 2 : i64}) {
  %0 = dlc.dot_general %x, %w batch [] x [] contract [1] x [1] : (tensor<4x2xf32>, tensor<3x2xf32>) -> tensor<4x3xf32>
  %1 = dlc.reduce_sum %x dims [0] : tensor<4x2xf32> -> tensor<2xf32>
  %2 = dlc.add %m, %1 : tensor<2xf32>
  return %0, %2 : tensor<4x3xf32>, tensor<2xf32>
}
