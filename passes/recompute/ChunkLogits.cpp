//===- ChunkLogits.cpp - logits of a few rows at a time -------------------===//
//
//   %l  = dot(%x, %w)                    for each chunk c of the rows:
//   …loss of each row, its gradient…       %xc = slice(%x)
//   %dx = dot(%dl, %w)              ->     %lc = dot(%xc, %w)
//   %dw = dot(%dl, %x)                     …loss of each row, its gradient…
//                                          %dxc = dot(%dlc, %w)
//                                          %dw += dot(%dlc, %xc)
//                                        %dx = concat(%dxc…)
//
// The rows of a loss over classes do not look at each other, so what lies
// between the logits and the three products can be done for some rows and then
// for others. Nothing is computed twice; a chunk of the logits and of their
// gradient is in memory at a time, instead of all. (Liger's fused linear cross
// entropy, Hsu et al., 2024, as a rewrite of the graph.)
//
// The region is found from the largest product forwards: everything of the
// shape of its rows, until rows are contracted away or leave the classes. What
// it reads that is as wide (a comparison with class numbers, say) is made anew
// per chunk.
//
//===----------------------------------------------------------------------===//
#include "passes/recompute/Passes.h"

#include "dialects/dlc/IR/Builders.h"
#include "dialects/dlc/IR/Cost.h"
#include "dialects/dlc/IR/Halves.h"

#include "mlir/Analysis/TopologicalSortUtils.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/FormatVariadic.h"

namespace dlc {
#define GEN_PASS_DEF_CHUNKLOGITSPASS
#include "passes/recompute/Passes.h.inc"
} // namespace dlc

using namespace mlir;
using namespace dlc;

namespace {

/// What becomes of an op of the region.
enum class Role {
  /// Its result has the rows: one part per chunk.
  Rows,
  /// It sums over the rows: the chunks' results are added.
  Sum,
};

/// What lies between the logits and the rest of a step.
class RowRegion {
public:
  explicit RowRegion(DotGeneralOp logits)
      : logits(logits), shape(shapeOf(logits.getResult())),
        rowRank(int64_t(shape.size()) - 1) {}

  /// Finds the ops. On failure `reason` says what is in the way.
  LogicalResult find();
  /// Puts `chunks` copies in its place.
  void split(int64_t chunks);

  std::string reason;

private:
  bool hasRows(Value value) const;
  bool isWide(Value value) const {
    return hasRows(value) && rankOf(value) > rowRank;
  }
  std::optional<Role> roleOf(Operation *op) const;
  LogicalResult add(Operation *op, Role role);
  LogicalResult addReaders();
  LogicalResult addWideInputs();
  bool readsRows(OpOperand &operand) const;
  bool dependsOnRegion(Value value) const;
  LogicalResult checkEdges();
  Operation *cloneFor(Operation *op, int64_t first, int64_t count, OpBuilder &b,
                      IRMapping &map);
  Value sliced(Value value, int64_t first, int64_t count, OpBuilder &b) const;
  LogicalResult fail(const Twine &why) {
    reason = why.str();
    return failure();
  }

  DotGeneralOp logits;
  ArrayRef<int64_t> shape;
  int64_t rowRank, chunkDim = 0;
  llvm::SetVector<Operation *> ops;
  llvm::DenseMap<Operation *, Role> roles;
  /// In the order of the block, once found.
  SmallVector<Operation *> order;
};

} // namespace

static bool isDims(ArrayRef<int64_t> dims, int64_t first, int64_t count) {
  if (int64_t(dims.size()) != count)
    return false;
  for (auto [i, dim] : llvm::enumerate(dims))
    if (dim != first + int64_t(i))
      return false;
  return true;
}

/// Whether the leading dims are the rows; then come none or the classes, or, of
/// operands and results of products, something else.
bool RowRegion::hasRows(Value value) const {
  ArrayRef<int64_t> dims = shapeOf(value);
  if (int64_t(dims.size()) < rowRank ||
      dims.take_front(rowRank) != shape.take_front(rowRank))
    return false;
  return int64_t(dims.size()) == rowRank ||
         (dims.size() == shape.size() && dims.back() == shape.back());
}

