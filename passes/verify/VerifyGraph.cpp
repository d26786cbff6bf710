//===- VerifyGraph.cpp - what the kernel phase relies on ------------------===//
//
// Read-only. Reports the first fault of each function:
//
//   every argument   dlc.input | dlc.param | dlc.state, named once per kind
//   every result     dlc.output, or dlc.alias of one state of equal type
//   every op         of the dlc dialect, primitive, in the one block
//   every product    of operands and results with elements: libraries have
//                    none without
//
//===----------------------------------------------------------------------===//
#include "passes/verify/Passes.h"

#include "dialects/dlc/IR/Attention.h"
#include "passes/decompose/Decompositions.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringSet.h"

namespace dlc {
#define GEN_PASS_DEF_VERIFYGRAPHPASS
#include "passes/verify/Passes.h.inc"
} // namespace dlc

using namespace mlir;
using namespace dlc;

namespace {

LogicalResult verifyArguments(func::FuncOp func) {
  llvm::StringSet<> seen;
  for (unsigned i = 0; i < func.getNumArguments(); ++i) {
    int kinds = 0;
    for (StringRef kind : {names::input, names::param, names::state}) {
      auto name = func.getArgAttrOfType<StringAttr>(i, kind);
      if (!name)
        continue;
      ++kinds;
      if (!seen.insert((kind + "=" + name.getValue()).str()).second)
        return func.emitError() << "DLC2901: argument " << i
                                << " needs a name of its own, but got another '"
                                << name.getValue() << "'";
    }
    if (kinds != 1)
      return func.emitError()
             << "DLC2901: argument " << i
             << " is one of input, parameter and state, but got " << kinds
             << " of them";
  }
  return success();
}

LogicalResult verifyResults(func::FuncOp func) {
  llvm::SmallDenseSet<int64_t> aliased;
  for (unsigned i = 0; i < func.getNumResults(); ++i) {
    auto alias = func.getResultAttrOfType<IntegerAttr>(i, names::alias);
    if (bool(alias) ==
        bool(func.getResultAttrOfType<StringAttr>(i, names::output)))
      return func.emitError() << "DLC2901: result " << i
                              << " is either an output or new state, but got "
                              << (alias ? "both" : "neither");
    if (!alias)
      continue;
    int64_t argument = alias.getInt();
    if (argument < 0 || argument >= int64_t(func.getNumArguments()) ||
        func.getArgAttr(argument, names::input) ||
        !aliased.insert(argument).second)
      return func.emitError()
             << "DLC2901: result " << i
             << " is the only new value of a state argument, but got argument "
             << argument;
    Type expected = func.getArgumentTypes()[argument];
    if (func.getResultTypes()[i] != expected)
      return func.emitError()
             << "DLC2901: result " << i << " has the type of argument "
             << argument << ", " << expected << ", but got "
             << func.getResultTypes()[i];
  }
  return success();
}

/// What a model file can cause: a fault of the file's, not of a pass.
LogicalResult verifyElements(func::FuncOp func) {
  auto isEmpty = [](Type type) {
    return cast<RankedTensorType>(type).getNumElements() == 0;
  };
  for (auto [i, type] : llvm::enumerate(func.getResultTypes()))
    if (isEmpty(type))
      return func.emitError() << "DLC2013: result " << i
                              << " must have elements, but got " << type;
  WalkResult found = func.walk([&](Operation *op) {
    if (!isa<DotGeneralOp, ConvOp, ConvGradDataOp, ConvGradWeightsOp,
             AttentionOp, AttentionGradOp>(op))
      return WalkResult::advance();
    for (TypeRange types :
         {TypeRange(op->getOperandTypes()), TypeRange(op->getResultTypes())})
      for (Type type : types)
        if (isEmpty(type)) {
          op->emitError("DLC2013: operands and results of a product must have "
                        "elements, but got ")
              << type;
          return WalkResult::interrupt();
        }
    return WalkResult::advance();
  });
  return failure(found.wasInterrupted());
}

LogicalResult verifyBody(func::FuncOp func) {
  if (!func.getBody().hasOneBlock())
    return func.emitError("DLC2901: a function has one block, but got ")
           << func.getBody().getBlocks().size();
  for (Operation &op : func.getBody().front().without_terminator()) {
    if (!isa<DlcDialect>(op.getDialect()))
      return op.emitError("DLC2901: a graph holds dlc ops alone, but got '")
             << op.getName() << "'";
    if (decompositions().lookup(&op) && !isLibraryAttention(&op))
      return op.emitError("DLC2901: compound ops are decomposed before the "
                          "kernel phase, but got '")
             << op.getName() << "'";
  }
  return success();
}

struct VerifyGraph : dlc::impl::VerifyGraphPassBase<VerifyGraph> {
  void runOnOperation() override {
    for (auto func : getOperation().getOps<func::FuncOp>())
      if (failed(verifyArguments(func)) || failed(verifyResults(func)) ||
          failed(verifyBody(func)) || failed(verifyElements(func)))
        return signalPassFailure();
    markAllAnalysesPreserved();
  }
};

} // namespace
