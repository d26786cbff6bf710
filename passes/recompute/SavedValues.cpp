//===- SavedValues.cpp - which activations are kept -----------------------===//
#include "passes/recompute/SavedValues.h"

#include "dialects/dlc/IR/Builders.h"
#include "dialects/dlc/IR/Cost.h"
#include "dialects/dlc/IR/Halves.h"
#include "passes/recompute/MinCut.h"

using namespace mlir;

namespace dlc {

ForwardOps::ForwardOps(func::FuncOp function) {
  llvm::DenseSet<Operation *> late;
  for (Operation &op : function.getBody().front().without_terminator()) {
    bool isLate = isGradient(op.getLoc()) || copyNumber(&op) != 0 ||
                  llvm::any_of(op.getOperands(), [&](Value operand) {
                    return late.contains(operand.getDefiningOp());
                  });
    if (isLate) {
      late.insert(&op);
      ++numRest;
      continue;
    }
    positions[&op] = order.size();
    order.push_back(&op);
  }
}

bool ForwardOps::isReadOutside(Operation *op) const {
  return llvm::any_of(op->getUsers(), [&](Operation *user) {
    return !contains(user) && !user->hasTrait<OpTrait::IsTerminator>();
  });
}

static int64_t bytesOf(Operation *op) {
  double bytes = 0;
  for (Value result : op->getResults())
    bytes += tensorBytes(result);
  return int64_t(bytes);
}

/// No memory of its own: a view of its operand, or a constant.
static bool isFree(Operation *op) {
  return isa<ReshapeOp, TransposeOp, SliceOp, BroadcastOp, dlc::ConstantOp>(op);
}

static bool isContraction(Operation *op) {
  auto dlcOp = dyn_cast<DlcOpInterface>(op);
  return dlcOp && dlcOp.getPrecisionClass() == PrecisionClass::LowerFreely;
}

/// A sum of two whole tensors: a link of a residual stream.
static bool isLink(Operation *op) {
  return isa<AddOp>(op) && llvm::none_of(op->getOperands(), [](Value operand) {
           Operation *source = operand.getDefiningOp();
           return source && isa<BroadcastOp, dlc::ConstantOp>(source);
         });
}

llvm::DenseSet<Operation *> saveByMinCut(const ForwardOps &forward) {
  // Node 2i is op i being computed, 2i + 1 its result in memory.
  unsigned count = forward.ops().size();
  unsigned source = 2 * count, sink = source + 1;
  MinCut network(sink + 1);
  for (auto [i, op] : llvm::enumerate(forward.ops())) {
    network.addEdge(2 * i, 2 * i + 1,
                    isa<dlc::ConstantOp>(op) ? 0 : bytesOf(op));
    if (isContraction(op) || isLink(op) || op->getNumResults() != 1)
      network.addEdge(source, 2 * i, MinCut::unlimited);
    if (forward.isReadOutside(op))
      network.addEdge(2 * i + 1, sink, MinCut::unlimited);
    for (Operation *user : op->getUsers())
      if (forward.contains(user))
        network.addEdge(2 * i + 1, 2 * forward.position(user),
                        MinCut::unlimited);
  }
  std::vector<bool> isSinkSide = network.sinkSide(source, sink);
  llvm::DenseSet<Operation *> saved;
  for (auto [i, op] : llvm::enumerate(forward.ops()))
    if (!isSinkSide[2 * i] && isSinkSide[2 * i + 1])
      saved.insert(op);
  return saved;
}

/// The op whose memory `op` shows.
static Operation *memoryOf(Operation *op) {
  while (op && isFree(op) && op->getNumOperands() > 0)
    op = op->getOperand(0).getDefiningOp();
  return op && !isFree(op) ? op : nullptr;
}

namespace {

/// Bytes that cross each place between two forward ops.
struct Crossing {
  /// Per op, the last forward position that reads its memory.
  std::vector<unsigned> lastRead;
  /// Bytes that are written before a position and read at or after it.
  std::vector<int64_t> bytes;
  /// Bytes that ops before a position write and the backward half may read.
  std::vector<int64_t> written;
};

} // namespace

static Crossing findCrossing(const ForwardOps &forward) {
  const auto &ops = forward.ops();
  Crossing crossing;
  crossing.lastRead.resize(ops.size());
  crossing.bytes.resize(ops.size() + 1);
  crossing.written.resize(ops.size() + 1);
  for (auto [i, op] : llvm::enumerate(ops)) {
    crossing.lastRead[i] = i;
    for (Value operand : op->getOperands())
      if (Operation *source = operand.getDefiningOp())
        if (Operation *memory = memoryOf(source))
          crossing.lastRead[forward.position(memory)] = i;
  }
  for (auto [i, op] : llvm::enumerate(ops)) {
    int64_t bytes = isFree(op) ? 0 : bytesOf(op);
    crossing.written[i + 1] = crossing.written[i] + bytes;
    for (unsigned at = i + 1; bytes && at <= crossing.lastRead[i]; ++at)
      crossing.bytes[at] += bytes;
  }
  return crossing;
}

/// Cut positions: a cut at p separates ops [0, p) from the rest.
static std::vector<unsigned> chooseCuts(const Crossing &crossing,
                                        unsigned segments) {
  std::vector<unsigned> cuts;
  unsigned count = crossing.lastRead.size();
  int64_t total = crossing.written.back();
  for (unsigned s = 1; s < segments; ++s) {
    // Within half a segment to either side of the even place.
    auto within = [&](unsigned p, double place) {
      return double(crossing.written[p]) / double(total) * segments - place;
    };
    unsigned best = 0;
    for (unsigned p = cuts.empty() ? 1 : cuts.back() + 1; p < count; ++p) {
      double away = within(p, s);
      if (away < -0.5 || away > 0.5)
        continue;
      if (!best || crossing.bytes[p] < crossing.bytes[best] ||
          (crossing.bytes[p] == crossing.bytes[best] &&
           std::abs(away) < std::abs(within(best, s))))
        best = p;
    }
    if (best)
      cuts.push_back(best);
  }
  return cuts;
}

llvm::DenseSet<Operation *> saveBySegments(const ForwardOps &forward,
                                           unsigned segments) {
  llvm::DenseSet<Operation *> saved;
  Crossing crossing = findCrossing(forward);
  std::vector<unsigned> cuts = chooseCuts(crossing, segments);
  for (auto [i, op] : llvm::enumerate(forward.ops())) {
    bool isInLast = cuts.empty() || i >= cuts.back();
    bool crosses = llvm::any_of(cuts, [&](unsigned cut) {
      return i < cut && crossing.lastRead[i] >= cut;
    });
    if (isInLast || (crosses && !isFree(op)))
      saved.insert(op);
  }
  return saved;
}

} // namespace dlc
