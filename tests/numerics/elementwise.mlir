// RUN: dlc-opt %s --verify-roundtrip --allow-unregistered-dialect -o /dev/null

// Gradients of the elementwise family against central differences (GradientTest.cpp says how).
// Ranges keep arguments away from kinks and jumps, where a difference says nothing.

func.func @neg(%a: tensor<7xf64> {test.range = [-2.0, 2.0]}, %b: tensor<2x3xf64> {test.range = [-2.0, 2.0]}, %c: tensor<0x4xf64> {test.range = [-2.0, 2.0]})
    -> (tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>) {
  %0 = dlc.neg %a : tensor<7xf64>
  %1 = dlc.neg %b : tensor<2x3xf64>
  %2 = dlc.neg %c : tensor<0x4xf64>
  return %0, %1, %2 : tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>
}

func.func @abs(%a: tensor<7xf64> {test.range = [0.1, 2.0]}, %b: tensor<2x3xf64> {test.range = [0.1, 2.0]}, %c: tensor<0x4xf64> {test.range = [0.1, 2.0]})
    -> (tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>) {
  %0 = dlc.abs %a : tensor<7xf64>
  %1 = dlc.abs %b : tensor<2x3xf64>
  %2 = dlc.abs %c : tensor<0x4xf64>
  return %0, %1, %2 : tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>
}

func.func @sign(%a: tensor<7xf64> {test.range = [0.1, 2.0]}, %b: tensor<2x3xf64> {test.range = [0.1, 2.0]}, %c: tensor<0x4xf64> {test.range = [0.1, 2.0]})
    -> (tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>) {
  %0 = dlc.sign %a : tensor<7xf64>
  %1 = dlc.sign %b : tensor<2x3xf64>
  %2 = dlc.sign %c : tensor<0x4xf64>
  return %0, %1, %2 : tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>
}

func.func @relu(%a: tensor<7xf64> {test.range = [-2.0, 2.0]}, %b: tensor<2x3xf64> {test.range = [-2.0, 2.0]}, %c: tensor<0x4xf64> {test.range = [-2.0, 2.0]})
    -> (tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>) {
  %0 = dlc.relu %a : tensor<7xf64>
  %1 = dlc.relu %b : tensor<2x3xf64>
  %2 = dlc.relu %c : tensor<0x4xf64>
  return %0, %1, %2 : tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>
}

func.func @floor(%a: tensor<7xf64> {test.range = [0.1, 0.9]}, %b: tensor<2x3xf64> {test.range = [0.1, 0.9]}, %c: tensor<0x4xf64> {test.range = [0.1, 0.9]})
    -> (tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>) {
  %0 = dlc.floor %a : tensor<7xf64>
  %1 = dlc.floor %b : tensor<2x3xf64>
  %2 = dlc.floor %c : tensor<0x4xf64>
  return %0, %1, %2 : tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>
}

func.func @ceil(%a: tensor<7xf64> {test.range = [0.1, 0.9]}, %b: tensor<2x3xf64> {test.range = [0.1, 0.9]}, %c: tensor<0x4xf64> {test.range = [0.1, 0.9]})
    -> (tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>) {
  %0 = dlc.ceil %a : tensor<7xf64>
  %1 = dlc.ceil %b : tensor<2x3xf64>
  %2 = dlc.ceil %c : tensor<0x4xf64>
  return %0, %1, %2 : tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>
}

func.func @round(%a: tensor<7xf64> {test.range = [0.1, 0.4]}, %b: tensor<2x3xf64> {test.range = [0.1, 0.4]}, %c: tensor<0x4xf64> {test.range = [0.1, 0.4]})
    -> (tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>) {
  %0 = dlc.round %a : tensor<7xf64>
  %1 = dlc.round %b : tensor<2x3xf64>
  %2 = dlc.round %c : tensor<0x4xf64>
  return %0, %1, %2 : tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>
}

func.func @exp(%a: tensor<7xf64> {test.range = [-2.0, 2.0]}, %b: tensor<2x3xf64> {test.range = [-2.0, 2.0]}, %c: tensor<0x4xf64> {test.range = [-2.0, 2.0]})
    -> (tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>) {
  %0 = dlc.exp %a : tensor<7xf64>
  %1 = dlc.exp %b : tensor<2x3xf64>
  %2 = dlc.exp %c : tensor<0x4xf64>
  return %0, %1, %2 : tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>
}

