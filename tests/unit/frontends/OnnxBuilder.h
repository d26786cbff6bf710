//===- OnnxBuilder.h - small ONNX models for tests --------------*- C++ -*-===//
#ifndef DLC_TESTS_UNIT_FRONTENDS_ONNXBUILDER_H
#define DLC_TESTS_UNIT_FRONTENDS_ONNXBUILDER_H

#include "dialects/dlc/IR/Dlc.h"
#include "dialects/dlc/reference/Evaluate.h"
#include "frontends/onnx/OnnxImporter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "onnx/onnx.pb.h"

#include <gtest/gtest.h>

namespace dlc::test {

/// A model that is put together node by node.
class OnnxBuilder {
public:
  explicit OnnxBuilder(int64_t opset) {
    model.set_ir_version(8);
    model.add_opset_import()->set_version(opset);
  }

  OnnxBuilder &input(const std::string &name, std::vector<int64_t> shape,
                     int type = onnx::TensorProto::FLOAT) {
    describe(*model.mutable_graph()->add_input(), name, shape, type);
    return *this;
  }
  OnnxBuilder &output(const std::string &name,
                      int type = onnx::TensorProto::FLOAT) {
    describe(*model.mutable_graph()->add_output(), name, {}, type);
    return *this;
  }
  OnnxBuilder &floats(const std::string &name, std::vector<int64_t> shape,
                      std::vector<float> values) {
    onnx::TensorProto &tensor = initializer(name, shape);
    tensor.set_data_type(onnx::TensorProto::FLOAT);
    tensor.set_raw_data(values.data(), values.size() * sizeof(float));
    return *this;
  }
  OnnxBuilder &ints(const std::string &name, std::vector<int64_t> shape,
                    std::vector<int64_t> values) {
    onnx::TensorProto &tensor = initializer(name, shape);
    tensor.set_data_type(onnx::TensorProto::INT64);
    for (int64_t value : values)
      tensor.add_int64_data(value);
    return *this;
  }
  OnnxBuilder &node(const std::string &op, std::vector<std::string> inputs,
                    std::vector<std::string> outputs) {
    onnx::NodeProto &node = *model.mutable_graph()->add_node();
    node.set_op_type(op);
    node.set_name("node_" + outputs.front());
    for (const std::string &name : inputs)
      node.add_input(name);
    for (const std::string &name : outputs)
      node.add_output(name);
    return *this;
  }
  /// Attributes of the last node.
  OnnxBuilder &attr(const std::string &name, int64_t value) {
    attribute(name).set_i(value);
    return *this;
  }
  OnnxBuilder &attr(const std::string &name, float value) {
    attribute(name).set_f(value);
    return *this;
  }
  OnnxBuilder &attr(const std::string &name, const char *value) {
    attribute(name).set_s(value);
    return *this;
  }
  OnnxBuilder &attrs(const std::string &name, std::vector<int64_t> values) {
    onnx::AttributeProto &added = attribute(name);
    for (int64_t value : values)
      added.add_ints(value);
    return *this;
  }

  std::string bytes() const { return model.SerializeAsString(); }
  onnx::ModelProto model;

private:
  onnx::TensorProto &initializer(const std::string &name,
                                 const std::vector<int64_t> &shape) {
    onnx::TensorProto &tensor = *model.mutable_graph()->add_initializer();
    tensor.set_name(name);
    for (int64_t size : shape)
      tensor.add_dims(size);
    return tensor;
  }
  onnx::AttributeProto &attribute(const std::string &name) {
    onnx::AttributeProto &added =
        *model.mutable_graph()->mutable_node()->rbegin()->add_attribute();
    added.set_name(name);
    return added;
  }
  static void describe(onnx::ValueInfoProto &info, const std::string &name,
                       const std::vector<int64_t> &shape, int type) {
    info.set_name(name);
    info.mutable_type()->mutable_tensor_type()->set_elem_type(type);
    auto *dims = info.mutable_type()->mutable_tensor_type()->mutable_shape();
    for (int64_t size : shape)
      dims->add_dim()->set_dim_value(size);
  }
};

/// A context and module to import into.
class OnnxTest : public testing::Test {
protected:
  OnnxTest() {
    context.loadDialect<DlcDialect, mlir::func::FuncDialect>();
    module = mlir::ModuleOp::create(mlir::UnknownLoc::get(&context));
  }

  std::shared_ptr<OnnxModel> parse(const std::string &bytes) {
    return OnnxModel::parse(bytes, "model.onnx", "", &context, diagnostics);
  }
  mlir::FailureOr<ImportedModel> import(const OnnxBuilder &builder) {
    auto model = parse(builder.bytes());
    if (!model)
      return mlir::failure();
    return importOnnx(*model, options, *module, diagnostics);
  }
  /// The errors of an import that must fail.
  std::string errorsOf(const OnnxBuilder &builder) {
    EXPECT_TRUE(mlir::failed(import(builder)));
    return diagnostics.text();
  }
  mlir::func::FuncOp function(ImportMode mode) {
    return module->lookupSymbol<mlir::func::FuncOp>(functionName(mode));
  }
  /// Calls an imported function; parameters have their initial values.
  std::vector<std::vector<double>>
  call(const ImportedModel &imported, ImportMode mode,
       std::vector<std::vector<double>> inputs) {
    mlir::func::FuncOp f = function(mode);
    std::vector<reference::Tensor> arguments;
    for (unsigned i = 0; i < f.getNumArguments(); ++i) {
      auto type = mlir::cast<mlir::RankedTensorType>(f.getArgumentTypes()[i]);
      if (f.getArgAttr(i, names::input)) {
        arguments.emplace_back(type, inputs[i]);
        continue;
      }
      auto name = f.getArgAttrOfType<mlir::StringAttr>(i, names::param);
      if (!name)
        name = f.getArgAttrOfType<mlir::StringAttr>(i, names::state);
      const Weight *weight = imported.weights.find(name.getValue());
      arguments.push_back(
          weight ? reference::Tensor::fromBytes(weight->type, weight->bytes)
                 : reference::Tensor(type));
    }
    auto results = reference::evaluateFunction(f, arguments);
    std::vector<std::vector<double>> values;
    EXPECT_TRUE(mlir::succeeded(results));
    if (mlir::succeeded(results))
      for (const reference::Tensor &result : *results)
        values.push_back(result.toDoubles());
    return values;
  }
  /// The one result of a forward-only model.
  std::vector<double> run(const OnnxBuilder &builder,
                          std::vector<std::vector<double>> inputs) {
    options.modes = {ImportMode::Forward};
    auto imported = import(builder);
    EXPECT_TRUE(mlir::succeeded(imported)) << diagnostics.text();
    if (mlir::failed(imported))
      return {};
    return call(*imported, ImportMode::Forward, std::move(inputs)).front();
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  ImportOptions options;
  Diagnostics diagnostics;
};

inline void expectNear(const std::vector<double> &actual,
                       const std::vector<double> &expected,
                       double tolerance = 1e-6) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i)
    EXPECT_NEAR(actual[i], expected[i], tolerance) << "element " << i;
}

} // namespace dlc::test

#endif
