//===- Decisions.h - what passes did and left undone ------------*- C++ -*-===//
//
// Passes report decisions as optimization remarks:
//
//   remark::missed(loc, RemarkOpts::name("no-gain").category("fusion")
//                           .function("step")) << "why";
//
// A DecisionScope collects them from everything that its context compiles.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_COMPILER_DRIVER_DECISIONS_H
#define DLC_COMPILER_DRIVER_DECISIONS_H

#include "compiler/driver/Compiler.h"

namespace dlc {

/// While alive, decisions go to `decisions`; they are sorted by entry at the
/// end, because passes run on several functions at a time. One per context.
class DecisionScope {
public:
  DecisionScope(mlir::MLIRContext &context,
                std::vector<PassDecision> &decisions);
  ~DecisionScope();
  DecisionScope(const DecisionScope &) = delete;
  DecisionScope &operator=(const DecisionScope &) = delete;

private:
  mlir::MLIRContext &context;
  std::vector<PassDecision> &decisions;
};

} // namespace dlc

#endif
