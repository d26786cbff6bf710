//===- Signature.cpp - what a model file declares -------------------------===//
#include "frontends/onnx/Signature.h"

#include "frontends/onnx/LoadedModel.h"
#include "llvm/ADT/StringSet.h"

namespace dlc {

/// The name of a dim that has no fixed size.
static std::string dimName(const onnx::ValueInfoProto &value, int axis) {
  const auto &dim = value.type().tensor_type().shape().dim(axis);
  if (!dim.dim_param().empty())
    return dim.dim_param();
  return value.name() + "[" + std::to_string(axis) + "]";
}

static DeclaredPort portOf(const onnx::ValueInfoProto &value,
                           mlir::MLIRContext *context) {
  DeclaredPort port;
  port.name = value.name();
  if (!value.type().has_tensor_type())
    return port;
  const auto &tensor = value.type().tensor_type();
  port.elementType = frontend::elementType(context, tensor.elem_type());
  port.hasShape = tensor.has_shape();
  for (int axis = 0; axis < tensor.shape().dim_size(); ++axis) {
    const auto &dim = tensor.shape().dim(axis);
    bool isSized =
        dim.dim_param().empty() && dim.has_dim_value() && dim.dim_value() >= 0;
    port.dims.push_back(isSized ? dim.dim_value() : -1);
    port.dimNames.push_back(isSized ? "" : dimName(value, axis));
  }
  return port;
}

ModelSignature signatureOf(const OnnxModel &model) {
  const frontend::LoadedModel &data = model.data();
  llvm::StringSet<> initializers;
  for (const Weight &weight : data.initializers)
    initializers.insert(weight.name);
  ModelSignature signature;
  for (const onnx::ValueInfoProto &input : data.proto->graph().input())
    if (!initializers.contains(input.name()))
      signature.inputs.push_back(portOf(input, data.context));
  for (const onnx::ValueInfoProto &output : data.proto->graph().output())
    signature.outputs.push_back(portOf(output, data.context));
  return signature;
}

} // namespace dlc
