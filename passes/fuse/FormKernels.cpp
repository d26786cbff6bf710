//===- FormKernels.cpp - group ops into fusion regions --------------------===//
//
//   %m = dlc.reduce_max %x dims [1]         %y = dlc.kernel "…" <row, …> (%x) {
//   %b = dlc.broadcast %m dims [0]            every op on the left,
//   %d = dlc.sub %x, %b              ->       none of whose results
//   %e = dlc.exp %d                           reaches memory but
//   …                                         %y
//   %y = dlc.mul %e, %i                     }
//
// The merge that saves most time comes first, and those it touches are judged
// anew (the priority fusion of XLA). A producer goes into all of its readers or
// none, so that it disappears; where that is not legal or does not pay, it may
// join one reader and write its result for the others.
//
//===----------------------------------------------------------------------===//
#include "passes/fuse/Passes.h"

#include "dialects/dlc/IR/Builders.h"
#include "passes/fuse/FusionCost.h"
#include "passes/fuse/FusionGraph.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <queue>
#include <tuple>

using namespace mlir;

namespace dlc {
#define GEN_PASS_DEF_FORMKERNELSPASS
#include "passes/fuse/Passes.h.inc"
} // namespace dlc

using namespace dlc;

namespace {

/// Regions above these sizes cost more to compile and to keep in registers than
/// they save.
constexpr size_t mostOps = 160;
constexpr double mostWeight = 700;
/// Producers that are read more often are not computed again for each reader.
constexpr size_t mostReaders = 6;

/// Merging `producer` into its readers: into all of them, or side by side with
/// one.
struct Candidate {
  double saved = 0;
  unsigned producer = 0;
  /// Null: into all readers.
  FusionGroup *reader = nullptr;
  bool operator<(const Candidate &other) const {
    return std::tie(saved, producer) < std::tie(other.saved, other.producer);
  }
};

/// Why two groups stay apart, for remarks.
struct Refusal {
  enum Kind { None, Schedule, Update, Region, Time, Cycle } kind = None;
  /// Estimated ns apart and merged; of Time alone.
  double apart = 0, merged = 0;
};

class Fuser {
public:
  Fuser(FusionGraph &graph, const FusionCost &cost)
      : graph(graph), cost(cost) {}

  /// A remark for each result that goes through memory from one kernel to
  /// another. After run().
  void explainRefusals(func::FuncOp function);

  void run() {
    for (auto &group : graph.groups)
      consider(*group);
    do
      drain();
    while (fuseSiblings());
  }

private:
  using Ops = std::vector<Operation *>;

  std::string explain(const FusionGroup &first, const FusionGroup &second,
                      const Refusal &refusal, StringRef &reason) const;
  void drain();
  void consider(FusionGroup &producer);
  void considerProducersOf(FusionGroup &group);
  std::optional<double> timeOf(ArrayRef<Operation *> core,
                               ArrayRef<Value> outputs);
  double groupTime(FusionGroup &group);
  SmallVector<FusionGroup *> readers(const FusionGroup &group) const;
  bool isHard(const FusionGroup &group) const;
  bool mayJoin(const FusionGroup &a, const FusionGroup &b) const;
  double savedByAll(FusionGroup &producer, ArrayRef<FusionGroup *> readers);
  double savedByOne(FusionGroup &first, FusionGroup &second);
  void fuseIntoAll(FusionGroup &producer, ArrayRef<FusionGroup *> readers);
  void merge(FusionGroup &first, FusionGroup &second);
  bool fuseSiblings();

