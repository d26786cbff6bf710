// Graphs of operations for cuDNN, which finds kernels for a whole one: the
// names of tensors that are in memory, of numbers, and of what is between, are
// joined by operations; then machines are asked for plans.
//
//   Tensor scores = graph.matmul(q, kt, graph.inner(square));
//   graph.pointwise(backend::pointMultiply, {scores, graph.number(0.125f)}, …)
//
// The first call that fails ends the building: what comes after it does
// nothing, and status() tells.
#ifndef DLC_RUNTIME_CUDA_DNNGRAPH_H
#define DLC_RUNTIME_CUDA_DNNGRAPH_H

#include "runtime/cuda/Gpu.h"

#include <array>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

namespace dlc::rt::cuda {

/// One descriptor, destroyed at the end. Refers to `dnn`.
class Descriptor {
public:
  Descriptor() = default;
  Descriptor(Descriptor &&other) noexcept;
  Descriptor &operator=(Descriptor &&other) noexcept;
  ~Descriptor();

  static Result<Descriptor> create(const Dnn &dnn, int kind);
  /// `values` are of the attribute's type.
  template <typename T>
  Status set(int attribute, int type, std::span<const T> values) {
    return setRaw(attribute, type, static_cast<int64_t>(values.size()),
                  values.data());
  }
  template <typename T> Status set(int attribute, int type, const T &value) {
    return set(attribute, type, std::span<const T>(&value, 1));
  }
  Status set(int attribute, const Descriptor &part);
  Status finalize();
  /// How many of `most` values there are, written to `values`.
  Result<int64_t> get(int attribute, int type, int64_t most,
                      void *values) const;
  DescriptorHandle handle() const { return self; }

private:
  Status setRaw(int attribute, int type, int64_t count, const void *values);
  const Dnn *dnn = nullptr;
  DescriptorHandle self = nullptr;
};

/// What plans are made for: a stream's handle, or a GPU that is described and
/// need not be there.
struct DnnMachine {
  DnnHandle handle = nullptr;
  const Descriptor *device = nullptr;
};

/// What a kernel of cuDNN computes a graph with.
class DnnPlan {
public:
  uint64_t workspaceBytes() const { return bytes; }
  const Descriptor &descriptor() const { return plan; }

private:
  friend class DnnGraph;
  Descriptor plan;
  uint64_t bytes = 0;
};

class DnnGraph {
public:
  /// The unique name of a tensor, from 1.
  using Tensor = int64_t;
  /// All tensors have four dims.
  using Dims = std::array<int64_t, 4>;
  struct Form {
    Dims dims, strides;
    int type; // cudnnDataType_t
  };
  /// Without gaps, the last dim fastest.
  static Form dense(Dims dims, int type = dnnFloat);

  explicit DnnGraph(const Dnn &dnn) : dnn(dnn) {}

  /// In memory, at an address that is a multiple of 16.
  Tensor memory(const Form &form);
  /// Known when the plan runs, not before.
  Tensor inner(const Form &form);
  Tensor number(float value);

  // Each writes and returns `result`.
  Tensor matmul(Tensor a, Tensor b, Tensor result);
  /// `inputs` are x; x and b; or x, b and t. Computed in f32, and in booleans
  /// where `isLogical`.
  Tensor pointwise(int mode, std::initializer_list<Tensor> inputs,
                   Tensor result, bool isLogical = false);
  /// The place in dim `axis`, from 0; `like` gives the dims.
  Tensor index(int64_t axis, Tensor like, Tensor result);
  Tensor reduce(int reduction, Tensor input, Tensor result);
  Tensor reshape(Tensor input, Tensor result);

  const Status &status() const { return failure; }
  /// No operations after it.
  Status finish(const DnnMachine &machine);
  /// Best first, those that always sum in the same order and in f32; at most
  /// `most` of them.
  Result<std::vector<DnnPlan>> plans(const DnnMachine &machine, size_t most);

  /// Those of number(), by name.
  struct Number {
    Tensor tensor;
    float value;
  };
  const std::vector<Number> &numbers() const { return constants; }

private:
  using Input = std::pair<int, Tensor>; // by attribute
  Tensor add(const Form &form, bool isInner, bool isNumber);
  Status addTensor(const Form &form, bool isInner, bool isNumber);
  Status addOperation(int kind, int partAttribute,
                      std::span<const Input> inputs);
  Status addPart(int kind, int typeAttribute, int type, int optionAttribute,
                 int optionType, int option);
  Status addPointwise(int mode, int type, std::span<const Input> inputs,
                      const int64_t *axis);
  Tensor done(Status status, Tensor result);
  Result<std::vector<Descriptor>> configs(const DnnMachine &machine,
                                          int mode) const;
  Result<bool> isOrdered(const Descriptor &config) const;
  Result<DnnPlan> planOf(const DnnMachine &machine, Descriptor &config) const;

  const Dnn &dnn;
  std::vector<Descriptor> tensors;
  /// What operations refer to besides.
  std::vector<Descriptor> parts;
  std::vector<Descriptor> operations;
  std::vector<Number> constants;
  Descriptor graph;
  Status failure;
};

} // namespace dlc::rt::cuda

#endif // DLC_RUNTIME_CUDA_DNNGRAPH_H