func.func @expm1(%a: tensor<7xf64> {test.range = [-2.0, 2.0]}, %b: tensor<2x3xf64> {test.range = [-2.0, 2.0]}, %c: tensor<0x4xf64> {test.range = [-2.0, 2.0]})
    -> (tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>) {
  %0 = dlc.expm1 %a : tensor<7xf64>
  %1 = dlc.expm1 %b : tensor<2x3xf64>
  %2 = dlc.expm1 %c : tensor<0x4xf64>
  return %0, %1, %2 : tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>
}

func.func @log(%a: tensor<7xf64> {test.range = [0.2, 3.0]}, %b: tensor<2x3xf64> {test.range = [0.2, 3.0]}, %c: tensor<0x4xf64> {test.range = [0.2, 3.0]})
    -> (tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>) {
  %0 = dlc.log %a : tensor<7xf64>
  %1 = dlc.log %b : tensor<2x3xf64>
  %2 = dlc.log %c : tensor<0x4xf64>
  return %0, %1, %2 : tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>
}

func.func @log1p(%a: tensor<7xf64> {test.range = [-0.7, 3.0]}, %b: tensor<2x3xf64> {test.range = [-0.7, 3.0]}, %c: tensor<0x4xf64> {test.range = [-0.7, 3.0]})
    -> (tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>) {
  %0 = dlc.log1p %a : tensor<7xf64>
  %1 = dlc.log1p %b : tensor<2x3xf64>
  %2 = dlc.log1p %c : tensor<0x4xf64>
  return %0, %1, %2 : tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>
}

func.func @sqrt(%a: tensor<7xf64> {test.range = [0.3, 3.0]}, %b: tensor<2x3xf64> {test.range = [0.3, 3.0]}, %c: tensor<0x4xf64> {test.range = [0.3, 3.0]})
    -> (tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>) {
  %0 = dlc.sqrt %a : tensor<7xf64>
  %1 = dlc.sqrt %b : tensor<2x3xf64>
  %2 = dlc.sqrt %c : tensor<0x4xf64>
  return %0, %1, %2 : tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>
}

func.func @rsqrt(%a: tensor<7xf64> {test.range = [0.3, 3.0]}, %b: tensor<2x3xf64> {test.range = [0.3, 3.0]}, %c: tensor<0x4xf64> {test.range = [0.3, 3.0]})
    -> (tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>) {
  %0 = dlc.rsqrt %a : tensor<7xf64>
  %1 = dlc.rsqrt %b : tensor<2x3xf64>
  %2 = dlc.rsqrt %c : tensor<0x4xf64>
  return %0, %1, %2 : tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>
}

func.func @sin(%a: tensor<7xf64> {test.range = [-3.0, 3.0]}, %b: tensor<2x3xf64> {test.range = [-3.0, 3.0]}, %c: tensor<0x4xf64> {test.range = [-3.0, 3.0]})
    -> (tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>) {
  %0 = dlc.sin %a : tensor<7xf64>
  %1 = dlc.sin %b : tensor<2x3xf64>
  %2 = dlc.sin %c : tensor<0x4xf64>
  return %0, %1, %2 : tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>
}

func.func @cos(%a: tensor<7xf64> {test.range = [-3.0, 3.0]}, %b: tensor<2x3xf64> {test.range = [-3.0, 3.0]}, %c: tensor<0x4xf64> {test.range = [-3.0, 3.0]})
    -> (tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>) {
  %0 = dlc.cos %a : tensor<7xf64>
  %1 = dlc.cos %b : tensor<2x3xf64>
  %2 = dlc.cos %c : tensor<0x4xf64>
  return %0, %1, %2 : tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>
}

func.func @tan(%a: tensor<7xf64> {test.range = [-1.0, 1.0]}, %b: tensor<2x3xf64> {test.range = [-1.0, 1.0]}, %c: tensor<0x4xf64> {test.range = [-1.0, 1.0]})
    -> (tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>) {
  %0 = dlc.tan %a : tensor<7xf64>
  %1 = dlc.tan %b : tensor<2x3xf64>
  %2 = dlc.tan %c : tensor<0x4xf64>
  return %0, %1, %2 : tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>
}

func.func @asin(%a: tensor<7xf64> {test.range = [-0.8, 0.8]}, %b: tensor<2x3xf64> {test.range = [-0.8, 0.8]}, %c: tensor<0x4xf64> {test.range = [-0.8, 0.8]})
    -> (tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>) {
  %0 = dlc.asin %a : tensor<7xf64>
  %1 = dlc.asin %b : tensor<2x3xf64>
  %2 = dlc.asin %c : tensor<0x4xf64>
  return %0, %1, %2 : tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>
}

