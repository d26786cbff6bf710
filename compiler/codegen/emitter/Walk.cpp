//===- Walk.cpp - vector dim, lanes and grid of a kernel ------------------===//
//
// Chosen from shapes and access patterns alone. The vector dim is the one along
// which most reads and writes are contiguous (or the same for all lanes);
// several registers per vector hide latency. Sums decide both for their kernel
// (dialects/dlc/indexing/SumOrder.h).
//
//===----------------------------------------------------------------------===//
#include "compiler/codegen/emitter/RegionEmitter.h"
#include "compiler/codegen/emitter/Threads.h"
#include "dialects/dlc/IR/Builders.h"
#include "dialects/dlc/indexing/SharedSums.h"

using namespace mlir;

namespace dlc::emit {

/// Elements of the widest computed type in a register. Integers count only
/// where there are no floats: indices are few beside the data they pick.
static unsigned registerLanes(ArrayRef<Operation *> ops,
                              const Target &target) {
  unsigned floatBits = 0, anyBits = 8;
  for (Operation *op : ops)
    for (Type type : op->getResultTypes()) {
      Type element = computeType(cast<RankedTensorType>(type).getElementType());
      anyBits = std::max(anyBits, element.getIntOrFloatBitWidth());
      if (isa<FloatType>(element))
        floatBits = std::max(floatBits, element.getIntOrFloatBitWidth());
    }
  unsigned bits = floatBits ? floatBits : std::max(anyBits, 32u);
  return target.bytes * 8 / bits;
}

/// What walking lanes along `dim` costs per element.
static double accessPenalty(const RegionPlan &plan, unsigned dim) {
  double penalty = 0;
  for (const RegionLeaf &leaf : plan.leaves)
    penalty += lanePenalty(leaf.offset, dim) * (leaf.sweep ? 1 : 0.1);
  for (const RegionOutput &output : plan.outputs)
    penalty += lanePenalty(
                   plan.space.linearize(output.at, shapeOf(output.value)),
                   dim) *
               (output.isPerRow && !plan.reduced.empty() ? 0.1 : 2);
  for (AffineExpr expr : plan.exprs)
    if (!linearCoefficient(expr, dim))
      penalty += 8;
  return penalty;
}

/// Among the dims that lanes may run along: all, or the kept ones.
static unsigned chooseVectorDim(const RegionPlan &plan, unsigned lanes) {
  ArrayRef<int64_t> dims = plan.space.getDims();
  if (plan.order && !plan.kept.empty())
    dims = dims.take_front(plan.kept.size());
  unsigned best = 0;
  double least = std::numeric_limits<double>::infinity();
  for (unsigned dim = 0; dim < dims.size(); ++dim) {
    // Idle lanes cost as much as busy ones.
    int64_t size = std::max<int64_t>(dims[dim], 1);
    double filled = double(size) / (llvm::divideCeil(size, lanes) * lanes);
    double cost = (1 + accessPenalty(plan, dim)) / filled;
    if (cost <= least) {
      best = dim;
      least = cost;
    }
  }
  return best;
}

/// Registers per vector: as many as fit the dim without wasting lanes, fewer
/// for bodies that need many registers themselves.
static unsigned chooseUnroll(const RegionPlan &plan,
                             ArrayRef<Operation *> ops, int64_t size,
                             unsigned lanes) {
  double weight = 0;
  for (Operation *op : ops)
    weight += elementCost(op);
  unsigned most = weight > 60 ? 1 : weight > 24 ? 2 : 4;
  unsigned unroll = 1;
  while (unroll * 2 <= most && size >= int64_t(lanes) * unroll * 2 &&
         size % (lanes * unroll * 2) <= size / 8)
    unroll *= 2;
  return unroll;
}

/// Bits of the narrowest floats (or of the narrowest other elements, if there
/// are none) that are read and written side by side.
static unsigned accessBits(const RegionPlan &plan) {
  unsigned floatBits = 64, anyBits = 64;
  auto look = [&](Value value) {
    Type element = elementTypeOf(value);
    unsigned bits = std::max(element.getIntOrFloatBitWidth(), 8u);
    anyBits = std::min(anyBits, bits);
    if (isa<FloatType>(element))
      floatBits = std::min(floatBits, bits);
  };
  for (const RegionLeaf &leaf : plan.leaves)
    look(leaf.value);
  bool hasFloats = false;
  for (const RegionOutput &output : plan.outputs) {
    look(output.value);
    hasFloats |= isa<FloatType>(elementTypeOf(output.value));
  }
  return hasFloats || floatBits < 64 ? floatBits : std::max(anyBits, 32u);
}

/// Threads of a GPU's workgroup: enough to fill a processor with few groups,
/// few enough that a small kernel has several.
constexpr int64_t mostThreads = 256;
/// As many threads as keep a large GPU busy.
constexpr int64_t busyThreads = int64_t(1) << 17;

/// Elements per thread of a kept dim: the widest access, less where that would
/// leave a rest or too few threads.
static unsigned threadLanes(const RegionPlan &plan, const Target &target,
                            unsigned dim) {
  unsigned lanes = target.bytes * 8 / accessBits(plan);
  int64_t size = plan.kept[dim], all = plan.keptCount();
  bool reduces = !plan.reductions.empty();
  while (lanes > 1 && (size % lanes != 0 ||
                       (reduces && all / lanes < busyThreads)))
    lanes /= 2;
  return lanes;
}

/// Registers of a thread that a row may take.
constexpr int64_t mostHeld = 96;

/// Whether threads can hold their part of a row: it is short, and one sweep
/// reads again what another has read.
static bool isRowHeld(const RegionPlan &plan, const Walk &walk) {
  unsigned dim = walk.vectorDim;
  for (unsigned i = plan.kept.size(); i < plan.space.getDims().size(); ++i)
    if (i != dim && plan.space.getDims()[i] != 1)
      return false;
  llvm::SmallDenseSet<AffineExpr> seen;
  int64_t reads = 0;
  for (const RegionLeaf &leaf : plan.leaves)
    reads += leaf.sweep && seen.insert(leaf.offset).second;
  bool isReadAgain = llvm::any_of(plan.leaves, [](const RegionLeaf &leaf) {
    return leaf.sweep > 1;
  });
  int64_t steps = llvm::divideCeil(plan.space.getDims()[dim], walk.lanes);
  return isReadAgain && steps * std::max<int64_t>(reads, 1) <= mostHeld;
}

/// A sequential reduction with few items: neighbouring threads have neighbouring
/// items, as many as make whole sectors of memory, and the workgroup's other
/// threads share their steps.
static bool shareSteps(const RegionPlan &plan, Walk &walk) {
  if (plan.reductions.empty() || !walk.isVectorDimKept ||
      plan.reducedCount() < leastSharedSteps ||
      plan.keptCount() >= busyThreads / 2)
    return false;
  unsigned longest = 0;
  for (unsigned i = 0; i < plan.reduced.size(); ++i)
    if (plan.reduced[i] > plan.reduced[longest])
      longest = i;
  int64_t columns = sharedColumns(plan.keptCount());
  int64_t sharers = sharersOf(plan.keptCount());
  while (sharers > 1 && plan.reduced[longest] < 4 * sharers)
    sharers /= 2;
  // Workgroups are whole warps.
  if (columns * sharers < int64_t(warpLanes))
    return false;
  walk.vectorDim = plan.kept.size() + longest;
  walk.isVectorDimKept = false;
  walk.areLanesThreads = true;
  walk.lanes = 1;
  walk.rowThreads = sharers;
  walk.items = plan.keptCount();
  walk.itemsPerGroup = columns;
  walk.threads = columns * sharers;
  walk.groups = llvm::divideCeil(walk.items, columns);
  return true;
}

Walk chooseGpuWalk(RegionPlan &plan, ArrayRef<Operation *> ops,
                   const Target &target) {
  Walk walk;
  if (chooseContractionTile(plan, walk))
    return walk;
  ArrayRef<int64_t> dims = plan.space.getDims();
  std::optional<unsigned> ordered;
  if (plan.order)
    ordered = orderedDim(*plan.order, plan.reduced);
  walk.vectorDim = ordered ? plan.kept.size() + *ordered
                   : dims.empty() ? 0
                                  : chooseVectorDim(plan, warpLanes);
  walk.isVectorDimKept = walk.vectorDim < plan.kept.size();
  if (!ordered && shareSteps(plan, walk))
    return walk;
  if (shareRow(plan, walk))
    return walk;
  // A scalar is an item of one lane.
  walk.areLanesThreads = !walk.isVectorDimKept;
  int64_t size = dims.empty() ? 1 : std::max<int64_t>(dims[walk.vectorDim], 1);
  if (ordered)
    walk.lanes = plan.order->lanes;
  else if (walk.areLanesThreads)
    walk.lanes = std::min<int64_t>(warpLanes, llvm::PowerOf2Ceil(size));
  else
    walk.lanes = threadLanes(plan, target, walk.vectorDim);
  walk.isRowHeld = walk.areLanesThreads && !dims.empty() &&
                   isRowHeld(plan, walk);
  walk.hasTileLoop = false;
  walk.items = plan.keptCount();
  if (!walk.areLanesThreads)
    walk.items /= walk.lanes;
  int64_t perItem = walk.areLanesThreads ? walk.lanes : 1;
  walk.threads = std::min<int64_t>(
      mostThreads, llvm::alignTo(std::max<int64_t>(walk.items, 1) * perItem,
                                 warpLanes));
  walk.itemsPerGroup = walk.threads / perItem;
  walk.groups = llvm::divideCeil(walk.items, walk.itemsPerGroup);
  return walk;
}

Walk chooseWalk(const RegionPlan &plan, ArrayRef<Operation *> ops,
                const Target &target) {
  Walk walk;
  ArrayRef<int64_t> dims = plan.space.getDims();
  std::optional<unsigned> ordered;
  if (plan.order)
    ordered = orderedDim(*plan.order, plan.reduced);
  if (ordered) {
    walk.vectorDim = plan.kept.size() + *ordered;
    walk.lanes = plan.order->lanes;
  } else {
    unsigned lanes = registerLanes(ops, target);
    walk.vectorDim = dims.empty() ? 0 : chooseVectorDim(plan, lanes);
    int64_t size = dims.empty() ? 1 : dims[walk.vectorDim];
    walk.lanes = lanes * chooseUnroll(plan, ops, size, lanes);
  }
  int64_t size = dims.empty() ? 1 : dims[walk.vectorDim];
  walk.isVectorDimKept = walk.vectorDim < plan.kept.size();

  int64_t rows = plan.keptCount();
  int64_t tiles = 1;
  if (walk.isVectorDimKept && size > 0) {
    rows /= size;
    tiles = llvm::divideCeil(size, walk.lanes);
  }
  walk.hasTileLoop =
      walk.isVectorDimKept && plan.reductions.empty() && rows >= 64;
  walk.items = walk.hasTileLoop ? rows : rows * tiles;

  // About 32 KiB of traffic, or as many operations, per workgroup.
  double bytes = 0;
  double elements = double(plan.keptCount()) * plan.reducedCount();
  for (const RegionLeaf &leaf : plan.leaves)
    bytes += 4 * (leaf.sweep ? elements : double(plan.keptCount()));
  for (const RegionOutput &output : plan.outputs)
    bytes += 4 * double(elementCount(shapeOf(output.value)));
  double work = std::max(bytes, plan.operations);
  int64_t groups = int64_t(std::min<double>(256, work / 32768)) + 1;
  groups = std::max<int64_t>(1, std::min(groups, walk.items));
  walk.itemsPerGroup = llvm::divideCeil(std::max<int64_t>(walk.items, 1), groups);
  walk.groups = llvm::divideCeil(walk.items, walk.itemsPerGroup);
  return walk;
}

} // namespace dlc::emit
