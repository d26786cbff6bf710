//===- FusionGraph.cpp - regions while they are being formed --------------===//
#include "passes/fuse/FusionGraph.h"

#include "dialects/dlc/IR/Builders.h"
#include "dialects/dlc/IR/Traced.h"
#include "passes/fuse/AttentionViews.h"
#include "passes/fuse/LibraryKernels.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <map>

using namespace mlir;

namespace dlc {

bool isLibraryCall(Operation *op) {
  if (auto kernel = dyn_cast<KernelOp>(op))
    return isLibraryKernel(kernel);
  // A library computes no faults.
  if (!isLibraryOp(op) || injectedInto(op))
    return false;
  auto dot = dyn_cast<DotGeneralOp>(op);
  return !dot || planGemm(dot, [](Value) { return true; }).writes;
}

OpIds unionOf(ArrayRef<unsigned> a, ArrayRef<unsigned> b) {
  OpIds all;
  all.reserve(a.size() + b.size());
  std::set_union(a.begin(), a.end(), b.begin(), b.end(),
                 std::back_inserter(all));
  return all;
}

static bool isSplatConstant(Operation *op) {
  auto constant = dyn_cast<ConstantOp>(op);
  if (!constant)
    return false;
  auto elements = dyn_cast<DenseElementsAttr>(constant.getValue());
  return elements && elements.isSplat();
}

//===----------------------------------------------------------------------===//
// What never changes
//===----------------------------------------------------------------------===//

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
    if (isAttention(&op) && isLibraryCall(&op)) {
      for (const View &view : attentionReads(&op))
        use(view.base);
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

void FusionGraph::findForward(Block &block) {
  if (llvm::none_of(block, [](Operation &op) { return copyNumber(&op) != 0; }))
    return;
  for (Operation &op : block.without_terminator()) {
    bool isLate = copyNumber(&op) != 0 || isGradient(op.getLoc()) ||
                  llvm::any_of(op.getOperands(), [&](Value operand) {
                    Operation *source = operand.getDefiningOp();
                    return source && !forward.contains(source);
                  });
    if (!isLate)
      forward.insert(&op);
  }
}

FusionGraph::FusionGraph(Block &block) {
  findUpdates(block);
  findForward(block);
  findHardUses(block);
  addNodes(block);
  addGroups(block);
  for (unsigned id = 0; id < nodes.size(); ++id)
    findReads(id);
}

void FusionGraph::addNodes(Block &block) {
  std::map<std::vector<const void *>, unsigned> kinds;
  for (Operation &op : block) {
    unsigned id = nodes.size();
    ids[&op] = id;
    Node &node = nodes.emplace_back();
    node.op = &op;
    node.slot = id;
    order.push_back({nullptr, id});
    std::vector<const void *> key = {
        op.getName().getAsOpaquePointer(),
        op.getAttrDictionary().getAsOpaquePointer()};
    for (Type type : op.getResultTypes())
      key.push_back(type.getAsOpaquePointer());
    for (Type type : op.getOperandTypes())
      types.try_emplace(type, types.size());
    node.kind = kinds.try_emplace(std::move(key), kinds.size()).first->second;
  }
  marks.assign(nodes.size(), 0);
}

/// The ops whose results library calls write, other than the calls themselves:
/// transposes and concatenations of what they compute.
static llvm::DenseSet<Operation *> writtenByCalls(Block &block) {
  llvm::DenseSet<Operation *> written;
  auto add = [&](Operation &call, Value value) {
    if (value.getDefiningOp() != &call)
      written.insert(value.getDefiningOp());
  };
  for (Operation &op : block) {
    if (!isLibraryCall(&op))
      continue;
    if (auto dot = dyn_cast<DotGeneralOp>(&op))
      add(op, planGemm(dot, [](Value) { return false; }).writes);
    else if (isAttention(&op))
      for (const View &view : attentionWrites(&op))
        add(op, view.base);
  }
  return written;
}

/// Every op that a kernel can compute begins as a group of its own, but for
/// those that kernels read through.
void FusionGraph::addGroups(Block &block) {
  llvm::DenseSet<Operation *> written = writtenByCalls(block);
  for (unsigned id = 0; id < nodes.size(); ++id) {
    Node &node = nodes[id];
    Operation *op = node.op;
    bool isSplat = isSplatConstant(op), isIndex = isIndexOnly(op);
    // What a product writes transposed is in memory that way only.
    node.isFree = isa<ConstantOp>(op) ? isSplat
                                      : isIndex && !written.contains(op);
    if (!accessRules().lookup(op) || isLibraryCall(op) || written.contains(op))
      continue;
    bool isHard = isHardUsed(id);
    if (isa<ConstantOp>(op) ? !(isSplat && isHard)
                            : isIndex && (!isHard || isa<ReshapeOp>(op)))
      continue;
    auto group = std::make_unique<FusionGroup>();
    group->id = groups.size();
    group->core = {id};
    group->slot = node.slot;
    group->elements =
        isReduction(op) ? 0 : elementCount(shapeOf(op->getResult(0)));
    order[node.slot] = {group.get(), -1};
    node.owner = group.get();
    node.holders.push_back(group.get());
    // A splat constant that is written is still free where kernels read it.
    node.isFree = isa<ConstantOp>(op);
    groups.push_back(std::move(group));
  }
}

/// Fills in what `id` reads, and that it does.
void FusionGraph::findReads(unsigned id) {
  Node &node = nodes[id];
  if (!node.owner) {
    // An op in no group waits for its operands, whatever they are.
    for (Value operand : node.op->getOperands())
      if (Operation *definition = operand.getDefiningOp())
        node.inputs.push_back(ids.lookup(definition));
    return;
  }
  SmallVector<unsigned> pending = {id};
  llvm::SmallDenseSet<Value> seen;
  while (!pending.empty())
    for (Value operand : nodes[pending.pop_back_val()].op->getOperands()) {
      auto result = dyn_cast<OpResult>(operand);
      if (!result || !seen.insert(operand).second)
        continue;
      unsigned input = ids.lookup(result.getOwner());
      // A free op may be written for others, too.
      if (nodes[input].owner)
        nodes[input].readers.push_back({result.getResultNumber(), id});
      if (nodes[input].isFree) {
        node.through.push_back(input);
        pending.push_back(input);
      } else {
        node.inputs.push_back(input);
      }
    }
  llvm::sort(node.inputs);
  node.inputs.erase(llvm::unique(node.inputs), node.inputs.end());
}

bool FusionGraph::isHardUsed(unsigned id) const {
  return llvm::any_of(nodes[id].op->getResults(),
                      [&](Value result) { return isHardUsed(result); });
}

FusionGroup *FusionGraph::writerOf(Value value) {
  Operation *definition = value.getDefiningOp();
  FusionGroup *owner = definition ? ownerOf(ids.lookup(definition)) : nullptr;
  if (!owner)
    return nullptr;
  return llvm::is_contained(outputsOf(owner->core, {owner}), value) ? owner
                                                                    : nullptr;
}

//===----------------------------------------------------------------------===//
// What a group of ops reads, writes and computes
//===----------------------------------------------------------------------===//

std::vector<Operation *> FusionGraph::closure(ArrayRef<unsigned> core) const {
  OpIds all(core.begin(), core.end());
  for (unsigned id : core)
    llvm::append_range(all, nodes[id].through);
  llvm::sort(all);
  all.erase(llvm::unique(all), all.end());
  std::vector<Operation *> ops;
  ops.reserve(all.size());
  for (unsigned id : all)
    ops.push_back(nodes[id].op);
  return ops;
}

SmallVector<FusionGroup *>
FusionGraph::readersOf(const FusionGroup &group) const {
  llvm::SmallSetVector<FusionGroup *, 4> found;
  for (unsigned id : group.core) {
    if (nodes[id].owner != &group)
      continue;
    for (auto [result, reader] : nodes[id].readers)
      for (FusionGroup *holder : nodes[reader].holders)
        if (!llvm::is_contained(nodes[id].holders, holder))
          found.insert(holder);
  }
  return SmallVector<FusionGroup *>(found.begin(), found.end());
}

SmallVector<FusionGroup *> FusionGraph::readersOf(Value value) const {
  auto result = cast<OpResult>(value);
  const Node &node = nodes[ids.lookup(result.getOwner())];
  llvm::SmallSetVector<FusionGroup *, 4> found;
  for (auto [number, reader] : node.readers)
    if (number == result.getResultNumber())
      for (FusionGroup *holder : nodes[reader].holders)
        if (!llvm::is_contained(node.holders, holder))
          found.insert(holder);
  return found.takeVector();
}

/// To a float type of fewer bits.
static bool narrows(CastOp op) {
  Type from = elementTypeOf(op.getOperand());
  Type to = elementTypeOf(op.getResult());
  return isa<FloatType>(from) && isa<FloatType>(to) &&
         to.getIntOrFloatBitWidth() < from.getIntOrFloatBitWidth();
}

/// Whether `op` computes each element from that of `value` alone.
static bool isFunctionOf(Operation *op, Value value) {
  return op->hasTrait<OpTrait::Elementwise>() &&
         llvm::all_of(op->getOperands(), [&](Value operand) {
           return operand == value ||
                  isa_and_nonnull<dlc::ConstantOp>(operand.getDefiningOp());
         });
}

OpIds FusionGraph::narrowingOf(Value value) const {
  constexpr size_t mostOps = 4;
  const Node &writer = nodes[ids.lookup(value.getDefiningOp())];
  OpIds chain;
  while (chain.size() < mostOps && !isHardUsed(value)) {
    auto result = cast<OpResult>(value);
    std::optional<unsigned> next;
    for (auto [number, reader] : nodes[ids.lookup(result.getOwner())].readers) {
      if (number != result.getResultNumber())
        continue;
      ArrayRef<FusionGroup *> holders = nodes[reader].holders;
      auto computesValue = [&](FusionGroup *holder) {
        return llvm::is_contained(writer.holders, holder);
      };
      if (!holders.empty() && llvm::all_of(holders, computesValue))
        continue;
      bool isElsewhere = llvm::any_of(holders, [&](FusionGroup *holder) {
        return holder != writer.owner && computesValue(holder);
      });
      if (next.value_or(reader) != reader || holders.empty() || isElsewhere ||
          !isFunctionOf(nodes[reader].op, value))
        return {};
      next = reader;
    }
    if (!next)
      return {};
    chain.push_back(*next);
    if (auto last = dyn_cast<CastOp>(nodes[*next].op); last && narrows(last))
      return chain;
    value = nodes[*next].op->getResult(0);
  }
  return {};
}

OpIds FusionGraph::sliceOf(const FusionGroup &group, Value output) const {
  SmallVector<Value> outputs = outputsOf(group.core, {&group});
  OpIds slice = {ids.lookup(output.getDefiningOp())};
  for (size_t i = 0; i < slice.size(); ++i) {
    if (isReduction(nodes[slice[i]].op))
      return {};
    for (unsigned input : nodes[slice[i]].inputs)
      if (llvm::is_contained(group.core, input) &&
          !llvm::is_contained(slice, input) &&
          llvm::none_of(nodes[input].op->getResults(), [&](Value result) {
            return llvm::is_contained(outputs, result);
          }))
        slice.push_back(input);
  }
  llvm::sort(slice);
  return slice;
}

bool FusionGraph::isReadOutside(unsigned id, unsigned result,
                                ArrayRef<const FusionGroup *> self) const {
  const Node &node = nodes[id];
  for (auto [number, reader] : node.readers)
    if (number == result)
      for (FusionGroup *holder : nodes[reader].holders)
        // A holder of the op itself computes it again.
        if (!llvm::is_contained(self, holder) &&
            !llvm::is_contained(node.holders, holder))
          return true;
  return false;
}

SmallVector<Value>
FusionGraph::outputsOf(ArrayRef<unsigned> core,
                       ArrayRef<const FusionGroup *> self) const {
  SmallVector<Value> outputs;
  for (unsigned id : core)
    if (llvm::is_contained(self, nodes[id].owner))
      for (OpResult result : nodes[id].op->getResults())
        if (isHardUsed(result) ||
            isReadOutside(id, result.getResultNumber(), self))
          outputs.push_back(result);
  return outputs;
}

llvm::SmallSetVector<Value, 8>
FusionGraph::inputsOf(ArrayRef<unsigned> core) const {
  llvm::SmallSetVector<Value, 8> inputs;
  std::vector<Operation *> ops = closure(core);
  llvm::DenseSet<Operation *> members(llvm::from_range, ops);
  for (Operation *op : ops)
    for (Value operand : op->getOperands())
      if (!members.contains(operand.getDefiningOp()))
        inputs.insert(operand);
  return inputs;
}

ArrayRef<unsigned> FusionGraph::inputOps(FusionGroup &group) const {
  if (!group.inputs) {
    OpIds all;
    for (unsigned id : group.core)
      llvm::append_range(all, nodes[id].inputs);
    llvm::sort(all);
    all.erase(llvm::unique(all), all.end());
    group.inputs.emplace();
    std::set_difference(all.begin(), all.end(), group.core.begin(),
                        group.core.end(), std::back_inserter(*group.inputs));
  }
  return *group.inputs;
}

void FusionGraph::appendSignature(ArrayRef<Operation *> closure,
                                  ArrayRef<Value> outputs,
                                  std::vector<unsigned> &signature) const {
  // Members and inputs are numbered as they are met.
  llvm::SmallDenseMap<Value, unsigned, 32> numbers;
  auto number = [&](Value value) {
    auto [it, isNew] = numbers.try_emplace(value, numbers.size());
    signature.push_back(it->second);
    return isNew;
  };
  for (Operation *op : closure) {
    signature.push_back(nodes[ids.lookup(op)].kind);
    for (Value operand : op->getOperands())
      if (number(operand))
        // An input: its shape and type decide what reading it costs.
        signature.push_back(types.lookup(operand.getType()));
    for (Value result : op->getResults())
      number(result);
  }
  signature.push_back(~0u);
  for (Value output : outputs)
    number(output);
}

//===----------------------------------------------------------------------===//
// Merges, and the order of units
//===----------------------------------------------------------------------===//

ArrayRef<unsigned> FusionGraph::inputsOfUnit(unsigned slot) const {
  const Unit &unit = order[slot];
  if (unit.group)
    return inputOps(*unit.group);
  if (unit.node < 0)
    return {};
  return nodes[unit.node].inputs;
}

/// Walks back from what `to` reads, no further than to where `from` is.
bool FusionGraph::hasPathAround(FusionGroup &from, FusionGroup &to) const {
  if (from.slot > to.slot)
    return false;
  clearMarks();
  SmallVector<unsigned> pending;
  for (unsigned id : inputOps(to))
    // Read directly from the other group: no way around.
    if (unsigned slot = slotOf(id); slot > from.slot && setMark(slot))
      pending.push_back(slot);
  while (!pending.empty())
    for (unsigned id : inputsOfUnit(pending.pop_back_val())) {
      unsigned slot = slotOf(id);
      if (slot == from.slot)
        return true;
      if (slot > from.slot && setMark(slot))
        pending.push_back(slot);
    }
  return false;
}

void FusionGraph::place(Unit unit, unsigned slot) {
  order[slot] = unit;
  if (unit.group)
    unit.group->slot = slot;
  else if (unit.node >= 0)
    nodes[unit.node].slot = slot;
}

/// Gives both groups one place. Of the units between, those that depend on the
/// earlier group go after it, the others before.
void FusionGraph::moveTogether(FusionGroup &first, FusionGroup &second) {
  auto [from, to] = std::minmax(first.slot, second.slot);
  clearMarks();
  setMark(from);
  SmallVector<Unit> before, after;
  for (unsigned slot = from + 1; slot < to; ++slot) {
    bool isAfter = llvm::any_of(inputsOfUnit(slot), [&](unsigned id) {
      return marks[slotOf(id)] == mark;
    });
    if (isAfter)
      setMark(slot);
    if (order[slot].group || order[slot].node >= 0)
      (isAfter ? after : before).push_back(order[slot]);
  }
  unsigned next = from;
  for (Unit unit : before)
    place(unit, next++);
  first.slot = next;
  place({&first, -1}, next++);
  for (Unit unit : after)
    place(unit, next++);
  while (next <= to)
    order[next++] = {};
}

void FusionGraph::forgetTimes(FusionGroup &group) {
  group.time.reset();
  // Those whose results it reads, or no longer does, may write less now.
  for (ArrayRef<unsigned> list :
       {ArrayRef<unsigned>(group.core), inputOps(group)})
    for (unsigned id : list)
      if (FusionGroup *owner = nodes[id].owner)
        owner->time.reset();
}

void FusionGraph::changeCore(FusionGroup &group, OpIds core) {
  group.core = std::move(core);
  group.inputs.reset();
}

void FusionGraph::merge(FusionGroup &first, FusionGroup &second) {
  moveTogether(first, second);
  for (unsigned id : second.core) {
    llvm::erase(nodes[id].holders, &second);
    if (!llvm::is_contained(nodes[id].holders, &first))
      nodes[id].holders.push_back(&first);
    if (nodes[id].owner == &second)
      nodes[id].owner = &first;
  }
  // Results of another size than the reader's would not be legal.
  first.elements = first.elements ? second.elements : 0;
  changeCore(first, unionOf(first.core, second.core));
  second.isDead = true;
  forgetTimes(first);
}

void FusionGraph::repeatIn(ArrayRef<unsigned> ops, FusionGroup &reader) {
  for (unsigned id : ops)
    if (!llvm::is_contained(nodes[id].holders, &reader))
      nodes[id].holders.push_back(&reader);
  changeCore(reader, unionOf(reader.core, OpIds(ops.begin(), ops.end())));
  forgetTimes(reader);
}

void FusionGraph::moveToWriter(ArrayRef<unsigned> ops, FusionGroup &writer) {
  for (unsigned id : ops) {
    for (FusionGroup *holder : nodes[id].holders) {
      if (holder == &writer)
        continue;
      OpIds core = holder->core;
      llvm::erase(core, id);
      assert(!core.empty() && "a group of these ops alone");
      changeCore(*holder, std::move(core));
      forgetTimes(*holder);
    }
    nodes[id].holders = {&writer};
    nodes[id].owner = &writer;
  }
  changeCore(writer, unionOf(writer.core, OpIds(ops.begin(), ops.end())));
  forgetTimes(writer);
}

void FusionGraph::mergeIntoAll(FusionGroup &producer,
                               ArrayRef<FusionGroup *> readers) {
  for (FusionGroup *reader : readers)
    for (unsigned id : producer.core)
      if (!llvm::is_contained(nodes[id].holders, reader))
        nodes[id].holders.push_back(reader);
  for (unsigned id : producer.core) {
    llvm::erase(nodes[id].holders, &producer);
    if (nodes[id].owner == &producer)
      nodes[id].owner = readers.front();
  }
  order[producer.slot] = {};
  producer.isDead = true;
  for (FusionGroup *reader : readers) {
    if (!producer.elements)
      reader->elements = 0;
    changeCore(*reader, unionOf(reader->core, producer.core));
  }
  for (FusionGroup *reader : readers)
    forgetTimes(*reader);
}

} // namespace dlc