  FusionGraph &graph;
  const FusionCost &cost;
  std::priority_queue<Candidate> queue;
  /// Sibling pairs that were refused, with the sizes they had then.
  llvm::DenseMap<std::pair<unsigned, unsigned>, size_t> refused;
  /// By producer and reader: the last answer of savedByOne.
  llvm::DenseMap<std::pair<unsigned, unsigned>, Refusal> refusals;
};

std::optional<double> Fuser::timeOf(ArrayRef<Operation *> core,
                                    ArrayRef<Value> outputs) {
  if (outputs.empty())
    return 0.0;
  Ops ops = graph.closure(core);
  double weight = 0;
  for (Operation *op : ops)
    weight += elementCost(op);
  if (core.size() > 1 && (ops.size() > mostOps || weight > mostWeight))
    return std::nullopt;
  FailureOr<RegionPlan> plan = planRegion(ops, outputs);
  if (failed(plan))
    return std::nullopt;
  return kernelTime(*plan, cost);
}

double Fuser::groupTime(FusionGroup &group) {
  if (!group.time)
    group.time = timeOf(group.core, graph.outputsOf(group.core, {&group}))
                     .value_or(0);
  return *group.time;
}

SmallVector<FusionGroup *> Fuser::readers(const FusionGroup &group) const {
  llvm::SmallSetVector<FusionGroup *, 4> found;
  for (Operation *op : group.core)
    if (graph.ownerOf(op) == &group)
      for (FusionGroup *reader : graph.readersOf(op))
        if (reader != &group && !llvm::is_contained(reader->core, op))
          found.insert(reader);
  return SmallVector<FusionGroup *>(found.begin(), found.end());
}

bool Fuser::isHard(const FusionGroup &group) const {
  return llvm::any_of(group.core, [&](Operation *op) {
    return graph.ownerOf(op) == &group &&
           llvm::any_of(op->getResults(), [&](Value result) {
             return graph.isHardUsed(result);
           });
  });
}

/// Scatters have a schedule of their own; updates of state wait for their list
/// kernel, where all parameters are updated in one launch.
bool Fuser::mayJoin(const FusionGroup &a, const FusionGroup &b) const {
  auto isScatter = [](const FusionGroup &group) {
    return isa<ScatterAddOp>(group.core.front());
  };
  return !isScatter(a) && !isScatter(b) &&
         graph.isUpdate(a.core.front()) == graph.isUpdate(b.core.front());
}

double Fuser::savedByAll(FusionGroup &producer,
                         ArrayRef<FusionGroup *> consumers) {
  double before = groupTime(producer), after = 0;
  for (FusionGroup *reader : consumers) {
    if (!mayJoin(producer, *reader))
      return 0;
    before += groupTime(*reader);
    std::optional<double> time =
        timeOf(graph.merged(reader->core, producer.core),
               graph.outputsOf(reader->core, {reader}));
    if (!time)
      return 0;
    after += *time;
  }
  return before - after;
}

double Fuser::savedByOne(FusionGroup &first, FusionGroup &second) {
  Refusal &refusal = refusals[{first.id, second.id}];
  if (!mayJoin(first, second)) {
    bool isUpdate = graph.isUpdate(first.core.front()) !=
                    graph.isUpdate(second.core.front());
    refusal = {isUpdate ? Refusal::Update : Refusal::Schedule};
    return 0;
  }
  Ops core = graph.merged(first.core, second.core);
  std::optional<double> after =
      timeOf(core, graph.outputsOf(core, {&first, &second}));
  if (!after) {
    refusal = {Refusal::Region};
    return 0;
  }
  double before = groupTime(first) + groupTime(second);
  double saved = before - *after;
  if (saved <= 0) {
    refusal = {Refusal::Time, before, *after};
    return 0;
  }
  if (graph.hasPathAround(first, second) ||
      graph.hasPathAround(second, first)) {
    refusal = {Refusal::Cycle};
    return 0;
  }
  refusal = {};
  return saved;
}

void Fuser::consider(FusionGroup &producer) {
  SmallVector<FusionGroup *> consumers = readers(producer);
  if (consumers.empty())
    return;
  Candidate best;
  best.producer = producer.id;
  if (!isHard(producer) && consumers.size() <= mostReaders)
    best.saved = savedByAll(producer, consumers);
  // Joining the only reader is the same but for outputs; with several, the
  // one that saves most.
  if (best.saved <= 0 || consumers.size() > 1)
    for (FusionGroup *reader : consumers)
      if (double saved = savedByOne(producer, *reader); saved > best.saved) {
        best.saved = saved;
        best.reader = reader;
      }
  if (best.saved > 0) {
    producer.candidate = best.saved;
    queue.push(best);
  } else {
    producer.candidate = 0;
  }
}

void Fuser::considerProducersOf(FusionGroup &group) {
  llvm::SmallSetVector<FusionGroup *, 8> producers;
  for (Value input : graph.inputsOf(group.core))
    if (Operation *op = input.getDefiningOp())
      if (FusionGroup *owner = graph.ownerOf(op))
        producers.insert(owner);
  for (FusionGroup *producer : producers)
    if (!producer->isDead)
      consider(*producer);
}

/// Always the merge that saves most; those it touches are judged anew.
void Fuser::drain() {
  while (!queue.empty()) {
    Candidate next = queue.top();
    queue.pop();
    FusionGroup &producer = *graph.groups[next.producer];
    if (producer.isDead || producer.candidate != next.saved)
      continue;
    if (next.reader && (next.reader->isDead)) {
      consider(producer);
      continue;
    }
    producer.candidate = 0;
    if (next.reader) {
      // What it depends on may have changed since.
      if (double now = savedByOne(producer, *next.reader); now < next.saved) {
        consider(producer);
        continue;
      }
      merge(producer, *next.reader);
      consider(producer);
      considerProducersOf(producer);
      continue;
    }
    SmallVector<FusionGroup *> consumers = readers(producer);
    if (savedByAll(producer, consumers) < next.saved) {
      consider(producer);
      continue;
    }
    fuseIntoAll(producer, consumers);
    for (FusionGroup *reader : consumers) {
      consider(*reader);
      considerProducersOf(*reader);
    }
  }
}

void Fuser::fuseIntoAll(FusionGroup &producer,
                        ArrayRef<FusionGroup *> consumers) {
  for (FusionGroup *reader : consumers) {
    for (Operation *op : producer.core)
      graph.addMember(op, reader);
    reader->setCore(graph.merged(reader->core, producer.core));
  }
  for (Operation *op : producer.core) {
    graph.removeMember(op, &producer);
    if (graph.ownerOf(op) == &producer)
      graph.setOwner(op, consumers.front());
  }
  producer.isDead = true;
}

/// Joins `second` to `first`; outputs of both stay outputs if others read them.
void Fuser::merge(FusionGroup &first, FusionGroup &second) {
  for (Operation *op : second.core) {
    graph.removeMember(op, &second);
    graph.addMember(op, &first);
    if (graph.ownerOf(op) == &second)
      graph.setOwner(op, &first);
  }
  first.setCore(graph.merged(first.core, second.core));
  second.isDead = true;
}

/// Groups that read the same tensor and do not depend on each other.
bool Fuser::fuseSiblings() {
  llvm::MapVector<Value, SmallVector<FusionGroup *>> readersOf;
  for (auto &group : graph.groups)
    if (!group->isDead)
      for (Value input : graph.inputsOf(group->core))
        if (elementCount(shapeOf(input)) >= 1024)
          readersOf[input].push_back(group.get());
  bool hasChanged = false;
  for (auto &[value, groups] : readersOf)
    for (size_t i = 0; i + 1 < groups.size() && groups.size() <= 24; ++i)
      for (size_t j = i + 1; j < groups.size(); ++j) {
        FusionGroup &first = *groups[i], &second = *groups[j];
        if (first.isDead || second.isDead || &first == &second)
          continue;
        size_t size = first.core.size() * 1024 + second.core.size();
        auto [it, isNew] = refused.try_emplace({first.id, second.id}, size);
        if (!isNew && it->second == size)
          continue;
        it->second = size;
        if (savedByOne(first, second) <= 0)
          continue;
        merge(first, second);
        consider(first);
        considerProducersOf(first);
        hasChanged = true;
      }
  return hasChanged;
}

//===- Remarks ------------------------------------------------------------===//

/// "exp, reduce_sum and 3 more": the ops of a group that compute something.
std::string wordsOf(const FusionGroup &group) {
  SmallVector<StringRef> words;
  for (Operation *op : group.core)
    if (StringRef word = op->getName().stripDialect();
        !isIndexOnly(op) && !llvm::is_contained(words, word))
      words.push_back(word);
  if (words.empty())
    words.push_back(group.core.front()->getName().stripDialect());
  std::string text = llvm::join(ArrayRef(words).take_front(3), ", ");
  if (words.size() > 3)
    text += " and " + std::to_string(words.size() - 3) + " more";
  return text;
}

std::string Fuser::explain(const FusionGroup &first, const FusionGroup &second,
                           const Refusal &refusal, StringRef &reason) const {
  switch (refusal.kind) {
  case Refusal::Schedule:
    reason = "own-schedule";
    return "a scatter is a kernel of its own";
  case Refusal::Update:
    reason = "update-list";
    return "updates of state wait for the kernel that updates all of them";
  case Refusal::Time:
    reason = "no-gain";
    return llvm::formatv("merged it would take longer, {0:f1} us instead of "
                         "{1:f1} us by the cost model",
                         refusal.merged / 1000, refusal.apart / 1000)
        .str();
  case Refusal::Cycle:
    reason = "cycle";
    return "another kernel or library call between them reads the one and "
           "feeds the other";
  case Refusal::None:
  case Refusal::Region:
    break;
  }
  Ops ops = graph.closure(graph.merged(first.core, second.core));
  std::string why;
  if (ops.size() > mostOps ||
      succeeded(planRegion(ops, graph.outputsOf(ops, {&first, &second}),
                           &why))) {
    reason = "too-large";
    return llvm::formatv("the merged kernel of {0} ops would be too large",
                         ops.size())
        .str();
  }
  reason = "no-common-walk";
  return "no single walk over memory computes both: " + why;
}

void Fuser::explainRefusals(func::FuncOp function) {
  if (!function.getContext()->getRemarkEngine())
    return;
  for (auto &producer : graph.groups) {
    if (producer->isDead)
      continue;
    for (FusionGroup *reader : readers(*producer)) {
      auto it = refusals.find({producer->id, reader->id});
      if (it == refusals.end() || it->second.kind == Refusal::None)
        continue;
      StringRef reason;
      std::string why = explain(*producer, *reader, it->second, reason);
      remark::missed(producer->core.back()->getLoc(),
                     remark::RemarkOpts::name(reason)
                         .category("fusion")
                         .function(function.getName()))
          << "'" + wordsOf(*producer) + "' is not merged into its reader '" +
                 wordsOf(*reader) + "': " + why;
    }
  }
}

//===- From groups to dlc.kernel ------------------------------------------===//

/// "row_3f2a" style names come later, from the body's hash; here the schedule
/// and the most telling ops.
std::string kernelName(const RegionPlan &plan, ArrayRef<Operation *> core) {
  std::string name = plan.reductions.empty() ? "map" : "reduce";
  SmallVector<StringRef> words;
  for (Operation *op : core) {
    StringRef word = op->getName().stripDialect();
    if (isIndexOnly(op) || llvm::is_contained(words, word))
      continue;
    words.push_back(word);
  }
  for (StringRef word : ArrayRef<StringRef>(words).take_front(5))
    name += "_" + word.str();
  if (words.size() > 5)
    name += "_etc";
  return name;
}

ScheduleAttr scheduleOf(const RegionPlan &plan, MLIRContext *context) {
  SmallVector<int64_t> domain = plan.kept, cols;
  for (int64_t size : plan.reduced) {
    cols.push_back(domain.size());
    domain.push_back(size);
  }
  bool isColumn = false;
  for (const RegionReduction &reduction : plan.reductions)
    if (auto sum = dyn_cast<ReduceSumOp>(reduction.op))
      isColumn |= !sum.getDims().empty() &&
                  sum.getDims().back() + 1 < rankOf(sum.getOperand());
  ScheduleKind kind = plan.reductions.empty() ? ScheduleKind::Map
                      : isColumn              ? ScheduleKind::Column
                                              : ScheduleKind::Row;
  for (const RegionReduction &reduction : plan.reductions)
    if (isa<ScatterAddOp>(reduction.op))
      kind = ScheduleKind::Scatter;
  for (const RegionReduction &reduction : plan.reductions)
    if (isa<DotGeneralOp, ConvOp, ConvGradDataOp, ConvGradWeightsOp>(
            reduction.op))
      kind = ScheduleKind::Contract;
  return ScheduleAttr::get(context, kind, domain, cols);
}

class Materializer {
public:
  Materializer(FusionGraph &graph, func::FuncOp function)
      : graph(graph), function(function) {}

