#include "runtime/cuda/AttentionGraph.h"

#include <limits>
#include <utility>

namespace dlc::rt::cuda {

using namespace backend;

AttentionGraph::AttentionGraph(const Dnn &dnn, const fb::AttentionT &record)
    : graph(dnn), record(record),
      type(record.dtype == fb::DType::F16 ? dnnHalf : dnnBfloat) {}

DnnGraph::Form AttentionGraph::rowsOf(const fb::AttentionViewT &view,
                                      int64_t rows, int64_t columns) const {
  Form form{{record.batch, record.heads, rows, columns},
            {view.batch_stride, view.head_stride, view.row_stride, 1},
            type};
  // A dim of one element has any stride in a record, here that of no gap.
  for (size_t i = 3; i-- > 0;)
    if (form.dims[i] == 1)
      form.strides[i] = form.dims[i + 1] * form.strides[i + 1];
  return form;
}

DnnGraph::Form AttentionGraph::turned(Form form) {
  std::swap(form.dims[2], form.dims[3]);
  std::swap(form.strides[2], form.strides[3]);
  return form;
}

DnnGraph::Form AttentionGraph::square(int element) const {
  return DnnGraph::dense({record.batch, record.heads, record.rows, record.keys},
                         element);
}

DnnGraph::Form AttentionGraph::perRow() const {
  return DnnGraph::dense({record.batch, record.heads, record.rows, 1});
}

/// Scores of keys after the row become -inf.
DnnGraph::Tensor AttentionGraph::hideFuture(Tensor scores) {
  if (!record.is_causal)
    return scores;
  Tensor row = graph.index(2, scores, inner(square(dnnInt32)));
  Tensor key = graph.index(3, scores, inner(square(dnnInt32)));
  Tensor isSeen = graph.pointwise(pointNotLess, {row, key},
                                  inner(square(dnnBoolean)), true);
  Tensor hidden = graph.number(-std::numeric_limits<float>::infinity());
  return graph.pointwise(pointSelect, {scores, hidden, isSeen},
                         inner(square()));
}

void AttentionGraph::forward() {
  Form keys = rowsOf(*record.k, record.keys, record.depth);
  q = graph.memory(rowsOf(*record.q, record.rows, record.depth));
  k = graph.memory(turned(keys));
  v = graph.memory(rowsOf(*record.v, record.keys, record.width));
  output = graph.memory(rowsOf(*record.output, record.rows, record.width));
  logsumexp = graph.memory(perRow());
  scale = graph.number(static_cast<float>(record.scale));
  Tensor scores = graph.matmul(q, k, inner(square()));
  scores = hideFuture(multiplied(scores, scale));
  Tensor most = graph.reduce(reduceMax, scores, inner(perRow()));
  Tensor centered =
      graph.pointwise(pointSubtract, {scores, most}, inner(square()));
  Tensor powers = graph.pointwise(pointExp, {centered}, inner(square()));
  Tensor sum = graph.reduce(reduceSum, powers, inner(perRow()));
  Tensor log = graph.pointwise(pointLog, {sum}, inner(perRow()));
  graph.pointwise(pointAdd, {most, log}, logsumexp);
  Tensor probabilities =
      graph.pointwise(pointDivide, {powers, sum}, inner(square(type)));
  graph.matmul(probabilities, v, output);
}

void AttentionGraph::backward() {
  Form keys = rowsOf(*record.k, record.keys, record.depth);
  Form wide = rowsOf(*record.grad, record.rows, record.width);
  q = graph.memory(rowsOf(*record.q, record.rows, record.depth));
  k = graph.memory(turned(keys));
  v = graph.memory(turned(rowsOf(*record.v, record.keys, record.width)));
  output = graph.memory(rowsOf(*record.output, record.rows, record.width));
  grad = graph.memory(wide);
  logsumexp = graph.memory(perRow());
  delta = graph.memory(perRow());
  dq = graph.memory(rowsOf(*record.dq, record.rows, record.depth));
  dk = graph.memory(rowsOf(*record.dk, record.keys, record.depth));
  dv = graph.memory(rowsOf(*record.dv, record.keys, record.width));
  scale = graph.number(static_cast<float>(record.scale));
  // Sums of the rows.
  Tensor products = graph.pointwise(pointMultiply, {grad, output},
                                    inner(DnnGraph::dense(wide.dims)));
  Tensor sums = graph.reduce(reduceSum, products, inner(perRow()));
  graph.pointwise(pointMultiply, {sums, graph.number(1)}, delta);
  // Probabilities, and the gradient of values.
  Tensor scores = multiplied(graph.matmul(q, k, inner(square())), scale);
  Tensor centered =
      graph.pointwise(pointSubtract, {scores, logsumexp}, inner(square()));
  Tensor p = graph.pointwise(pointExp, {hideFuture(centered)}, inner(square()));
  graph.matmul(graph.reshape(p, inner(turned(square(type)))), grad, dv);
  // The gradients of the scores, and what follows from them.
  Tensor dp = graph.matmul(grad, v, inner(square()));
  Tensor offset = graph.pointwise(pointSubtract, {dp, delta}, inner(square()));
  Tensor ds = multiplied(multiplied(offset, p), scale);
  graph.matmul(graph.reshape(ds, inner(turned(square(type)))), q, dk);
  Form narrow = keys;
  narrow.type = dnnFloat;
  graph.matmul(ds, graph.reshape(k, inner(narrow)), dq);
}

void AttentionGraph::build() {
  if (record.kind == fb::AttentionKind::Forward)
    forward();
  else
    backward();
}

} // namespace dlc::rt::cuda
