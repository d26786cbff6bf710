//===- Fuser.cpp - which groups become one kernel -------------------------===//
//
// The merge that saves most time comes first, and those it touches are judged
// anew (the priority fusion of XLA). A producer goes into all of its readers or
// none, so that it disappears; where that is not legal or does not pay, it may
// join one reader and write its result for the others. In the end neighbours
// that read the same tensor are joined, what is written for the backward half
// alone is computed again there if that takes next to no time, and what is read
// narrow alone is written so.
//
//===----------------------------------------------------------------------===//
#include "passes/fuse/Fuser.h"

#include "dialects/dlc/IR/Builders.h"
#include "dialects/dlc/IR/Cost.h"

#include "mlir/IR/Remarks.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <map>
#include <queue>
#include <tuple>

using namespace mlir;
using namespace dlc;

namespace {

/// Regions above these sizes cost more to compile and to keep in registers than
/// they save.
constexpr size_t mostOps = 160;
constexpr double mostWeight = 700;
/// Producers that are read more often are not computed again for each reader.
constexpr size_t mostReaders = 6;
/// What joining siblings must save of the shorter one's time.
constexpr double leastSiblingShare = 0.1;
/// What computing an output again may take of its readers' time, and the least
/// part of what a kernel writes that is worth it.
constexpr double mostRepeatedShare = 0.05, leastKeptShare = 0.1;

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

class Fuser {
public:
  Fuser(FusionGraph &graph, const FusionCost &cost, bool mayMix)
      : graph(graph), cost(cost), mayMix(mayMix) {}

  void run() {
    for (auto &group : graph.groups)
      consider(*group);
    do
      drain();
    while (fuseSiblings());
    repeatKept();
    narrowAtWriters();
  }

  /// A remark for each result that goes through memory from one kernel to
  /// another. After run().
  void explainRefusals(func::FuncOp function);

private:
  /// A reason code, and words.
  std::pair<StringRef, std::string> refusalOf(FusionGroup &first,
                                              FusionGroup &second);
  std::string wordsOf(const FusionGroup &group) const;
  void drain();
  void consider(FusionGroup &producer);
  void considerProducersOf(FusionGroup &group);
  bool mayMixIn(ArrayRef<unsigned> core) const;
  std::optional<double> timeOf(ArrayRef<unsigned> core,
                               ArrayRef<Value> outputs, bool mixes);
  std::optional<double> timeOfRegion(ArrayRef<Operation *> ops,
                                     ArrayRef<Value> outputs, bool isMerged,
                                     bool mixes);
  double groupTime(FusionGroup &group);
  bool isHard(const FusionGroup &group) const;
  bool joinsCopies(const FusionGroup &a, const FusionGroup &b) const;
  bool mayJoin(const FusionGroup &a, const FusionGroup &b) const;
  double savedByAll(FusionGroup &producer, ArrayRef<FusionGroup *> readers);
  double savedByOne(FusionGroup &first, FusionGroup &second);
  double sharedTime(FusionGroup &first, FusionGroup &second) const;
  bool fuseSiblings();
  bool isKept(Value output, ArrayRef<Value> outputs, ArrayRef<unsigned> slice,
              ArrayRef<FusionGroup *> readers) const;
  bool isFreeToRepeat(FusionGroup &writer, ArrayRef<Value> rest,
                      ArrayRef<unsigned> slice,
                      ArrayRef<FusionGroup *> readers);
  void repeatKept();
  void narrowAtWriters();

