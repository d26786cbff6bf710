//===- Serialize.cpp - plans in the artifact's words ----------------------===//
#include "compiler/pipeline/Serialize.h"

#include "compiler/pipeline/LibraryRecords.h"
#include "compiler/pipeline/TraceRecords.h"
#include "dialects/dlc/IR/Traced.h"
#include "dialects/dlc/indexing/Access.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace dlc {

uint64_t ConstantPool::add(ElementsAttr value) {
  std::vector<std::byte> own;
  auto append = [&](ArrayRef<char> raw) {
    auto *data = reinterpret_cast<const std::byte *>(raw.data());
    own.insert(own.end(), data, data + raw.size());
  };
  auto type = cast<RankedTensorType>(value.getType());
  auto dense = dyn_cast<DenseElementsAttr>(value);
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(value)) {
    append(resource.getData());
  } else if (type.getElementType().isInteger(1)) {
    for (bool bit : dense.getValues<bool>())
      own.push_back(std::byte(bit));
  } else if (dense.isSplat()) {
    for (int64_t i = 0; i < type.getNumElements(); ++i)
      append(dense.getRawData());
  } else {
    append(dense.getRawData());
  }
  StringRef key(reinterpret_cast<const char *>(own.data()), own.size());
  auto [it, isNew] = offsets.try_emplace(key, bytes.size());
  if (isNew) {
    bytes.insert(bytes.end(), own.begin(), own.end());
    bytes.resize((bytes.size() + 63) / 64 * 64);
  }
  return it->second;
}

//===----------------------------------------------------------------------===//
// Side by side in the module
//===----------------------------------------------------------------------===//

FailureOr<KernelIndices> emitKernels(ModuleOp module, KernelTable &kernels) {
  KernelIndices indices;
  for (exec::KernelOp kernel : module.getOps<exec::KernelOp>()) {
    FailureOr<unsigned> index = kernels.add(kernel.getRegionOp());
    if (failed(index))
      return failure();
    indices[kernel.getSymName()] = *index;
  }
  module.walk([&](exec::LaunchOp launch) {
    const KernelEntry &code = kernels.entries()[indices.at(launch.getKernel())];
    launch.setGrid(code.groups);
    if (!code.dims.empty())
      launch.setDims(code.dims);
  });
  return indices;
}

std::vector<std::unique_ptr<fb::StateT>> serializeStates(ModuleOp module) {
  std::vector<std::unique_ptr<fb::StateT>> states;
  for (exec::VariableOp variable : module.getOps<exec::VariableOp>()) {
    auto type = cast<RankedTensorType>(variable.getTensorType());
    auto state = std::make_unique<fb::StateT>();
    state->name = variable.getName().str();
    state->role = fb::StateRole(variable.getRole());
    state->dtype = dtypeOf(type.getElementType());
    state->dims.assign(type.getShape().begin(), type.getShape().end());
    state->offset = variable.getOffset();
    state->trained = variable.getTrained();
    state->on_host = variable.getHost();
    state->note = variable.getNote().value_or("").str();
    states.push_back(std::move(state));
  }
  return states;
}

//===----------------------------------------------------------------------===//
// One program
//===----------------------------------------------------------------------===//

namespace {

class ProgramWriter {
public:
  ProgramWriter(const KernelIndices &kernels, ConstantPool &constants)
      : kernels(kernels), constants(constants),
        record(std::make_unique<fb::ProgramT>()) {}

  std::unique_ptr<fb::ProgramT> write(exec::ProgramOp program);

private:
  fb::BufferT &addBuffer(Value place, fb::Category category, StringRef name);
  void addTensor(std::vector<std::unique_ptr<fb::TensorInfoT>> &tensors,
                 StringRef name, Type type, Value place);
  void addPlace(Operation &op, ModuleOp module);
  void addInstruction(exec::Instruction instruction);
  fb::OpUnion operation(Operation *op);
  fb::OpUnion launch(exec::LaunchOp op);
  fb::OpUnion gemm(exec::GemmOp op);
  fb::OpUnion conv(exec::ConvOp op);
  fb::OpUnion attention(exec::AttentionOp op);
  fb::OpUnion copy(exec::CopyOp op);
  fb::OpUnion fill(exec::FillOp op);
  template <typename Copy, typename Op> fb::OpUnion transfer(Op op);

