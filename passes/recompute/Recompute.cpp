//===- Recompute.cpp - forward ops once more, for the backward half -------===//
//
//   %h = f(%x)            kept or not?        %h  = f(%x)
//   %y = g(%h)                                %y  = g(%h)
//   …                         ->              …
//   %dx = df(%dh, %h)                         %h' = f(%x) {dlc.recomputed}
//                                             %dx = df(%dh, %h')
//
// %h is then dead after %y, and %h' lives for a moment.
//
//===----------------------------------------------------------------------===//
#include "passes/recompute/Passes.h"

#include "dialects/dlc/IR/Builders.h"
#include "dialects/dlc/IR/Cost.h"
#include "dialects/dlc/IR/Halves.h"
#include "passes/recompute/SavedValues.h"

#include "mlir/IR/Remarks.h"

namespace dlc {
#define GEN_PASS_DEF_RECOMPUTEPASS
#include "passes/recompute/Passes.h.inc"
} // namespace dlc

using namespace mlir;
using namespace dlc;

namespace {

class Repeater {
public:
  Repeater(func::FuncOp function, const ForwardOps &forward,
           const llvm::DenseSet<Operation *> &saved)
      : function(function), forward(forward), saved(saved),
        b(function.getContext()) {}

  void run();
  unsigned numRepeated = 0, numContractions = 0;
  double flops = 0;

private:
  Value repeated(Value value);
  void repeat(Operation *op);
  bool isKept(Operation *op) const {
    return !op || !forward.contains(op) || saved.contains(op) ||
           isa<dlc::ConstantOp>(op);
  }

  func::FuncOp function;
  const ForwardOps &forward;
  const llvm::DenseSet<Operation *> &saved;
  OpBuilder b;
  llvm::DenseMap<Operation *, Operation *> copies;
};

} // namespace

void Repeater::repeat(Operation *op) {
  Operation *copy = b.clone(*op);
  for (OpOperand &operand : copy->getOpOperands())
    operand.set(repeated(operand.get()));
  copy->setAttr(names::recomputed, b.getUnitAttr());
  copies[op] = copy;
  ++numRepeated;
  auto dlcOp = dyn_cast<DlcOpInterface>(op);
  numContractions +=
      dlcOp && dlcOp.getPrecisionClass() == PrecisionClass::LowerFreely;
  flops += costOf(op).flops;
}

/// The copy of `value`, made with all that it needs before the insertion point.
/// Without recursion: chains are as deep as models.
Value Repeater::repeated(Value value) {
  Operation *root = value.getDefiningOp();
  if (isKept(root))
    return value;
  SmallVector<std::pair<Operation *, bool>> pending = {{root, false}};
  while (!pending.empty()) {
    auto [op, isReady] = pending.pop_back_val();
    if (isKept(op) || copies.contains(op))
      continue;
    if (isReady) {
      repeat(op);
      continue;
    }
    pending.push_back({op, true});
    for (Value operand : llvm::reverse(op->getOperands()))
      pending.push_back({operand.getDefiningOp(), false});
  }
  return copies.at(root)->getResult(cast<OpResult>(value).getResultNumber());
}

void Repeater::run() {
  auto ops = llvm::map_to_vector(
      function.getBody().front().without_terminator(),
      [](Operation &op) { return &op; });
  for (Operation *op : ops) {
    if (forward.contains(op))
      continue;
    b.setInsertionPoint(op);
    for (OpOperand &operand : op->getOpOperands())
      operand.set(repeated(operand.get()));
  }
}

namespace {

struct Recompute : dlc::impl::RecomputePassBase<Recompute> {
  using RecomputePassBase::RecomputePassBase;

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (function.isDeclaration() || mode == "none")
      return;
    if (mode != "cheap" && mode != "full") {
      function.emitError("DLC2015: recomputation is 'none', 'cheap' or 'full', "
                         "but got '")
          << mode << "'";
      return signalPassFailure();
    }
    Block &block = function.getBody().front();
    ForwardOps forward(block);
    if (forward.ops().size() + 1 >= block.getOperations().size())
      return; // nothing but a forward half
    llvm::DenseSet<Operation *> saved = mode == "full"
                                            ? saveBySegments(forward, segments)
                                            : saveByMinCut(forward);
    Repeater repeater(function, forward, saved);
    repeater.run();
    numRepeated += repeater.numRepeated;
    numContractions += repeater.numContractions;
    function->setAttr(names::recomputedFlops,
                      Builder(&getContext()).getF64FloatAttr(repeater.flops));
  }
};

} // namespace
