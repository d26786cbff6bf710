//===- SplitReductions.cpp - sums in two stages for GPUs ------------------===//
//
// A GPU needs tens of thousands of threads. A long sum with few results does
// not have them: a thread (or, along rows, a warp) walks all its terms. In two
// stages it does, each in a fixed order:
//
//   %s = dlc.reduce_sum %x dims [0] : tensor<65536x768xf32> -> tensor<768xf32>
// ->
//   %r = dlc.reshape %x : … -> tensor<128x512x768xf32>
//   %p = dlc.reduce_sum %r dims [1] : … -> tensor<128x768xf32>
//   %s = dlc.reduce_sum %p dims [0] : … -> tensor<768xf32>
//
// Where what is summed across rows is reduced along them, too, as in the gradient
// of a norm, the parts are the groups of rows that a kernel walks for both
// (dialects/dlc/indexing/Region.h: mixed regions).
//
// A workgroup shares a long row (LongRows.h), so that only rows which are very
// few, or too long for one, are cut.
//
//===----------------------------------------------------------------------===//
#include "passes/fuse/Passes.h"

#include "dialects/dlc/IR/Builders.h"
#include "dialects/dlc/indexing/LongRows.h"
#include "dialects/dlc/indexing/Region.h"
#include "dialects/dlc/indexing/SharedSums.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/EquivalenceClasses.h"

using namespace mlir;

namespace dlc {
#define GEN_PASS_DEF_SPLITREDUCTIONSPASS
#include "passes/fuse/Passes.h.inc"
} // namespace dlc

using namespace dlc;

namespace {

/// Terms that each lane of a partial sum along rows adds: below, the second
/// stage costs more than it saves.
constexpr int64_t leastTerms = 64;
/// Terms that a thread of a workgroup adds itself: in the time of a second
/// kernel it can do as many.
constexpr int64_t mostTermsOfThread = 256;

/// Which tensors depend on each other element by element, and how long the rows
/// are that they are reduced along.
class RowsOfTensors {
public:
  explicit RowsOfTensors(Block &block) {
    for (Operation &op : block)
      if (accessRules().lookup(&op) && !isReduction(&op))
        for (Value operand : op.getOperands())
          for (Value result : op.getResults())
            if (countOf(operand) == countOf(result))
              tensors.unionSets(operand, result);
    for (Operation &op : block)
      if (isa<ReduceSumOp, ReduceMaxOp>(op) && isAlongRows(&op))
        lengths.insert({leaderOf(op.getOperand(0)), termsOf(&op)});
  }
  /// Whether rows of `length` elements of what `value` depends on, or of what
  /// depends on it, are reduced.
  bool areReduced(Value value, int64_t length) {
    return lengths.contains({leaderOf(value), length});
  }

private:
  static int64_t countOf(Value value) { return elementCount(shapeOf(value)); }
  static int64_t termsOf(Operation *op) {
    return elementCount(accessRules().lookup(op)->reduced(op));
  }
  /// Over the last dims.
  static bool isAlongRows(Operation *op) {
    ArrayRef<int64_t> shape = shapeOf(op->getOperand(0));
    size_t rank = shape.size() - shapeOf(op->getResult(0)).size();
    return shape.drop_back(rank) == shapeOf(op->getResult(0)) &&
           elementCount(shape.take_back(rank)) == termsOf(op);
  }
  const void *leaderOf(Value value) {
    return tensors.getOrInsertLeaderValue(value).getAsOpaquePointer();
  }

