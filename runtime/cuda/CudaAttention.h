// Attention of a program and its gradient, on cuDNN: one kernel each, made of a
// graph (AttentionGraph.h).
//
//   workspace: [one f32 per row, backward | cuDNN's own]
//
// Where the plan gives none or too little, it is the stream's. Only kernels are
// taken that give the same bits each time. Equal calls of a stream share one,
// as making it takes a second.
#ifndef DLC_RUNTIME_CUDA_CUDAATTENTION_H
#define DLC_RUNTIME_CUDA_CUDAATTENTION_H

#include "runtime/cuda/AttentionGraph.h"

#include <map>
#include <memory>

namespace dlc::rt::cuda {

class CudaStream;
class CudaProgram;
class CudaInstruction;
struct Operands;

/// Kernels for the attention calls of one stream, by what they compute.
class AttentionKernels {
public:
  struct Kernel {
    fb::AttentionT record;
    std::unique_ptr<AttentionGraph> graph;
    DnnPlan plan;
  };
  /// One that is there already, or a new one. DLC6214 when cuDNN is too old,
  /// DLC6215 when it has none that keeps the order of its sums.
  Result<std::shared_ptr<const Kernel>>
  of(const Dnn &dnn, const DnnMachine &machine, const fb::AttentionT &record);

private:
  std::map<std::string, std::shared_ptr<const Kernel>> made;
};

/// DLC6216 for attention that cuDNN does not compute (LibraryPlan.h), else as
/// AttentionKernels says.
Result<std::unique_ptr<CudaInstruction>>
prepareAttention(CudaStream &stream, CudaProgram &program,
                 const fb::Instruction &record, Operands operands);

} // namespace dlc::rt::cuda

#endif // DLC_RUNTIME_CUDA_CUDAATTENTION_H
