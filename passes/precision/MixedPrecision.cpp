//===- MixedPrecision.cpp - narrow contractions, f32 elsewhere ------------===//
//
// One walk in program order. Every contraction gets narrow operands and a
// narrow result, which is widened again for its other readers:
//
//   %y = dlc.dot_general %x, %w   ->   %x' = cast %x   %w' = cast %w
//                                      %y' = dlc.dot_general %x', %w'
//                                      %y  = cast %y'
//
// A cast that undoes a cast is not made. What is left at the end are casts
// between contractions and the arithmetic around them, which fusion takes into
// the kernels on either side.
//
//===----------------------------------------------------------------------===//
#include "passes/precision/Passes.h"

#include "dialects/dlc/IR/Builders.h"
#include "passes/precision/KeptNodes.h"

#include "llvm/ADT/SetVector.h"

namespace dlc {
#define GEN_PASS_DEF_MIXEDPRECISIONPASS
#include "passes/precision/Passes.h.inc"
} // namespace dlc

using namespace mlir;
using namespace dlc;

namespace {

/// Library calls read through these, so the value that they start from is what
/// lies in memory.
bool isView(Operation *op) {
  return isa_and_nonnull<ReshapeOp, TransposeOp, SliceOp>(op);
}

/// Products, convolutions, attention.
bool isContraction(Operation *op) {
  auto dlcOp = dyn_cast<DlcOpInterface>(op);
  return dlcOp && dlcOp.getPrecisionClass() == PrecisionClass::LowerFreely &&
         elementTypeOf(op->getResult(0)).isF32();
}

/// Its memory is its operands', one after the other: narrow where those are.
bool isJoinOfWidened(Operation *op) {
  return isa_and_nonnull<ConcatOp>(op) &&
         llvm::all_of(op->getOperands(), [](Value operand) {
           while (isView(operand.getDefiningOp()))
             operand = operand.getDefiningOp()->getOperand(0);
           auto widening = operand.getDefiningOp<CastOp>();
           return widening &&
                  elementTypeOf(widening.getOperand()).getIntOrFloatBitWidth() <
                      32;
         });
}

bool isSum(Operation *op) { return isa_and_nonnull<AddOp, SubOp>(op); }

/// The residual stream and its gradient: links of a chain of additions, each of
/// which adds to another or is added to, and has other readers besides. A bias
/// is no link, nor is a partial sum of one formula.
bool isLinkOfSum(Value value) {
  Operation *op = value.getDefiningOp();
  if (!isSum(op) || llvm::any_of(op->getOperands(), [](Value operand) {
        return isa_and_nonnull<BroadcastOp, ConstantOp>(
            operand.getDefiningOp());
      }))
    return false;
  auto isAlsoRead = [](Value sum) { return !sum.hasOneUse(); };
  return (llvm::any_of(value.getUsers(), isSum) && isAlsoRead(value)) ||
         llvm::any_of(op->getOperands(), [&](Value operand) {
           return isSum(operand.getDefiningOp()) && isAlsoRead(operand);
         });
}

class Lowering {
public:
  Lowering(func::FuncOp function, Type narrow, const KeptNodes &kept)
      : function(function), narrow(narrow), kept(kept),
        b(function.getContext()) {}

  void run();
  unsigned numLowered = 0, numKept = 0;

private:
  void findSources();
  void lower(Operation *op);
  Value narrowed(Value value);
  void storeOnce(Value wide, Value low);

