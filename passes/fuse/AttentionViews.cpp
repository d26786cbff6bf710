//===- AttentionViews.cpp - how attention reads and writes ----------------===//
#include "passes/fuse/AttentionViews.h"

#include "dialects/dlc/IR/Attention.h"

using namespace mlir;

namespace dlc {

bool isAttention(Operation *op) {
  return isa_and_nonnull<AttentionOp, AttentionGradOp>(op);
}

/// Columns follow each other.
static bool hasColumns(const View &view) {
  return view.sizes.back() == 1 || view.strides.back() == 1;
}

static View maskView(Value mask) {
  View view = wholeView(mask);
  for (auto [size, stride] : llvm::zip_equal(view.sizes, view.strides))
    if (size == 1)
      stride = 0;
  return view;
}

static Value maskOf(Operation *op) {
  if (auto forward = dyn_cast<AttentionOp>(op))
    return forward.getMask();
  return cast<AttentionGradOp>(op).getMask();
}

static Value logsumexpOf(Operation *op) {
  if (auto forward = dyn_cast<AttentionOp>(op))
    return forward.getLogsumexp();
  return cast<AttentionGradOp>(op).getLogsumexp();
}

SmallVector<View> attentionReads(Operation *op) {
  SmallVector<View> views;
  for (Value operand : op->getOperands()) {
    if (operand == maskOf(op)) {
      views.push_back(maskView(operand));
      continue;
    }
    View view = operand == logsumexpOf(op)
                    ? wholeView(operand)
                    : viewOf(operand, [](Value) { return false; });
    views.push_back(hasColumns(view) ? view : wholeView(operand));
  }
  return views;
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

/// The value that the transposes and reshapes after `value` end in, as long as
/// each is all that reads the one before.
static Value endOfChain(Value value) {
  while (value.hasOneUse() &&
         isa<TransposeOp, ReshapeOp>(*value.user_begin()))
    value = value.user_begin()->getResult(0);
  return value;
}

/// The result of `op` that `value` is a view of, through such a chain.
static Value startOfChain(Value value) {
  while (isa_and_nonnull<TransposeOp, ReshapeOp>(value.getDefiningOp()) &&
         value.hasOneUse() &&
         value.getDefiningOp()->getOperand(0).hasOneUse())
    value = value.getDefiningOp()->getOperand(0);
  return value;
}

/// A concatenation of results of `op` alone, whose operands are in memory
/// nowhere else.
static ConcatOp joinOf(Operation *op, Value end) {
  auto concat = end.hasOneUse() ? dyn_cast<ConcatOp>(*end.user_begin())
                                : ConcatOp();
  if (!concat)
    return nullptr;
  bool isOwn = llvm::all_of(concat.getOperands(), [&](Value operand) {
    Value start = startOfChain(operand);
    return operand.hasOneUse() && start.hasOneUse() &&
           start.getDefiningOp() == op;
  });
  return isOwn ? concat : nullptr;
}

/// The part of `concat` that its operand `part` is.
static View partOf(ConcatOp concat, Value part) {
  View view = wholeView(concat.getResult());
  int64_t dim = concat.getDim();
  for (Value operand : concat.getOperands()) {
    if (operand == part)
      break;
    view.offset += shapeOf(operand)[dim] * view.strides[dim];
  }
  view.sizes[dim] = shapeOf(part)[dim];
  return view;
}

/// `view`, of the end of a chain, as a view of its start.
static std::optional<View> throughChain(View view, Value end, Value start) {
  for (Value at = end; at != start; at = at.getDefiningOp()->getOperand(0)) {
    Operation *op = at.getDefiningOp();
    if (auto transpose = dyn_cast<TransposeOp>(op)) {
      View before = view;
      for (auto [i, dim] : llvm::enumerate(transpose.getPermutation())) {
        before.sizes[dim] = view.sizes[i];
        before.strides[dim] = view.strides[i];
      }
      view = before;
      continue;
    }
    std::optional<View> before = reshapeView(view, shapeOf(op->getOperand(0)));
    if (!before)
      return std::nullopt;
    view = *before;
  }
  return view;
}

/// As the concatenation, else as the last transpose, else as it is.
static View writtenView(Operation *op, Value result) {
  Value end = endOfChain(result);
  if (ConcatOp concat = joinOf(op, end)) {
    std::optional<View> view =
        throughChain(partOf(concat, end), end, result);
    if (view && hasColumns(*view))
      return *view;
  }
  // A reshape of what is written is the same memory.
  while (end != result && end.getDefiningOp<ReshapeOp>())
    end = end.getDefiningOp()->getOperand(0);
  std::optional<View> view = throughChain(wholeView(end), end, result);
  return view && hasColumns(*view) ? *view : wholeView(result);
}

SmallVector<View> attentionWrites(Operation *op) {
  SmallVector<View> views;
  for (Value result : op->getResults())
    views.push_back(result == logsumexpOf(op) ? wholeView(result)
                                              : writtenView(op, result));
  // A concatenation is written by all its parts or by none.
  auto isJoined = [](const View &view) {
    return bool(view.base.getDefiningOp<ConcatOp>());
  };
  for (auto [view, result] : llvm::zip_equal(views, op->getResults())) {
    if (!isJoined(view))
      continue;
    size_t parts = llvm::count_if(
        views, [&](const View &other) { return other.base == view.base; });
    if (parts != view.base.getDefiningOp()->getNumOperands())
      return llvm::map_to_vector(op->getResults(),
                                 [](Value all) { return wholeView(all); });
  }
  return views;
}

bool isWrittenByAttention(Value value) {
  Value at = value;
  while (isa_and_nonnull<TransposeOp, ReshapeOp>(at.getDefiningOp())) {
    at = at.getDefiningOp()->getOperand(0);
    if (!at.hasOneUse())
      return false;
  }
  Operation *op = at.getDefiningOp();
  return at != value && isLibraryAttention(op) &&
         writtenView(op, at).base == value;
}

std::array<int64_t, 5> attentionLayout(const View &view) {
  std::array<int64_t, 5> layout = {view.offset, 0, 0, 0, 0};
  size_t rank = view.sizes.size();
  for (size_t i = 0; i < rank; ++i)
    // Dims of rank 3 are [batch, row, column].
    layout[i == 0 && rank > 2 ? 1 : 5 - (rank - i)] = view.strides[i];
  return layout;
}

} // namespace dlc
