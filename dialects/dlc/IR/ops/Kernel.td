#ifndef DLC_KERNEL_TD
#define DLC_KERNEL_TD

include "dialects/dlc/IR/DlcOpBase.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"

def Dlc_KernelOp : Op<Dlc_Dialect, "kernel", [Pure, IsolatedFromAbove, SingleBlockImplicitTerminator<"YieldOp">]> {
  let summary = "a fusion region: dlc ops that become one kernel";
  let description = [{
    The body is ordinary dlc ops on whole tensors, so inlining it gives the unfused program back. Block arguments are the operands, the
    yielded values the results. `schedule` says how the emitter walks it.
  }];
  let arguments = (ins StrAttr:$name, Dlc_ScheduleAttr:$schedule, Variadic<Dlc_Tensor>:$inputs);
  let results = (outs Variadic<Dlc_Tensor>:$outputs);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$name $schedule `(` $inputs `)` attr-dict `:` functional-type($inputs, $outputs) $body";
  let hasVerifier = 1;
  string family = "Kernel";
  list<code> validExamples = [[{
    %0 = dlc.kernel "k" <row, [2, 3], cols = [1]> (%x) : (tensor<2x3xf32>) -> tensor<2xf32> {
    ^bb0(%a: tensor<2x3xf32>):
      %s = dlc.reduce_sum %a dims [1] : tensor<2x3xf32> -> tensor<2xf32>
      dlc.yield %s : tensor<2xf32>
    }
  }], [{
    // %v: tensor<i64>
    %0 = dlc.kernel "count" <map, []> (%v) : (tensor<i64>) -> tensor<i64> {
    ^bb0(%a: tensor<i64>):
      %s = dlc.add %a, %a : tensor<i64>
      dlc.yield %s : tensor<i64>
    }
  }]];
  list<code> invalidExamples = [[{
    expects block arguments of the inputs' types, but got 1 arguments for 1 inputs
    %0 = dlc.kernel "k" <row, [2, 3], cols = [1]> (%x) : (tensor<2x3xf32>) -> tensor<2xf32> {
    ^bb0(%a: tensor<2x5xf32>):
      %s = dlc.reduce_sum %a dims [1] : tensor<2x5xf32> -> tensor<2xf32>
      dlc.yield %s : tensor<2xf32>
    }
  }], [{
    expects to yield values of the outputs' types, but got 1 values for 1 outputs
    %0 = dlc.kernel "k" <row, [2, 3], cols = [1]> (%x) : (tensor<2x3xf32>) -> tensor<3xf32> {
    ^bb0(%a: tensor<2x3xf32>):
      %s = dlc.reduce_sum %a dims [1] : tensor<2x3xf32> -> tensor<2xf32>
      dlc.yield %s : tensor<2xf32>
    }
  }], [{
    expects a mixed schedule to have groups, rows of a group and columns, but got #dlc.schedule<mixed, [2, 3], cols = [1]>
    %0 = dlc.kernel "k" <mixed, [2, 3], cols = [1]> (%x) : (tensor<2x3xf32>) -> tensor<2xf32> {
    ^bb0(%a: tensor<2x3xf32>):
      %s = dlc.reduce_sum %a dims [1] : tensor<2x3xf32> -> tensor<2xf32>
      dlc.yield %s : tensor<2xf32>
    }
  }]];
}

def Dlc_YieldOp : Op<Dlc_Dialect, "yield", [Pure, Terminator, ReturnLike, HasParent<"KernelOp">]> {
  let summary = "the results of a fusion region";
  let arguments = (ins Variadic<Dlc_Tensor>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
  let builders = [OpBuilder<(ins), [{ }]>];
  string family = "Kernel";
  list<code> validExamples = [[{
    %0 = dlc.kernel "k" <row, [2, 3], cols = [1]> (%x) : (tensor<2x3xf32>) -> tensor<2xf32> {
    ^bb0(%a: tensor<2x3xf32>):
      %s = dlc.reduce_sum %a dims [1] : tensor<2x3xf32> -> tensor<2xf32>
      dlc.yield %s : tensor<2xf32>
    }
  }]];
  list<code> invalidExamples = [[{
    expects parent op 'dlc.kernel'
    dlc.yield %x : tensor<2x3xf32>
  }]];
}

#endif
