//===- TraceNonfinite.cpp - number ops and mark expected infinities -------===//
//
//   %1 = dlc.select %m, %s, %c   -inf by design: %c is       number 0, forward
//   %2 = dlc.exp %1              finite again                number 1, forward
//   …
//   %9 = dlc.mul %8, %2          from a gradient rule        number 7, backward
//   %g = dlc.add %w, %9          reads a gradient, and       number 8, update
//                                becomes the state "w"
//
//===----------------------------------------------------------------------===//
#include "passes/nonfinite/Passes.h"

#include "dialects/dlc/IR/Builders.h"
#include "dialects/dlc/IR/Halves.h"
#include "dialects/dlc/indexing/Access.h"
#include "passes/nonfinite/Infinities.h"

using namespace mlir;

namespace dlc {
#define GEN_PASS_DEF_TRACENONFINITEPASS
#include "passes/nonfinite/Passes.h.inc"
} // namespace dlc

using namespace dlc;

/// It computes floats: what only moves elements breaks none.
static bool isTraced(Operation &op) {
  return op.getNumResults() != 0 && !isIndexOnly(&op) &&
         llvm::any_of(op.getResultTypes(), [](Type type) {
           return isa<FloatType>(getElementTypeOrSelf(type));
         });
}

namespace {

class Tracing {
public:
  explicit Tracing(func::FuncOp function)
      : function(function), block(function.getBody().front()) {}

  void run();
  unsigned numNumbered = 0, numInfinite = 0;

private:
  void findUpdates();
  void findStates();
  void markInfinities();
  StepPart partOf(Operation &op) const;

  func::FuncOp function;
  Block &block;
  /// Ops that read gradients without being some, and what only those use.
  llvm::DenseSet<Operation *> updates;
  /// The one state that an op helps to compute; empty for several.
  DenseMap<Operation *, StringAttr> states;
};

} // namespace

void Tracing::findUpdates() {
  llvm::DenseSet<Operation *> late;
  for (Operation &op : block.without_terminator()) {
    bool isLate = isGradient(op.getLoc());
    bool readsLate = llvm::any_of(op.getOperands(), [&](Value operand) {
      return late.contains(operand.getDefiningOp());
    });
    if (isLate || readsLate)
      late.insert(&op);
    if (readsLate && !isLate)
      updates.insert(&op);
  }
  for (Operation &op : llvm::reverse(block.without_terminator()))
    if (!late.contains(&op) && !op.use_empty() &&
        llvm::all_of(op.getUsers(), [&](Operation *user) {
          return updates.contains(user);
        }))
      updates.insert(&op);
}

/// Backwards from the states that the function returns.
void Tracing::findStates() {
  MLIRContext *context = function.getContext();
  StringAttr several = StringAttr::get(context, "");
  auto add = [&](Value value, StringAttr state) {
    Operation *op = value.getDefiningOp();
    if (!op || !state)
      return;
    auto [it, isNew] = states.try_emplace(op, state);
    if (!isNew && it->second != state)
      it->second = several;
  };
  for (OpOperand &operand : block.getTerminator()->getOpOperands()) {
    auto alias = function.getResultAttrOfType<IntegerAttr>(
        operand.getOperandNumber(), names::alias);
    if (!alias)
      continue;
    auto name = [&](StringRef kind) {
      return function.getArgAttrOfType<StringAttr>(alias.getInt(), kind);
    };
    StringAttr param = name(names::param);
    add(operand.get(), param ? param : name(names::state));
  }
  for (Operation &op : llvm::reverse(block.without_terminator()))
    for (Value operand : op.getOperands())
      add(operand, states.lookup(&op));
}

StepPart Tracing::partOf(Operation &op) const {
  if (isGradient(op.getLoc()))
    return StepPart::Backward;
  return updates.contains(&op) ? StepPart::Update : StepPart::Forward;
}

void Tracing::markInfinities() {
  Type i64 = IntegerType::get(function.getContext(), 64);
  for (auto [value, set] : findInfinities(block))
    if (Operation *op = value.getDefiningOp(); op && isTraced(*op)) {
      op->setAttr(names::infinities, IntegerAttr::get(i64, set));
      ++numInfinite;
    }
}

void Tracing::run() {
  findUpdates();
  findStates();
  markInfinities();
  for (Operation &op : block.without_terminator()) {
    if (!isTraced(op))
      continue;
    StepPart part = partOf(op);
    StringAttr state =
        part == StepPart::Update ? states.lookup(&op) : StringAttr();
    op.setLoc(tracedLocation(op.getLoc(),
                             {numNumbered++, op.getName().getStringRef().str(),
                              part, state ? state.str() : "", op.getLoc()}));
  }
  function->setAttr(names::traced, UnitAttr::get(function.getContext()));
}

namespace {

struct TraceNonfinite : dlc::impl::TraceNonfinitePassBase<TraceNonfinite> {
  void runOnOperation() override {
    Tracing tracing(getOperation());
    tracing.run();
    numNumbered += tracing.numNumbered;
    numInfinite += tracing.numInfinite;
  }
};

} // namespace
