//===- Infinities.cpp - which infinities are there by design --------------===//
#include "passes/nonfinite/Infinities.h"

#include "dialects/dlc/IR/Builders.h"

using namespace mlir;

namespace dlc {

const OpTable<InfinityRule> &infinityRules() {
  static const OpTable<InfinityRule> table = [] {
    OpTable<InfinityRule> rules;
    addAttentionInfinities(rules);
    addElementwiseInfinities(rules);
    addReductionInfinities(rules);
    addShapeInfinities(rules);
    return rules;
  }();
  return table;
}

unsigned unionOfOperands(Operation *, ArrayRef<unsigned> operands) {
  unsigned all = NoInfinity;
  for (unsigned set : operands)
    all |= set;
  return all;
}

static unsigned setOf(const APFloat &number) {
  if (!number.isInfinity())
    return NoInfinity;
  return number.isNegative() ? MinusInfinity : PlusInfinity;
}

/// Large constants are weights or tables, which nobody fills with infinities on
/// purpose.
static unsigned setOf(ConstantOp constant) {
  auto elements = dyn_cast<DenseElementsAttr>(constant.getValue());
  if (!elements || !isa<FloatType>(elements.getElementType()))
    return NoInfinity;
  if (elements.isSplat())
    return setOf(elements.getSplatValue<APFloat>());
  unsigned set = NoInfinity;
  for (const APFloat &number : elements.getValues<APFloat>())
    set |= setOf(number);
  return set;
}

DenseMap<Value, unsigned> findInfinities(Block &block) {
  DenseMap<Value, unsigned> sets;
  for (Operation &op : block.without_terminator()) {
    if (op.getNumResults() == 0 ||
        !isa<FloatType>(elementTypeOf(op.getResult(0))))
      continue;
    unsigned set = NoInfinity;
    if (auto constant = dyn_cast<ConstantOp>(op)) {
      set = setOf(constant);
    } else {
      SmallVector<unsigned> operands;
      for (Value operand : op.getOperands())
        operands.push_back(sets.lookup(operand));
      if (unionOfOperands(&op, operands) == NoInfinity)
        continue;
      const InfinityRule *rule = infinityRules().lookup(&op);
      set = rule ? (*rule)(&op, operands) : unsigned(BothInfinities);
    }
    if (set != NoInfinity)
      for (Value result : op.getResults())
        sets[result] = set;
  }
  return sets;
}

} // namespace dlc
