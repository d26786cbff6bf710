// cuDNN's graphs of operations in the stand-in. Descriptors are checked as they
// are set and finished; a plan is the list of its graph's operations, which are
// computed one after the other in double, rounded where a tensor is narrow.

#include "runtime/core/DType.h"
#include "tests/unit/runtime/cuda/FakeQueue.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <memory>
#include <set>

using namespace dlc::rt;
using namespace dlc::rt::test;
using namespace dlc::rt::cuda;
using namespace dlc::rt::cuda::backend;

namespace {

constexpr int libraryFailure = 14;
constexpr int64_t neededWorkspace = 512;

//===- Descriptors --------------------------------------------------------===//

/// What an attribute holds, for those of one value or of handles.
struct Attribute {
  int type;
  std::vector<std::byte> bytes;
  template <typename T> std::vector<T> as() const {
    std::vector<T> values(bytes.size() / sizeof(T));
    if (!values.empty())
      std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
    return values;
  }
};

using Dims = std::vector<int64_t>;

struct Tensor {
  int64_t id = 0;
  int type = 0;
  Dims dims, strides;
  bool isInner = false, isNumber = false;
};

struct Operation {
  int kind = 0, mode = 0;
  int64_t axis = 0;
  std::vector<Tensor> inputs;
  Tensor result;
};

using Program = std::vector<Operation>;

struct Node {
  int kind;
  bool isDone = false;
  std::map<int, Attribute> attributes;
  /// Of what was made of them.
  Tensor tensor;
  Operation operation;
  std::shared_ptr<const Program> program;
  /// Which of the advised it is.
  int advice = 0;
};

Node &node(DescriptorHandle handle) { return *static_cast<Node *>(handle); }

size_t widthOf(int type) {
  switch (type) {
  case typeBoolean:
  case typeChar:
    return 1;
  case typeHandle:
  case typePointer:
  case typeDescriptor:
  case typeInt64:
    return 8;
  default:
    return 4;
  }
}

/// The type that each attribute must be set with.
int typeOf(int attribute) {
  static const std::map<int, int> types = {
      {tensorType, typeDataType},         {tensorDims, typeInt64},
      {tensorStrides, typeInt64},         {tensorId, typeInt64},
      {tensorAlignment, typeInt64},       {tensorIsVirtual, typeBoolean},
      {tensorIsByValue, typeBoolean},     {pointwiseMode, typePointwise},
      {pointwiseType, typeDataType},      {pointwiseAxis, typeInt64},
      {matmulType, typeDataType},         {reductionType, typeDataType},
      {reductionOperator, typeReduction}, {graphHandle, typeHandle},
      {planHandle, typeHandle},           {adviceMode, typeAdvice},
      {argumentIds, typeInt64},           {argumentPointers, typePointer},
      {argumentWorkspace, typePointer},   {deviceText, typeChar}};
  auto found = types.find(attribute);
  return found == types.end() ? typeDescriptor : found->second;
}

template <typename T> std::vector<T> valuesOf(const Node &from, int attribute) {
  auto found = from.attributes.find(attribute);
  return found == from.attributes.end() ? std::vector<T>()
                                        : found->second.as<T>();
}

template <typename T> T valueOf(const Node &from, int attribute) {
  std::vector<T> values = valuesOf<T>(from, attribute);
  if (values.size() != 1) {
    violate("cudnnBackendFinalize: attribute " + std::to_string(attribute) +
            " is not one value");
    return T();
  }
  return values.front();
}

const Node &partOf(const Node &from, int attribute) {
  static const Node none{-1, true, {}, {}, {}, {}, 0};
  auto *part = static_cast<Node *>(valueOf<DescriptorHandle>(from, attribute));
  if (part && !part->isDone)
    violate("cudnnBackendFinalize: a part is not finished");
  return part ? *part : none;
}

void finishTensor(Node &made) {
  Tensor &t = made.tensor;
  t.id = valueOf<int64_t>(made, tensorId);
  t.type = valueOf<int>(made, tensorType);
  t.dims = valuesOf<int64_t>(made, tensorDims);
  t.strides = valuesOf<int64_t>(made, tensorStrides);
  t.isInner = valueOf<char>(made, tensorIsVirtual);
  t.isNumber = valueOf<char>(made, tensorIsByValue);
  if (t.dims.size() != 4 || t.strides.size() != 4 ||
      *std::min_element(t.dims.begin(), t.dims.end()) < 1 ||
      *std::min_element(t.strides.begin(), t.strides.end()) < 1)
    violate("tensor: dims and strides must be four of at least 1");
  if (valueOf<int64_t>(made, tensorAlignment) != 16)
    violate("tensor: kernels want alignment by 16");
}

int64_t outer(const Tensor &t) { return t.dims[0] * t.dims[1]; }

void checkMatmul(const Operation &op) {
  const Tensor &a = op.inputs[0], &b = op.inputs[1], &c = op.result;
  if (a.dims[2] != c.dims[2] || b.dims[3] != c.dims[3] ||
      a.dims[3] != b.dims[2] || outer(a) != outer(c) || outer(b) != outer(c))
    violate("matmul: shapes do not match");
}

void checkBroadcast(const Operation &op) {
  for (const Tensor &input : op.inputs)
    for (size_t i = 0; i < 4; ++i)
      if (input.dims[i] != op.result.dims[i] && input.dims[i] != 1)
        violate("pointwise: shapes do not match");
}

void finishOperation(Node &made) {
  Operation &op = made.operation;
  op.kind = made.kind;
  auto tensor = [&](int attribute) { return partOf(made, attribute).tensor; };
  switch (made.kind) {
  case matmulOpKind:
    op.inputs = {tensor(matmulA), tensor(matmulB)};
    op.result = tensor(matmulC);
    if (valueOf<int>(partOf(made, matmulDescriptor), matmulType) != dnnFloat)
      violate("matmul: sums must be f32");
    return checkMatmul(op);
  case pointwiseOpKind: {
    for (int attribute : {pointwiseX, pointwiseB, pointwiseT})
      if (made.attributes.count(attribute))
        op.inputs.push_back(tensor(attribute));
    op.result = tensor(pointwiseY);
    const Node &part = partOf(made, pointwiseDescriptor);
    op.mode = valueOf<int>(part, pointwiseMode);
    if (op.mode == pointIndex)
      op.axis = valueOf<int64_t>(part, pointwiseAxis);
    return checkBroadcast(op);
  }
  case reductionOpKind: {
    const Node &part = partOf(made, reductionDescriptor);
    op.inputs = {tensor(reductionX)};
    op.result = tensor(reductionY);
    op.mode = valueOf<int>(part, reductionOperator);
    if (op.result.dims[3] != 1 || op.result.dims[2] != op.inputs[0].dims[2])
      violate("reduction: not over the last dim");
    return;
  }
  default:
    op.inputs = {tensor(reshapeX)};
    op.result = tensor(reshapeY);
  }
}

/// Each inner tensor is made once, before it is read.
void finishGraph(Node &made) {
  auto program = std::make_shared<Program>();
  std::set<int64_t> known;
  for (DescriptorHandle handle : valuesOf<DescriptorHandle>(made, graphOps)) {
    const Operation &op = node(handle).operation;
    if (!node(handle).isDone)
      violate("graph: an operation is not finished");
    for (const Tensor &input : op.inputs)
      if (input.isInner && !known.count(input.id))
        violate("graph: an inner tensor is read before it is made");
    if (!known.insert(op.result.id).second)
      violate("graph: a tensor is made twice");
    program->push_back(op);
  }
  if (!valueOf<void *>(made, graphHandle))
    violate("graph: no handle");
  made.program = program;
}

/// The first of the advised is not deterministic, the second is refused.
DnnCode finishPlan(Node &made) {
  const Node &config = partOf(made, planConfig);
  made.program = config.program;
  if (!valueOf<void *>(made, planHandle))
    violate("plan: no handle");
  if (config.advice == 0)
    violate("plan: of a kernel with sums in any order");
  return config.advice == 1 ? dnnLastRefusal : 0;
}

//===- Computing ----------------------------------------------------------===//

/// The elements of a tensor, the last dim fastest.
using Values = std::vector<double>;

double roundedTo(int type, double value) {
  auto narrow = static_cast<float>(value);
  return type == dnnHalf     ? halfToFloat(floatToHalf(narrow))
         : type == dnnBfloat ? bfloatToFloat(floatToBfloat(narrow))
         : type == dnnFloat  ? narrow
                             : value;
}

/// Calls visit(number, offset) for all elements.
template <typename Visit> void forElements(const Tensor &t, Visit visit) {
  int64_t number = 0;
  for (int64_t a = 0; a < t.dims[0]; ++a)
    for (int64_t b = 0; b < t.dims[1]; ++b)
      for (int64_t c = 0; c < t.dims[2]; ++c)
        for (int64_t d = 0; d < t.dims[3]; ++d)
          visit(number++, a * t.strides[0] + b * t.strides[1] +
                              c * t.strides[2] + d * t.strides[3]);
}

class Run {
public:
  std::map<int64_t, uint64_t> addresses;
  std::map<int64_t, double> numbers;
  uint64_t workspace = 0;

