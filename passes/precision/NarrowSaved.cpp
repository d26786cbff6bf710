//===- NarrowSaved.cpp - what the backward half reads again, narrow -------===//
//
//   %e  = dlc.erf %x                      %e  = dlc.erf %x
//   …                                     %e' = cast %e      (memory)
//   %d  = dlc.mul %dy, %e           ->    …
//                                         %f  = cast %e'
//                                         %d  = dlc.mul %dy, %f
//
// Only where a kernel would write %e for kernels of the backward half alone: a
// value that is computed again on the way has no width.
//
//===----------------------------------------------------------------------===//
#include "passes/precision/Passes.h"

#include "dialects/dlc/IR/Builders.h"
#include "dialects/dlc/IR/Halves.h"
#include "passes/fuse/Fuser.h"
#include "passes/precision/KeptNodes.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"

namespace dlc {
#define GEN_PASS_DEF_NARROWSAVEDPASS
#include "passes/precision/Passes.h.inc"
} // namespace dlc

using namespace mlir;
using namespace dlc;

namespace {

bool isElementwise(Operation *op) {
  return op->hasTrait<OpTrait::Elementwise>();
}

/// Whether the result is computed element by element from a sum or an extreme
/// that has as few elements.
bool isStatistic(Operation *op) {
  llvm::SmallSetVector<Operation *, 16> pending;
  pending.insert(op);
  for (size_t i = 0; i < pending.size(); ++i) {
    if (isLibraryCall(pending[i]))
      continue;
    if (isReduction(pending[i]))
      return true;
    if (isElementwise(pending[i]) || isa<ReshapeOp>(pending[i]))
      for (Value operand : pending[i]->getOperands())
        if (Operation *source = operand.getDefiningOp())
          pending.insert(source);
  }
  return false;
}

bool isBounded(Operation *op) { return isa<ErfOp, TanhOp, SigmoidOp>(op); }

/// A sum of two whole tensors: a link of a residual stream. A bias is no link.
bool isLink(Operation *op) {
  return isa<AddOp, SubOp>(op) &&
         llvm::none_of(op->getOperands(), [](Value operand) {
           return isa_and_nonnull<BroadcastOp, dlc::ConstantOp>(
               operand.getDefiningOp());
         });
}

class Narrowing {
public:
  Narrowing(func::FuncOp function, Type narrow, const KeptNodes &kept)
      : narrow(narrow), kept(kept), block(function.getBody().front()),
        trial(block) {}

  unsigned run();

private:
  /// What the backward half reads, straight or through ops of the forward half
  /// that its kernels compute again.
  struct Reads {
    llvm::SmallSetVector<OpOperand *, 8> uses;
    llvm::SmallSetVector<Operation *, 8> repeated;
    /// Whether the backward half reads a value that was looked at.
    llvm::DenseMap<Value, bool> seen;
  };

  bool mayBeNarrow(Operation *op);
  bool isOfGradient(Operation *reader);
  std::optional<bool> findReads(Value value,
                                const llvm::DenseSet<Operation *> &writers,
                                Reads &reads);
  Value storedCopy(OpBuilder &b, Operation &op) const;
  void rewrite();

  Type narrow;
  const KeptNodes &kept;
  Block &block;
  FusionGraph trial;
  llvm::DenseSet<Operation *> saved;
  Reads all;
};

} // namespace

/// Masks come from comparisons, and selections among constants.
bool Narrowing::mayBeNarrow(Operation *op) {
  auto dlcOp = dyn_cast<DlcOpInterface>(op);
  return dlcOp && isElementwise(op) &&
         dlcOp.getPrecisionClass() == PrecisionClass::FollowOperands &&
         elementTypeOf(op->getResult(0)).isF32() &&
         !isa<CastOp, SelectOp>(op) && !isLink(op) && !isStatistic(op) &&
         (narrow.isBF16() || isBounded(op)) && !isGradient(op->getLoc()) &&
         !trial.isUpdate(op) && !trial.isHardUsed(op->getResult(0)) &&
         !kept.contains(op);
}

/// An elementwise op of the backward half, or a view for such ops alone.
bool Narrowing::isOfGradient(Operation *reader) {
  if (isIndexOnly(reader))
    return llvm::all_of(reader->getUsers(),
                        [&](Operation *next) { return isOfGradient(next); });
  return isElementwise(reader) && isGradient(reader->getLoc());
}

