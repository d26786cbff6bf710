// RUN: dlc-opt %s --verify-roundtrip --allow-unregistered-dialect -o /dev/null

// Attention and its gradient: plain, causal with fewer and with more rows than keys, with masks of booleans and of numbers (which have a
// gradient), without elements. The logsumexp is a result like the output: its gradient counts.

func.func @attention(%q: tensor<3x2xf64>, %k: tensor<4x2xf64>, %v: tensor<4x3xf64>, %b: tensor<2x2x3x4xf64>, %e: tensor<0x3x2xf64>)
    -> (tensor<3x3xf64>, tensor<3xf64>, tensor<2x2x3x4xf64>, tensor<2x2x3xf64>, tensor<0x3x2xf64>, tensor<0x3xf64>) {
  %0:2 = dlc.attention %q, %k, %v scale 7.0e-1 : (tensor<3x2xf64>, tensor<4x2xf64>, tensor<4x3xf64>) -> (tensor<3x3xf64>, tensor<3xf64>)
  %1:2 = dlc.attention %b, %b, %b scale 5.0e-1
    : (tensor<2x2x3x4xf64>, tensor<2x2x3x4xf64>, tensor<2x2x3x4xf64>) -> (tensor<2x2x3x4xf64>, tensor<2x2x3xf64>)
  %2:2 = dlc.attention %e, %e, %e scale 1.0 : (tensor<0x3x2xf64>, tensor<0x3x2xf64>, tensor<0x3x2xf64>) -> (tensor<0x3x2xf64>, tensor<0x3xf64>)
  return %0#0, %0#1, %1#0, %1#1, %2#0, %2#1
    : tensor<3x3xf64>, tensor<3xf64>, tensor<2x2x3x4xf64>, tensor<2x2x3xf64>, tensor<0x3x2xf64>, tensor<0x3xf64>
}

func.func @attention_causal(%q: tensor<2x5x2xf64>, %k: tensor<2x3x2xf64>, %v: tensor<2x3x4xf64>, %r: tensor<2x2x2xf64>)
    -> (tensor<2x5x4xf64>, tensor<2x5xf64>, tensor<2x2x4xf64>) {
  %0:2 = dlc.attention %q, %k, %v scale 6.0e-1 causal
    : (tensor<2x5x2xf64>, tensor<2x3x2xf64>, tensor<2x3x4xf64>) -> (tensor<2x5x4xf64>, tensor<2x5xf64>)
  %1:2 = dlc.attention %r, %k, %v scale 6.0e-1 causal
    : (tensor<2x2x2xf64>, tensor<2x3x2xf64>, tensor<2x3x4xf64>) -> (tensor<2x2x4xf64>, tensor<2x2xf64>)
  return %0#0, %0#1, %1#0 : tensor<2x5x4xf64>, tensor<2x5xf64>, tensor<2x2x4xf64>
}

// The first row sees one key, the second none, the third all.
func.func @attention_mask_of_booleans(%q: tensor<2x3x2xf64>, %k: tensor<2x4x2xf64>, %v: tensor<2x4x2xf64>) -> tensor<2x3x2xf64> {
  %m = dlc.constant dense<[[[false, true, false, false], [false, false, false, false], [true, true, true, true]]]> : tensor<1x3x4xi1>
  %0:2 = dlc.attention %q, %k, %v mask %m scale 9.0e-1
    : (tensor<2x3x2xf64>, tensor<2x4x2xf64>, tensor<2x4x2xf64>, tensor<1x3x4xi1>) -> (tensor<2x3x2xf64>, tensor<2x3xf64>)
  return %0#0 : tensor<2x3x2xf64>
}

func.func @attention_mask_of_numbers(%q: tensor<2x2x3x2xf64>, %m: tensor<1x2x3x3xf64>, %n: tensor<2x1x1x3xf64>)
    -> (tensor<2x2x3x2xf64>, tensor<2x2x3xf64>, tensor<2x2x3x2xf64>) {
  %0:2 = dlc.attention %q, %q, %q mask %m scale 8.0e-1
    : (tensor<2x2x3x2xf64>, tensor<2x2x3x2xf64>, tensor<2x2x3x2xf64>, tensor<1x2x3x3xf64>) -> (tensor<2x2x3x2xf64>, tensor<2x2x3xf64>)
  %1:2 = dlc.attention %q, %q, %q mask %n scale 8.0e-1 causal
    : (tensor<2x2x3x2xf64>, tensor<2x2x3x2xf64>, tensor<2x2x3x2xf64>, tensor<2x1x1x3xf64>) -> (tensor<2x2x3x2xf64>, tensor<2x2x3xf64>)
  return %0#0, %0#1, %1#0 : tensor<2x2x3x2xf64>, tensor<2x2x3xf64>, tensor<2x2x3x2xf64>
}

// Its operands need not belong together: it is a formula in all of them.
func.func @attention_grad(%g: tensor<3x2xf64>, %q: tensor<3x2xf64>, %k: tensor<4x2xf64>, %v: tensor<4x2xf64>, %o: tensor<3x2xf64>,
    %l: tensor<3xf64> {test.range = [1.0, 2.0]}, %e: tensor<0x2x2xf64>, %f: tensor<0x2xf64>)
    -> (tensor<3x2xf64>, tensor<4x2xf64>, tensor<4x2xf64>, tensor<0x2x2xf64>) {
  %0:3 = dlc.attention_grad %g, %q, %k, %v, %o, %l scale 7.0e-1
    : (tensor<3x2xf64>, tensor<3x2xf64>, tensor<4x2xf64>, tensor<4x2xf64>, tensor<3x2xf64>, tensor<3xf64>)
    -> (tensor<3x2xf64>, tensor<4x2xf64>, tensor<4x2xf64>)
  %1:3 = dlc.attention_grad %e, %e, %e, %e, %e, %f scale 7.0e-1
    : (tensor<0x2x2xf64>, tensor<0x2x2xf64>, tensor<0x2x2xf64>, tensor<0x2x2xf64>, tensor<0x2x2xf64>, tensor<0x2xf64>)
    -> (tensor<0x2x2xf64>, tensor<0x2x2xf64>, tensor<0x2x2xf64>)
  return %0#0, %0#1, %0#2, %1#0 : tensor<3x2xf64>, tensor<4x2xf64>, tensor<4x2xf64>, tensor<0x2x2xf64>
}

func.func @attention_grad_masked(%g: tensor<2x3x2xf64>, %q: tensor<2x3x2xf64>, %l: tensor<2x3xf64> {test.range = [1.0, 2.0]},
    %m: tensor<1x3x3xf64>)
    -> (tensor<2x3x2xf64>, tensor<2x3x2xf64>) {
  %0:3 = dlc.attention_grad %g, %q, %q, %q, %g, %l mask %m scale 7.0e-1 causal
    : (tensor<2x3x2xf64>, tensor<2x3x2xf64>, tensor<2x3x2xf64>, tensor<2x3x2xf64>, tensor<2x3x2xf64>, tensor<2x3xf64>, tensor<1x3x3xf64>)
    -> (tensor<2x3x2xf64>, tensor<2x3x2xf64>, tensor<2x3x2xf64>)
  return %0#0, %0#1 : tensor<2x3x2xf64>, tensor<2x3x2xf64>
}