  unsigned at(Value place) const { return numbers.lookup(place); }
  /// The artifact says -1 for an operand that is not there.
  int atOrNone(Value place) const { return place ? int(at(place)) : -1; }

  const KernelIndices &kernels;
  ConstantPool &constants;
  std::unique_ptr<fb::ProgramT> record;
  llvm::DenseMap<Value, unsigned> numbers;
};

} // namespace

static fb::Category categoryOf(exec::Category category) {
  switch (category) {
  case exec::Category::Activation:
    return fb::Category::Activation;
  case exec::Category::Gradient:
    return fb::Category::Gradient;
  case exec::Category::Workspace:
    return fb::Category::Workspace;
  case exec::Category::Output:
    return fb::Category::Output;
  }
  llvm_unreachable("a category of buffers");
}

static fb::Category categoryOf(exec::Role role) {
  switch (role) {
  case exec::Role::Parameter:
    return fb::Category::Parameter;
  case exec::Role::Statistic:
    return fb::Category::Statistic;
  case exec::Role::Optimizer:
    return fb::Category::OptimizerState;
  case exec::Role::Random:
  case exec::Role::Step:
    return fb::Category::OtherState;
  }
  llvm_unreachable("a role of states");
}

/// Names of ONNX nodes (or source lines) in a location.
static void collectNames(Location loc, std::vector<std::string> &names) {
  if (auto name = dyn_cast<NameLoc>(loc)) {
    std::string text = name.getName().str();
    if (text != "gradient" && !llvm::is_contained(names, text))
      names.push_back(text);
    collectNames(name.getChildLoc(), names);
  } else if (auto fused = dyn_cast<FusedLoc>(loc)) {
    for (Location inner : fused.getLocations())
      collectNames(inner, names);
  }
}

std::vector<std::string> nodeNames(Location loc) {
  std::vector<std::string> names;
  collectNames(loc, names);
  return names;
}

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

fb::BufferT &ProgramWriter::addBuffer(Value place, fb::Category category,
                                      StringRef name) {
  numbers[place] = record->buffers.size();
  auto buffer = std::make_unique<fb::BufferT>();
  buffer->space =
      exec::isOnHost(place) ? fb::Space::Host : fb::Space::Arena;
  buffer->offset = exec::offsetOf(place).value_or(0);
  buffer->bytes = exec::bytesOf(place);
  buffer->category = category;
  buffer->name = name.str();
  record->buffers.push_back(std::move(buffer));
  return *record->buffers.back();
}

void ProgramWriter::addTensor(
    std::vector<std::unique_ptr<fb::TensorInfoT>> &tensors, StringRef name,
    Type type, Value place) {
  auto tensor = cast<RankedTensorType>(type);
  auto info = std::make_unique<fb::TensorInfoT>();
  info->name = name.str();
  info->dtype = dtypeOf(tensor.getElementType());
  info->dims.assign(tensor.getShape().begin(), tensor.getShape().end());
  info->buffer = at(place);
  tensors.push_back(std::move(info));
}

