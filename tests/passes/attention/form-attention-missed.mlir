// RUN: dlc-opt %s --dlc-form-attention --split-input-file --remarks-filter=attention --verify-diagnostics

// The random choice comes between the probabilities and their product.
func.func @dropout(%q: tensor<2x3x8xf32>, %rng: tensor<2xi64>) -> tensor<2x3x8xf32> {
  %0 = dlc.dot_general %q, %q batch [0] x [0] contract [2] x [2] : (tensor<2x3x8xf32>, tensor<2x3x8xf32>) -> tensor<2x3x3xf32>
  // expected-remark @below {{[Missed] dropout}}
  %1 = dlc.softmax %0 dim 2 : tensor<2x3x3xf32>
  %2 = dlc.random_uniform %rng stream 0 : tensor<2xi64> -> tensor<2x3x3xf32>
  %3 = dlc.mul %1, %2 : tensor<2x3x3xf32>
  %4 = dlc.dot_general %3, %q batch [0] x [0] contract [2] x [1] : (tensor<2x3x3xf32>, tensor<2x3x8xf32>) -> tensor<2x3x8xf32>
  return %4 : tensor<2x3x8xf32>
}

// -----

// The model returns its probabilities.
func.func @returned(%q: tensor<2x3x8xf32>) -> (tensor<2x3x8xf32>, tensor<2x3x3xf32>) {
  %0 = dlc.dot_general %q, %q batch [0] x [0] contract [2] x [2] : (tensor<2x3x8xf32>, tensor<2x3x8xf32>) -> tensor<2x3x3xf32>
  // expected-remark @below {{[Missed] probabilities-read}}
  %1 = dlc.softmax %0 dim 2 : tensor<2x3x3xf32>
  %2 = dlc.dot_general %1, %q batch [0] x [0] contract [2] x [1] : (tensor<2x3x3xf32>, tensor<2x3x8xf32>) -> tensor<2x3x8xf32>
  return %2, %1 : tensor<2x3x8xf32>, tensor<2x3x3xf32>
}

// -----

// A bias of relative positions that is trained.
func.func @trained(%q: tensor<2x3x8xf32>, %t: tensor<2x3x3xf32> {dlc.param = "bias"}) -> tensor<2x3x8xf32> {
  %0 = dlc.dot_general %q, %q batch [0] x [0] contract [2] x [2] : (tensor<2x3x8xf32>, tensor<2x3x8xf32>) -> tensor<2x3x3xf32>
  %1 = dlc.add %0, %t : tensor<2x3x3xf32>
  // expected-remark @below {{[Missed] trained-mask}}
  %2 = dlc.softmax %1 dim 2 : tensor<2x3x3xf32>
  %3 = dlc.dot_general %2, %q batch [0] x [0] contract [2] x [1] : (tensor<2x3x3xf32>, tensor<2x3x8xf32>) -> tensor<2x3x8xf32>
  return %3 : tensor<2x3x8xf32>
}

// -----

// With a finite fill a row without keys takes the mean of all values.
func.func @finite_fill(%q: tensor<2x3x8xf32>, %m: tensor<2x3x3xi1>) -> tensor<2x3x8xf32> {
  %low = dlc.constant dense<-1.0e9> : tensor<2x3x3xf32>
  %0 = dlc.dot_general %q, %q batch [0] x [0] contract [2] x [2] : (tensor<2x3x8xf32>, tensor<2x3x8xf32>) -> tensor<2x3x3xf32>
  %1 = dlc.select %m, %0, %low : tensor<2x3x3xi1>, tensor<2x3x3xf32>
  // expected-remark @below {{[Missed] hidden-rows}}
  %2 = dlc.softmax %1 dim 2 : tensor<2x3x3xf32>
  %3 = dlc.dot_general %2, %q batch [0] x [0] contract [2] x [1] : (tensor<2x3x3xf32>, tensor<2x3x8xf32>) -> tensor<2x3x8xf32>
  return %3 : tensor<2x3x8xf32>
}

// -----

// Two heads of queries per head of keys.
func.func @grouped(%q: tensor<2x2x3x8xf32>, %k: tensor<2x3x8xf32>) -> tensor<2x2x3x8xf32> {
  %0 = dlc.dot_general %q, %k batch [0] x [0] contract [3] x [2] : (tensor<2x2x3x8xf32>, tensor<2x3x8xf32>) -> tensor<2x2x3x3xf32>
  // expected-remark @below {{[Missed] grouped-queries}}
  %1 = dlc.softmax %0 dim 3 : tensor<2x2x3x3xf32>
  %2 = dlc.dot_general %1, %k batch [0] x [0] contract [3] x [1] : (tensor<2x2x3x3xf32>, tensor<2x3x8xf32>) -> tensor<2x2x3x8xf32>
  return %2 : tensor<2x2x3x8xf32>
}

// -----

// Classification: a softmax after a product is nothing to remark on.
func.func @classes(%x: tensor<2x8xf32>, %w: tensor<3x8xf32>) -> tensor<2x3xf32> {
  %0 = dlc.dot_general %x, %w batch [] x [] contract [1] x [1] : (tensor<2x8xf32>, tensor<3x8xf32>) -> tensor<2x3xf32>
  %1 = dlc.softmax %0 dim 1 : tensor<2x3xf32>
  return %1 : tensor<2x3xf32>
}
