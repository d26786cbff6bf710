#ifndef DLC_NONFINITE_PASSES_TD
#define DLC_NONFINITE_PASSES_TD

include "passes/PassBase.td"

def TraceNonfinitePass : DlcPass<"dlc-trace-nonfinite", "::mlir::func::FuncOp"> {
  let summary = "Number ops and say where infinities are expected, for --trace-nonfinite";
  let description = [{
    Every op that computes floats gets a number, its name and its part of the step (forward, backward, update of a state) in its location, where
    they survive fusion. Results that hold an infinity by design get `dlc.infinities` (1: -inf, 2: +inf, 3: both): an infinite constant, such as
    the -inf of an attention mask, and what passes it on, up to the op that turns it into a finite number (`exp`, `max` with a finite value, a
    quotient's divisor). Everything else must be finite, and NaN is expected nowhere, so the first op whose result breaks this had operands that
    did not. The attribute `dlc.traced` on the function asks code generation for the checks. Runs last in the graph phase. Linear.
  }];
  let statistics = [
    Statistic<"numNumbered", "numbered", "ops that compute floats">,
    Statistic<"numInfinite", "infinite", "results that hold infinities by design">
  ];
  let before = [{
    func.func @infer(%s: tensor<2x3xf32>, %m: tensor<2x3xi1>) -> tensor<2x3xf32> {
      %0 = dlc.constant dense<0xFF800000> : tensor<2x3xf32>
      %1 = dlc.select %m, %s, %0 : tensor<2x3xi1>, tensor<2x3xf32>
      %2 = dlc.exp %1 : tensor<2x3xf32>
      return %2 : tensor<2x3xf32>
    }
  }];
  let after = [{
    func.func @infer(%s: tensor<2x3xf32>, %m: tensor<2x3xi1>) -> tensor<2x3xf32> attributes {dlc.traced} {
      %0 = dlc.constant dense<0xFF800000> : tensor<2x3xf32>
      %1 = dlc.select %m, %s, %0 {dlc.infinities = 1 : i64} : tensor<2x3xi1>, tensor<2x3xf32>
      %2 = dlc.exp %1 : tensor<2x3xf32>
      return %2 : tensor<2x3xf32>
    }
  }];
}

def InjectNonfinitePass : DlcPass<"dlc-inject-nonfinite", "::mlir::func::FuncOp"> {
  let summary = "Break one op, so that a test can see it found";
  let description = [{
    Marks op number `op` of function `function`, as `dlc-trace-nonfinite` numbers them, with `dlc.inject`: code generation then makes the first
    element of its result `value`. A product or convolution that is marked is computed by a kernel instead of the library. Needs
    `dlc-trace-nonfinite` to have run.
  }];
  let options = [
    Option<"function", "function", "std::string", /*default=*/"\"step\"", "the function that holds the op">,
    Option<"number", "op", "int64_t", /*default=*/"0", "its number">,
    Option<"value", "value", "std::string", /*default=*/"\"nan\"", "nan, inf or -inf">
  ];
  let statistics = [Statistic<"numInjected", "injected", "ops that were marked">];
}

#endif
