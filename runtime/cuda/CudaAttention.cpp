#include "runtime/cuda/CudaAttention.h"

#include "runtime/cuda/CudaStream.h"
#include "runtime/cuda/LibraryPlan.h"

#include <utility>

namespace dlc::rt::cuda {

using namespace backend;

/// Before it, gradients of some shapes are wrong (keys that are no multiple of
/// 128, until 9.15) or not made in a fixed order (Blackwell, until 9.18).
static constexpr size_t leastVersion = 91900;

//===- Kernels ------------------------------------------------------------===//

/// Equal for records that one kernel computes.
static std::string keyOf(const fb::AttentionT &a) {
  std::string key = concat(int(a.kind), " ", int(a.dtype), " ", a.batch, " ",
                           a.heads, " ", a.rows, " ", a.keys, " ", a.depth, " ",
                           a.width, " ", a.is_causal, " ", a.scale);
  for (const auto *view :
       {&a.q, &a.k, &a.v, &a.output, &a.grad, &a.dq, &a.dk, &a.dv})
    if (*view)
      key += concat(" ", (*view)->batch_stride, " ", (*view)->head_stride, " ",
                    (*view)->row_stride);
  return key;
}

Result<std::shared_ptr<const AttentionKernels::Kernel>>
AttentionKernels::of(const Dnn &dnn, const DnnMachine &machine,
                     const fb::AttentionT &record) {
  if (size_t version = dnn.api().cudnnGetVersion(); version < leastVersion)
    return DLC_ERROR(Unsupported, "DLC6214",
                     "attention must be computed by cuDNN of version ",
                     leastVersion, " or later, but got ", version);
  std::shared_ptr<const Kernel> &known = made[keyOf(record)];
  if (known)
    return Result<std::shared_ptr<const Kernel>>(known);
  auto kernel = std::make_shared<Kernel>();
  kernel->record = record;
  kernel->graph = std::make_unique<AttentionGraph>(dnn, kernel->record);
  kernel->graph->build();
  DnnGraph &graph = kernel->graph->graph;
  DLC_RETURN_IF_ERROR(graph.finish(machine));
  auto plans = graph.plans(machine, 1);
  if (!plans.isOk() || plans->empty())
    return DLC_ERROR(
        Unsupported, "DLC6215", "attention (",
        fb::EnumNameAttentionKind(record.kind), ", ",
        dtypeName(DType(record.dtype)), ", batch ", record.batch, ", heads ",
        record.heads, ", rows ", record.rows, ", keys ", record.keys,
        ", columns ", record.depth, " and ", record.width,
        ") must have a kernel of cuDNN that sums in a fixed order, but got ",
        plans.isOk() ? "none" : "'" + plans.status().message() + "'");
  kernel->plan = std::move(plans->front());
  known = std::move(kernel);
  return Result<std::shared_ptr<const Kernel>>(known);
}

//===- Calls --------------------------------------------------------------===//

namespace {

class CudaAttention final : public CudaInstruction {
public:
  using CudaInstruction::CudaInstruction;
  Status prepare(const fb::Attention &call, Operands operands);

protected:
  Status issueWork() override;
  Status bind() override;

private:
  void addArgument(DnnGraph::Tensor tensor, void *pointer) {
    if (tensor) {
      names.push_back(tensor);
      pointers.push_back(pointer);
    }
  }

  const Dnn *dnn = nullptr;
  DnnHandle handle = nullptr;
  std::shared_ptr<const AttentionKernels::Kernel> kernel;
  uint64_t rowBytes = 0;
  Workspace given;
  /// Of the graph's tensors, in the order of `pointers`.
  std::vector<DnnGraph::Tensor> names;
  std::vector<void *> pointers;
  std::vector<float> numbers;
  Descriptor arguments;
};

} // namespace

Status CudaAttention::prepare(const fb::Attention &call, Operands operands) {
  fb::AttentionT record;
  call.UnPackTo(&record);
  if (std::string obstacle = attentionObstacle(record); !obstacle.empty())
    return DLC_ERROR(Unsupported, "DLC6216", "attention for cuDNN: ", obstacle);
  DLC_ASSIGN_OR_RETURN(dnn, stream.gpu().dnn());
  DLC_ASSIGN_OR_RETURN(handle, stream.dnnHandle());
  DLC_ASSIGN_OR_RETURN(
      kernel, stream.attentionKernels().of(*dnn, {handle, nullptr}, record));
  constexpr uint64_t elementBytes = 2;
  const AttentionGraph &graph = *kernel->graph;
  auto add = [&](DnnGraph::Tensor tensor,
                 const std::unique_ptr<fb::AttentionViewT> &view) {
    if (view)
      addArgument(tensor, toPointer(operands.at(view->buffer) +
                                    static_cast<uint64_t>(view->offset) *
                                        elementBytes));
  };
  add(graph.q, record.q);
  add(graph.k, record.k);
  add(graph.v, record.v);
  add(graph.output, record.output);
  add(graph.grad, record.grad);
  add(graph.dq, record.dq);
  add(graph.dk, record.dk);
  add(graph.dv, record.dv);
  addArgument(graph.logsumexp, toPointer(operands.at(record.logsumexp)));
  AttentionRoom room = attentionRoomOf(record);
  rowBytes = room.rowBytes;
  uint64_t needed = rowBytes + kernel->plan.workspaceBytes();
  given = CudaStream::workspaceOf(operands, record.workspace, room.bytes());
  given.isScratch |= needed > given.bytes;
  if (given.isScratch)
    stream.wantScratch(needed);
  return Status::ok();
}

Status CudaAttention::bind() {
  DeviceAddress workspace = given.isScratch ? stream.scratch() : given.begin;
  const AttentionGraph &graph = *kernel->graph;
  addArgument(graph.delta, toPointer(workspace));
  // Read when the call is issued.
  numbers.reserve(graph.graph.numbers().size());
  for (const DnnGraph::Number &number : graph.graph.numbers()) {
    numbers.push_back(number.value);
    addArgument(number.tensor, &numbers.back());
  }
  void *own = toPointer(workspace + rowBytes);
  DLC_ASSIGN_OR_RETURN(arguments, Descriptor::create(*dnn, argumentsKind));
  DLC_RETURN_IF_ERROR(arguments.set(argumentPointers, typePointer,
                                    std::span<void *const>(pointers)));
  DLC_RETURN_IF_ERROR(arguments.set(argumentIds, typeInt64,
                                    std::span<const DnnGraph::Tensor>(names)));
  DLC_RETURN_IF_ERROR(arguments.set(argumentWorkspace, typePointer, own));
  return arguments.finalize();
}

Status CudaAttention::issueWork() {
  DLC_CUDA_LIBRARY(*dnn, cudnnBackendExecute, handle,
                   kernel->plan.descriptor().handle(), arguments.handle());
  return Status::ok();
}

Result<std::unique_ptr<CudaInstruction>>
prepareAttention(CudaStream &stream, CudaProgram &program,
                 const fb::Instruction &record, Operands operands) {
  auto attention = std::make_unique<CudaAttention>(stream, program, record);
  DLC_RETURN_IF_ERROR(attention->prepare(*record.op_as_Attention(), operands));
  return std::unique_ptr<CudaInstruction>(std::move(attention));
}

} // namespace dlc::rt::cuda
