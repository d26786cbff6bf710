// RUN: dlc-opt %s --canonicalize | FileCheck %s

// CHECK-LABEL: func @neutral
// CHECK-SAME:    (%[[X:.+]]: tensor<2x3xf32>)
// CHECK-NEXT:    return %[[X]], %[[X]], %[[X]], %[[X]]
func.func @neutral(%x: tensor<2x3xf32>) -> (tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>) {
  %zero = dlc.constant dense<0.0> : tensor<2x3xf32>
  %one = dlc.constant dense<1.0> : tensor<2x3xf32>
  %0 = dlc.add %zero, %x : tensor<2x3xf32>
  %1 = dlc.sub %x, %zero : tensor<2x3xf32>
  %2 = dlc.mul %one, %x : tensor<2x3xf32>
  %3 = dlc.div %x, %one : tensor<2x3xf32>
  return %0, %1, %2, %3 : tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>
}

// A product with zero is NaN for infinities and NaN, so it stays.
// CHECK-LABEL: func @times_zero
// CHECK:         dlc.mul
func.func @times_zero(%x: tensor<2xf32>) -> tensor<2xf32> {
  %zero = dlc.constant dense<0.0> : tensor<2xf32>
  %0 = dlc.mul %x, %zero : tensor<2xf32>
  return %0 : tensor<2xf32>
}

// CHECK-LABEL: func @select_known
// CHECK-SAME:    (%[[X:.+]]: tensor<2xf32>, %[[Y:.+]]: tensor<2xf32>, %{{.+}}: tensor<2xi1>)
// CHECK-NEXT:    return %[[X]], %[[Y]], %[[X]]
func.func @select_known(%x: tensor<2xf32>, %y: tensor<2xf32>, %c: tensor<2xi1>) -> (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) {
  %true = dlc.constant dense<true> : tensor<2xi1>
  %false = dlc.constant dense<false> : tensor<2xi1>
  %0 = dlc.select %true, %x, %y : tensor<2xi1>, tensor<2xf32>
  %1 = dlc.select %false, %x, %y : tensor<2xi1>, tensor<2xf32>
  %2 = dlc.select %c, %x, %x : tensor<2xi1>, tensor<2xf32>
  return %0, %1, %2 : tensor<2xf32>, tensor<2xf32>, tensor<2xf32>
}

// CHECK-LABEL: func @powers
// CHECK-SAME:    (%[[X:.+]]: tensor<2xf32>)
// CHECK-DAG:     dlc.mul %[[X]], %[[X]]
// CHECK-DAG:     dlc.sqrt %[[X]]
// CHECK-DAG:     dlc.rsqrt %[[X]]
// CHECK-DAG:     dlc.pow %[[X]]
// CHECK:         return
func.func @powers(%x: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) {
  %two = dlc.constant dense<2.0> : tensor<2xf32>
  %half = dlc.constant dense<0.5> : tensor<2xf32>
  %minus = dlc.constant dense<-0.5> : tensor<2xf32>
  %other = dlc.constant dense<1.7> : tensor<2xf32>
  %0 = dlc.pow %x, %two : tensor<2xf32>
  %1 = dlc.pow %x, %half : tensor<2xf32>
  %2 = dlc.pow %x, %minus : tensor<2xf32>
  %3 = dlc.pow %x, %other : tensor<2xf32>
  return %0, %1, %2, %3 : tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>
}

// CHECK-LABEL: func @cast_to_itself
// CHECK-SAME:    (%[[X:.+]]: tensor<2xf32>)
// CHECK-NEXT:    return %[[X]]
func.func @cast_to_itself(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = dlc.cast %x : tensor<2xf32> -> tensor<2xf32>
  return %0 : tensor<2xf32>
}
