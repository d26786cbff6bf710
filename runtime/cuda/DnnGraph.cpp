#include "runtime/cuda/DnnGraph.h"

#include <algorithm>
#include <utility>

namespace dlc::rt::cuda {

using namespace backend;

//===- Descriptors --------------------------------------------------------===//

Descriptor::Descriptor(Descriptor &&other) noexcept
    : dnn(other.dnn), self(std::exchange(other.self, nullptr)) {}

Descriptor &Descriptor::operator=(Descriptor &&other) noexcept {
  std::swap(dnn, other.dnn);
  std::swap(self, other.self);
  return *this;
}

Descriptor::~Descriptor() {
  if (self)
    dnn->api().cudnnBackendDestroyDescriptor(self);
}

Result<Descriptor> Descriptor::create(const Dnn &dnn, int kind) {
  Descriptor made;
  made.dnn = &dnn;
  DLC_CUDA_LIBRARY(dnn, cudnnBackendCreateDescriptor, kind, &made.self);
  return Result<Descriptor>(std::move(made));
}

Status Descriptor::setRaw(int attribute, int type, int64_t count,
                          const void *values) {
  DLC_CUDA_LIBRARY(*dnn, cudnnBackendSetAttribute, self, attribute, type, count,
                   values);
  return Status::ok();
}

Status Descriptor::set(int attribute, const Descriptor &part) {
  return setRaw(attribute, typeDescriptor, 1, &part.self);
}

Status Descriptor::finalize() {
  DLC_CUDA_LIBRARY(*dnn, cudnnBackendFinalize, self);
  return Status::ok();
}

Result<int64_t> Descriptor::get(int attribute, int type, int64_t most,
                                void *values) const {
  int64_t count = 0;
  DLC_CUDA_LIBRARY(*dnn, cudnnBackendGetAttribute, self, attribute, type, most,
                   &count, values);
  return Result<int64_t>(count);
}

//===- Tensors ------------------------------------------------------------===//

DnnGraph::Form DnnGraph::dense(Dims dims, int type) {
  Form form{dims, {}, type};
  int64_t stride = 1;
  for (size_t i = dims.size(); i-- > 0;) {
    form.strides[i] = stride;
    stride *= dims[i];
  }
  return form;
}

Status DnnGraph::addTensor(const Form &form, bool isInner, bool isNumber) {
  constexpr int64_t alignment = 16;
  DLC_ASSIGN_OR_RETURN(Descriptor tensor, Descriptor::create(dnn, tensorKind));
  auto name = static_cast<int64_t>(tensors.size()) + 1;
  std::span<const int64_t> dims(form.dims), strides(form.strides);
  DLC_RETURN_IF_ERROR(tensor.set(tensorType, typeDataType, form.type));
  DLC_RETURN_IF_ERROR(tensor.set(tensorDims, typeInt64, dims));
  DLC_RETURN_IF_ERROR(tensor.set(tensorStrides, typeInt64, strides));
  DLC_RETURN_IF_ERROR(tensor.set(tensorId, typeInt64, name));
  DLC_RETURN_IF_ERROR(tensor.set(tensorAlignment, typeInt64, alignment));
  DLC_RETURN_IF_ERROR(tensor.set(tensorIsVirtual, typeBoolean, isInner));
  DLC_RETURN_IF_ERROR(tensor.set(tensorIsByValue, typeBoolean, isNumber));
  DLC_RETURN_IF_ERROR(tensor.finalize());
  tensors.push_back(std::move(tensor));
  return Status::ok();
}

DnnGraph::Tensor DnnGraph::add(const Form &form, bool isInner, bool isNumber) {
  if (failure.isOk())
    failure = addTensor(form, isInner, isNumber);
  return static_cast<Tensor>(tensors.size());
}

DnnGraph::Tensor DnnGraph::memory(const Form &form) {
  return add(form, false, false);
}

DnnGraph::Tensor DnnGraph::inner(const Form &form) {
  return add(form, true, false);
}

DnnGraph::Tensor DnnGraph::number(float value) {
  Tensor made = add(dense({1, 1, 1, 1}), false, true);
  constants.push_back({made, value});
  return made;
}

//===- Operations ---------------------------------------------------------===//

/// What an operation is, apart from its tensors.
Status DnnGraph::addPart(int kind, int typeAttribute, int type,
                         int optionAttribute, int optionType, int option) {
  DLC_ASSIGN_OR_RETURN(Descriptor part, Descriptor::create(dnn, kind));
  DLC_RETURN_IF_ERROR(part.set(typeAttribute, typeDataType, type));
  if (optionAttribute >= 0)
    DLC_RETURN_IF_ERROR(part.set(optionAttribute, optionType, option));
  parts.push_back(std::move(part));
  return Status::ok();
}

/// Of the last part, if it has one.
Status DnnGraph::addOperation(int kind, int partAttribute,
                              std::span<const Input> inputs) {
  DLC_ASSIGN_OR_RETURN(Descriptor made, Descriptor::create(dnn, kind));
  if (partAttribute >= 0) {
    DLC_RETURN_IF_ERROR(parts.back().finalize());
    DLC_RETURN_IF_ERROR(made.set(partAttribute, parts.back()));
  }
  for (auto [attribute, tensor] : inputs)
    DLC_RETURN_IF_ERROR(
        made.set(attribute, tensors[static_cast<size_t>(tensor) - 1]));
  DLC_RETURN_IF_ERROR(made.finalize());
  operations.push_back(std::move(made));
  return Status::ok();
}

DnnGraph::Tensor DnnGraph::done(Status status, Tensor result) {
  failure = std::move(status);
  return result;
}

DnnGraph::Tensor DnnGraph::matmul(Tensor a, Tensor b, Tensor result) {
  if (!failure.isOk())
    return result;
  const Input inputs[] = {{matmulA, a}, {matmulB, b}, {matmulC, result}};
  Status status = addPart(matmulKind, matmulType, dnnFloat, -1, 0, 0);
  if (status.isOk())
    status = addOperation(matmulOpKind, matmulDescriptor, inputs);
  return done(std::move(status), result);
}

Status DnnGraph::addPointwise(int mode, int type, std::span<const Input> inputs,
                              const int64_t *axis) {
  DLC_RETURN_IF_ERROR(addPart(pointwiseKind, pointwiseType, type, pointwiseMode,
                              typePointwise, mode));
  if (axis)
    DLC_RETURN_IF_ERROR(parts.back().set(pointwiseAxis, typeInt64, *axis));
  return addOperation(pointwiseOpKind, pointwiseDescriptor, inputs);
}

DnnGraph::Tensor DnnGraph::pointwise(int mode,
                                     std::initializer_list<Tensor> operands,
                                     Tensor result, bool isLogical) {
  if (!failure.isOk())
    return result;
  constexpr int attributes[] = {pointwiseX, pointwiseB, pointwiseT};
  std::vector<Input> inputs;
  for (Tensor operand : operands)
    inputs.push_back({attributes[inputs.size()], operand});
  inputs.push_back({pointwiseY, result});
  return done(
      addPointwise(mode, isLogical ? dnnBoolean : dnnFloat, inputs, nullptr),
      result);
}

DnnGraph::Tensor DnnGraph::index(int64_t axis, Tensor like, Tensor result) {
  if (!failure.isOk())
    return result;
  const Input inputs[] = {{pointwiseX, like}, {pointwiseY, result}};
  return done(addPointwise(pointIndex, dnnFloat, inputs, &axis), result);
}

DnnGraph::Tensor DnnGraph::reduce(int reduction, Tensor input, Tensor result) {
  if (!failure.isOk())
    return result;
  const Input inputs[] = {{reductionX, input}, {reductionY, result}};
  Status status = addPart(reductionKind, reductionType, dnnFloat,
                          reductionOperator, typeReduction, reduction);
  if (status.isOk())
    status = addOperation(reductionOpKind, reductionDescriptor, inputs);
  return done(std::move(status), result);
}

DnnGraph::Tensor DnnGraph::reshape(Tensor input, Tensor result) {
  if (!failure.isOk())
    return result;
  const Input inputs[] = {{reshapeX, input}, {reshapeY, result}};
  return done(addOperation(reshapeOpKind, -1, inputs), result);
}

//===- Plans --------------------------------------------------------------===//

Status DnnGraph::finish(const DnnMachine &machine) {
  DLC_RETURN_IF_ERROR(failure);
  DLC_ASSIGN_OR_RETURN(graph, Descriptor::create(dnn, graphKind));
  std::vector<DescriptorHandle> handles;
  for (const Descriptor &operation : operations)
    handles.push_back(operation.handle());
  DLC_RETURN_IF_ERROR(graph.set(graphOps, typeDescriptor,
                                std::span<const DescriptorHandle>(handles)));
  if (machine.handle)
    DLC_RETURN_IF_ERROR(graph.set(graphHandle, typeHandle, machine.handle));
  return graph.finalize();
}

/// What cuDNN advises, best first.
Result<std::vector<Descriptor>> DnnGraph::configs(const DnnMachine &machine,
                                                  int mode) const {
  DLC_ASSIGN_OR_RETURN(Descriptor advice, Descriptor::create(dnn, adviceKind));
  DLC_RETURN_IF_ERROR(advice.set(adviceGraph, graph));
  DLC_RETURN_IF_ERROR(advice.set(adviceMode, typeAdvice, mode));
  if (machine.device)
    DLC_RETURN_IF_ERROR(advice.set(adviceDevice, *machine.device));
  DLC_RETURN_IF_ERROR(advice.finalize());
  DLC_ASSIGN_OR_RETURN(int64_t count,
                       advice.get(adviceResults, typeDescriptor, 0, nullptr));
  std::vector<Descriptor> found(
      static_cast<size_t>(std::max<int64_t>(count, 0)));
  std::vector<DescriptorHandle> handles;
  for (Descriptor &config : found) {
    DLC_ASSIGN_OR_RETURN(config, Descriptor::create(dnn, configKind));
    handles.push_back(config.handle());
  }
  if (!found.empty()) {
    DLC_ASSIGN_OR_RETURN(count, advice.get(adviceResults, typeDescriptor, count,
                                           handles.data()));
    found.resize(static_cast<size_t>(count));
  }
  return Result<std::vector<Descriptor>>(std::move(found));
}

/// Whether it gives the same bits each time, and sums what is f32 in f32.
Result<bool> DnnGraph::isOrdered(const Descriptor &config) const {
  DLC_ASSIGN_OR_RETURN(Descriptor engine, Descriptor::create(dnn, engineKind));
  DescriptorHandle handle = engine.handle();
  DLC_ASSIGN_OR_RETURN(int64_t count,
                       config.get(configEngine, typeDescriptor, 1, &handle));
  // There are ten kinds today.
  constexpr int64_t mostNotes = 64;
  std::array<int, mostNotes> notes = {};
  DLC_ASSIGN_OR_RETURN(
      count, engine.get(engineNotes, typeNote, mostNotes, notes.data()));
  auto last = notes.begin() + std::min(count, mostNotes);
  return std::none_of(notes.begin(), last, [](int note) {
    return note == noteNondeterministic || note == noteNarrowedInputs ||
           note == noteNarrowedSums;
  });
}

Result<DnnPlan> DnnGraph::planOf(const DnnMachine &machine,
                                 Descriptor &config) const {
  DnnPlan made;
  DLC_ASSIGN_OR_RETURN(made.plan, Descriptor::create(dnn, planKind));
  DLC_RETURN_IF_ERROR(made.plan.set(planConfig, config));
  if (machine.device)
    DLC_RETURN_IF_ERROR(made.plan.set(planDevice, *machine.device));
  else
    DLC_RETURN_IF_ERROR(made.plan.set(planHandle, typeHandle, machine.handle));
  DLC_RETURN_IF_ERROR(made.plan.finalize());
  int64_t bytes = 0;
  DLC_ASSIGN_OR_RETURN(int64_t count,
                       made.plan.get(planWorkspace, typeInt64, 1, &bytes));
  made.bytes = count == 1 ? static_cast<uint64_t>(bytes) : 0;
  return Result<DnnPlan>(std::move(made));
}

Result<std::vector<DnnPlan>> DnnGraph::plans(const DnnMachine &machine,
                                             size_t most) {
  std::vector<DnnPlan> found;
  Status refused;
  for (int mode : {adviceBest, adviceFallback}) {
    auto advised = configs(machine, mode);
    if (!advised.isOk()) {
      refused = std::move(advised.status());
      continue;
    }
    for (Descriptor &config : *advised) {
      if (found.size() == most)
        break;
      auto ordered = isOrdered(config);
      if (ordered.isOk() && !*ordered)
        continue;
      // What is advised may still be refused; another may do.
      auto plan = ordered.isOk() ? planOf(machine, config)
                                 : Result<DnnPlan>(std::move(ordered.status()));
      if (plan.isOk())
        found.push_back(std::move(*plan));
      else
        refused = std::move(plan.status());
    }
  }
  if (found.empty() && !refused.isOk())
    return refused;
  return Result<std::vector<DnnPlan>>(std::move(found));
}

} // namespace dlc::rt::cuda
