//===- FormKernels.cpp - group ops into fusion regions --------------------===//
//
//   %m = dlc.reduce_max %x dims [1]         %y = dlc.kernel "…" <row, …> (%x) {
//   %b = dlc.broadcast %m dims [0]            every op on the left,
//   %d = dlc.sub %x, %b              ->       none of whose results
//   %e = dlc.exp %d                           reaches memory but
//   …                                         %y
//   %y = dlc.mul %e, %i                     }
//
// Which ops go together is decided elsewhere (Fuser.h); here the groups become
// kernels.
//
//===----------------------------------------------------------------------===//
#include "passes/fuse/Passes.h"

#include "dialects/dlc/IR/Builders.h"
#include "dialects/dlc/IR/Halves.h"
#include "passes/fuse/Fuser.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Remarks.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace dlc {
#define GEN_PASS_DEF_FORMKERNELSPASS
#include "passes/fuse/Passes.h.inc"
} // namespace dlc

using namespace dlc;

namespace {

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
  ScheduleKind kind = plan.isMixed()            ? ScheduleKind::Mixed
                      : plan.reductions.empty() ? ScheduleKind::Map
                      : isColumn                ? ScheduleKind::Column
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
  Materializer(FusionGraph &graph, func::FuncOp function, bool mayMix)
      : graph(graph), function(function), mayMix(mayMix) {}

  LogicalResult run(unsigned &numKernels, unsigned &numOps) {
    for (auto &group : graph.groups)
      if (!group->isDead && failed(emit(*group, numKernels, numOps)))
        return failure();
    eraseUnused();
    return sortBlock();
  }

private:
  LogicalResult emit(FusionGroup &group, unsigned &numKernels,
                     unsigned &numOps);
  void eraseUnused();
  LogicalResult sortBlock();

  FusionGraph &graph;
  func::FuncOp function;
  bool mayMix;
};

LogicalResult Materializer::emit(FusionGroup &group, unsigned &numKernels,
                                 unsigned &numOps) {
  SmallVector<Value> outputs = graph.outputsOf(group.core, {&group});
  if (outputs.empty())
    return success();
  std::vector<Operation *> ops = graph.closure(group.core);
  SmallVector<Operation *> core;
  for (unsigned id : group.core)
    core.push_back(graph.op(id));
  std::string why;
  FailureOr<RegionPlan> plan = planGroup(ops, outputs, mayMix, &why);
  if (failed(plan))
    return core.front()->emitOpError()
           << "forms no kernel: " << why << " [DLC4001]";
  llvm::SmallSetVector<Value, 8> inputs = graph.inputsOf(group.core);

  OpBuilder b(core.back());
  SmallVector<Location> locations;
  for (Operation *op : core)
    locations.push_back(op->getLoc());
  Location loc = b.getFusedLoc(locations);
  SmallVector<Type> types;
  for (Value output : outputs)
    types.push_back(output.getType());
  auto kernel = KernelOp::create(
      b, loc, types, kernelName(*plan, core),
      scheduleOf(*plan, b.getContext()), inputs.getArrayRef());
  Block *body = b.createBlock(&kernel.getBody());
  IRMapping mapping;
  for (Value input : inputs)
    mapping.map(input, body->addArgument(input.getType(), input.getLoc()));
  for (Operation *op : ops)
    // Equal kernels are one, whichever half they are for.
    b.clone(*op, mapping)->removeAttr(names::recomputed);
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
LogicalResult Materializer::sortBlock() {
  Block &block = function.getBody().front();
  // False while what the op needs is being placed.
  llvm::DenseMap<Operation *, bool> isPlaced;
  SmallVector<Operation *> order;
  SmallVector<std::pair<Operation *, bool>> pending;
  for (Operation &root : block) {
    pending.push_back({&root, false});
    while (!pending.empty()) {
      auto [op, isReady] = pending.pop_back_val();
      if (isReady) {
        isPlaced[op] = true;
        order.push_back(op);
        continue;
      }
      auto [it, isNew] = isPlaced.try_emplace(op, false);
      if (!isNew && !it->second)
        return op->emitOpError() << "needs its own result [DLC4008]";
      if (!isNew)
        continue;
      pending.push_back({op, true});
      for (Value operand : llvm::reverse(op->getOperands()))
        if (Operation *definition = operand.getDefiningOp())
          pending.push_back({definition, false});
    }
  }
  for (Operation *op : order)
    op->moveBefore(&block, block.end());
  return success();
}

struct FormKernels : dlc::impl::FormKernelsPassBase<FormKernels> {
  using FormKernelsPassBase::FormKernelsPassBase;
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    FusionGraph graph(function.getBody().front());
    FusionCost cost;
    bool mayMix = target == "cuda";
    if (merge)
      fuse(graph, cost, mayMix, function);
    unsigned kernels = 0, ops = 0;
    if (failed(Materializer(graph, function, mayMix).run(kernels, ops)))
      return signalPassFailure();
    numKernels += kernels;
    numOps += ops;
  }
};

} // namespace
