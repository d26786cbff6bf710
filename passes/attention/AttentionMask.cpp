//===- AttentionMask.cpp - what is added to scores, or hides them ---------===//
//
// A causal mask is written in many ways: a buffer of booleans or of zeros and
// minus infinities, comparisons of positions, a triangle cut out of ones. All
// of them are constants, so it is enough to compute them and look.
//
//===----------------------------------------------------------------------===//
#include "passes/attention/AttentionMask.h"

#include "dialects/dlc/reference/Evaluate.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/FormatVariadic.h"

#include <limits>

using namespace mlir;
using dlc::reference::elementCount;
using dlc::reference::Tensor;

namespace dlc {

/// Larger tables than this are not looked at: 8192 x 8192 positions.
static constexpr int64_t maxElements = int64_t(1) << 26;

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

std::optional<Tensor> MaskReader::evaluate(Value value, unsigned depth) {
  auto [it, isNew] = values.try_emplace(value, std::nullopt);
  if (!isNew)
    return it->second;
  Operation *op = value.getDefiningOp();
  if (!isa_and_nonnull<DlcOpInterface>(op) || op->getNumRegions() != 0 ||
      op->getNumResults() != 1 || depth > 24 ||
      tensorType(value).getNumElements() > maxElements)
    return std::nullopt;
  SmallVector<Tensor> operands;
  if (auto constant = dyn_cast<ConstantOp>(op)) {
    FailureOr<Tensor> tensor = Tensor::fromAttribute(constant.getValue());
    return values[value] = failed(tensor) ? std::nullopt
                                          : std::optional<Tensor>(*tensor);
  }
  for (Value operand : op->getOperands()) {
    std::optional<Tensor> tensor = evaluate(operand, depth + 1);
    if (!tensor)
      return std::nullopt;
    operands.push_back(std::move(*tensor));
  }
  auto pointers =
      llvm::map_to_vector(operands, [](Tensor &tensor) -> const Tensor * {
        return &tensor;
      });
  FailureOr<SmallVector<Tensor>> results = reference::evaluate(op, pointers);
  if (failed(results))
    return std::nullopt;
  return values[value] = results->front();
}

/// `tensor` with the leading dims that repeat it cut to 1.
static Tensor withoutRepeats(Tensor tensor) {
  int64_t leading = tensor.getRank() - 2;
  for (int64_t dim = 0; dim < leading; ++dim) {
    SmallVector<int64_t> shape(tensor.getShape());
    int64_t inner = elementCount(ArrayRef(shape).drop_front(dim + 1));
    int64_t outer = elementCount(ArrayRef(shape).take_front(dim));
    int64_t bytes = inner * tensor.getElementBytes(), size = shape[dim];
    if (size <= 1)
      continue;
    const char *data = tensor.getBytes().data();
    bool isRepeated = true;
    for (int64_t o = 0; isRepeated && o < outer; ++o)
      for (int64_t i = 1; isRepeated && i < size; ++i)
        isRepeated = std::equal(data + o * size * bytes,
                                data + (o * size + 1) * bytes,
                                data + (o * size + i) * bytes);
    if (!isRepeated)
      continue;
    shape[dim] = 1;
    Tensor cut(RankedTensorType::get(shape, tensor.getElementType()));
    for (int64_t o = 0; o < outer; ++o)
      std::copy_n(data + o * size * bytes, bytes,
                  cut.getBytes().data() + o * bytes);
    tensor = std::move(cut);
  }
  return tensor;
}

/// What `tensor` hides. A mask of numbers that only hides counts as booleans.
MaskReader::Known MaskReader::classify(const Tensor &tensor,
                                       const ScoreMask &mask) {
  auto bits = RankedTensorType::get(
      tensor.getShape(), IntegerType::get(tensor.getType().getContext(), 1));
  Known known{Sight::All, false, Tensor(bits)};
  Tensor &seen = known.table;
  int64_t keys = tensor.getShape().back();
  int64_t rows = tensor.getShape()[tensor.getRank() - 2];
  bool isCausal = rows > 1 && keys > 1, hidesAny = false, isNumbers = false;
  for (int64_t row = 0; row * keys < tensor.size(); ++row) {
    bool seesAny = false;
    for (int64_t key = 0; key < keys; ++key) {
      int64_t i = row * keys + key;
      double number = mask.fill ? 0 : tensor.number(i);
      bool isHidden = mask.fill ? bool(tensor.integer(i)) == mask.hidesTrue
                                : number <= hidingScore;
      isNumbers |= !isHidden && number != 0;
      seen.setInteger(i, !isHidden);
      seesAny |= !isHidden;
      hidesAny |= isHidden;
      isCausal &= isHidden == (key > row % rows);
    }
    known.hidesRow |= !seesAny;
  }
  known.sight = isNumbers   ? Sight::Numbers
                : !hidesAny ? Sight::All
                : isCausal  ? Sight::Causal
                            : Sight::Some;
  return known;
}

/// None if the mask is no constant.
std::optional<MaskReader::Known> MaskReader::look(const ScoreMask &mask) {
  std::optional<Tensor> tensor = evaluate(mask.value);
  if (!tensor)
    return std::nullopt;
  Tensor cut = withoutRepeats(std::move(*tensor));
  Known known = classify(cut, mask);
  if (known.sight == Sight::Numbers)
    known.table = std::move(cut);
  return known;
}

//===----------------------------------------------------------------------===//
// Forms
//===----------------------------------------------------------------------===//

Value MaskReader::shrunk(OpBuilder &b, Value value) {
  auto broadcast = value.getDefiningOp<BroadcastOp>();
  if (!broadcast)
    return value;
  SmallVector<int64_t> shape(rankOf(value), 1);
  for (auto [dim, size] : llvm::zip_equal(broadcast.getDims(),
                                          shapeOf(broadcast.getOperand())))
    shape[dim] = size;
  return reshapeTo(b, value.getLoc(), broadcast.getOperand(), shape);
}

/// Whether a parameter that is trained is in it: its gradient needs scores.
bool MaskReader::isTrained(Value value) {
  auto [it, isNew] = trained.try_emplace(value, false);
  if (!isNew)
    return it->second;
  bool found = false;
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    auto function = dyn_cast<func::FuncOp>(block.getParentOp());
    unsigned i = argument.getArgNumber();
    found = function && argument.getOwner() == &block &&
            function.getArgAttr(i, names::param) &&
            !function.getArgAttr(i, names::frozen);
  } else {
    for (Value operand : value.getDefiningOp()->getOperands())
      found |= isTrained(operand);
  }
  return trained[value] = found;
}

