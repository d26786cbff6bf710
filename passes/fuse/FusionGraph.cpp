//===- FusionGraph.cpp - regions while they are being formed --------------===//
#include "passes/fuse/FusionGraph.h"

#include "dialects/dlc/IR/Builders.h"
#include "passes/fuse/Views.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <queue>

using namespace mlir;

namespace dlc {

bool isLibraryCall(Operation *op) {
  if (!isLibraryOp(op))
    return false;
  auto dot = dyn_cast<DotGeneralOp>(op);
  return !dot || planGemm(dot, [](Value) { return true; }).writes;
}

static bool isSplatConstant(Operation *op) {
  auto constant = dyn_cast<ConstantOp>(op);
  if (!constant)
    return false;
  auto elements = dyn_cast<DenseElementsAttr>(constant.getValue());
  return elements && elements.isSplat();
}

bool FusionGraph::isFree(Operation *op) const {
  if (isa<ConstantOp>(op))
    return isSplatConstant(op);
  return isIndexOnly(op) && !owners.contains(op);
}

/// Marks what library calls and the terminator read. A reshape is the same
/// memory, so its operand is read instead; views that a matrix product can read
/// pass it on likewise.
void FusionGraph::findHardUses(Block &block) {
  SmallVector<Value> pending;
  auto use = [&](Value value) {
    if (hardUsed.insert(value).second)
      pending.push_back(value);
  };
  for (Operation &op : block) {
    if (auto dot = dyn_cast<DotGeneralOp>(&op); dot && isLibraryCall(&op)) {
      GemmCall call = planGemm(dot, [](Value) { return false; });
      use(call.shape.a.base);
      use(call.shape.b.base);
      continue;
    }
    if (isLibraryCall(&op) || op.hasTrait<OpTrait::IsTerminator>() ||
        isa<ScatterAddOp>(op))
      for (Value operand : op.getOperands())
        use(operand);
  }
  while (!pending.empty()) {
    Value value = pending.pop_back_val();
    if (auto reshape = value.getDefiningOp<ReshapeOp>())
      use(reshape.getOperand());
  }
}

/// Backwards from results that are new state: elementwise ops, and what they
/// read through, that nothing else uses.
void FusionGraph::findUpdates(Block &block) {
  auto function = dyn_cast<func::FuncOp>(block.getParentOp());
  if (!function)
    return;
  Operation *terminator = block.getTerminator();
  llvm::DenseSet<Value> newState;
  for (OpOperand &operand : terminator->getOpOperands())
    if (function.getResultAttr(operand.getOperandNumber(), names::alias))
      newState.insert(operand.get());
  for (Operation &op : llvm::reverse(block.without_terminator())) {
    bool isElementwise = accessRules().lookup(&op) && !isReduction(&op) &&
                         op.hasTrait<OpTrait::Elementwise>();
    if ((!isElementwise && !isIndexOnly(&op)) || op.use_empty())
      continue;
    bool isOnlyUpdate = llvm::all_of(op.getUses(), [&](OpOperand &use) {
      return use.getOwner() == terminator ? newState.contains(use.get())
                                          : updates.contains(use.getOwner());
    });
    if (isOnlyUpdate)
      updates.insert(&op);
  }
}

FusionGraph::FusionGraph(Block &block) {
  findUpdates(block);
  int64_t next = 0;
  for (Operation &op : block)
    positions[&op] = next++;
  findHardUses(block);
  llvm::DenseSet<Operation *> written;
  for (Operation &op : block)
    if (auto dot = dyn_cast<DotGeneralOp>(&op); dot && isLibraryCall(&op)) {
      GemmCall call = planGemm(dot, [](Value) { return false; });
      if (call.writes != dot.getResult())
        written.insert(call.writes.getDefiningOp());
    }
  for (Operation &op : block) {
    if (!accessRules().lookup(&op) || isLibraryCall(&op) || written.contains(&op))
      continue;
    if (isa<ConstantOp>(op) && !(isSplatConstant(&op) &&
                                 hardUsed.contains(op.getResult(0))))
      continue;
    bool isHard = llvm::any_of(op.getResults(), [&](Value result) {
      return hardUsed.contains(result);
    });
    if (isIndexOnly(&op) && (!isHard || isa<ReshapeOp>(op)))
      continue;
    auto group = std::make_unique<FusionGroup>();
    group->id = groups.size();
    group->core = {&op};
    owners[&op] = group.get();
    holders[&op].insert(group.get());
    groups.push_back(std::move(group));
  }
}

std::vector<Operation *>
FusionGraph::merged(ArrayRef<Operation *> a, ArrayRef<Operation *> b) const {
  std::vector<Operation *> all(a.begin(), a.end());
  for (Operation *op : b)
    if (!llvm::is_contained(a, op))
      all.push_back(op);
  llvm::sort(all, [&](Operation *x, Operation *y) {
    return position(x) < position(y);
  });
  return all;
}

std::vector<Operation *>
FusionGraph::closure(ArrayRef<Operation *> core) const {
  llvm::SetVector<Operation *> all(llvm::from_range, core);
  for (size_t i = 0; i < all.size(); ++i)
    for (Value operand : all[i]->getOperands())
      if (Operation *op = operand.getDefiningOp(); op && isFree(op))
        all.insert(op);
  std::vector<Operation *> ops(all.begin(), all.end());
  llvm::sort(ops, [&](Operation *x, Operation *y) {
    return position(x) < position(y);
  });
  return ops;
}

llvm::SmallSetVector<FusionGroup *, 4>
FusionGraph::readersOf(Operation *op) const {
  llvm::SmallSetVector<FusionGroup *, 4> readers;
  SmallVector<Operation *> pending = {op};
  while (!pending.empty())
    for (Operation *user : pending.pop_back_val()->getUsers()) {
      if (isFree(user))
        pending.push_back(user);
      auto it = holders.find(user);
      if (it != holders.end())
        readers.insert_range(it->second);
    }
  return readers;
}

SmallVector<Value>
FusionGraph::outputsOf(ArrayRef<Operation *> core,
                       ArrayRef<const FusionGroup *> self) const {
  SmallVector<Value> outputs;
  for (Operation *op : core) {
    FusionGroup *owner = ownerOf(op);
    if (!llvm::is_contained(self, owner))
      continue;
    for (Value result : op->getResults()) {
      bool isNeeded = isHardUsed(result);
      SmallVector<Value> pending = {result};
      while (!pending.empty() && !isNeeded)
        for (Operation *user : pending.pop_back_val().getUsers()) {
          if (isFree(user))
            pending.push_back(user->getResult(0));
          auto it = holders.find(user);
          if (it == holders.end())
            continue;
          for (FusionGroup *holder : it->second)
            if (!llvm::is_contained(self, holder) &&
                !llvm::is_contained(holder->core, op))
              isNeeded = true;
        }
      if (isNeeded)
        outputs.push_back(result);
    }
  }
  return outputs;
}

llvm::SmallSetVector<Value, 8>
FusionGraph::inputsOf(ArrayRef<Operation *> core) const {
  llvm::SmallSetVector<Value, 8> inputs;
  std::vector<Operation *> ops = closure(core);
  llvm::DenseSet<Operation *> members(llvm::from_range, ops);
  for (Operation *op : ops)
    for (Value operand : op->getOperands())
      if (!members.contains(operand.getDefiningOp()))
        inputs.insert(operand);
  return inputs;
}

ArrayRef<Operation *> FusionGraph::inputOps(const FusionGroup &group) const {
  if (!group.inputOps) {
    group.inputOps.emplace();
    for (Value input : inputsOf(group.core))
      if (Operation *op = input.getDefiningOp())
        group.inputOps->push_back(op);
  }
  return *group.inputOps;
}

/// Walks back from what `to` reads. Groups are units: whoever needs one of
/// their results waits for all that they read, so program order says nothing.
bool FusionGraph::hasPathAround(const FusionGroup &from,
                                const FusionGroup &to) const {
  llvm::DenseSet<const void *> seen;
  SmallVector<Operation *> pending;
  auto visit = [&](Operation *op) {
    FusionGroup *owner = ownerOf(op);
    const void *unit = owner ? static_cast<const void *>(owner) : op;
    if (owner != &to && seen.insert(unit).second)
      pending.push_back(op);
  };
  for (Operation *op : inputOps(to))
    // Read directly from the other group: no way around.
    if (ownerOf(op) != &from)
      visit(op);
  while (!pending.empty()) {
    Operation *op = pending.pop_back_val();
    FusionGroup *owner = ownerOf(op);
    if (owner == &from)
      return true;
    if (owner) {
      for (Operation *input : inputOps(*owner))
        visit(input);
      continue;
    }
    for (Value operand : op->getOperands())
      if (Operation *definition = operand.getDefiningOp())
        visit(definition);
  }
  return false;
}

} // namespace dlc
