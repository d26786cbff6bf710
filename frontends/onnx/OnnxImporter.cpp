//===- OnnxImporter.cpp - from a model file to functions ------------------===//
//
// Decides what all modes share, then builds one function per mode: inline the
// file's functions; report every op that is unknown; bind the inputs' dims;
// split merged initializers; say what each initializer is.
//
//===----------------------------------------------------------------------===//
#include "frontends/onnx/OnnxImporter.h"

#include "frontends/onnx/GraphBuilder.h"
#include "frontends/onnx/OpTable.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FormatVariadic.h"
#include <set>

using namespace mlir;
using namespace dlc::frontend;

namespace dlc {

namespace {

class Importer {
public:
  Importer(const OnnxModel &source, const ImportOptions &options,
           ModuleOp module, Diagnostics &diagnostics)
      : options(options), module(module), diagnostics(diagnostics) {
    prepared.model = source.data();
    // A copy, since splitting edits it.
    prepared.model.proto =
        std::make_shared<onnx::ModelProto>(*source.data().proto);
  }

  FailureOr<ImportedModel> run() {
    if (failed(inlineCalls()))
      return failure();
    checkOps();
    bindInputs();
    if (diagnostics.hasErrors())
      return failure();
    splitMergedInitializers(prepared.model,
                            findUses(prepared.model, prepared.graph),
                            imported.remarks);
    if (failed(inlineCalls()))
      return failure();
    prepared.fates =
        classify(prepared.model, findUses(prepared.model, prepared.graph),
                 options, imported.remarks, diagnostics);
    prepared.constants.resize(prepared.fates.size());
    if (diagnostics.hasErrors())
      return failure();
    for (ImportMode mode : options.modes)
      if (failed(buildFunction(prepared, options, mode, module, imported,
                               diagnostics))) {
        removeFunctions();
        return failure();
      }
    imported.inputs = prepared.inputs;
    describeInitializers();
    remarkOnFoldedNorms();
    stripModel();
    return std::move(imported);
  }

private:
  LogicalResult inlineCalls() {
    FailureOr<Graph> graph = inlineFunctions(prepared.model, diagnostics);
    if (failed(graph))
      return failure();
    prepared.graph = std::move(*graph);
    return success();
  }

  void error(StringRef id, const Twine &message) {
    diagnostics.error(id, prepared.model.name + ": " + message);
  }

  //===- Coverage ---------------------------------------------------------===//
  void checkOps() {
    int64_t version = opsetVersion(prepared.model.proto->opset_import(), "");
    if (version < minOpset || version > maxOpset)
      error("DLC1003",
            llvm::formatv("the operator set must have a version from {0} to "
                          "{1}, but got {2}",
                          minOpset, maxOpset,
                          version ? std::to_string(version) : "none"));
    // Per missing op, the nodes that use it.
    std::map<std::string, std::vector<std::string>> missing;
    for (const GraphNode &node : prepared.graph.nodes) {
      const onnx::NodeProto &proto = *node.proto;
      if (!OpTable::get().find(proto.domain(), proto.op_type(), node.opset))
        missing[llvm::formatv("'{0}{1}{2}' (opset {3})", proto.domain(),
                              proto.domain().empty() ? "" : ".",
                              proto.op_type(), node.opset)]
            .push_back(nodeName(proto).str());
    }
    if (missing.empty())
      return;
    std::string list;
    for (auto &[op, nodes] : missing) {
      list += (list.empty() ? "" : "; ") + op + " in node";
      list += nodes.size() > 1 ? "s" : "";
      for (auto [i, name] : llvm::enumerate(llvm::ArrayRef(nodes)))
        if (i < 5)
          list += (i ? ", '" : " '") + name + "'";
      if (nodes.size() > 5)
        list += " and " + std::to_string(nodes.size() - 5) + " more";
    }
    error("DLC1001", llvm::formatv("every op must be one that dlc imports, but "
                                   "got {0} that {1} not: {2}",
                                   missing.size(),
                                   missing.size() == 1 ? "is" : "are", list));
  }

