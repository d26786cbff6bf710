// RUN: dlc-opt %s --dlc-offload=distance=1 --dlc-plan-memory --dlc-verify-exec | FileCheck %s
// RUN: dlc-opt %s --dlc-offload="distance=1 limit=20544" | FileCheck %s --check-prefix=LIMIT

// %a lies idle twice, each time while most bytes live: it goes twice, and what came back the first time is what goes then.
// CHECK-LABEL: exec.program @twice arena(16448) host(4096)
// CHECK: exec.fill %a with 1
// CHECK: exec.transfer %a -> %[[KEPT:[a-z0-9_]+]] :
// CHECK: exec.wait %a -> %[[KEPT]] :
// CHECK: exec.transfer %[[KEPT]] -> %[[BACK:[a-z0-9_]+]] :
// CHECK: exec.wait %[[KEPT]] -> %[[BACK]] :
// CHECK: exec.fill %[[BACK]] with 2
// CHECK: exec.transfer %[[BACK]] -> %[[AGAIN:[a-z0-9_]+]] :
// CHECK: exec.wait %[[BACK]] -> %[[AGAIN]] :
// CHECK: exec.transfer %[[AGAIN]] -> %[[LAST:[a-z0-9_]+]] :
// CHECK: exec.wait %[[AGAIN]] -> %[[LAST]] :
// CHECK: exec.fill %[[LAST]] with 3

// A limit that holds leaves everything where it is.
// LIMIT-NOT: exec.transfer
exec.program @twice {
  %a = exec.buffer activation "a" : !exec.buffer<4096>
  %b = exec.buffer gradient "b" : !exec.buffer<16384>
  %c = exec.buffer gradient "c" : !exec.buffer<16384>
  %s = exec.buffer gradient "s" : !exec.buffer<64>
  exec.fill %a with 1 of 4 : !exec.buffer<4096>
  exec.fill %s with 0 of 4 : !exec.buffer<64>
  exec.fill %b with 0 of 4 : !exec.buffer<16384>
  exec.fill %b with 1 of 4 : !exec.buffer<16384>
  exec.fill %s with 1 of 4 : !exec.buffer<64>
  exec.fill %a with 2 of 4 : !exec.buffer<4096>
  exec.fill %s with 2 of 4 : !exec.buffer<64>
  exec.fill %c with 0 of 4 : !exec.buffer<16384>
  exec.fill %c with 1 of 4 : !exec.buffer<16384>
  exec.fill %s with 3 of 4 : !exec.buffer<64>
  exec.fill %a with 3 of 4 : !exec.buffer<4096>
}
