//===- Index.cpp - element functions of the index family ------------------===//
#include "compiler/codegen/emitter/Elements.h"
#include "compiler/codegen/emitter/elements/Sum.h"
#include "dialects/dlc/IR/Builders.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace dlc;
using namespace dlc::emit;

static Value pass(ElementBuilder &, Operation *, const Index &,
                  ArrayRef<Element> operands) {
  return operands[0].value;
}

/// Adds the update where its index, wrapped and clamped as in a gather, is the
/// own position along `dim`.
template <typename OpTy>
static SmallVector<Value> combineScatter(ElementBuilder &e, Operation *op,
                                         ArrayRef<Value> sums, const Index &at,
                                         const Index &,
                                         ArrayRef<Element> operands) {
  int64_t dim = cast<OpTy>(op).getDim();
  int64_t size = shapeOf(op->getResult(0))[dim];
  Value index = operands[0].value;
  Type wide = e.b.getI64Type();
  if (auto vector = dyn_cast<VectorType>(index.getType()))
    wide = VectorType::get(vector.getShape(), wide);
  if (wide != index.getType())
    index = arith::ExtSIOp::create(e.b, e.loc, wide, index);
  index = wrapIndex(e, index, size);
  SmallVector<Value> values = e.unify({index, e.indexValue(at[dim])});
  Value isHere = arith::CmpIOp::create(
      e.b, e.loc, arith::CmpIPredicate::eq, values[0], values[1]);
  Value update = operands[1].value;
  Value added = e.select(isHere, update, e.numberLike(update, 0));
  return {add(e, sums[0], added)};
}

void dlc::emit::addIndexElements(OpTable<ElementFunction> &table) {
  table.add<GatherOp, GatherElementsOp>(pass);
}

void dlc::emit::addIndexReductions(OpTable<ReduceFunction> &table) {
  table.add<ScatterAddOp>({initSum, combineScatter<ScatterAddOp>, mergeSum});
  table.add<ScatterElementsAddOp>(
      {initSum, combineScatter<ScatterElementsAddOp>, mergeSum});
}
