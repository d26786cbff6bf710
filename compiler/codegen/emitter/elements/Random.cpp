//===- Random.cpp - element functions of the random family ----------------===//
#include "compiler/codegen/emitter/Elements.h"
#include "compiler/codegen/emitter/Math.h"
#include "dialects/dlc/IR/Builders.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace dlc;
using namespace dlc::emit;

/// The low and the high word of `wide`, as i32.
static std::pair<Value, Value> words(ElementBuilder &e, Value wide) {
  Type narrow = e.b.getI32Type();
  if (auto vector = dyn_cast<VectorType>(wide.getType()))
    narrow = VectorType::get(vector.getShape(), narrow);
  Value high = arith::ShRUIOp::create(e.b, e.loc, wide, e.numberLike(wide, 32));
  return {arith::TruncIOp::create(e.b, e.loc, narrow, wide),
          arith::TruncIOp::create(e.b, e.loc, narrow, high)};
}

/// Philox with key = seed and counter = (index, stream, calls).
static Value uniform(ElementBuilder &e, Operation *op, const Index &at,
                     ArrayRef<Element> operands) {
  auto random = cast<RandomUniformOp>(op);
  AffineExpr linear = getAffineConstantExpr(0, op->getContext());
  for (auto [expr, size] : llvm::zip_equal(at, random.getType().getShape()))
    linear = linear * size + expr;
  auto [indexLow, indexHigh] = words(e, e.indexValue(linear));
  auto [seedLow, seedHigh] = words(e, operands[0].value);
  auto [callsLow, callsHigh] = words(e, operands[1].value);
  (void)callsHigh;
  Value stream = e.integer(e.b.getI32Type(), random.getStream());
  Type type = computeType(random.getType().getElementType());
  SmallVector<Value> v = e.unify(
      {indexLow, indexHigh, stream, callsLow, seedLow, seedHigh});
  PhiloxWords random4 =
      emitPhilox(e.b, e.loc, {v[0], v[1], v[2], v[3]}, {v[4], v[5]});
  if (type.isF64())
    return emitUniform01(e.b, e.loc, random4[0], random4[1]);
  // Narrow types get as many bits as they hold: rounding could give 1.
  auto stored = cast<FloatType>(random.getType().getElementType());
  unsigned precision = stored.getFPMantissaWidth();
  Value bits = random4[0];
  if (precision < 24)
    bits = arith::AndIOp::create(
        e.b, e.loc, bits,
        e.numberLike(bits, double(int32_t(~0u << (32 - precision)))));
  return emitUniform01(e.b, e.loc, bits);
}

void dlc::emit::addRandomElements(OpTable<ElementFunction> &table) {
  table.add<RandomUniformOp>(uniform);
}