  //===- Inputs -----------------------------------------------------------===//
  void bindInputs() {
    llvm::StringSet<> initializers;
    for (const Weight &weight : prepared.model.initializers)
      initializers.insert(weight.name);
    std::vector<const onnx::ValueInfoProto *> inputs;
    for (const onnx::ValueInfoProto &input :
         prepared.model.proto->graph().input())
      if (!initializers.contains(input.name()))
        inputs.push_back(&input);
    std::map<std::string, int64_t> sizes = options.dims;
    bindBatch(inputs, sizes);
    for (const onnx::ValueInfoProto *input : inputs)
      bindInput(*input, sizes);
    for (const auto &[name, size] : options.dims)
      if (!usedDims.contains(name))
        error("DLC1013", llvm::formatv("--dim must name a symbolic dim of an "
                                       "input, but got '{0}'; there {1}",
                                       name, listDims()));
    if (!unbound.empty())
      error("DLC1004",
            llvm::formatv("every dim of an input must have a size: give {0} "
                          "with --dim NAME=SIZE (or --batch)",
                          llvm::join(unbound, ", ")));
  }

  std::string listDims() {
    if (usedDims.empty() && unbound.empty())
      return "are none";
    std::string list = "are";
    for (const auto &name : usedDims.keys())
      list += " '" + name.str() + "'";
    for (const std::string &name : unbound)
      list += " " + name;
    return list;
  }

  /// The name of a dim that has no fixed size, or empty.
  static std::string symbol(const onnx::ValueInfoProto &input, int axis) {
    const auto &dim = input.type().tensor_type().shape().dim(axis);
    if (!dim.dim_param().empty())
      return dim.dim_param();
    if (dim.has_dim_value() && dim.dim_value() >= 0)
      return "";
    return input.name() + "[" + std::to_string(axis) + "]";
  }

  void bindBatch(llvm::ArrayRef<const onnx::ValueInfoProto *> inputs,
                 std::map<std::string, int64_t> &sizes) {
    if (!options.batch)
      return;
    bool applies = false;
    for (const onnx::ValueInfoProto *input : inputs) {
      const auto &shape = input->type().tensor_type().shape();
      if (shape.dim_size() == 0)
        continue;
      std::string name = symbol(*input, 0);
      applies |= name.empty() ? shape.dim(0).dim_value() == *options.batch
                              : true;
      if (!name.empty())
        sizes.try_emplace(name, *options.batch);
    }
    if (!applies)
      error("DLC1013",
            llvm::formatv("--batch {0} needs an input whose leading dim has "
                          "no fixed size: export the model with a dynamic "
                          "batch dim",
                          *options.batch));
  }

  void bindInput(const onnx::ValueInfoProto &input,
                 const std::map<std::string, int64_t> &sizes) {
    if (!input.type().has_tensor_type()) {
      error("DLC1002", "input '" + input.name() + "' must be a dense tensor");
      return;
    }
    const auto &tensor = input.type().tensor_type();
    Type element = elementType(module.getContext(), tensor.elem_type());
    if (!element) {
      error("DLC1002", "input '" + input.name() +
                           "' must have an element type that dlc knows, but "
                           "got " +
                           dataTypeName(tensor.elem_type()));
      return;
    }
    if (options.f64 && isa<FloatType>(element))
      element = Float64Type::get(module.getContext());
    PortInfo info{input.name(), {}, {}};
    llvm::SmallVector<int64_t> shape;
    for (int axis = 0; axis < tensor.shape().dim_size(); ++axis) {
      std::string name = symbol(input, axis);
      info.dimNames.push_back(name);
      shape.push_back(name.empty() ? tensor.shape().dim(axis).dim_value()
                                   : sizeOf(name, sizes));
    }
    if (int64_t(shape.size()) > maxRank || !checkedElements(shape)) {
      error("DLC1007", "input '" + input.name() +
                           "' must have at most 16 dims and 2^40 elements, "
                           "but got shape " +
                           shapeText(llvm::ArrayRef(shape).take_front(17)));
      return;
    }
    info.type = RankedTensorType::get(shape, element);
    prepared.inputs.push_back(std::move(info));
  }

