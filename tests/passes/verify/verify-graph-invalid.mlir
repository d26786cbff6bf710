// RUN: dlc-opt %s --dlc-verify-graph --split-input-file --verify-diagnostics

// expected-error @below {{argument 0 is one of input, parameter and state, but got 0 of them}}
func.func @argument_without_a_kind(%x: tensor<2xf32>) {
  return
}

// -----

// expected-error @below {{argument 1 needs a name of its own, but got another 'w'}}
func.func @two_of_one_name(%x: tensor<2xf32> {dlc.param = "w"}, %y: tensor<2xf32> {dlc.param = "w"}) {
  return
}

// -----

// expected-error @below {{result 0 is either an output or new state, but got neither}}
func.func @result_without_a_kind(%x: tensor<2xf32> {dlc.input = "x"}) -> tensor<2xf32> {
  return %x : tensor<2xf32>
}

// -----

// expected-error @below {{result 0 is the only new value of a state argument, but got argument 0}}
func.func @new_value_of_an_input(%x: tensor<2xf32> {dlc.input = "x"}) -> (tensor<2xf32> {dlc.alias = 0 : i64}) {
  return %x : tensor<2xf32>
}

// -----

// expected-error @below {{result 0 has the type of argument 1, 'tensor<3xf32>', but got 'tensor<2xf32>'}}
func.func @new_value_of_another_type(%x: tensor<2xf32> {dlc.input = "x"}, %w: tensor<3xf32> {dlc.param = "w"}) -> (tensor<2xf32> {dlc.alias = 1 : i64}) {
  return %x : tensor<2xf32>
}

// -----

func.func @compound_op(%x: tensor<2xf32> {dlc.input = "x"}) -> (tensor<2xf32> {dlc.output = "y"}) {
  // expected-error @below {{compound ops are decomposed before the kernel phase, but got 'dlc.softmax'}}
  %0 = dlc.softmax %x dim 0 : tensor<2xf32>
  return %0 : tensor<2xf32>
}