void ProgramWriter::addPlace(Operation &op, ModuleOp module) {
  if (auto argument = dyn_cast<exec::ArgumentOp>(op)) {
    addBuffer(argument.getBuffer(), fb::Category::Input, argument.getName());
    addTensor(record->inputs, argument.getName(), argument.getTensorType(),
              argument.getBuffer());
  } else if (auto state = dyn_cast<exec::StateOp>(op)) {
    for (exec::VariableOp variable : module.getOps<exec::VariableOp>())
      if (variable.getName() == state.getName())
        addBuffer(state.getBuffer(), categoryOf(variable.getRole()),
                  state.getName())
            .offset = variable.getOffset();
  } else if (auto constant = dyn_cast<exec::ConstantOp>(op)) {
    fb::BufferT &buffer =
        addBuffer(constant.getBuffer(), fb::Category::Constant, "");
    buffer.space = fb::Space::Constant;
    buffer.offset = constants.add(constant.getValue());
  } else if (auto buffer = dyn_cast<exec::BufferOp>(op)) {
    addBuffer(buffer.getBuffer(), categoryOf(buffer.getCategory()),
              buffer.getName().value_or(""));
  }
}

//===----------------------------------------------------------------------===//
// Instructions
//===----------------------------------------------------------------------===//

fb::OpUnion ProgramWriter::launch(exec::LaunchOp op) {
  fb::LaunchT launch;
  launch.kernel = kernels.at(op.getKernel());
  launch.groups = int64_t(*op.getGrid());
  for (Value place : op->getOperands())
    launch.buffers.push_back(at(place));
  if (op.getDims())
    launch.dims.assign(op.getDims()->begin(), op.getDims()->end());
  fb::OpUnion operation;
  operation.Set(std::move(launch));
  return operation;
}

/// The element types that a kernel computes in, floats where it has any; what
/// only moves or converts numbers does not count.
static std::vector<fb::DType> precisionOf(exec::LaunchOp op) {
  auto kernel = SymbolTable::lookupNearestSymbolFrom<exec::KernelOp>(
      op, op.getKernelAttr());
  llvm::SmallSetVector<Type, 4> floats, others;
  kernel.getRegionOp().getBody().walk([&](Operation *inner) {
    if (inner->getNumResults() == 0 || isIndexOnly(inner) ||
        isa<CastOp>(inner))
      return;
    Type type = getElementTypeOrSelf(inner->getResult(0).getType());
    (isa<FloatType>(type) ? floats : others).insert(type);
  });
  std::vector<fb::DType> types;
  for (Type type : floats.empty() ? others : floats)
    types.push_back(dtypeOf(type));
  return types;
}

fb::OpUnion ProgramWriter::gemm(exec::GemmOp op) {
  fb::GemmT gemm = recordOf(op);
  gemm.a = at(op.getA());
  gemm.b = at(op.getB());
  gemm.c = at(op.getC());
  gemm.bias = atOrNone(op.getBias());
  gemm.residual = atOrNone(op.getResidual());
  gemm.bias_gradient = atOrNone(op.getBiasGradient());
  gemm.workspace = atOrNone(op.getWorkspace());
  fb::OpUnion operation;
  operation.Set(std::move(gemm));
  return operation;
}

fb::OpUnion ProgramWriter::conv(exec::ConvOp op) {
  fb::ConvT conv = recordOf(op);
  conv.src = at(op.getSrc());
  conv.weights = at(op.getWeights());
  conv.dst = at(op.getDst());
  conv.bias = atOrNone(op.getBias());
  conv.residual = atOrNone(op.getResidual());
  conv.workspace = atOrNone(op.getWorkspace());
  fb::OpUnion operation;
  operation.Set(std::move(conv));
  return operation;
}

fb::OpUnion ProgramWriter::attention(exec::AttentionOp op) {
  fb::AttentionT attention = recordOf(op);
  attention.q->buffer = at(op.getQ());
  attention.k->buffer = at(op.getK());
  attention.v->buffer = at(op.getV());
  attention.output->buffer = at(op.getOutput());
  attention.logsumexp = at(op.getLogsumexp());
  attention.mask = atOrNone(op.getMask());
  attention.workspace = atOrNone(op.getWorkspace());
  if (op.getKind() == exec::AttentionKind::Backward) {
    attention.grad->buffer = at(op.getGrad());
    attention.dq->buffer = at(op.getDq());
    attention.dk->buffer = at(op.getDk());
    attention.dv->buffer = at(op.getDv());
  }
  fb::OpUnion operation;
  operation.Set(std::move(attention));
  return operation;
}