  FusionGraph &graph;
  const FusionCost &cost;
  bool mayMix;
  std::priority_queue<Candidate> queue;
  /// By what a region computes: repeated layers are judged once.
  std::map<std::vector<unsigned>, std::optional<double>> times;
  /// Sibling pairs that were refused, with the sizes they had then.
  llvm::DenseMap<std::pair<unsigned, unsigned>, size_t> refused;
};

/// Sums across rows that are computed again for the backward half add in the
/// order of the first time, whatever is merged with either.
bool Fuser::mayMixIn(ArrayRef<unsigned> core) const {
  return mayMix && llvm::none_of(core, [&](unsigned id) {
           auto sum = dyn_cast<ReduceSumOp>(graph.op(id));
           return sum && !sum.getDims().empty() &&
                  sum.getDims().back() + 1 < rankOf(sum.getOperand()) &&
                  graph.copyOf(sum);
         });
}

std::optional<double> Fuser::timeOf(ArrayRef<unsigned> core,
                                    ArrayRef<Value> outputs, bool mixes) {
  if (outputs.empty())
    return 0.0;
  std::vector<Operation *> ops = graph.closure(core);
  // Too large, whatever it computes.
  if (core.size() > 1 && ops.size() > mostOps)
    return std::nullopt;
  std::vector<unsigned> signature = {core.size() > 1, mixes};
  graph.appendSignature(ops, outputs, signature);
  auto [it, isNew] = times.try_emplace(std::move(signature));
  if (isNew)
    it->second = timeOfRegion(ops, outputs, core.size() > 1, mixes);
  return it->second;
}

std::optional<double> Fuser::timeOfRegion(ArrayRef<Operation *> ops,
                                          ArrayRef<Value> outputs,
                                          bool isMerged, bool mixes) {
  double weight = 0;
  for (Operation *op : ops)
    weight += elementCost(op);
  if (isMerged && weight > mostWeight)
    return std::nullopt;
  FailureOr<RegionPlan> plan = planGroup(ops, outputs, mixes);
  if (failed(plan))
    return std::nullopt;
  return kernelTime(*plan, cost);
}

double Fuser::groupTime(FusionGroup &group) {
  if (!group.time)
    group.time = timeOf(group.core, graph.outputsOf(group.core, {&group}),
                        mayMixIn(group.core))
                     .value_or(0);
  return *group.time;
}

bool Fuser::isHard(const FusionGroup &group) const {
  return llvm::any_of(group.core, [&](unsigned id) {
    return graph.ownerOf(id) == &group && graph.isHardUsed(id);
  });
}

/// Copies that are computed again later never meet their originals, or each
/// other, which would keep what they are there to let go. Nor do the parts of a
/// loss, each other or what follows from all of them.
bool Fuser::joinsCopies(const FusionGroup &a, const FusionGroup &b) const {
  if (chunkNumber(graph.op(a.core.front())) !=
      chunkNumber(graph.op(b.core.front())))
    return true;
  auto differs = [&](unsigned id, const FusionGroup &group) {
    std::optional<int64_t> copy = graph.copyOf(graph.op(id));
    return copy && llvm::any_of(group.core, [&](unsigned other) {
             return graph.copyOf(graph.op(other)).value_or(*copy) != *copy;
           });
  };
  return llvm::any_of(a.core, [&](unsigned id) { return differs(id, b); });
}

/// Scatters have a schedule of their own; updates of state wait for their list
/// kernel, where all parameters are updated in one launch. A constant that must
/// be in memory is read there by every kernel: in a kernel with other ops, all
/// of its readers would wait for what those ops read.
bool Fuser::mayJoin(const FusionGroup &a, const FusionGroup &b) const {
  auto staysAlone = [&](const FusionGroup &group) {
    return isa<ScatterAddOp, ConstantOp>(graph.op(group.core.front()));
  };
  return !staysAlone(a) && !staysAlone(b) && !joinsCopies(a, b) &&
         graph.isUpdate(graph.op(a.core.front())) ==
             graph.isUpdate(graph.op(b.core.front()));
}

double Fuser::savedByAll(FusionGroup &producer,
                         ArrayRef<FusionGroup *> consumers) {
  double before = groupTime(producer), after = 0;
  for (FusionGroup *reader : consumers) {
    if (!mayJoin(producer, *reader))
      return 0;
    before += groupTime(*reader);
    // Sums of rows are computed once, not again for every reader across rows.
    OpIds core = unionOf(reader->core, producer.core);
    bool mixes = consumers.size() == 1 && mayMixIn(core);
    std::optional<double> time =
        timeOf(core, graph.outputsOf(reader->core, {reader}), mixes);
    if (!time)
      return 0;
    after += *time;
  }
  return before - after;
}

double Fuser::savedByOne(FusionGroup &first, FusionGroup &second) {
  if (!mayJoin(first, second))
    return 0;
  // Maps over different numbers of elements write different numbers; this
  // refuses most pairs (a scalar and its many readers) early.
  if (first.elements && second.elements && first.elements != second.elements &&
      !graph.outputsOf(first.core, {&first, &second}).empty())
    return 0;
  OpIds core = unionOf(first.core, second.core);
  std::optional<double> after =
      timeOf(core, graph.outputsOf(core, {&first, &second}), mayMixIn(core));
  if (!after)
    return 0;
  double saved = groupTime(first) + groupTime(second) - *after;
  if (saved <= 0 || graph.hasPathAround(first, second) ||
      graph.hasPathAround(second, first))
    return 0;
  return saved;
}

void Fuser::consider(FusionGroup &producer) {
  SmallVector<FusionGroup *> consumers = graph.readersOf(producer);
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
  for (unsigned id : graph.inputOps(group))
    if (FusionGroup *owner = graph.ownerOf(id))
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
      graph.merge(producer, *next.reader);
      consider(producer);
      considerProducersOf(producer);
      continue;
    }
    SmallVector<FusionGroup *> consumers = graph.readersOf(producer);
    // None is left if all that read it compute it themselves by now.
    if (consumers.empty() || savedByAll(producer, consumers) < next.saved) {
      consider(producer);
      continue;
    }
    graph.mergeIntoAll(producer, consumers);
    for (FusionGroup *reader : consumers) {
      consider(*reader);
      considerProducersOf(*reader);
    }
  }
}

