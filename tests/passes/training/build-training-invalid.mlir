// RUN: dlc-opt %s "--dlc-build-training=loss=cross-entropy:output=y,axis=5 optimizer=sgd" --split-input-file --verify-diagnostics

// expected-error @below {{DLC2005: loss 'cross-entropy' needs a class axis of its output, whose shape is 4x3, but got axis 5}}
func.func @train(%w: tensor<4x3xf32> {dlc.param = "w"}) -> (tensor<4x3xf32> {dlc.output = "y"}) {
  return %w : tensor<4x3xf32>
}

// -----

// expected-error @below {{DLC2008: loss 'cross-entropy' needs a float output of the model, one of 'z', but got 'y'}}
func.func @train(%w: tensor<4x3xf32> {dlc.param = "w"}) -> (tensor<4x3xf32> {dlc.output = "z"}) {
  return %w : tensor<4x3xf32>
}

// -----

// expected-error @below {{DLC2010: training needs a parameter that is not frozen and that the loss depends on, but got none}}
func.func @train(%w: tensor<1x1x1x1x1x3xf32> {dlc.param = "w", dlc.frozen = "asked for"}) -> (tensor<1x1x1x1x1x3xf32> {dlc.output = "y"}) {
  return %w : tensor<1x1x1x1x1x3xf32>
}

// -----

// expected-error @below {{DLC2011: entry 'step' needs the model function 'train', but got a module without it}}
module {
}
