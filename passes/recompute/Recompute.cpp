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
#include "llvm/Support/FormatVariadic.h"

namespace dlc {
#define GEN_PASS_DEF_RECOMPUTEPASS
#include "passes/recompute/Passes.h.inc"
} // namespace dlc

using namespace mlir;
using namespace dlc;

namespace {

bool isContraction(Operation *op) {
  auto dlcOp = dyn_cast<DlcOpInterface>(op);
  return dlcOp && dlcOp.getPrecisionClass() == PrecisionClass::LowerFreely;
}

class Repeater {
public:
  Repeater(func::FuncOp function, const ForwardOps &forward,
           const llvm::DenseSet<Operation *> &saved, int64_t copyNumber)
      : function(function), forward(forward), saved(saved),
        b(function.getContext()), mark(b.getI64IntegerAttr(copyNumber)) {}

  void run();
  unsigned numRepeated = 0, numContractions = 0;
  double flops = 0;

private:
  Value repeated(Value value);
  void repeat(Operation *op);
  void remarkOn(Operation *op);
  bool isKept(Operation *op) const {
    return !op || !forward.contains(op) || saved.contains(op) ||
           isa<dlc::ConstantOp>(op);
  }

  func::FuncOp function;
  const ForwardOps &forward;
  const llvm::DenseSet<Operation *> &saved;
  OpBuilder b;
  IntegerAttr mark;
  llvm::DenseMap<Operation *, Operation *> copies;
};

} // namespace

/// Copies of the first kind are cheap; those of the second redo a segment.
void Repeater::remarkOn(Operation *op) {
  auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  if (!type || !op->getContext()->getRemarkEngine())
    return;
  int64_t bytes = type.getNumElements() *
                  std::max(type.getElementTypeBitWidth() / 8, 1u);
  remark::passed(op->getLoc(),
                 remark::RemarkOpts::name(mark.getInt() == 1 ? "cheap"
                                                             : "segment")
                     .category("recompute")
                     .function(function.getName()))
      << llvm::formatv("'{0}' of {1} bytes is computed again where the backward "
                       "half reads it, instead of being kept",
                       op->getName().stripDialect(), bytes)
             .str();
}

void Repeater::repeat(Operation *op) {
  remarkOn(op);
  Operation *copy = b.clone(*op);
  for (OpOperand &operand : copy->getOpOperands())
    operand.set(repeated(operand.get()));
  copy->setAttr(names::recomputed, mark);
  copies[op] = copy;
  ++numRepeated;
  numContractions += isContraction(op);
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
  auto ops =
      llvm::map_to_vector(function.getBody().front().without_terminator(),
                          [](Operation &op) { return &op; });
  for (Operation *op : ops) {
    // A loss in parts is done with each part at once: a copy of what it reads
    // would only make the next part wait.
    if (forward.contains(op) || chunkNumber(op) != 0)
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
    auto [kind, settings] = StringRef(mode).split(':');
    unsigned segments = 2;
    bool isFull = kind == "full";
    if ((!isFull && mode != "cheap") ||
        (!settings.empty() &&
         (!settings.consume_front("segments=") ||
          settings.getAsInteger(10, segments) || segments < 1))) {
      function.emitError("DLC2015: recomputation is 'none', 'cheap' or "
                         "'full[:segments=N]', but got '")
          << mode << "'";
      return signalPassFailure();
    }
    ForwardOps forward(function);
    if (!forward.hasRest())
      return;
    double flops = repeat(function, forward, saveByMinCut(forward), 1);
    if (isFull) {
      // The copies of a segment keep no more than the forward half would: those
      // of the first kind above read those of the second.
      ForwardOps again(function);
      flops += repeat(function, again, saveBySegments(again, segments), 2);
    }
    function->setAttr(names::recomputedFlops,
                      Builder(&getContext()).getF64FloatAttr(flops));
    report(function, flops);
  }

private:
  void report(func::FuncOp function, double flops) {
    if (!getContext().getRemarkEngine())
      return;
    unsigned copies = 0, contractions = 0;
    for (Operation &op : function.getOps())
      if (copyNumber(&op) != 0) {
        ++copies;
        contractions += isContraction(&op);
      }
    remark::passed(function.getLoc(),
                   remark::RemarkOpts::name("repeated")
                       .category("recompute")
                       .function(function.getName()))
        << llvm::formatv("mode '{0}': {1} ops are computed again, {2} of them "
                         "products and convolutions, {3:f2} GFLOP in all",
                         mode, copies, contractions, flops / 1e9)
               .str();
  }
  double repeat(func::FuncOp function, const ForwardOps &forward,
                const llvm::DenseSet<Operation *> &saved, int64_t copyNumber) {
    Repeater repeater(function, forward, saved, copyNumber);
    repeater.run();
    numRepeated += repeater.numRepeated;
    numContractions += repeater.numContractions;
    return repeater.flops;
  }
};

} // namespace