  int64_t sizeOf(const std::string &name,
                 const std::map<std::string, int64_t> &sizes) {
    auto found = sizes.find(name);
    if (found == sizes.end()) {
      unbound.insert("'" + name + "'");
      return 1;
    }
    usedDims.insert(name);
    if (found->second >= 1)
      return found->second;
    error("DLC1013", llvm::formatv("dim '{0}' must be at least 1, but got {1}",
                                   name, found->second));
    return 1;
  }

  //===- Results ----------------------------------------------------------===//
  void describeInitializers() {
    for (auto [i, weight] : llvm::enumerate(prepared.model.initializers)) {
      const Classified &fate = prepared.fates[i];
      bool isArgument =
          fate.fate != Fate::Constant && fate.fate != Fate::Tied;
      std::string source = weight.name, reason = fate.reason;
      std::vector<std::string> steps;
      if (fate.fate == Fate::Tied) {
        source = prepared.model.initializers[fate.tiedTo].name;
        reason = "it is tied to '" + source + "'";
        if (fate.isTransposed)
          steps = {"transpose 1 0"};
      }
      if (isa<FloatType>(weight.type.getElementType()))
        imported.parameters.push_back({weight.name,
                                       argumentType(weight, options),
                                       fate.fate == Fate::Trained, reason,
                                       isArgument});
      if (isArgument)
        imported.weights.add(
            options.f64 ? convertFloats(
                              weight, Float64Type::get(module.getContext()))
                        : weight);
      if (fate.fate != Fate::Constant)
        imported.exports.push_back({weight.name, source, steps});
    }
  }

  /// Convolutions with biases and no normalization anywhere: an exporter
  /// folded BatchNorm.
  void remarkOnFoldedNorms() {
    int convolutions = 0, biased = 0, norms = 0;
    for (const GraphNode &node : prepared.graph.nodes) {
      StringRef op = node.proto->op_type();
      convolutions += op == "Conv";
      biased += op == "Conv" && node.proto->input_size() > 2 &&
                !node.proto->input(2).empty();
      norms += op.contains("Normalization");
    }
    if (convolutions >= 4 && biased == convolutions && norms == 0)
      imported.remarks.push_back(
          "all " + std::to_string(convolutions) +
          " convolutions have a bias and nothing normalizes: BatchNorm looks "
          "folded into them. Fine-tuning works; training from scratch suffers. "
          "To keep BatchNorm, export with optimize=False, or with the older "
          "exporter and training=TrainingMode.TRAINING");
  }

  void stripModel() {
    llvm::StringSet<> restored;
    for (const ExportInfo &rule : imported.exports)
      restored.insert(rule.initializer);
    onnx::GraphProto &graph = *prepared.model.proto->mutable_graph();
    for (auto [i, weight] : llvm::enumerate(prepared.model.initializers))
      if (!restored.contains(weight.name))
        graph.mutable_initializer(int(i))->set_raw_data(weight.bytes.data(),
                                                        weight.bytes.size());
    prepared.model.proto->SerializePartialToString(&imported.strippedModel);
  }

  void removeFunctions() {
    for (ImportMode mode : options.modes)
      if (auto function =
              module.lookupSymbol<func::FuncOp>(functionName(mode)))
        function.erase();
  }

  const ImportOptions &options;
  ModuleOp module;
  Diagnostics &diagnostics;
  PreparedModel prepared;
  ImportedModel imported;
  llvm::StringSet<> usedDims;
  std::set<std::string> unbound;
};

} // namespace

FailureOr<ImportedModel> importOnnx(const OnnxModel &model,
                                    const ImportOptions &options,
                                    ModuleOp module,
                                    Diagnostics &diagnostics) {
  return Importer(model, options, module, diagnostics).run();
}

} // namespace dlc