/// None: the op cannot be done for some rows alone.
std::optional<Role> RowRegion::roleOf(Operation *op) const {
  if (op->getNumResults() != 1)
    return std::nullopt;
  Value result = op->getResult(0);
  if (isa<dlc::ConstantOp>(op))
    return isa<SplatElementsAttr>(cast<dlc::ConstantOp>(op).getValue()) &&
                   hasRows(result)
               ? std::optional(Role::Rows)
               : std::nullopt;
  if (auto iota = dyn_cast<IotaOp>(op))
    return hasRows(result) && int64_t(iota.getDim()) == rowRank
               ? std::optional(Role::Rows)
               : std::nullopt;
  if (auto broadcast = dyn_cast<BroadcastOp>(op)) {
    ArrayRef<int64_t> dims = broadcast.getDims();
    bool keepsRows = int64_t(dims.size()) >= rowRank &&
                     isDims(dims.take_front(rowRank), 0, rowRank) &&
                     hasRows(broadcast.getOperand());
    bool hasNoRows = llvm::all_of(dims, [&](int64_t d) { return d >= rowRank; });
    return hasRows(result) && (keepsRows || hasNoRows)
               ? std::optional(Role::Rows)
               : std::nullopt;
  }
  if (isa<ReduceSumOp, ReduceMaxOp, ReduceMinOp>(op)) {
    if (!isWide(op->getOperand(0)))
      return std::nullopt;
    auto dims = op->getAttrOfType<DenseI64ArrayAttr>("dims").asArrayRef();
    if (isDims(dims, rowRank, 1))
      return Role::Rows;
    return isa<ReduceSumOp>(op) && isDims(dims, 0, rowRank)
               ? std::optional(Role::Sum)
               : std::nullopt;
  }
  if (isa<ArgMaxOp, ArgMinOp>(op))
    return isWide(op->getOperand(0)) &&
                   op->getAttrOfType<IntegerAttr>("dim").getInt() == rowRank
               ? std::optional(Role::Rows)
               : std::nullopt;
  if (auto dot = dyn_cast<DotGeneralOp>(op)) {
    if (!dot.getLhsBatch().empty())
      return std::nullopt;
    bool isLeft = isWide(dot.getLhs()) && ops.contains(dot.getLhs().getDefiningOp());
    ArrayRef<int64_t> dims =
        isLeft ? dot.getLhsContract() : dot.getRhsContract();
    ArrayRef<int64_t> others =
        isLeft ? dot.getRhsContract() : dot.getLhsContract();
    if (isDims(dims, 0, rowRank) && isDims(others, 0, rowRank))
      return Role::Sum;
    // With the rows free on the right they are not the result's first dims.
    return isLeft && isDims(dims, rowRank, 1) ? std::optional(Role::Rows)
                                              : std::nullopt;
  }
  return op->hasTrait<OpTrait::Elementwise>() && hasRows(result)
             ? std::optional(Role::Rows)
             : std::nullopt;
}

LogicalResult RowRegion::add(Operation *op, Role role) {
  if (ops.insert(op))
    roles[op] = role;
  return success();
}

/// Forwards, as long as what is read is as wide as the logits, or becomes so.
LogicalResult RowRegion::addReaders() {
  for (size_t i = 0; i < ops.size(); ++i) {
    Operation *op = ops[i];
    bool isProduct = isa<DotGeneralOp>(op) && op != logits;
    if (roles[op] == Role::Sum || isProduct)
      continue;
    Value result = op->getResult(0);
    for (Operation *reader : result.getUsers()) {
      std::optional<Role> role = roleOf(reader);
      bool isRows = role == Role::Rows && hasRows(reader->getResult(0));
      if (isWide(result) && !role)
        return fail("'" + reader->getName().stripDialect() +
                    "' needs all rows of the logits");
      // A row's numbers may leave; they are small.
      if (isWide(result) || isRows)
        (void)add(reader, *role);
    }
  }
  return success();
}

/// Backwards, what is as wide and read here.
LogicalResult RowRegion::addWideInputs() {
  for (size_t i = 0; i < ops.size(); ++i) {
    if (ops[i] == logits)
      continue;
    for (Value operand : ops[i]->getOperands()) {
      Operation *source = operand.getDefiningOp();
      if (!isWide(operand) || (source && ops.contains(source)))
        continue;
      if (!source || roleOf(source) != Role::Rows || isa<DotGeneralOp>(source))
        return fail("a tensor of the logits' size is read that cannot be made "
                    "in parts");
      (void)add(source, Role::Rows);
    }
  }
  return success();
}