  void compute(const Program &program) {
    spoil();
    for (const Operation &op : program) {
      Values result = valuesFor(op);
      for (double &value : result)
        value = roundedTo(op.result.type, value);
      if (!op.result.isInner)
        store(op.result, result);
      known[op.result.id] = std::move(result);
    }
    spoil();
  }

private:
  void spoil() const {
    std::memset(device(workspace, neededWorkspace, "workspace"), 0xff,
                neededWorkspace);
  }
  uint64_t place(const Tensor &t, int64_t offset, uint64_t width) const {
    return addresses.at(t.id) + static_cast<uint64_t>(offset) * width;
  }
  void store(const Tensor &t, const Values &values) const {
    forElements(t, [&](int64_t number, int64_t offset) {
      auto value = static_cast<float>(values[size_t(number)]);
      uint16_t bits =
          t.type == dnnHalf ? floatToHalf(value) : floatToBfloat(value);
      if (t.type == dnnFloat)
        std::memcpy(device(place(t, offset, 4), 4, "graph"), &value, 4);
      else
        std::memcpy(device(place(t, offset, 2), 2, "graph"), &bits, 2);
    });
  }
  const Values &load(const Tensor &t) {
    auto [found, isNew] = known.try_emplace(t.id);
    Values &values = found->second;
    if (!isNew)
      return values;
    if (t.isNumber)
      values = {numbers.at(t.id)};
    else
      forElements(t, [&](int64_t, int64_t offset) {
        float value;
        uint16_t bits;
        if (t.type == dnnFloat) {
          std::memcpy(&value, device(place(t, offset, 4), 4, "graph"), 4);
        } else {
          std::memcpy(&bits, device(place(t, offset, 2), 2, "graph"), 2);
          value = t.type == dnnHalf ? halfToFloat(bits) : bfloatToFloat(bits);
        }
        values.push_back(value);
      });
    return values;
  }

