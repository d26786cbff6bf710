// RUN: dlc-opt %s --dlc-trace-nonfinite --dlc-inject-nonfinite="function=step op=1 value=inf" | FileCheck %s
// RUN: not dlc-opt %s --dlc-trace-nonfinite --dlc-inject-nonfinite="function=step op=2" 2>&1 | FileCheck %s --check-prefix=MANY
// RUN: not dlc-opt %s --dlc-trace-nonfinite --dlc-inject-nonfinite="function=step value=one" 2>&1 | FileCheck %s --check-prefix=VALUE
// RUN: dlc-opt %s --dlc-trace-nonfinite --dlc-inject-nonfinite="function=step op=1 value=inf" --dlc-kernels-pipeline | FileCheck %s --check-prefix=KERNEL
// MANY: DLC2018: a fault is 'nan', 'inf' or '-inf' in an op below 2, but got 'nan' in op 2
// VALUE: but got 'one' in op 0

// Ops that only move elements are not counted, and a product that is broken is
// no library call.
// CHECK-LABEL: func.func @step
// CHECK:         dlc.exp %{{[a-z0-9]+}} :
// CHECK:         dlc.dot_general {{.*}} {dlc.inject = "inf"}
// KERNEL-LABEL: func.func @step
// KERNEL:         dlc.kernel
// KERNEL:           dlc.dot_general {{.*}} {dlc.inject = "inf"}
func.func @step(%x: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %0 = dlc.exp %x : tensor<8x8xf32>
  %1 = dlc.transpose %0 [1, 0] : tensor<8x8xf32> -> tensor<8x8xf32>
  %2 = dlc.dot_general %0, %1 batch [] x [] contract [1] x [0] : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  return %2 : tensor<8x8xf32>
}