/// Whether the op wants the rows of `operand` alone, not all of it.
bool RowRegion::readsRows(OpOperand &operand) const {
  Operation *op = operand.getOwner();
  if (auto dot = dyn_cast<DotGeneralOp>(op)) {
    if (op == logits)
      return operand.getOperandNumber() == 0;
    // The other operand of a sum over the rows has them, too.
    return roles.lookup(op) == Role::Sum;
  }
  if (auto broadcast = dyn_cast<BroadcastOp>(op))
    return llvm::is_contained(broadcast.getDims(), 0);
  return rankOf(operand.get()) > 0;
}

bool RowRegion::dependsOnRegion(Value value) const {
  llvm::DenseSet<Operation *> seen;
  SmallVector<Value> pending = {value};
  while (!pending.empty()) {
    Operation *source = pending.pop_back_val().getDefiningOp();
    if (!source || !seen.insert(source).second)
      continue;
    if (ops.contains(source))
      return true;
    pending.append(source->operand_begin(), source->operand_end());
  }
  return false;
}

/// What comes in must be there before; what goes out must not be wide.
LogicalResult RowRegion::checkEdges() {
  for (Operation *op : ops) {
    for (Value operand : op->getOperands())
      if (!ops.contains(operand.getDefiningOp()) && dependsOnRegion(operand))
        return fail("it reads what follows from all rows together");
    Value result = op->getResult(0);
    bool leaves = llvm::any_of(result.getUsers(), [&](Operation *reader) {
      return !ops.contains(reader);
    });
    bool isProduct = isa<DotGeneralOp>(op) && op != logits;
    if (leaves && roles[op] == Role::Rows && !isProduct && isWide(result) &&
        !isa<dlc::ConstantOp, IotaOp, BroadcastOp>(op))
      return fail("the logits are read elsewhere");
  }
  return success();
}

LogicalResult RowRegion::find() {
  int64_t operandRank = rankOf(logits.getLhs());
  if (!logits.getLhsBatch().empty() || rowRank < 1 ||
      operandRank != rowRank + 1 ||
      !isDims(logits.getLhsContract(), rowRank, 1) ||
      rankOf(logits.getRhs()) != 2)
    return fail("the logits are no product of rows with one matrix");
  (void)add(logits, Role::Rows);
  if (failed(addReaders()))
    return failure();
  if (failed(addWideInputs()) || failed(checkEdges()))
    return failure();
  order.assign(ops.begin(), ops.end());
  llvm::sort(order, [](Operation *a, Operation *b) {
    return a->isBeforeInBlock(b);
  });
  return success();
}

Value RowRegion::sliced(Value value, int64_t first, int64_t count,
                     OpBuilder &b) const {
  SmallVector<int64_t> sizes(shapeOf(value)), starts(sizes.size(), 0),
      steps(sizes.size(), 1);
  sizes[chunkDim] = count;
  starts[chunkDim] = first;
  return SliceOp::create(b, value.getLoc(), tensorType(value).clone(sizes),
                         value, starts, steps);
}

/// The op on rows `first` to `first + count`; operands from outside are cut.
Operation *RowRegion::cloneFor(Operation *op, int64_t first, int64_t count,
                            OpBuilder &b, IRMapping &map) {
  IRMapping local;
  for (OpOperand &operand : op->getOpOperands()) {
    Value value = operand.get();
    Value mine = map.lookupOrNull(value);
    if (!mine && readsRows(operand)) {
      mine = sliced(value, first, count, b);
      map.map(value, mine);
    }
    if (mine)
      local.map(value, mine);
  }
  Operation *copy = b.clone(*op, local);
  Value result = copy->getResult(0);
  if (roles.lookup(op) == Role::Rows) {
    SmallVector<int64_t> sizes(shapeOf(result));
    sizes[chunkDim] = count;
    result.setType(tensorType(result).clone(sizes));
    if (auto constant = dyn_cast<dlc::ConstantOp>(copy))
      constant.setValueAttr(cast<DenseElementsAttr>(constant.getValue())
                                .resizeSplat(tensorType(result)));
  }
  map.map(op->getResult(0), result);
  return copy;
}