/// Whether the backward half reads `value`; none if another kernel of the
/// forward half reads it from memory, too, or one of the backward half does
/// more than elementwise work with it. `writers` are the ops of the kernel that
/// writes it.
std::optional<bool>
Narrowing::findReads(Value value, const llvm::DenseSet<Operation *> &writers,
                     Reads &reads) {
  auto [it, isNew] = reads.seen.try_emplace(value, false);
  if (!isNew)
    return it->second;
  bool isRead = false;
  for (OpOperand &use : value.getUses()) {
    Operation *reader = use.getOwner();
    if (isOfGradient(reader)) {
      reads.uses.insert(&use);
      isRead = true;
      continue;
    }
    bool isPassing = (isElementwise(reader) || isIndexOnly(reader)) &&
                     !isGradient(reader->getLoc()) &&
                     !trial.writerOf(reader->getResult(0));
    if (!isPassing) {
      // What the same kernel writes has readers of its own.
      if (!writers.contains(reader))
        return std::nullopt;
      continue;
    }
    std::optional<bool> isReadOn =
        findReads(reader->getResult(0), writers, reads);
    if (!isReadOn)
      return std::nullopt;
    if (*isReadOn)
      reads.repeated.insert(reader);
    isRead |= *isReadOn;
  }
  return reads.seen[value] = isRead;
}

/// The narrow form of the op's result, which may be stored already.
Value Narrowing::storedCopy(OpBuilder &b, Operation &op) const {
  for (Operation *user : op.getUsers())
    if (isa<CastOp>(user) && elementTypeOf(user->getResult(0)) == narrow) {
      user->moveAfter(&op);
      b.setInsertionPointAfter(user);
      return user->getResult(0);
    }
  return castTo(b, op.getLoc(), op.getResult(0), narrow);
}

/// Ops that are repeated become part of the backward half.
void Narrowing::rewrite() {
  OpBuilder b(block.getParentOp()->getContext());
  auto ofGradient = [&](Location loc) {
    return b.getFusedLoc({loc, NameLoc::get(b.getStringAttr("gradient"))});
  };
  IRMapping copies;
  for (Operation &op : llvm::make_early_inc_range(block)) {
    b.setInsertionPointAfter(&op);
    if (saved.contains(&op)) {
      Value stored = storedCopy(b, op);
      copies.map(op.getResult(0),
                 castTo(b, ofGradient(op.getLoc()), stored, b.getF32Type()));
    } else if (all.repeated.contains(&op)) {
      b.clone(op, copies)->setLoc(ofGradient(op.getLoc()));
    }
  }
  for (OpOperand *use : all.uses)
    use->set(copies.lookup(use->get()));
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (isOpTriviallyDead(&op))
      op.erase();
}

unsigned Narrowing::run() {
  fuse(trial, FusionCost(), /*mayMix=*/false);
  for (auto &group : trial.groups) {
    if (group->isDead)
      continue;
    llvm::DenseSet<Operation *> writers;
    for (unsigned id : group->core)
      writers.insert(trial.op(id));
    for (Value output : trial.outputsOf(group->core, {group.get()})) {
      Operation *op = output.getDefiningOp();
      Reads reads;
      if (trial.writerOf(output) != group.get() || !mayBeNarrow(op) ||
          !findReads(output, writers, reads).value_or(false))
        continue;
      saved.insert(op);
      all.uses.insert_range(reads.uses);
      all.repeated.insert_range(reads.repeated);
    }
  }
  if (!saved.empty())
    rewrite();
  return saved.size();
}

namespace {

struct NarrowSaved : dlc::impl::NarrowSavedPassBase<NarrowSaved> {
  using NarrowSavedPassBase::NarrowSavedPassBase;

  LogicalResult initialize(MLIRContext *context) override {
    return kept.set(context, {keep.begin(), keep.end()});
  }

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (function.isDeclaration() ||
        llvm::none_of(function.getOps(),
                      [](Operation &op) { return isGradient(op.getLoc()); }))
      return;
    Builder b(&getContext());
    Type narrow = type == "f16" ? Type(b.getF16Type()) : Type(b.getBF16Type());
    numNarrowed += Narrowing(function, narrow, kept).run();
  }

private:
  KeptNodes kept;
};

} // namespace
