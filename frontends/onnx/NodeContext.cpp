//===- NodeContext.cpp - one node while it is imported --------------------===//
#include "frontends/onnx/NodeContext.h"

#include "frontends/onnx/EvaluateConstants.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;

namespace dlc::frontend {

//===- Operands -----------------------------------------------------------===//

bool NodeContext::has(size_t index) const {
  return index < numInputs() && !node.proto->input(int(index)).empty();
}

Value NodeContext::optional(size_t index) const {
  return has(index) ? state.values.lookup(node.proto->input(int(index)))
                    : Value();
}

Value NodeContext::in(size_t index) const {
  Value value = optional(index);
  assert(value && "an operand that the op table requires is absent");
  return value;
}

SmallVector<Value> NodeContext::all() const {
  SmallVector<Value> values;
  for (size_t i = 0; i < numInputs(); ++i)
    values.push_back(in(i));
  return values;
}

FailureOr<ArrayRef<Value>> NodeContext::sequence(size_t index) const {
  auto found = state.sequences.find(node.proto->input(int(index)));
  if (found == state.sequences.end())
    return invalid("operand " + Twine(index) +
                   " must be a sequence of known length, but got a tensor");
  return ArrayRef<Value>(found->second);
}

FailureOr<SmallVector<int64_t>> NodeContext::integers(size_t index) const {
  std::optional<HostTensor> tensor = constantValue(in(index));
  if (!tensor)
    return fail("DLC1010",
                "operand " + Twine(index) + " ('" +
                    node.proto->input(int(index)) +
                    "') must be known when the model is imported, but got a "
                    "value that depends on inputs or parameters");
  if (tensor->isFloat() || tensor->elements() > 1 << 20)
    return invalid("operand " + Twine(index) +
                   " must hold at most 2^20 integers, but got " +
                   Twine(tensor->elements()) +
                   (tensor->isFloat() ? " floats" : " integers"));
  SmallVector<int64_t> values;
  for (int64_t i = 0; i < tensor->elements(); ++i)
    values.push_back(tensor->integer(i));
  return values;
}

FailureOr<int64_t> NodeContext::integer(size_t index) const {
  FailureOr<SmallVector<int64_t>> values = integers(index);
  if (failed(values))
    return failure();
  if (values->size() != 1)
    return invalid("operand " + Twine(index) +
                   " must hold one number, but got " + Twine(values->size()));
  return values->front();
}

FailureOr<double> NodeContext::number(size_t index) const {
  std::optional<HostTensor> tensor = constantValue(in(index));
  if (!tensor)
    return fail("DLC1010",
                "operand " + Twine(index) + " ('" +
                    node.proto->input(int(index)) +
                    "') must be known when the model is imported, but got a "
                    "value that depends on inputs or parameters");
  if (tensor->elements() != 1)
    return invalid("operand " + Twine(index) +
                   " must hold one number, but got " +
                   Twine(tensor->elements()));
  return tensor->number(0);
}

//===- Attributes ---------------------------------------------------------===//

const onnx::AttributeProto *NodeContext::find(StringRef name) const {
  for (const onnx::AttributeProto &attribute : node.proto->attribute())
    if (attribute.name() == name)
      return &attribute;
  return nullptr;
}

int64_t NodeContext::attr(StringRef name, int64_t otherwise) const {
  const onnx::AttributeProto *attribute = find(name);
  return attribute ? attribute->i() : otherwise;
}

double NodeContext::attrNumber(StringRef name, double otherwise) const {
  const onnx::AttributeProto *attribute = find(name);
  return attribute ? intendedNumber(attribute->f()) : otherwise;
}

StringRef NodeContext::attrText(StringRef name, StringRef otherwise) const {
  const onnx::AttributeProto *attribute = find(name);
  return attribute ? StringRef(attribute->s()) : otherwise;
}

SmallVector<int64_t> NodeContext::attrInts(StringRef name) const {
  const onnx::AttributeProto *attribute = find(name);
  if (!attribute)
    return {};
  return {attribute->ints().begin(), attribute->ints().end()};
}

//===- Checked numbers ----------------------------------------------------===//

FailureOr<int64_t> NodeContext::axis(int64_t axis, int64_t rank) const {
  if (axis < -rank || axis >= rank)
    return invalid("axis must be in [" + Twine(-rank) + ", " + Twine(rank) +
                   "), but got " + Twine(axis));
  return axis < 0 ? axis + rank : axis;
}

FailureOr<SmallVector<int64_t>> NodeContext::axes(ArrayRef<int64_t> axes,
                                                  int64_t rank) const {
  SmallVector<int64_t> sorted;
  for (int64_t one : axes) {
    FailureOr<int64_t> checked = axis(one, rank);
    if (failed(checked))
      return failure();
    sorted.push_back(*checked);
  }
  llvm::sort(sorted);
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end())
    return invalid("axes must be distinct, but got one twice");
  return sorted;
}