void RowRegion::split(int64_t chunks) {
  // The first dim, whose parts are views, if it is long enough.
  auto rows = shape.take_front(rowRank);
  if (rows[0] < chunks)
    chunkDim = std::max_element(rows.begin(), rows.end()) - rows.begin();
  chunks = std::min(chunks, rows[chunkDim]);
  Block *block = logits->getBlock();
  Operation *last = nullptr;
  for (Operation *op : order)
    for (Value operand : op->getOperands()) {
      Operation *source = operand.getDefiningOp();
      if (source && !ops.contains(source) &&
          (!last || last->isBeforeInBlock(source)))
        last = source;
    }
  OpBuilder b(logits.getContext());
  last ? b.setInsertionPointAfter(last) : b.setInsertionPointToStart(block);
  llvm::DenseMap<Operation *, SmallVector<Value>> parts;
  for (int64_t c = 0; c < chunks; ++c) {
    int64_t first = rows[chunkDim] * c / chunks;
    int64_t end = rows[chunkDim] * (c + 1) / chunks;
    IRMapping map;
    Attribute mark = b.getI64IntegerAttr(c + 1);
    for (Operation *op : order) {
      Operation *copy = cloneFor(op, first, end - first, b, map);
      copy->setAttr(names::chunk, mark);
      Value part = copy->getResult(0);
      if (roles[op] == Role::Sum && c) {
        part = AddOp::create(b, op->getLoc(), parts[op].pop_back_val(), part);
        part.getDefiningOp()->setAttr(names::chunk, mark);
      }
      parts[op].push_back(part);
    }
  }
  for (Operation *op : order) {
    Value result = op->getResult(0);
    Value whole = parts[op].front();
    // Wide inputs that others read, too, stay as they are.
    bool isWideInput = roles[op] == Role::Rows && isWide(result) &&
                       !isa<DotGeneralOp>(op);
    bool isRead = llvm::any_of(result.getUsers(), [&](Operation *reader) {
      return !ops.contains(reader);
    });
    if (isWideInput || !isRead)
      continue;
    if (roles[op] == Role::Rows && parts[op].size() > 1)
      whole = ConcatOp::create(b, op->getLoc(), parts[op], chunkDim);
    result.replaceAllUsesWith(whole);
  }
  for (Operation *op : llvm::reverse(order))
    if (op->use_empty())
      op->erase();
  sortTopologically(block);
}

/// Products of the forward half, largest first.
static SmallVector<DotGeneralOp> forwardProducts(func::FuncOp function) {
  SmallVector<DotGeneralOp> products;
  for (auto dot : function.getOps<DotGeneralOp>())
    if (!isGradient(dot.getLoc()))
      products.push_back(dot);
  llvm::stable_sort(products, [](DotGeneralOp a, DotGeneralOp b) {
    return tensorBytes(a) > tensorBytes(b);
  });
  return products;
}

namespace {

struct ChunkLogits : dlc::impl::ChunkLogitsPassBase<ChunkLogits> {
  using ChunkLogitsPassBase::ChunkLogitsPassBase;

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    int64_t wanted = chunks;
    if (auto number = function->getAttrOfType<IntegerAttr>(names::lossChunks)) {
      wanted = number.getInt();
      function->removeAttr(names::lossChunks);
    }
    bool isSplit = llvm::any_of(function.getOps(), [](Operation &op) {
      return chunkNumber(&op) != 0;
    });
    if (function.isDeclaration() || wanted < 2 || isSplit)
      return;
    // Of the products that can be split, the largest: logits, if anything.
    std::string reason;
    for (DotGeneralOp product : forwardProducts(function)) {
      RowRegion region(product);
      if (succeeded(region.find())) {
        remark(function, product.getLoc(), wanted, "");
        region.split(wanted);
        ++numSplit;
        return;
      }
      if (reason.empty())
        reason = region.reason;
    }
    if (!reason.empty())
      remark(function, function.getLoc(), wanted, reason);
  }

private:
  void remark(func::FuncOp function, Location loc, int64_t wanted,
              const std::string &reason) {
    if (!getContext().getRemarkEngine())
      return;
    auto options = mlir::remark::RemarkOpts::name("chunks")
                       .category("chunk-logits")
                       .function(function.getName());
    if (reason.empty())
      mlir::remark::passed(loc, options)
          << llvm::formatv("the loss is computed in {0} parts, so that the "
                           "logits are never all in memory",
                           wanted)
                 .str();
    else
      mlir::remark::missed(loc, options) << reason;
  }
};

} // namespace
