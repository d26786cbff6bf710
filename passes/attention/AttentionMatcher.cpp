//===- AttentionMatcher.cpp - attention in primitive ops ------------------===//
//
// Upwards from the softmax, numbers that scale, masks, reshapes of batch dims
// and then a product; downwards, what exporters write for rows without keys,
// and a product that sums over the softmax's dim:
//
//   dot_general -> mul -> select -> softmax -> dot_general
//
//===----------------------------------------------------------------------===//
#include "passes/attention/AttentionMatcher.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;
using dlc::reference::elementCount;

namespace dlc {
namespace {

class Matcher {
public:
  Matcher(SoftmaxOp softmax, AttentionMiss &miss) : miss(miss) {
    match.softmax = softmax;
  }
  FailureOr<AttentionMatch> run();

private:
  LogicalResult fail(StringRef reason, const Twine &message) {
    miss.reason = reason;
    miss.message = message.str();
    return failure();
  }
  bool findScores(Value value, double scale, unsigned depth);
  bool addMask(Value mask, std::optional<double> fill, bool hidesTrue);
  LogicalResult findMix();
  LogicalResult readScores();
  LogicalResult readMix(Value probabilities);

  AttentionMiss &miss;
  AttentionMatch match;
  /// The op that chooses by a mask, for which a zero after the softmax means
  /// rows without keys.
  llvm::SmallSetVector<Value, 2> conditions;
};

/// Batch dims may change between products; rows and keys may not.
bool keepsRows(ReshapeOp reshape) {
  ArrayRef<int64_t> from = shapeOf(reshape.getOperand());
  ArrayRef<int64_t> to = shapeOf(reshape.getResult());
  return from.size() >= 2 && to.size() >= 2 &&
         from.take_back(2) == to.take_back(2);
}

int64_t product(ArrayRef<int64_t> shape, ArrayRef<int64_t> dims) {
  int64_t all = 1;
  for (int64_t dim : dims)
    all *= shape[dim];
  return all;
}

} // namespace

//===----------------------------------------------------------------------===//
// Before the softmax
//===----------------------------------------------------------------------===//

/// A mask at a place where the scores have the softmax's shape.
bool Matcher::addMask(Value mask, std::optional<double> fill, bool hidesTrue) {
  if (shapeOf(mask) != shapeOf(match.softmax.getOperand()))
    return false;
  match.masks.push_back({mask, fill, hidesTrue});
  if (fill)
    conditions.insert(mask);
  return true;
}

/// `scale` multiplies `value` before the softmax sees it.
bool Matcher::findScores(Value value, double scale, unsigned depth) {
  Operation *op = value.getDefiningOp();
  if (!op || depth > 8)
    return false;
  if (auto dot = dyn_cast<DotGeneralOp>(op)) {
    match.scores = dot;
    match.scale = scale;
    return true;
  }
  if (auto reshape = dyn_cast<ReshapeOp>(op))
    return keepsRows(reshape) &&
           findScores(reshape.getOperand(), scale, depth + 1);
  if (isa<MulOp, DivOp>(op))
    for (unsigned i : {1, 0}) {
      std::optional<double> number = splatValue(op->getOperand(i));
      if (number && *number != 0 && (i == 1 || isa<MulOp>(op)))
        return findScores(op->getOperand(1 - i),
                          isa<MulOp>(op) ? scale * *number : scale / *number,
                          depth + 1);
    }
  if (auto select = dyn_cast<SelectOp>(op))
    for (bool hidesTrue : {false, true}) {
      Value hidden = hidesTrue ? select.getOnTrue() : select.getOnFalse();
      Value seen = hidesTrue ? select.getOnFalse() : select.getOnTrue();
      std::optional<double> fill = splatValue(hidden);
      if (fill && *fill * scale <= hidingScore)
        return addMask(select.getCondition(), *fill, hidesTrue) &&
               findScores(seen, scale, depth + 1);
    }
  if (isa<AddOp>(op) && scale == 1)
    for (unsigned i : {0, 1}) {
      size_t before = match.masks.size();
      if (addMask(op->getOperand(1 - i), std::nullopt, false) &&
          findScores(op->getOperand(i), scale, depth + 1))
        return true;
      match.masks.resize(before);
    }
  return false;
}

/// The dims of `dot`'s side that are neither batch nor contracted.
static SmallVector<int64_t> freeDims(Value side, ArrayRef<int64_t> batch,
                                     ArrayRef<int64_t> contract) {
  SmallVector<int64_t> used(batch);
  llvm::append_range(used, contract);
  return otherDims(rankOf(side), used);
}

LogicalResult Matcher::readScores() {
  DotGeneralOp dot = match.scores;
  ArrayRef<int64_t> shape = shapeOf(match.softmax.getOperand());
  match.batch.assign(shape.begin(), shape.end() - 2);
  match.rows = shape[shape.size() - 2];
  match.keys = shape.back();
  if (dot.getLhsContract().size() != 1)
    return fail("scores", "the scores sum over " +
                              Twine(dot.getLhsContract().size()) + " dims");
  auto side = [](Value value, ArrayRef<int64_t> batch,
                 ArrayRef<int64_t> contract) {
    ProductSide side{value, SmallVector<int64_t>(batch)};
    llvm::append_range(side.order, freeDims(value, batch, contract));
    llvm::append_range(side.order, contract);
    return side;
  };
  match.q = side(dot.getLhs(), dot.getLhsBatch(), dot.getLhsContract());
  match.k = side(dot.getRhs(), dot.getRhsBatch(), dot.getRhsContract());
  int64_t batches = product(shapeOf(dot.getLhs()), dot.getLhsBatch());
  auto count = [&](Value value, ArrayRef<int64_t> batch,
                   ArrayRef<int64_t> contract) {
    return product(shapeOf(value), freeDims(value, batch, contract));
  };
  if (batches != elementCount(match.batch) ||
      count(dot.getLhs(), dot.getLhsBatch(), dot.getLhsContract()) !=
          match.rows ||
      count(dot.getRhs(), dot.getRhsBatch(), dot.getRhsContract()) !=
          match.keys)
    return fail("grouped-queries", "several heads of queries share their keys, "
                                   "or the dims of the scores are reordered");
  if (match.batch.size() > 2)
    return fail("batch-dims", "the scores have more than two batch dims");
  return success();
}

//===----------------------------------------------------------------------===//
// After the softmax
//===----------------------------------------------------------------------===//

/// Whether random numbers are in `value`: then it is dropout.
static bool isRandom(Value value, unsigned depth = 0) {
  Operation *op = value.getDefiningOp();
  if (!op || depth > 12)
    return false;
  return isa<RandomUniformOp>(op) ||
         llvm::any_of(op->getOperands(), [&](Value operand) {
           return isRandom(operand, depth + 1);
         });
}

/// A product reads `value`, after some elementwise ops at most: a softmax over
/// classes is nothing to remark on.
static bool reachesProduct(Value value, unsigned depth = 0) {
  return depth < 5 && llvm::any_of(value.getUsers(), [&](Operation *user) {
           return isa<DotGeneralOp>(user) ||
                  (user->getNumResults() == 1 &&
                   user->hasTrait<OpTrait::Elementwise>() &&
                   reachesProduct(user->getResult(0), depth + 1));
         });
}

LogicalResult Matcher::findMix() {
  Value p = match.softmax.getResult();
  while (true) {
    // A choice of 0 for NaN, or where the scores were hidden: the op does both.
    auto isSafe = [&](SelectOp select) {
      auto isNan = select.getCondition().getDefiningOp<IsNanOp>();
      if (isNan && isNan.getOperand() == p)
        return select.getOnFalse() == p &&
               splatValue(select.getOnTrue()) == 0.0;
      return conditions.contains(select.getCondition()) &&
             select.getOnTrue() == p && splatValue(select.getOnFalse()) == 0.0;
    };
    SelectOp safe;
    for (Operation *user : p.getUsers())
      if (auto select = dyn_cast<SelectOp>(user))
        safe = isSafe(select) ? select : safe;
    bool isOnlySafe = safe && llvm::all_of(p.getUsers(), [&](Operation *user) {
                        return user == safe.getOperation() ||
                               (isa<IsNanOp>(user) && user->hasOneUse());
                      });
    if (isOnlySafe) {
      p = safe.getResult();
      continue;
    }
    if (!p.hasOneUse())
      break;
    Operation *user = *p.user_begin();
    if (auto reshape = dyn_cast<ReshapeOp>(user);
        reshape && keepsRows(reshape)) {
      p = reshape.getResult();
      continue;
    }
    if (auto dot = dyn_cast<DotGeneralOp>(user)) {
      match.mix = dot;
      return readMix(p);
    }
    break;
  }
  if (!reachesProduct(p))
    return failure();
  for (Operation *user : p.getUsers())
    for (Value operand : user->getOperands())
      if (operand != p && isRandom(operand))
        return fail("dropout", "probabilities are dropped at random");
  return fail("probabilities-read",
              "the probabilities are read by more than a product of values");
}

LogicalResult Matcher::readMix(Value p) {
  DotGeneralOp dot = match.mix;
  bool isLhs = dot.getLhs() == p;
  ArrayRef<int64_t> batch = isLhs ? dot.getLhsBatch() : dot.getRhsBatch();
  ArrayRef<int64_t> contract =
      isLhs ? dot.getLhsContract() : dot.getRhsContract();
  ArrayRef<int64_t> valueBatch = isLhs ? dot.getRhsBatch() : dot.getLhsBatch();
  ArrayRef<int64_t> valueContract =
      isLhs ? dot.getRhsContract() : dot.getLhsContract();
  Value values = isLhs ? dot.getRhs() : dot.getLhs();
  int64_t last = rankOf(p) - 1;
  SmallVector<int64_t> width = freeDims(values, valueBatch, valueContract);
  if (contract.size() != 1 || contract[0] != last || values == p ||
      width.size() != 1)
    return fail("width", "the second product does not sum values of one width "
                         "over the keys");
  // Values in the order of the probabilities' dims; of those that they lack,
  // all are of size 1 but the rows.
  match.v.value = values;
  SmallVector<int64_t> free;
  for (int64_t dim = 0; dim < last; ++dim) {
    auto at = llvm::find(batch, dim);
    if (at != batch.end()) {
      if (dim == last - 1)
        return fail("width", "rows have values of their own");
      match.v.order.push_back(valueBatch[at - batch.begin()]);
      continue;
    }
    free.push_back(dim);
    if (dim != last - 1 && shapeOf(p)[dim] != 1)
      return fail("grouped-queries",
                  "several heads of queries share their values");
  }
  match.v.order.append({valueContract[0], width[0]});
  match.probabilityShape.assign(shapeOf(p).begin(), shapeOf(p).end());
  match.probabilityShape.back() = shapeOf(values)[width[0]];
  llvm::append_range(match.resultOrder, batch);
  if (!isLhs)
    match.resultOrder.push_back(last);
  llvm::append_range(match.resultOrder, free);
  if (isLhs)
    match.resultOrder.push_back(last);
  return success();
}

FailureOr<AttentionMatch> Matcher::run() {
  Value operand = match.softmax.getOperand();
  int64_t rank = rankOf(operand);
  if (rank < 2 || !findScores(operand, 1, 0) ||
      int64_t(match.softmax.getDim()) != rank - 1)
    return failure();
  Type element = elementTypeOf(match.scores.getLhs());
  if (element != elementTypeOf(operand) ||
      !(element.isF64() || element.isF32() || element.isF16() ||
        element.isBF16()))
    return failure();
  if (failed(findMix()) || failed(readScores()))
    return failure();
  return match;
}

FailureOr<AttentionMatch> matchAttention(SoftmaxOp softmax,
                                         AttentionMiss &miss) {
  return Matcher(softmax, miss).run();
}

} // namespace dlc