func.func @acos(%a: tensor<7xf64> {test.range = [-0.8, 0.8]}, %b: tensor<2x3xf64> {test.range = [-0.8, 0.8]}, %c: tensor<0x4xf64> {test.range = [-0.8, 0.8]})
    -> (tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>) {
  %0 = dlc.acos %a : tensor<7xf64>
  %1 = dlc.acos %b : tensor<2x3xf64>
  %2 = dlc.acos %c : tensor<0x4xf64>
  return %0, %1, %2 : tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>
}

func.func @atan(%a: tensor<7xf64> {test.range = [-3.0, 3.0]}, %b: tensor<2x3xf64> {test.range = [-3.0, 3.0]}, %c: tensor<0x4xf64> {test.range = [-3.0, 3.0]})
    -> (tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>) {
  %0 = dlc.atan %a : tensor<7xf64>
  %1 = dlc.atan %b : tensor<2x3xf64>
  %2 = dlc.atan %c : tensor<0x4xf64>
  return %0, %1, %2 : tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>
}

func.func @sinh(%a: tensor<7xf64> {test.range = [-2.0, 2.0]}, %b: tensor<2x3xf64> {test.range = [-2.0, 2.0]}, %c: tensor<0x4xf64> {test.range = [-2.0, 2.0]})
    -> (tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>) {
  %0 = dlc.sinh %a : tensor<7xf64>
  %1 = dlc.sinh %b : tensor<2x3xf64>
  %2 = dlc.sinh %c : tensor<0x4xf64>
  return %0, %1, %2 : tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>
}

func.func @cosh(%a: tensor<7xf64> {test.range = [-2.0, 2.0]}, %b: tensor<2x3xf64> {test.range = [-2.0, 2.0]}, %c: tensor<0x4xf64> {test.range = [-2.0, 2.0]})
    -> (tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>) {
  %0 = dlc.cosh %a : tensor<7xf64>
  %1 = dlc.cosh %b : tensor<2x3xf64>
  %2 = dlc.cosh %c : tensor<0x4xf64>
  return %0, %1, %2 : tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>
}

func.func @tanh(%a: tensor<7xf64> {test.range = [-2.0, 2.0]}, %b: tensor<2x3xf64> {test.range = [-2.0, 2.0]}, %c: tensor<0x4xf64> {test.range = [-2.0, 2.0]})
    -> (tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>) {
  %0 = dlc.tanh %a : tensor<7xf64>
  %1 = dlc.tanh %b : tensor<2x3xf64>
  %2 = dlc.tanh %c : tensor<0x4xf64>
  return %0, %1, %2 : tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>
}

func.func @asinh(%a: tensor<7xf64> {test.range = [-3.0, 3.0]}, %b: tensor<2x3xf64> {test.range = [-3.0, 3.0]}, %c: tensor<0x4xf64> {test.range = [-3.0, 3.0]})
    -> (tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>) {
  %0 = dlc.asinh %a : tensor<7xf64>
  %1 = dlc.asinh %b : tensor<2x3xf64>
  %2 = dlc.asinh %c : tensor<0x4xf64>
  return %0, %1, %2 : tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>
}

func.func @acosh(%a: tensor<7xf64> {test.range = [1.3, 3.0]}, %b: tensor<2x3xf64> {test.range = [1.3, 3.0]}, %c: tensor<0x4xf64> {test.range = [1.3, 3.0]})
    -> (tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>) {
  %0 = dlc.acosh %a : tensor<7xf64>
  %1 = dlc.acosh %b : tensor<2x3xf64>
  %2 = dlc.acosh %c : tensor<0x4xf64>
  return %0, %1, %2 : tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>
}

func.func @atanh(%a: tensor<7xf64> {test.range = [-0.8, 0.8]}, %b: tensor<2x3xf64> {test.range = [-0.8, 0.8]}, %c: tensor<0x4xf64> {test.range = [-0.8, 0.8]})
    -> (tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>) {
  %0 = dlc.atanh %a : tensor<7xf64>
  %1 = dlc.atanh %b : tensor<2x3xf64>
  %2 = dlc.atanh %c : tensor<0x4xf64>
  return %0, %1, %2 : tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>
}

