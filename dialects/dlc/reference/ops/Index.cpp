//===- Index.cpp - reference evaluation of the index family ---------------===//
//
// Gathers and their adjoints walk the same indices; what meets is added in
// that order, in double.
//
//===----------------------------------------------------------------------===//
#include "dialects/dlc/reference/ops/Families.h"

using namespace mlir;

namespace dlc::reference {
namespace {

/// Negative positions count from the end; then clamped to the dim.
int64_t positionIn(int64_t index, int64_t size) {
  if (index < 0)
    index += size;
  return std::clamp<int64_t>(index, 0, size - 1);
}

/// Calls visit(position in `whole`, position in the gathered tensor) for a
/// gather of `indices` from dim `dim` of a tensor of shape `whole`.
void forEachGathered(ArrayRef<int64_t> whole, const Tensor &indices,
                     int64_t dim, function_ref<void(int64_t, int64_t)> visit) {
  int64_t outer = elementCount(whole.take_front(dim));
  int64_t inner = elementCount(whole.drop_front(dim + 1));
  int64_t size = whole[dim], position = 0;
  for (int64_t i = 0; i < outer; ++i)
    for (int64_t j = 0; j < indices.size(); ++j)
      for (int64_t k = 0; k < inner; ++k) {
        int64_t at = positionIn(indices.integer(j), size);
        visit((i * size + at) * inner + k, position++);
      }
}

/// The same for single elements: `indices` has the gathered tensor's shape.
void forEachElement(ArrayRef<int64_t> whole, const Tensor &indices, int64_t dim,
                    function_ref<void(int64_t, int64_t)> visit) {
  SmallVector<int64_t> strides = rowMajorStrides(whole);
  int64_t position = 0;
  forEachIndex(indices.getShape(), [&](ArrayRef<int64_t> index) {
    SmallVector<int64_t> at(index);
    at[dim] = positionIn(indices.integer(position), whole[dim]);
    visit(linearIndex(at, strides), position++);
  });
}

void gather(GatherOp op, Operands in, Results out) {
  forEachGathered(
      in[0]->getShape(), *in[1], op.getDim(),
      [&](int64_t from, int64_t to) { out[0].copyElement(to, *in[0], from); });
}

void gatherElements(GatherElementsOp op, Operands in, Results out) {
  forEachElement(
      in[0]->getShape(), *in[1], op.getDim(),
      [&](int64_t from, int64_t to) { out[0].copyElement(to, *in[0], from); });
}

/// Sums `updates` at the places that `forEach` pairs them with.
template <typename ForEach>
void scatter(const Tensor &updates, Tensor &out, ForEach forEach) {
  std::vector<double> sums(out.size());
  std::vector<uint64_t> intSums(out.size());
  forEach([&](int64_t to, int64_t from) {
    if (out.isFloat())
      sums[to] += updates.number(from);
    else
      intSums[to] += uint64_t(updates.integer(from));
  });
  for (int64_t i = 0; i < out.size(); ++i)
    if (out.isFloat())
      out.setNumber(i, sums[i]);
    else
      out.setInteger(i, int64_t(intSums[i]));
}

void scatterAdd(ScatterAddOp op, Operands in, Results out) {
  scatter(*in[1], out[0], [&](auto visit) {
    forEachGathered(out[0].getShape(), *in[0], op.getDim(), visit);
  });
}

void scatterElementsAdd(ScatterElementsAddOp op, Operands in, Results out) {
  scatter(*in[1], out[0], [&](auto visit) {
    forEachElement(out[0].getShape(), *in[0], op.getDim(), visit);
  });
}

} // namespace

void addIndexEvaluators(EvaluatorTable &table) {
  addEvaluator<GatherOp>(table, gather);
  addEvaluator<ScatterAddOp>(table, scatterAdd);
  addEvaluator<GatherElementsOp>(table, gatherElements);
  addEvaluator<ScatterElementsAddOp>(table, scatterElementsAdd);
}

} // namespace dlc::reference