/// What two kernels do twice: a launch, and reading what both read.
double Fuser::sharedTime(FusionGroup &first, FusionGroup &second) const {
  llvm::SmallSetVector<Value, 8> other = graph.inputsOf(second.core);
  double bytes = 0;
  for (Value input : graph.inputsOf(first.core))
    if (other.contains(input))
      bytes += tensorBytes(input);
  return cost.launchNs + bytes / cost.bytesPerNs;
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
        // Siblings in one kernel live at the same time. A mask that every layer
        // reads is no reason to compute two layers together.
        double least = std::min(groupTime(first), groupTime(second));
        if (sharedTime(first, second) <= leastSiblingShare * least ||
            savedByOne(first, second) <= 0)
          continue;
        graph.merge(first, second);
        consider(first);
        considerProducersOf(first);
        hasChanged = true;
      }
  return hasChanged;
}

/// A large result of the forward half that only the backward half reads.
bool Fuser::isKept(Value output, ArrayRef<Value> outputs,
                   ArrayRef<unsigned> slice,
                   ArrayRef<FusionGroup *> readers) const {
  double bytes = 0;
  for (Value other : outputs)
    bytes += tensorBytes(other);
  auto isOfGradient = [&](unsigned id) {
    return isGradient(graph.op(id)->getLoc());
  };
  return tensorBytes(output) >= leastKeptShare * bytes &&
         !graph.isHardUsed(output) && readers.size() <= mostReaders &&
         llvm::none_of(slice, isOfGradient) &&
         llvm::all_of(readers, [&](FusionGroup *reader) {
           return isOfGradient(reader->core.back());
         });
}

/// Whether the writer, which writes only the `rest` then, and the readers,
/// which compute the slice, take hardly longer.
bool Fuser::isFreeToRepeat(FusionGroup &writer, ArrayRef<Value> rest,
                           ArrayRef<unsigned> slice,
                           ArrayRef<FusionGroup *> readers) {
  std::optional<double> written =
      timeOf(writer.core, rest, mayMixIn(writer.core));
  // With nothing left to write, it would have been merged into all.
  if (rest.empty() || !written)
    return false;
  FusionGroup part{.id = writer.id, .core = OpIds(slice.begin(), slice.end())};
  double more = *written - groupTime(writer), before = 0;
  for (FusionGroup *reader : readers) {
    if (!mayJoin(part, *reader))
      return false;
    OpIds core = unionOf(reader->core, part.core);
    std::optional<double> after = timeOf(
        core, graph.outputsOf(reader->core, {reader}), mayMixIn(core));
    if (!after)
      return false;
    before += groupTime(*reader);
    more += *after - groupTime(*reader);
  }
  return more <= mostRepeatedShare * before;
}

/// A kernel that waits for arithmetic writes what takes one operation as if it
/// were free, but it is in memory over the whole step.
void Fuser::repeatKept() {
  for (size_t i = 0; i < graph.groups.size(); ++i) {
    FusionGroup &writer = *graph.groups[i];
    if (writer.isDead)
      continue;
    SmallVector<Value> outputs = graph.outputsOf(writer.core, {&writer});
    for (Value output : SmallVector<Value>(outputs)) {
      SmallVector<FusionGroup *> readers = graph.readersOf(output);
      OpIds slice = graph.sliceOf(writer, output);
      SmallVector<Value> rest(outputs);
      llvm::erase(rest, output);
      if (slice.empty() || !isKept(output, outputs, slice, readers) ||
          !isFreeToRepeat(writer, rest, slice, readers))
        continue;
      for (FusionGroup *reader : readers)
        graph.repeatIn(slice, *reader);
      writer.time.reset();
      outputs = rest;
    }
  }
}