func.func @erf(%a: tensor<7xf64> {test.range = [-2.0, 2.0]}, %b: tensor<2x3xf64> {test.range = [-2.0, 2.0]}, %c: tensor<0x4xf64> {test.range = [-2.0, 2.0]})
    -> (tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>) {
  %0 = dlc.erf %a : tensor<7xf64>
  %1 = dlc.erf %b : tensor<2x3xf64>
  %2 = dlc.erf %c : tensor<0x4xf64>
  return %0, %1, %2 : tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>
}

func.func @sigmoid(%a: tensor<7xf64> {test.range = [-4.0, 4.0]}, %b: tensor<2x3xf64> {test.range = [-4.0, 4.0]}, %c: tensor<0x4xf64> {test.range = [-4.0, 4.0]})
    -> (tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>) {
  %0 = dlc.sigmoid %a : tensor<7xf64>
  %1 = dlc.sigmoid %b : tensor<2x3xf64>
  %2 = dlc.sigmoid %c : tensor<0x4xf64>
  return %0, %1, %2 : tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>
}

func.func @add(
    %a: tensor<7xf64> {test.range = [-2.0, 2.0]}, %x: tensor<7xf64> {test.range = [-2.0, 2.0]},
    %b: tensor<2x3xf64> {test.range = [-2.0, 2.0]}, %y: tensor<2x3xf64> {test.range = [-2.0, 2.0]},
    %c: tensor<0x4xf64> {test.range = [-2.0, 2.0]}, %z: tensor<0x4xf64> {test.range = [-2.0, 2.0]})
    -> (tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>) {
  %0 = dlc.add %a, %x : tensor<7xf64>
  %1 = dlc.add %b, %y : tensor<2x3xf64>
  %2 = dlc.add %c, %z : tensor<0x4xf64>
  return %0, %1, %2 : tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>
}

func.func @sub(
    %a: tensor<7xf64> {test.range = [-2.0, 2.0]}, %x: tensor<7xf64> {test.range = [-2.0, 2.0]},
    %b: tensor<2x3xf64> {test.range = [-2.0, 2.0]}, %y: tensor<2x3xf64> {test.range = [-2.0, 2.0]},
    %c: tensor<0x4xf64> {test.range = [-2.0, 2.0]}, %z: tensor<0x4xf64> {test.range = [-2.0, 2.0]})
    -> (tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>) {
  %0 = dlc.sub %a, %x : tensor<7xf64>
  %1 = dlc.sub %b, %y : tensor<2x3xf64>
  %2 = dlc.sub %c, %z : tensor<0x4xf64>
  return %0, %1, %2 : tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>
}

func.func @mul(
    %a: tensor<7xf64> {test.range = [-2.0, 2.0]}, %x: tensor<7xf64> {test.range = [-2.0, 2.0]},
    %b: tensor<2x3xf64> {test.range = [-2.0, 2.0]}, %y: tensor<2x3xf64> {test.range = [-2.0, 2.0]},
    %c: tensor<0x4xf64> {test.range = [-2.0, 2.0]}, %z: tensor<0x4xf64> {test.range = [-2.0, 2.0]})
    -> (tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>) {
  %0 = dlc.mul %a, %x : tensor<7xf64>
  %1 = dlc.mul %b, %y : tensor<2x3xf64>
  %2 = dlc.mul %c, %z : tensor<0x4xf64>
  return %0, %1, %2 : tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>
}

func.func @div(
    %a: tensor<7xf64> {test.range = [-2.0, 2.0]}, %x: tensor<7xf64> {test.range = [0.5, 2.0]},
    %b: tensor<2x3xf64> {test.range = [-2.0, 2.0]}, %y: tensor<2x3xf64> {test.range = [0.5, 2.0]},
    %c: tensor<0x4xf64> {test.range = [-2.0, 2.0]}, %z: tensor<0x4xf64> {test.range = [0.5, 2.0]})
    -> (tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>) {
  %0 = dlc.div %a, %x : tensor<7xf64>
  %1 = dlc.div %b, %y : tensor<2x3xf64>
  %2 = dlc.div %c, %z : tensor<0x4xf64>
  return %0, %1, %2 : tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>
}

func.func @pow(
    %a: tensor<7xf64> {test.range = [0.3, 2.0]}, %x: tensor<7xf64> {test.range = [-2.0, 2.0]},
    %b: tensor<2x3xf64> {test.range = [0.3, 2.0]}, %y: tensor<2x3xf64> {test.range = [-2.0, 2.0]},
    %c: tensor<0x4xf64> {test.range = [0.3, 2.0]}, %z: tensor<0x4xf64> {test.range = [-2.0, 2.0]})
    -> (tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>) {
  %0 = dlc.pow %a, %x : tensor<7xf64>
  %1 = dlc.pow %b, %y : tensor<2x3xf64>
  %2 = dlc.pow %c, %z : tensor<0x4xf64>
  return %0, %1, %2 : tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>
}

