#ifndef DLC_PASS_BASE_TD
#define DLC_PASS_BASE_TD

include "mlir/Pass/PassBase.td"

/// Base of every pass. `before` and `after` are IR that the test generator runs: the pass on `before` must print what `after` prints.
/// `exampleOptions` are the options it runs with, as on the command line.
class DlcPass<string argument, string operation> : Pass<argument, operation> {
  code before = "";
  code after = "";
  string exampleOptions = "";
}

#endif