  func::FuncOp function;
  Type narrow;
  const KeptNodes &kept;
  OpBuilder b;
  /// Contractions that other contractions are computed from.
  llvm::DenseSet<Operation *> sources;
  /// The narrow form of each value that was asked for.
  llvm::MapVector<Value, Value> low;
};

/// Backwards: an op matters to a contraction if one of its readers is one, or
/// matters to one.
void Lowering::findSources() {
  llvm::DenseSet<Operation *> feeding;
  for (Operation &op :
       llvm::reverse(function.getBody().front().without_terminator()))
    if (llvm::any_of(op.getUsers(), [&](Operation *user) {
          return isContraction(user) || feeding.contains(user);
        })) {
      feeding.insert(&op);
      if (isContraction(&op))
        sources.insert(&op);
    }
}

/// `value` in the narrow type; made once, right after the value it starts from.
Value Lowering::narrowed(Value value) {
  if (Value known = low.lookup(value))
    return known;
  OpBuilder::InsertionGuard guard(b);
  Operation *op = value.getDefiningOp();
  if (op)
    b.setInsertionPointAfter(op);
  else
    b.setInsertionPointToStart(&function.getBody().front());
  Value result;
  auto widening = dyn_cast_or_null<CastOp>(op);
  if (widening && elementTypeOf(widening.getOperand()) == narrow) {
    result = widening.getOperand();
  } else if (isView(op) || isJoinOfWidened(op)) {
    SmallVector<Value> sources;
    for (Value operand : op->getOperands())
      sources.push_back(narrowed(operand));
    b.setInsertionPointAfter(op);
    Operation *view = b.clone(*op);
    view->setOperands(sources);
    view->getResult(0).setType(tensorType(value).clone(narrow));
    result = view->getResult(0);
  } else {
    result = CastOp::create(b, value.getLoc(), tensorType(value).clone(narrow),
                            value);
  }
  low[value] = result;
  return result;
}

void Lowering::lower(Operation *op) {
  auto staysWide = [&](Value value) {
    return cast<DlcOpInterface>(op).staysWide(value);
  };
  SmallVector<Value> operands;
  for (Value operand : op->getOperands())
    operands.push_back(staysWide(operand) ? operand : narrowed(operand));
  // Sums that no contraction reads again need not be rounded.
  bool isWide =
      isa<DotGeneralOp, ConvGradWeightsOp>(op) && !sources.contains(op);
  b.setInsertionPoint(op);
  Operation *fresh = b.clone(*op);
  fresh->setOperands(operands);
  for (auto [old, result] :
       llvm::zip_equal(op->getResults(), fresh->getResults())) {
    if (isWide || staysWide(old)) {
      old.replaceAllUsesWith(result);
      continue;
    }
    result.setType(tensorType(result).clone(narrow));
    old.replaceAllUsesWith(castTo(b, op->getLoc(), result, b.getF32Type()));
  }
  op->erase();
  ++numLowered;
}

/// Other readers of a value that is stored in the narrow type read it so.
void Lowering::storeOnce(Value wide, Value stored) {
  Operation *cast = stored.getDefiningOp();
  // A concatenation that was narrowed as one: its operands may be widened by
  // now though it was not.
  if (isa_and_nonnull<ConcatOp>(wide.getDefiningOp()) &&
      isa_and_nonnull<ConcatOp>(cast)) {
    b.setInsertionPointAfter(cast);
    wide.replaceAllUsesWith(castTo(b, wide.getLoc(), stored, b.getF32Type()));
    return;
  }
  if (!wide.getDefiningOp() || !isa_and_nonnull<CastOp>(cast) ||
      isLinkOfSum(wide) || cast->getOperand(0) != wide || wide.hasOneUse())
    return;
  b.setInsertionPointAfter(cast);
  Value widened = castTo(b, wide.getLoc(), stored, b.getF32Type());
  wide.replaceUsesWithIf(
      widened, [&](OpOperand &use) { return use.getOwner() != cast; });
}

void Lowering::run() {
  findSources();
  SmallVector<Operation *> contractions;
  for (Operation &op : function.getBody().front().without_terminator())
    if (isContraction(&op)) {
      if (kept.contains(&op))
        ++numKept;
      else
        contractions.push_back(&op);
    }
  for (Operation *op : contractions)
    lower(op);
  for (auto [wide, stored] : low.takeVector())
    storeOnce(wide, stored);
  for (Operation &op :
       llvm::make_early_inc_range(llvm::reverse(function.getBody().front())))
    if (isOpTriviallyDead(&op))
      op.erase();
}

struct MixedPrecision : dlc::impl::MixedPrecisionPassBase<MixedPrecision> {
  using MixedPrecisionPassBase::MixedPrecisionPassBase;

  LogicalResult initialize(MLIRContext *context) override {
    return kept.set(context, {keep.begin(), keep.end()});
  }

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (function.getName() == "forward" || function.isDeclaration())
      return;
    Builder b(&getContext());
    if (type != "bf16" && type != "f16") {
      function.emitError("DLC2016: mixed precision computes in 'bf16' or "
                         "'f16', but got '")
          << type << "'";
      return signalPassFailure();
    }
    Lowering lowering(
        function, type == "f16" ? Type(b.getF16Type()) : Type(b.getBF16Type()),
        kept);
    lowering.run();
    numLowered += lowering.numLowered;
    numKept += lowering.numKept;
  }

private:
  KeptNodes kept;
};

} // namespace