  llvm::EquivalenceClasses<Value> tensors;
  llvm::DenseSet<std::pair<const void *, int64_t>> lengths;
};

struct SplitReductions
    : dlc::impl::SplitReductionsPassBase<SplitReductions> {
  using Base::Base;

  void runOnOperation() override {
    SmallVector<ReduceSumOp> sums(getOperation().getOps<ReduceSumOp>());
    RowsOfTensors rows(getOperation().getBody().front());
    // For all before any is changed.
    SmallVector<int64_t> parts;
    for (ReduceSumOp sum : sums) {
      int64_t groups = groupsOf(sum, rows);
      parts.push_back(groups > 1 ? groups : partsOf(sum));
    }
    for (auto [sum, number] : llvm::zip_equal(sums, parts))
      if (number > 1) {
        split(sum, number);
        ++numSplit;
      }
  }

private:
  /// The reduced dims that are cut, as one: all of them if they are neighbours,
  /// else the outermost.
  static ArrayRef<int64_t> cutDims(ReduceSumOp sum) {
    ArrayRef<int64_t> dims = sum.getDims();
    bool areNeighbours =
        !dims.empty() && dims.back() - dims.front() + 1 == int64_t(dims.size());
    return areNeighbours ? dims : dims.take_front(1);
  }
  static int64_t cutSize(ReduceSumOp sum) {
    int64_t size = 1;
    for (int64_t dim : cutDims(sum))
      size *= shapeOf(sum.getOperand())[dim];
    return size;
  }

  /// Of rows that are reduced along, too; 0 if they are not.
  static int64_t groupsOf(ReduceSumOp sum, RowsOfTensors &rows) {
    int64_t columns = elementCount(shapeOf(sum.getResult()));
    ArrayRef<int64_t> dims = sum.getDims();
    if (dims.empty() || dims.back() + 1 != int64_t(dims.size()) ||
        columns < leastMixedColumns || columns > mostMixedColumns ||
        !sumOrder(sum) || !rows.areReduced(sum.getOperand(), columns))
      return 0;
    return mixedGroups(cutSize(sum));
  }

  /// 1: as it is.
  int64_t partsOf(ReduceSumOp sum) {
    int64_t results = elementCount(shapeOf(sum.getResult()));
    int64_t all = elementCount(shapeOf(sum.getOperand()));
    std::optional<SumOrder> order = sumOrder(sum);
    if (all == 0 || sum.getDims().empty() || !order)
      return 1;
    int64_t terms = all / results;
    bool isAlongRows = order->lanes > 1;
    int64_t lanes = order->lanes;
    if (order->dim)
      if (int64_t shared = sharedRow(order->box[*order->dim]).threads) {
        if (terms <= mostTermsOfThread * shared)
          return 1;
        lanes = shared;
      }
    int64_t perResult = isAlongRows ? lanes : sharersOf(results);
    int64_t least = isAlongRows ? leastTerms * lanes : leastSharedSteps;
    int64_t most = std::min(threads / std::max<int64_t>(results * perResult, 1),
                            terms / least);
    // Equal parts: a rest would need a guard on every read.
    int64_t size = cutSize(sum), parts = 1;
    for (int64_t count = 2; count <= std::min(most, size); ++count)
      if (size % count == 0)
        parts = count;
    return parts;
  }

  static void split(ReduceSumOp sum, int64_t parts) {
    OpBuilder b(sum);
    Location loc = sum.getLoc();
    ArrayRef<int64_t> shape = shapeOf(sum.getOperand()), cut = cutDims(sum);
    SmallVector<int64_t> parted(shape.take_front(cut.front()));
    parted.append({parts, cutSize(sum) / parts});
    llvm::append_range(parted, shape.drop_front(cut.back() + 1));
    // What is left of the dims, in the parted shape.
    SmallVector<int64_t> inner = {cut.front() + 1};
    for (int64_t dim : sum.getDims().drop_front(cut.size()))
      inner.push_back(dim + 2 - int64_t(cut.size()));
    Value partial = ReduceSumOp::create(
        b, loc, reshapeTo(b, loc, sum.getOperand(), parted), inner);
    Value total =
        ReduceSumOp::create(b, loc, partial, ArrayRef<int64_t>{cut.front()});
    sum.getResult().replaceAllUsesWith(total);
    sum.erase();
  }
};

} // namespace
