//===- Shape.cpp - reference evaluation of the shape family ---------------===//
//
// Each op says, for an index of the result (or of the operand), where the
// element comes from; elements are copied bit for bit.
//
//===----------------------------------------------------------------------===//
#include "dialects/dlc/reference/ops/Families.h"

using namespace mlir;

namespace dlc::reference {
namespace {

using Index = SmallVector<int64_t>;

/// result[index] = operand[from(index)] for every index of the result.
void copyFrom(const Tensor &operand, Tensor &result,
              function_ref<void(ArrayRef<int64_t>, Index &)> from) {
  Index strides = rowMajorStrides(operand.getShape());
  Index source(operand.getRank());
  int64_t position = 0;
  forEachIndex(result.getShape(), [&](ArrayRef<int64_t> index) {
    from(index, source);
    result.copyElement(position++, operand, linearIndex(source, strides));
  });
}

void iota(IotaOp op, Operands, Results out) {
  int64_t position = 0;
  forEachIndex(out[0].getShape(), [&](ArrayRef<int64_t> index) {
    out[0].setInteger(position++, index[op.getDim()]);
  });
}

void broadcast(BroadcastOp op, Operands in, Results out) {
  copyFrom(*in[0], out[0], [&](ArrayRef<int64_t> index, Index &source) {
    for (auto [i, dim] : llvm::enumerate(op.getDims()))
      source[i] = in[0]->getShape()[i] == 1 ? 0 : index[dim];
  });
}

void transpose(TransposeOp op, Operands in, Results out) {
  copyFrom(*in[0], out[0], [&](ArrayRef<int64_t> index, Index &source) {
    for (auto [i, dim] : llvm::enumerate(op.getPermutation()))
      source[dim] = index[i];
  });
}

void slice(SliceOp op, Operands in, Results out) {
  copyFrom(*in[0], out[0], [&](ArrayRef<int64_t> index, Index &source) {
    for (size_t i = 0; i < index.size(); ++i)
      source[i] = op.getStarts()[i] + index[i] * op.getSteps()[i];
  });
}

void pad(PadOp op, Operands in, Results out) {
  for (int64_t i = 0; i < out[0].size(); ++i)
    out[0].copyElement(i, *in[1], 0);
  Index strides = rowMajorStrides(out[0].getShape());
  Index target(out[0].getRank());
  int64_t position = 0;
  forEachIndex(in[0]->getShape(), [&](ArrayRef<int64_t> index) {
    for (size_t i = 0; i < index.size(); ++i)
      target[i] = op.getLow()[i] + index[i] * (op.getInterior()[i] + 1);
    out[0].copyElement(linearIndex(target, strides), *in[0], position++);
  });
}

void concat(ConcatOp op, Operands in, Results out) {
  Index strides = rowMajorStrides(out[0].getShape());
  int64_t offset = 0;
  for (const Tensor *operand : in) {
    int64_t position = 0;
    forEachIndex(operand->getShape(), [&](ArrayRef<int64_t> index) {
      Index target(index);
      target[op.getDim()] += offset;
      out[0].copyElement(linearIndex(target, strides), *operand, position++);
    });
    offset += operand->getShape()[op.getDim()];
  }
}

void reverse(ReverseOp op, Operands in, Results out) {
  copyFrom(*in[0], out[0], [&](ArrayRef<int64_t> index, Index &source) {
    source.assign(index.begin(), index.end());
    for (int64_t dim : op.getDims())
      source[dim] = in[0]->getShape()[dim] - 1 - index[dim];
  });
}

LogicalResult constant(Operation *op, Operands, Results out) {
  FailureOr<Tensor> value =
      Tensor::fromAttribute(cast<ConstantOp>(op).getValue());
  if (failed(value))
    return op->emitError() << "expects a constant whose elements are present, "
                              "but got "
                           << cast<ConstantOp>(op).getValue();
  out[0] = std::move(*value);
  return success();
}

} // namespace

void addShapeEvaluators(EvaluatorTable &table) {
  table.add<ConstantOp>(constant);
  addEvaluator<IotaOp>(table, iota);
  addEvaluator<BroadcastOp>(table, broadcast);
  addEvaluator<ReshapeOp>(table, [](ReshapeOp op, Operands in, Results out) {
    out[0] = in[0]->reshaped(op.getType().getShape());
  });
  addEvaluator<TransposeOp>(table, transpose);
  addEvaluator<SliceOp>(table, slice);
  addEvaluator<PadOp>(table, pad);
  addEvaluator<ConcatOp>(table, concat);
  addEvaluator<ReverseOp>(table, reverse);
}

} // namespace dlc::reference
