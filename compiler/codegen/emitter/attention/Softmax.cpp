//===- Softmax.cpp - scores of attention to probabilities -----------------===//
#include "compiler/codegen/emitter/attention/Softmax.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <cmath>

using namespace mlir;

namespace dlc::emit {

ScoreRules::ScoreRules(AttentionEngine &engine, Type type, int64_t rows,
                       int64_t keys, double scale, bool isCausal,
                       AttentionMask mask)
    : engine(engine), e(engine.e), type(type), rows(rows), keys(keys),
      isCausal(isCausal), scale(scale), mask(mask) {
  // The largest product is the largest score only of a positive scale, and
  // before numbers are added.
  isScaledFirst = !(scale > 0) || (mask.base && isa<FloatType>(mask.element));
  factor = isScaledFirst ? 1 : scale;
  factorOfTwo = factor * M_LOG2E;
}

ScoreRules::Position ScoreRules::positionOf(unsigned i,
                                            const ScoreBlock &block) {
  Value own = e.add(block.ownFirst, engine.ownRow(engine.slotOf(i)));
  Value other = e.add(block.tileFirst, engine.columnOf(i));
  if (block.isOwnKey)
    return {other, own};
  return {own, other};
}

Values ScoreRules::finish(Values scores, const ScoreBlock &block) {
  if (isScaledFirst)
    for (Value &score : scores)
      score = e.mul(score, e.number(type, scale));
  if (mask.base)
    scores = addMask(std::move(scores), block);
  // Only tiles at the end, or at the diagonal, have what is not seen.
  int64_t last = engine.tileRows - 1;
  int64_t others = block.isOwnKey ? rows : keys;
  Value isPartial =
      others % engine.tileRows == 0
          ? Value()
          : e.less(e.i32(others), e.add(block.tileFirst, last + 1));
  if (isCausal) {
    Value lastKey = block.isOwnKey
                        ? e.add(block.ownFirst, int64_t(engine.ownRows) - 1)
                        : e.add(block.tileFirst, last);
    Value firstRow = block.isOwnKey ? block.tileFirst : block.ownFirst;
    Value crosses = e.less(firstRow, lastKey);
    isPartial = isPartial ? e.either(isPartial, crosses) : crosses;
  }
  if (!isPartial)
    return scores;
  return e.choose(isPartial, scores, [&] { return hide(scores, block); });
}

Values ScoreRules::hide(Values scores, const ScoreBlock &block) {
  for (auto [i, score] : llvm::enumerate(scores)) {
    Position at = positionOf(i, block);
    Value isSeen = block.isOwnKey ? e.less(at.row, rows) : e.less(at.key, keys);
    if (isCausal)
      isSeen = e.both(isSeen, e.less(at.key, e.add(at.row, 1)));
    score = e.select(isSeen, score, silent());
  }
  return scores;
}

Values ScoreRules::addMask(Values scores, const ScoreBlock &block) {
  bool isNumber = isa<FloatType>(mask.element);
  Type stored = isNumber ? mask.element : Type(e.b.getI8Type());
  Matrix matrix{mask.base, stored, rows, keys, mask.rowStride, 1};
  for (auto [i, score] : llvm::enumerate(scores)) {
    // Beyond the end is hidden, but read from a place that exists.
    Position at = positionOf(i, block);
    Value row = e.smaller(at.row, e.i32(rows - 1));
    Value key = e.smaller(at.key, e.i32(keys - 1));
    Value value = e.load(matrix, row, e.mul(key, mask.keyStride));
    if (isNumber) {
      score = e.add(score, value);
      continue;
    }
    Value isSeen = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::ne,
                                         value, e.integer(stored, 0));
    score = e.select(isSeen, score, silent());
  }
  return scores;
}

Values ScoreRules::powers(ValueRange scores,
                          function_ref<Value(unsigned)> shift) {
  Values results;
  Value by = e.number(type, factorOfTwo);
  for (auto [i, score] : llvm::enumerate(scores))
    results.push_back(
        e.exp2(e.fma(score, by, e.sub(e.number(type, -0.0), shift(i)))));
  return results;
}

Value ScoreRules::finite(Value x) {
  Value isNone =
      arith::CmpFOp::create(e.b, e.loc, arith::CmpFPredicate::OEQ, x, silent());
  return e.select(isNone, e.number(type, 0), x);
}

} // namespace dlc::emit
