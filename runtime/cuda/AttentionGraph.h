// Attention and its gradient as graphs that cuDNN has one kernel for. Scores
// are written out as if they were tensors; that they never are in memory is
// what cuDNN makes of it.
//
//   forward   s = scale q k'           backward  p = e^(scale q k' - logsumexp)
//             s = -inf above diagonal            delta = sum(grad output)
//             m = max s, e = e^(s - m)           dv = p' grad
//             l = sum e                          ds = scale p (grad v' - delta)
//             logsumexp = m + ln l               dk = ds' q
//             output = (e / l) v                 dq = ds k
//
// dq is summed by one product over all scores' gradients: the order of its sum
// is fixed then. cuDNN's other form adds to dq from many blocks as they come,
// and gives other bits each time.
#ifndef DLC_RUNTIME_CUDA_ATTENTIONGRAPH_H
#define DLC_RUNTIME_CUDA_ATTENTIONGRAPH_H

#include "runtime/artifact/artifact_generated.h"
#include "runtime/cuda/DnnGraph.h"

namespace dlc::rt::cuda {

class AttentionGraph {
public:
  /// `record` has no attentionObstacle() and outlives this.
  AttentionGraph(const Dnn &dnn, const fb::AttentionT &record);
  /// All of the graph; what went wrong is found when it is finished.
  void build();

  DnnGraph graph;
  /// Those that the kind has not are 0.
  DnnGraph::Tensor q = 0, k = 0, v = 0, output = 0, logsumexp = 0, grad = 0,
                   dq = 0, dk = 0, dv = 0;
  /// One f32 per row, which the caller gives room for.
  DnnGraph::Tensor delta = 0;

private:
  using Tensor = DnnGraph::Tensor;
  using Form = DnnGraph::Form;
  void forward();
  void backward();
  Tensor hideFuture(Tensor scores);
  Form rowsOf(const fb::AttentionViewT &view, int64_t rows,
              int64_t columns) const;
  /// With rows and columns exchanged.
  static Form turned(Form form);
  Form square(int type = dnnFloat) const;
  Form perRow() const;
  Tensor inner(const Form &form) { return graph.inner(form); }
  Tensor multiplied(Tensor a, Tensor b) {
    return graph.pointwise(backend::pointMultiply, {a, b}, inner(square()));
  }

  const fb::AttentionT &record;
  int type;
  Tensor scale = 0;
};

} // namespace dlc::rt::cuda

#endif // DLC_RUNTIME_CUDA_ATTENTIONGRAPH_H
