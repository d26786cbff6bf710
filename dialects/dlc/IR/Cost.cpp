//===- Cost.cpp - how much work each op is --------------------------------===//
#include "dialects/dlc/IR/Cost.h"

#include "dialects/dlc/IR/Attention.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace dlc {
namespace {

double elements(Value tensor) {
  return double(tensorType(tensor).getNumElements());
}

/// `each` operations per element of the first result.
template <typename... Ops> void perResult(CostTable &table, double each) {
  (table.add<Ops>(
       [each](Operation *op) { return each * elements(op->getResult(0)); }),
   ...);
}

/// `each` operations per element of the first operand.
template <typename... Ops> void perOperand(CostTable &table, double each) {
  (table.add<Ops>(
       [each](Operation *op) { return each * elements(op->getOperand(0)); }),
   ...);
}

/// Elementary operations of the polynomials that kernels use, rounded.
void addElementwise(CostTable &table) {
  perResult<NegOp, AbsOp, SignOp, ReluOp, FloorOp, CeilOp, RoundOp, NotOp,
            IsNanOp, IsInfOp, CastOp, AddOp, SubOp, MulOp, MaxOp, MinOp, AndOp,
            OrOp, XorOp, ShiftLeftOp, ShiftRightOp, CompareOp, SelectOp>(table,
                                                                         1);
  perResult<DivOp, SqrtOp, RsqrtOp, RemOp, ModOp>(table, 4);
  perResult<ExpOp, Expm1Op, LogOp, Log1pOp, SinOp, CosOp, TanOp, AsinOp, AcosOp,
            AtanOp, SinhOp, CoshOp, TanhOp, AsinhOp, AcoshOp, AtanhOp, ErfOp,
            SigmoidOp>(table, 15);
  perResult<PowOp>(table, 30);
}

void addMovement(CostTable &table) {
  perResult<ConstantOp, IotaOp, BroadcastOp, ReshapeOp, TransposeOp, SliceOp,
            PadOp, ConcatOp, ReverseOp, GatherOp, GatherElementsOp>(table, 0);
  table.add<ScatterAddOp, ScatterElementsAddOp>(
      [](Operation *op) { return elements(op->getOperand(1)); });
}

/// Twice the products of a convolution, given its output and weights.
template <typename OpTy>
void addConv(CostTable &table, Value (*output)(OpTy), Value (*weights)(OpTy)) {
  table.add<OpTy>([=](Operation *op) {
    auto conv = cast<OpTy>(op);
    Value w = weights(conv);
    double outputChannels = double(shapeOf(w)[0]);
    return outputChannels == 0
               ? 0
               : 2 * elements(output(conv)) * elements(w) / outputChannels;
  });
}

void addContractions(CostTable &table) {
  table.add<DotGeneralOp>([](Operation *op) {
    auto dot = cast<DotGeneralOp>(op);
    double products = elements(dot.getResult());
    for (int64_t dim : dot.getLhsContract())
      products *= double(shapeOf(dot.getLhs())[dim]);
    return 2 * products;
  });
  addConv<ConvOp>(
      table, [](ConvOp op) -> Value { return op.getResult(); },
      [](ConvOp op) -> Value { return op.getWeights(); });
  addConv<ConvGradDataOp>(
      table, [](ConvGradDataOp op) -> Value { return op.getGrad(); },
      [](ConvGradDataOp op) -> Value { return op.getWeights(); });
  addConv<ConvGradWeightsOp>(
      table, [](ConvGradWeightsOp op) -> Value { return op.getGrad(); },
      [](ConvGradWeightsOp op) -> Value { return op.getResult(); });
}

/// Per query and key: the products of the score, of the output and, backward,
/// of the four gradients, and the softmax. A causal mask halves the pairs.
void addAttention(CostTable &table) {
  table.add<AttentionOp>([](Operation *op) {
    auto attention = cast<AttentionOp>(op);
    AttentionSizes s = sizesOf(attention);
    return s.pairs(attention.getCausal()) *
           (2 * double(s.depth + s.width) + 20);
  });
  table.add<AttentionGradOp>([](Operation *op) {
    auto attention = cast<AttentionGradOp>(op);
    AttentionSizes s = sizesOf(attention);
    return s.pairs(attention.getCausal()) *
           (2 * double(3 * s.depth + 2 * s.width) + 20);
  });
}

/// One operation per element of each window.
template <typename OpTy>
void addWindow(CostTable &table, Value (*windows)(OpTy)) {
  table.add<OpTy>([=](Operation *op) {
    double count = elements(windows(cast<OpTy>(op)));
    for (int64_t size : cast<OpTy>(op).getWindow())
      count *= double(size);
    return count;
  });
}

CostTable build() {
  CostTable table;
  addElementwise(table);
  addMovement(table);
  addContractions(table);
  addAttention(table);
  perOperand<ReduceSumOp, ReduceProdOp, ReduceMaxOp, ReduceMinOp, ArgMaxOp,
             ArgMinOp, CumSumOp>(table, 1);
  // Maximum, difference, exponential, sum, quotient; mean, variance, scaling.
  perOperand<SoftmaxOp, LogSoftmaxOp, CrossEntropyOp>(table, 20);
  perOperand<LayerNormOp, BatchNormOp>(table, 8);
  addWindow<PoolMaxOp>(table,
                       [](PoolMaxOp op) -> Value { return op.getResult(); });
  addWindow<PoolSumOp>(table,
                       [](PoolSumOp op) -> Value { return op.getResult(); });
  addWindow<PoolMaxGradOp>(
      table, [](PoolMaxGradOp op) -> Value { return op.getGrad(); });
  addWindow<PoolSumGradOp>(
      table, [](PoolSumGradOp op) -> Value { return op.getGrad(); });
  // Ten rounds of two wide products and their mixing.
  perResult<RandomUniformOp>(table, 80);
  table.add<KernelOp>([](Operation *op) {
    double sum = 0;
    for (Operation &inner : cast<KernelOp>(op).getBody().front())
      sum += costOf(&inner).flops;
    return sum;
  });
  table.add<YieldOp>([](Operation *) { return 0; });
  return table;
}

} // namespace

const CostTable &flopsTable() {
  static const CostTable table = build();
  return table;
}

double tensorBytes(Value tensor) {
  unsigned bits = tensorType(tensor).getElementTypeBitWidth();
  return elements(tensor) * ((bits + 7) / 8);
}

OpCost costOf(Operation *op) {
  OpCost cost;
  if (const auto *flops = flopsTable().lookup(op))
    cost.flops = (*flops)(op);
  for (Value result : op->getResults())
    cost.bytesWritten += tensorBytes(result);
  bool takes = isa<GatherOp, GatherElementsOp>(op);
  for (auto [i, operand] : llvm::enumerate(op->getOperands()))
    cost.bytesRead +=
        takes && i == 0 ? tensorBytes(op->getResult(0)) : tensorBytes(operand);
  return cost;
}

} // namespace dlc