fb::OpUnion ProgramWriter::copy(exec::CopyOp op) {
  fb::CopyT copy;
  copy.source = at(op.getSource());
  copy.destination = at(op.getTarget());
  copy.bytes = op.getBytes();
  copy.source_offset = op.getSourceOffset();
  copy.destination_offset = op.getTargetOffset();
  fb::OpUnion operation;
  operation.Set(std::move(copy));
  return operation;
}

fb::OpUnion ProgramWriter::fill(exec::FillOp op) {
  fb::FillT fill;
  fill.destination = at(op.getTarget());
  fill.bytes = exec::bytesOf(op.getTarget());
  fill.pattern = op.getPattern();
  fill.pattern_bytes = op.getPatternBytes();
  fb::OpUnion operation;
  operation.Set(std::move(fill));
  return operation;
}

template <typename Copy, typename Op>
fb::OpUnion ProgramWriter::transfer(Op op) {
  Copy copy;
  copy.source = at(op.getSource());
  copy.destination = at(op.getTarget());
  copy.bytes = exec::bytesOf(op.getSource());
  fb::OpUnion operation;
  operation.Set(std::move(copy));
  return operation;
}

fb::OpUnion ProgramWriter::operation(Operation *op) {
  return llvm::TypeSwitch<Operation *, fb::OpUnion>(op)
      .Case([&](exec::LaunchOp op) { return launch(op); })
      .Case([&](exec::GemmOp op) { return gemm(op); })
      .Case([&](exec::ConvOp op) { return conv(op); })
      .Case([&](exec::AttentionOp op) { return attention(op); })
      .Case([&](exec::CopyOp op) { return copy(op); })
      .Case([&](exec::FillOp op) { return fill(op); })
      .Case([&](exec::TransferOp op) { return transfer<fb::TransferT>(op); })
      .Case([&](exec::WaitOp op) { return transfer<fb::WaitT>(op); });
}

void ProgramWriter::addInstruction(exec::Instruction op) {
  auto instruction = std::make_unique<fb::InstructionT>();
  instruction->label = op.getLabel();
  instruction->nodes = nodeNames(op->getLoc());
  if (instruction->nodes.size() > 16)
    instruction->nodes.resize(16);
  exec::InstructionCost cost = op.getCost();
  instruction->flops = cost.operations;
  instruction->bytes_read = cost.bytesRead;
  instruction->bytes_written = cost.bytesWritten;
  if (auto launch = dyn_cast<exec::LaunchOp>(*op))
    instruction->precision = precisionOf(launch);
  if (op->getParentOp()->hasAttr(names::traced))
    instruction->check =
        checkOf(op, [&](Value place) { return at(place); });
  instruction->op = operation(op);
  record->instructions.push_back(std::move(instruction));
}

std::unique_ptr<fb::ProgramT> ProgramWriter::write(exec::ProgramOp program) {
  auto module = program->getParentOfType<ModuleOp>();
  record->name = program.getSymName().str();
  record->temp_bytes = *program.getArena() - exec::stateBytes(module);
  record->scratch_bytes = scratchBytesOf(program);
  for (Operation &op : program.getBlock()) {
    if (auto output = dyn_cast<exec::OutputOp>(op)) {
      addTensor(record->outputs, output.getName(), output.getTensorType(),
                output.getBuffer());
    } else if (auto instruction = dyn_cast<exec::Instruction>(op)) {
      // A grid of 0 is a launch without work.
      auto launch = dyn_cast<exec::LaunchOp>(op);
      if (!launch || *launch.getGrid() != 0)
        addInstruction(instruction);
    } else {
      addPlace(op, module);
    }
  }
  return std::move(record);
}

std::unique_ptr<fb::ProgramT> serializeProgram(exec::ProgramOp program,
                                               const KernelIndices &kernels,
                                               ConstantPool &constants) {
  return ProgramWriter(kernels, constants).write(program);
}

} // namespace dlc