func.func @max(
    %a: tensor<7xf64> {test.range = [-2.0, 2.0]}, %x: tensor<7xf64> {test.range = [-2.0, 2.0]},
    %b: tensor<2x3xf64> {test.range = [-2.0, 2.0]}, %y: tensor<2x3xf64> {test.range = [-2.0, 2.0]},
    %c: tensor<0x4xf64> {test.range = [-2.0, 2.0]}, %z: tensor<0x4xf64> {test.range = [-2.0, 2.0]})
    -> (tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>) {
  %0 = dlc.max %a, %x : tensor<7xf64>
  %1 = dlc.max %b, %y : tensor<2x3xf64>
  %2 = dlc.max %c, %z : tensor<0x4xf64>
  return %0, %1, %2 : tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>
}

func.func @min(
    %a: tensor<7xf64> {test.range = [-2.0, 2.0]}, %x: tensor<7xf64> {test.range = [-2.0, 2.0]},
    %b: tensor<2x3xf64> {test.range = [-2.0, 2.0]}, %y: tensor<2x3xf64> {test.range = [-2.0, 2.0]},
    %c: tensor<0x4xf64> {test.range = [-2.0, 2.0]}, %z: tensor<0x4xf64> {test.range = [-2.0, 2.0]})
    -> (tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>) {
  %0 = dlc.min %a, %x : tensor<7xf64>
  %1 = dlc.min %b, %y : tensor<2x3xf64>
  %2 = dlc.min %c, %z : tensor<0x4xf64>
  return %0, %1, %2 : tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>
}

func.func @rem(
    %a: tensor<7xf64> {test.range = [5.1, 5.3]}, %x: tensor<7xf64> {test.range = [1.1, 1.2]},
    %b: tensor<2x3xf64> {test.range = [5.1, 5.3]}, %y: tensor<2x3xf64> {test.range = [1.1, 1.2]},
    %c: tensor<0x4xf64> {test.range = [5.1, 5.3]}, %z: tensor<0x4xf64> {test.range = [1.1, 1.2]})
    -> (tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>) {
  %0 = dlc.rem %a, %x : tensor<7xf64>
  %1 = dlc.rem %b, %y : tensor<2x3xf64>
  %2 = dlc.rem %c, %z : tensor<0x4xf64>
  return %0, %1, %2 : tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>
}

func.func @mod(
    %a: tensor<7xf64> {test.range = [-5.3, -5.1]}, %x: tensor<7xf64> {test.range = [1.1, 1.2]},
    %b: tensor<2x3xf64> {test.range = [-5.3, -5.1]}, %y: tensor<2x3xf64> {test.range = [1.1, 1.2]},
    %c: tensor<0x4xf64> {test.range = [-5.3, -5.1]}, %z: tensor<0x4xf64> {test.range = [1.1, 1.2]})
    -> (tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>) {
  %0 = dlc.mod %a, %x : tensor<7xf64>
  %1 = dlc.mod %b, %y : tensor<2x3xf64>
  %2 = dlc.mod %c, %z : tensor<0x4xf64>
  return %0, %1, %2 : tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>
}

// One value as both operands: the two contributions add up.
func.func @mul_by_itself(%a: tensor<3xf64>) -> tensor<3xf64> {
  %0 = dlc.mul %a, %a : tensor<3xf64>
  %1 = dlc.mul %0, %a : tensor<3xf64>
  return %1 : tensor<3xf64>
}

// An exponent that is constant, at bases that are zero or negative.
func.func @pow_constant(%a: tensor<4xf64> {test.range = [-2.0, 2.0]}) -> (tensor<4xf64>, tensor<4xf64>) {
  %e = dlc.constant dense<3.0> : tensor<4xf64>
  %n = dlc.constant dense<[2.0, 0.0, 1.0, 4.0]> : tensor<4xf64>
  %0 = dlc.pow %a, %e : tensor<4xf64>
  %1 = dlc.pow %a, %n : tensor<4xf64>
  return %0, %1 : tensor<4xf64>, tensor<4xf64>
}