static bool isInfinite(std::optional<double> fill) {
  return fill && *fill == -std::numeric_limits<double>::infinity();
}

static Value tableOf(OpBuilder &b, Location loc, const Tensor &table) {
  return ConstantOp::create(b, loc, table.getType(), table.toAttribute());
}

FailureOr<MaskForm> MaskReader::formOf(OpBuilder &b, ArrayRef<ScoreMask> masks,
                                       StringRef &reason,
                                       std::string &message) {
  auto fail = [&](StringRef code, std::string text) -> FailureOr<MaskForm> {
    reason = code;
    message = std::move(text);
    return failure();
  };
  MaskForm form;
  for (const ScoreMask &mask : masks) {
    Location loc = mask.value.getLoc();
    std::optional<Known> known = look(mask);
    Value operand;
    if (known && known->sight == Sight::All)
      continue;
    if (known && known->sight == Sight::Causal) {
      form.isCausal = true;
      continue;
    }
    if (known && known->sight == Sight::Some) {
      if (known->hidesRow && !isInfinite(mask.fill))
        return fail("hidden-rows", "the mask hides all keys of a row, whose "
                                   "probabilities are then equal, not zero");
      operand = tableOf(b, loc, known->table);
    } else if (known && mask.value.getDefiningOp<ConstantOp>()) {
      operand = tableOf(b, loc, known->table);
    } else if (!mask.fill) {
      if (isTrained(mask.value))
        return fail("trained-mask", "what is added to the scores is trained, "
                                    "and its gradient needs them");
      operand = mask.value;
    } else {
      if (!isInfinite(mask.fill))
        return fail("hidden-rows",
                    llvm::formatv("hidden scores are {0}, not minus infinity, "
                                  "and the mask may hide a whole row",
                                  *mask.fill)
                        .str());
      operand = mask.hidesTrue ? Value(NotOp::create(b, loc, mask.value))
                               : mask.value;
    }
    if (form.mask)
      return fail("two-masks", "there are two masks besides the causal one");
    form.mask = operand;
  }
  return form;
}

} // namespace dlc