FailureOr<SmallVector<int64_t>>
NodeContext::broadcastShape(ArrayRef<Value> values) const {
  SmallVector<int64_t> shape;
  for (Value value : values) {
    FailureOr<SmallVector<int64_t>> wider =
        broadcastShapes(shape, shapeOf(value));
    if (failed(wider))
      return invalid("operands must have shapes that broadcast, but got " +
                     shapeText(shape) + " and " + shapeText(shapeOf(value)));
    shape = std::move(*wider);
  }
  return shape;
}

FailureOr<SmallVector<Value>>
NodeContext::broadcast(ArrayRef<Value> values) const {
  FailureOr<SmallVector<int64_t>> shape = broadcastShape(values);
  if (failed(shape))
    return failure();
  SmallVector<Value> results;
  for (Value value : values) {
    if (elementTypeOf(value) != elementTypeOf(values.front()))
      return invalid(
          llvm::formatv("operands must have one element type, but got {0} and "
                        "{1}",
                        elementTypeOf(values.front()), elementTypeOf(value)));
    results.push_back(broadcastTo(b, loc, value, *shape));
  }
  return results;
}

//===- Results ------------------------------------------------------------===//

bool NodeContext::wants(size_t index) const {
  return index < numOutputs() && !node.proto->output(int(index)).empty();
}

LogicalResult NodeContext::out(size_t index, Value value) {
  if (wants(index))
    state.values[node.proto->output(int(index))] = value;
  return success();
}

LogicalResult NodeContext::outSequence(size_t index, ArrayRef<Value> values) {
  if (wants(index))
    state.sequences[node.proto->output(int(index))] =
        SmallVector<Value>(values);
  return success();
}

//===- Mode ---------------------------------------------------------------===//

FailureOr<Type> NodeContext::elementTypeFor(int64_t dataType) const {
  Type type = elementType(b.getContext(), int32_t(dataType));
  if (!type)
    return fail("DLC1002", "element type must be one that dlc knows, but got " +
                               dataTypeName(int32_t(dataType)));
  return state.options.f64 && isa<FloatType>(type) ? b.getF64Type() : type;
}

FailureOr<Value>
NodeContext::constant(const onnx::TensorProto &tensor) const {
  TensorError error;
  if (tensor.data_location() == onnx::TensorProto::EXTERNAL)
    return fail("DLC1008", "a constant must hold its data itself, but got "
                           "external data");
  std::optional<Weight> weight =
      decodeTensor(b.getContext(), tensor, nullptr, error);
  if (!weight)
    return fail(error.id, "a tensor " + error.message);
  return literal(b, loc, *weight, state.options.f64);
}

Value NodeContext::uniform(RankedTensorType type) {
  if (!state.rng)
    state.rng = state.addState(
        "rng", RankedTensorType::get({2}, b.getI64Type()));
  return RandomUniformOp::create(b, loc, type, state.rng,
                                 state.randomStreams++);
}

Value NodeContext::newestState(Value value) const {
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument)
    return {};
  auto function = cast<FunctionOpInterface>(
      argument.getOwner()->getParentOp());
  if (!function.getArgAttr(argument.getArgNumber(), names::state))
    return {};
  auto found = state.newStates.find(value);
  return found == state.newStates.end() ? value : found->second;
}

void NodeContext::updateState(Value argument, Value value) {
  state.newStates[argument] = value;
}

/// The function input that `value` is a rearrangement of, or null.
static BlockArgument indexSource(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isa<ReshapeOp, CastOp, BroadcastOp, TransposeOp, SliceOp>(op))
      return {};
    value = op->getOperand(0);
  }
  return cast<BlockArgument>(value);
}

void NodeContext::noteRange(Value indices, int64_t size) {
  BlockArgument argument = indexSource(indices);
  if (!argument)
    return;
  auto function = cast<FunctionOpInterface>(
      argument.getOwner()->getParentOp());
  auto name = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(),
                                                    names::input);
  if (!name)
    return;
  auto [found, isNew] = state.ranges.insert({name.getValue(), size});
  if (!isNew)
    found->second = std::min(found->second, size);
}

LogicalResult NodeContext::fail(StringRef id, const Twine &message) const {
  state.diagnostics.error(id, state.modelName + ": " + describe(node) + ": " +
                                  message);
  return failure();
}

} // namespace dlc::frontend