func.func @cast(%a: tensor<7xf64>, %b: tensor<2x3xf64>, %c: tensor<0x4xf64>, %d: tensor<5xf64> {test.range = [1.1, 1.9]})
    -> (tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>, tensor<5xf64>) {
  %0 = dlc.cast %a : tensor<7xf64> -> tensor<7xf64>
  %1 = dlc.cast %b : tensor<2x3xf64> -> tensor<2x3xf64>
  %2 = dlc.cast %c : tensor<0x4xf64> -> tensor<0x4xf64>
  // Through an integer no gradient flows.
  %3 = dlc.cast %d : tensor<5xf64> -> tensor<5xi32>
  %4 = dlc.cast %3 : tensor<5xi32> -> tensor<5xf64>
  %5 = dlc.mul %4, %d : tensor<5xf64>
  return %0, %1, %2, %5 : tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>, tensor<5xf64>
}

func.func @compare(%a: tensor<7xf64>, %b: tensor<2x3xf64>, %c: tensor<0x4xf64>)
    -> (tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>) {
  %za = dlc.constant dense<0.3> : tensor<7xf64>
  %zb = dlc.constant dense<-0.2> : tensor<2x3xf64>
  %pa = dlc.compare lt %a, %za : tensor<7xf64>
  %pb = dlc.compare ge %b, %zb : tensor<2x3xf64>
  %pc = dlc.compare ne %c, %c : tensor<0x4xf64>
  %fa = dlc.cast %pa : tensor<7xi1> -> tensor<7xf64>
  %fb = dlc.cast %pb : tensor<2x3xi1> -> tensor<2x3xf64>
  %fc = dlc.cast %pc : tensor<0x4xi1> -> tensor<0x4xf64>
  %0 = dlc.mul %fa, %a : tensor<7xf64>
  %1 = dlc.mul %fb, %b : tensor<2x3xf64>
  %2 = dlc.mul %fc, %c : tensor<0x4xf64>
  return %0, %1, %2 : tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>
}

func.func @is_nan(%a: tensor<7xf64>, %b: tensor<2x3xf64>, %c: tensor<0x4xf64>)
    -> (tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>) {
  %na = dlc.is_nan %a : tensor<7xf64>
  %nb = dlc.is_nan %b : tensor<2x3xf64>
  %nc = dlc.is_nan %c : tensor<0x4xf64>
  %0 = dlc.select %na, %a, %a : tensor<7xi1>, tensor<7xf64>
  %1 = dlc.select %nb, %b, %b : tensor<2x3xi1>, tensor<2x3xf64>
  %2 = dlc.select %nc, %c, %c : tensor<0x4xi1>, tensor<0x4xf64>
  return %0, %1, %2 : tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>
}

func.func @is_inf(%a: tensor<7xf64>, %b: tensor<2x3xf64>, %c: tensor<0x4xf64>)
    -> (tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>) {
  %na = dlc.is_inf %a : tensor<7xf64>
  %nb = dlc.is_inf %b : tensor<2x3xf64>
  %nc = dlc.is_inf %c : tensor<0x4xf64>
  %0 = dlc.select %na, %a, %a : tensor<7xi1>, tensor<7xf64>
  %1 = dlc.select %nb, %b, %b : tensor<2x3xi1>, tensor<2x3xf64>
  %2 = dlc.select %nc, %c, %c : tensor<0x4xi1>, tensor<0x4xf64>
  return %0, %1, %2 : tensor<7xf64>, tensor<2x3xf64>, tensor<0x4xf64>
}

func.func @select(%a: tensor<4xf64>, %x: tensor<4xf64>, %b: tensor<2x3xf64>, %y: tensor<2x3xf64>,
                  %c: tensor<0x4xf64>, %z: tensor<0x4xf64>)
    -> (tensor<4xf64>, tensor<2x3xf64>, tensor<0x4xf64>) {
  %pa = dlc.constant dense<[true, false, false, true]> : tensor<4xi1>
  %pb = dlc.constant dense<[[true, false, false], [true, true, false]]> : tensor<2x3xi1>
  %pc = dlc.constant dense<true> : tensor<0x4xi1>
  %0 = dlc.select %pa, %a, %x : tensor<4xi1>, tensor<4xf64>
  %1 = dlc.select %pb, %b, %y : tensor<2x3xi1>, tensor<2x3xf64>
  %2 = dlc.select %pc, %c, %z : tensor<0x4xi1>, tensor<0x4xf64>
  return %0, %1, %2 : tensor<4xf64>, tensor<2x3xf64>, tensor<0x4xf64>
}