  Values valuesFor(const Operation &op) {
    switch (op.kind) {
    case matmulOpKind:
      return matmul(op);
    case pointwiseOpKind:
      return op.mode == pointIndex ? index(op) : pointwise(op);
    case reductionOpKind:
      return reduce(op);
    default:
      return reshape(op);
    }
  }
  Values matmul(const Operation &op) {
    const Values a = load(op.inputs[0]), b = load(op.inputs[1]);
    int64_t rows = op.result.dims[2], columns = op.result.dims[3];
    int64_t depth = op.inputs[0].dims[3];
    Values result;
    for (int64_t item = 0; item < outer(op.result); ++item)
      for (int64_t i = 0; i < rows; ++i)
        for (int64_t j = 0; j < columns; ++j) {
          double sum = 0;
          for (int64_t k = 0; k < depth; ++k)
            sum += a[size_t((item * rows + i) * depth + k)] *
                   b[size_t((item * depth + k) * columns + j)];
          result.push_back(sum);
        }
    return result;
  }
  /// The element of `t` that meets element `number` of `result`.
  static size_t meeting(const Tensor &t, const Tensor &result, int64_t number) {
    int64_t at = 0, scale = 1;
    for (size_t i = 4; i-- > 0;) {
      at += t.dims[i] == 1 ? 0 : number % result.dims[i] * scale;
      number /= result.dims[i];
      scale *= t.dims[i];
    }
    return size_t(at);
  }
  static double combine(int mode, const double *x) {
    switch (mode) {
    case pointAdd:
      return x[0] + x[1];
    case pointMultiply:
      return x[0] * x[1];
    case pointSubtract:
      return x[0] - x[1];
    case pointDivide:
      return x[0] / x[1];
    case pointExp:
      return std::exp(x[0]);
    case pointLog:
      return std::log(x[0]);
    case pointNotLess:
      return x[0] >= x[1];
    case pointSelect:
      return x[2] != 0 ? x[0] : x[1];
    default:
      violate("pointwise: unknown mode");
      return 0;
    }
  }
  Values pointwise(const Operation &op) {
    std::vector<const Values *> inputs;
    for (const Tensor &input : op.inputs)
      inputs.push_back(&load(input));
    Values result;
    forElements(op.result, [&](int64_t number, int64_t) {
      double x[3] = {};
      for (size_t i = 0; i < inputs.size(); ++i)
        x[i] = (*inputs[i])[meeting(op.inputs[i], op.result, number)];
      result.push_back(combine(op.mode, x));
    });
    return result;
  }
  static Values index(const Operation &op) {
    Values result;
    forElements(op.result, [&](int64_t number, int64_t) {
      for (size_t i = 3; int64_t(i) > op.axis; --i)
        number /= op.result.dims[i];
      result.push_back(double(number % op.result.dims[size_t(op.axis)]));
    });
    return result;
  }
  Values reduce(const Operation &op) {
    const Values &input = load(op.inputs[0]);
    auto columns = size_t(op.inputs[0].dims[3]);
    Values result;
    for (size_t i = 0; i < input.size(); i += columns) {
      double value = input[i];
      for (size_t j = 1; j < columns; ++j)
        value = op.mode == reduceMax ? std::max(value, input[i + j])
                                     : value + input[i + j];
      result.push_back(value);
    }
    return result;
  }
  /// The same memory, seen with other dims and strides.
  Values reshape(const Operation &op) {
    const Values &input = load(op.inputs[0]);
    std::map<int64_t, double> memory;
    forElements(op.inputs[0], [&](int64_t number, int64_t offset) {
      memory[offset] = input[size_t(number)];
    });
    Values result;
    forElements(op.result, [&](int64_t, int64_t offset) {
      auto found = memory.find(offset);
      if (found == memory.end())
        violate("reshape: reads what is not there");
      result.push_back(found == memory.end() ? 0 : found->second);
    });
    return result;
  }