  LogicalResult run(unsigned &numKernels, unsigned &numOps) {
    for (auto &group : graph.groups)
      if (!group->isDead && failed(emit(*group, numKernels, numOps)))
        return failure();
    eraseUnused();
    sortBlock();
    return success();
  }

private:
  LogicalResult emit(FusionGroup &group, unsigned &numKernels,
                     unsigned &numOps);
  void eraseUnused();
  void sortBlock();

  FusionGraph &graph;
  func::FuncOp function;
};

LogicalResult Materializer::emit(FusionGroup &group, unsigned &numKernels,
                                 unsigned &numOps) {
  SmallVector<Value> outputs = graph.outputsOf(group.core, {&group});
  if (outputs.empty())
    return success();
  std::vector<Operation *> ops = graph.closure(group.core);
  std::string why;
  FailureOr<RegionPlan> plan = planRegion(ops, outputs, &why);
  if (failed(plan))
    return group.core.front()->emitOpError()
           << "forms no kernel: " << why << " [DLC4001]";
  llvm::SmallSetVector<Value, 8> inputs = graph.inputsOf(group.core);

  OpBuilder b(group.core.back());
  SmallVector<Location> locations;
  for (Operation *op : group.core)
    locations.push_back(op->getLoc());
  Location loc = b.getFusedLoc(locations);
  SmallVector<Type> types;
  for (Value output : outputs)
    types.push_back(output.getType());
  auto kernel = KernelOp::create(
      b, loc, types, kernelName(*plan, group.core),
      scheduleOf(*plan, b.getContext()), inputs.getArrayRef());
  Block *body = b.createBlock(&kernel.getBody());
  IRMapping mapping;
  for (Value input : inputs)
    mapping.map(input, body->addArgument(input.getType(), input.getLoc()));
  for (Operation *op : ops)
    b.clone(*op, mapping);
  SmallVector<Value> yielded;
  for (Value output : outputs)
    yielded.push_back(mapping.lookup(output));
  YieldOp::create(b, loc, yielded);
  for (auto [output, result] : llvm::zip_equal(outputs, kernel.getOutputs()))
    output.replaceAllUsesWith(result);
  ++numKernels;
  numOps += group.core.size();
  return success();
}

void Materializer::eraseUnused() {
  for (Operation &op : llvm::make_early_inc_range(
           llvm::reverse(function.getBody().front())))
    if (op.use_empty() && !op.hasTrait<OpTrait::IsTerminator>() &&
        !isa<KernelOp>(op))
      op.erase();
}

/// Kernels were put where their last op was; what they need may come later.
void Materializer::sortBlock() {
  Block &block = function.getBody().front();
  llvm::DenseSet<Operation *> placed;
  SmallVector<Operation *> order;
  SmallVector<std::pair<Operation *, bool>> pending;
  for (Operation &root : block) {
    pending.push_back({&root, false});
    while (!pending.empty()) {
      auto [op, isReady] = pending.pop_back_val();
      if (placed.contains(op))
        continue;
      if (isReady) {
        placed.insert(op);
        order.push_back(op);
        continue;
      }
      pending.push_back({op, true});
      for (Value operand : llvm::reverse(op->getOperands()))
        if (Operation *definition = operand.getDefiningOp())
          pending.push_back({definition, false});
    }
  }
  for (Operation *op : order)
    op->moveBefore(&block, block.end());
}

struct FormKernels : dlc::impl::FormKernelsPassBase<FormKernels> {
  using FormKernelsPassBase::FormKernelsPassBase;
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    FusionGraph graph(function.getBody().front());
    FusionCost cost;
    if (merge) {
      Fuser fuser(graph, cost);
      fuser.run();
      fuser.explainRefusals(function);
    }
    unsigned kernels = 0, ops = 0;
    if (failed(Materializer(graph, function).run(kernels, ops)))
      return signalPassFailure();
    numKernels += kernels;
    numOps += ops;
  }
};

} // namespace