/// A kernel that waits for arithmetic writes a wide value as fast as a narrow
/// one, so that the merges above may have left the cast to the readers.
void Fuser::narrowAtWriters() {
  for (size_t i = 0; i < graph.groups.size(); ++i) {
    FusionGroup &writer = *graph.groups[i];
    if (writer.isDead)
      continue;
    for (Value output : graph.outputsOf(writer.core, {&writer})) {
      FusionGroup part{.id = writer.id, .core = graph.narrowingOf(output)};
      if (part.core.empty() || !mayJoin(part, writer) ||
          llvm::any_of(graph.readersOf(output), [&](FusionGroup *reader) {
            return reader->core.size() <= part.core.size();
          }))
        continue;
      OpIds core = unionOf(writer.core, part.core);
      SmallVector<Value> outputs = graph.outputsOf(writer.core, {&writer});
      std::replace(outputs.begin(), outputs.end(), output,
                   Value(graph.op(part.core.back())->getResult(0)));
      if (timeOf(core, outputs, mayMixIn(core)))
        graph.moveToWriter(part.core, writer);
    }
  }
}

//===- Remarks ------------------------------------------------------------===//

/// "exp, reduce_sum and 3 more": the ops of a group that compute something.
std::string Fuser::wordsOf(const FusionGroup &group) const {
  SmallVector<StringRef> words;
  for (unsigned id : group.core)
    if (StringRef word = graph.op(id)->getName().stripDialect();
        !isIndexOnly(graph.op(id)) && !llvm::is_contained(words, word))
      words.push_back(word);
  if (words.empty())
    words.push_back(graph.op(group.core.front())->getName().stripDialect());
  std::string text = llvm::join(ArrayRef(words).take_front(3), ", ");
  if (words.size() > 3)
    text += " and " + std::to_string(words.size() - 3) + " more";
  return text;
}

std::pair<StringRef, std::string> Fuser::refusalOf(FusionGroup &first,
                                                   FusionGroup &second) {
  if (joinsCopies(first, second))
    return {"recomputed", "what is computed again is kept apart from what it "
                          "is a copy of"};
  if (!mayJoin(first, second)) {
    bool isUpdate = graph.isUpdate(graph.op(first.core.front())) !=
                    graph.isUpdate(graph.op(second.core.front()));
    if (isUpdate)
      return {"update-list",
              "updates of state wait for the kernel that updates all of them"};
    return {"own-schedule", "a scatter is a kernel of its own"};
  }
  OpIds core = unionOf(first.core, second.core);
  SmallVector<Value> outputs = graph.outputsOf(core, {&first, &second});
  bool mixes = mayMixIn(core);
  if (std::optional<double> merged = timeOf(core, outputs, mixes)) {
    double apart = groupTime(first) + groupTime(second);
    if (*merged < apart)
      return {"cycle", "another kernel or library call between them reads the "
                       "one and feeds the other"};
    return {"no-gain",
            llvm::formatv("merged it would take longer, {0:f1} us instead of "
                          "{1:f1} us by the cost model",
                          *merged / 1000, apart / 1000)};
  }
  std::vector<Operation *> ops = graph.closure(core);
  std::string why;
  if (ops.size() > mostOps || succeeded(planGroup(ops, outputs, mixes, &why)))
    return {"too-large",
            llvm::formatv("the merged kernel of {0} ops would be too large",
                          ops.size())};
  return {"no-common-walk",
          "no single walk over memory computes both: " + why};
}

void Fuser::explainRefusals(func::FuncOp function) {
  if (!function.getContext()->getRemarkEngine())
    return;
  for (auto &producer : graph.groups) {
    if (producer->isDead)
      continue;
    for (FusionGroup *reader : graph.readersOf(*producer)) {
      auto [reason, why] = refusalOf(*producer, *reader);
      remark::missed(graph.op(producer->core.back())->getLoc(),
                     remark::RemarkOpts::name(reason)
                         .category("fusion")
                         .function(function.getName()))
          << "'" + wordsOf(*producer) + "' is not merged into its reader '" +
                 wordsOf(*reader) + "': " + why;
    }
  }
}

} // namespace

FailureOr<RegionPlan> dlc::planGroup(ArrayRef<Operation *> ops,
                                     ArrayRef<Value> outputs, bool mayMix,
                                     std::string *why) {
  FailureOr<RegionPlan> plan = planRegion(ops, outputs, why);
  if (failed(plan) && mayMix)
    return planMixedRegion(ops, outputs, why);
  return plan;
}

void dlc::fuse(FusionGraph &graph, const FusionCost &cost, bool mayMix,
               func::FuncOp explained) {
  Fuser fuser(graph, cost, mayMix);
  fuser.run();
  if (explained)
    fuser.explainRefusals(explained);
}