  std::map<int64_t, Values> known;
};

/// Every tensor that is not inner has one pointer, aligned in memory.
Run runOf(const Program &program, const Node &arguments) {
  Run run;
  std::vector<int64_t> ids = valuesOf<int64_t>(arguments, argumentIds);
  auto pointers = valuesOf<void *>(arguments, argumentPointers);
  run.workspace =
      reinterpret_cast<uint64_t>(valueOf<void *>(arguments, argumentWorkspace));
  if (ids.size() != pointers.size())
    violate("cudnnBackendExecute: as many names as pointers");
  std::map<int64_t, void *> given;
  for (size_t i = 0; i < std::min(ids.size(), pointers.size()); ++i)
    if (!given.insert({ids[i], pointers[i]}).second)
      violate("cudnnBackendExecute: a tensor is given twice");
  auto take = [&](const Tensor &t) {
    if (t.isInner)
      return;
    void *pointer = given[t.id];
    auto address = reinterpret_cast<uint64_t>(pointer);
    if (!pointer || (!t.isNumber && address % 16 != 0))
      violate("cudnnBackendExecute: a tensor is not given or not aligned");
    else if (t.isNumber)
      run.numbers[t.id] = *static_cast<float *>(pointer);
    else
      run.addresses[t.id] = address;
  };
  for (const Operation &op : program) {
    std::for_each(op.inputs.begin(), op.inputs.end(), take);
    take(op.result);
  }
  return run;
}

} // namespace

