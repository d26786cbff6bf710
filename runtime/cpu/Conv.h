// Convolutions of a program and their two gradients, on oneDNN.
//
// Three forms, chosen by shape alone:
//   pointwise   kernels of one tap and stride 1 are one matrix product
//   positions   few output positions (the deep, tiny ends of a network): one
//               product per position over the taps that reach real input;
//               a 3x3 kernel on a 1x1 image does a ninth of the work
//   direct      everything else: oneDNN's convolutions on chunks of the batch;
//               weight gradients are a fixed number of partial sums, added in
//               ascending order
// Activations are channels-last; weights stay in ONNX order and are brought to
// the layout that the library wants in the workspace, inside the call.
#ifndef DLC_RUNTIME_CPU_CONV_H
#define DLC_RUNTIME_CPU_CONV_H

#include "runtime/artifact/artifact_generated.h"
#include "runtime/cpu/LibraryContext.h"

#include <memory>

namespace dlc::rt {

/// Bytes of the workspace buffer that `conv` needs in the arena; the compiler
/// plans it. Depends on the shape and on the kind of CPU. 0 for a record that
/// the library does not support (ConvPlan::create then says why).
uint64_t convWorkspaceBytes(const fb::ConvT &conv);

/// Where the operands are; which ones are written depends on the kind.
struct ConvPointers {
  std::byte *src = nullptr, *weights = nullptr, *dst = nullptr;
  std::byte *bias = nullptr;
  const std::byte *residual = nullptr;
  std::byte *workspace = nullptr;
};

/// One Conv record made ready to run. Lives no longer than its context.
class ConvPlan {
public:
  /// Creates the primitives and reserves scratch in `context`. Fails with
  /// DLC6003 when oneDNN has no such convolution on this CPU. The geometry is
  /// trusted (the artifact's Reader has checked it).
  static Result<std::unique_ptr<ConvPlan>> create(LibraryContext &context,
                                                  const fb::ConvT &conv,
                                                  const ConvPointers &at);
  virtual ~ConvPlan() = default;
  virtual Status run(const ThreadPool &pool) = 0;
  virtual uint64_t workspaceBytes() const = 0;
};

} // namespace dlc::rt

#endif // DLC_RUNTIME_CPU_CONV_H