extern "C" {

DnnCode cudnnBackendCreateDescriptor(int kind, DescriptorHandle *handle) {
  if (fails("cudnnBackendCreateDescriptor"))
    return libraryFailure;
  gain("descriptor");
  *handle = new Node{kind, false, {}, {}, {}, {}, 0};
  return 0;
}
DnnCode cudnnBackendDestroyDescriptor(DescriptorHandle handle) {
  delete &node(handle);
  return gain("descriptor", -1), 0;
}
DnnCode cudnnBackendSetAttribute(DescriptorHandle handle, int attribute,
                                 int type, int64_t count, const void *values) {
  if (fails("cudnnBackendSetAttribute"))
    return libraryFailure;
  if (node(handle).isDone || type != typeOf(attribute) || count < 1)
    violate("cudnnBackendSetAttribute: attribute " + std::to_string(attribute) +
            " late, of another type or empty");
  const auto *bytes = static_cast<const std::byte *>(values);
  node(handle).attributes[attribute] = {
      type, {bytes, bytes + size_t(count) * widthOf(type)}};
  return 0;
}
DnnCode cudnnBackendGetAttribute(DescriptorHandle handle, int attribute, int,
                                 int64_t most, int64_t *count, void *values) {
  if (fails("cudnnBackendGetAttribute"))
    return libraryFailure;
  Node &from = node(handle);
  switch (attribute) {
  case adviceResults: {
    *count = 3;
    for (int i = 0; i < std::min<int64_t>(most, 3); ++i) {
      Node &config = node(static_cast<DescriptorHandle *>(values)[i]);
      config.program = partOf(from, adviceGraph).program;
      config.advice = i;
      config.isDone = true;
    }
    return 0;
  }
  case configEngine:
    *count = 1;
    node(*static_cast<DescriptorHandle *>(values)).advice = from.advice;
    return 0;
  case engineNotes: {
    const int notes[] = {0, from.advice == 0 ? noteNondeterministic : 9};
    *count = 2;
    std::memcpy(values, notes, sizeof notes);
    return 0;
  }
  case planWorkspace:
    *count = 1;
    std::memcpy(values, &neededWorkspace, sizeof neededWorkspace);
    return 0;
  default:
    violate("cudnnBackendGetAttribute: unknown attribute");
    return libraryFailure;
  }
}
DnnCode cudnnBackendFinalize(DescriptorHandle handle) {
  if (fails("cudnnBackendFinalize"))
    return libraryFailure;
  Node &made = node(handle);
  if (made.isDone)
    violate("cudnnBackendFinalize: a second time");
  made.isDone = true;
  switch (made.kind) {
  case tensorKind:
    return finishTensor(made), 0;
  case matmulOpKind:
  case pointwiseOpKind:
  case reductionOpKind:
  case reshapeOpKind:
    return finishOperation(made), 0;
  case graphKind:
    return finishGraph(made), 0;
  case planKind:
    return finishPlan(made);
  default:
    return 0;
  }
}
DnnCode cudnnBackendExecute(DnnHandle, DescriptorHandle plan,
                            DescriptorHandle arguments) {
  if (fails("cudnnBackendExecute"))
    return libraryFailure;
  if (!node(plan).isDone || !node(arguments).isDone)
    violate("cudnnBackendExecute: a descriptor is not finished");
  std::shared_ptr<const Program> program = node(plan).program;
  issue(fake().dnnStream,
        [program, run = runOf(*program, node(arguments))]() mutable {
          Run(run).compute(*program);
        });
  return 0;
}
}
