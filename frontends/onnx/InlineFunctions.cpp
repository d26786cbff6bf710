//===- InlineFunctions.cpp - the bodies of model-local functions ----------===//
//
// Some exporters write layers as functions of the file. Each call is replaced
// by the function's nodes: formal names become the caller's, inner names get
// the call's name as a prefix, and attributes that refer to the call's are
// filled in.
//
//===----------------------------------------------------------------------===//
#include "frontends/onnx/LoadedModel.h"

#include "llvm/ADT/StringMap.h"

using namespace mlir;

namespace dlc::frontend {

namespace {

/// Inlines one model's functions into `graph`.
class Inliner {
public:
  Inliner(const LoadedModel &model, Graph &graph, Diagnostics &diagnostics)
      : model(model), graph(graph), diagnostics(diagnostics) {
    for (const onnx::FunctionProto &function : model.proto->functions())
      if (!functions.try_emplace(key(function.domain(), function.name()),
                                 &function)
               .second)
        diagnostics.error("DLC1009", model.name + ": function '" +
                                         function.name() +
                                         "' must be defined once, but got two "
                                         "definitions");
  }

  LogicalResult run() {
    int64_t expanded = 0;
    for (const onnx::NodeProto &node : model.proto->graph().node())
      expanded = std::min(maxNodes + 1, expanded + nodesOf(node, 0));
    if (expanded > maxNodes)
      return tooMany();
    for (auto [i, node] : llvm::enumerate(model.proto->graph().node()))
      if (failed(add(node, model.proto->opset_import(), int(i), 0)))
        return failure();
    return success(!diagnostics.hasErrors());
  }

private:
  LogicalResult tooMany() {
    diagnostics.error("DLC1018", model.name +
                                     ": functions must inline to at most " +
                                     std::to_string(maxNodes) + " nodes");
    return failure();
  }

  /// How many nodes a node becomes, at most maxNodes + 1: functions that call
  /// others twice grow as powers of two, and are refused before they do.
  int64_t nodesOf(const onnx::NodeProto &node, int depth) {
    std::string name = key(node.domain(), node.op_type());
    auto called = functions.find(name);
    // Recursion is reported where it is inlined.
    if (called == functions.end() || depth >= maxNesting)
      return 1;
    if (auto known = sizes.find(name); known != sizes.end())
      return known->second;
    sizes[name] = 1; // while it is counted, for a function that calls itself
    int64_t sum = 0;
    for (const onnx::NodeProto &inner : called->second->node())
      sum = std::min(maxNodes + 1, sum + nodesOf(inner, depth + 1));
    sizes[name] = sum;
    return sum;
  }

  template <typename Imports>
  LogicalResult add(const onnx::NodeProto &node, const Imports &imports,
                    int origin, int depth) {
    auto called = functions.find(key(node.domain(), node.op_type()));
    if (called != functions.end())
      return call(node, *called->second, origin, depth);
    if (int64_t(graph.nodes.size()) >= maxNodes)
      return tooMany();
    graph.nodes.push_back(
        {&node, opsetVersion(imports, node.domain()), origin, depth > 0});
    return success();
  }

  LogicalResult call(const onnx::NodeProto &node,
                     const onnx::FunctionProto &function, int origin,
                     int depth) {
    if (depth >= maxNesting || calls >= maxNodes) {
      diagnostics.error("DLC1018",
                        model.name + ": function '" + function.name() +
                            "' must not call itself or be called through more "
                            "than " +
                            std::to_string(maxNesting) + " others");
      return failure();
    }
    llvm::StringMap<std::string> names;
    for (int i = 0; i < function.input_size(); ++i)
      names[function.input(i)] = i < node.input_size() ? node.input(i) : "";
    for (int i = 0; i < function.output_size(); ++i)
      if (i < node.output_size() && !node.output(i).empty())
        names[function.output(i)] = node.output(i);
    std::string prefix =
        nodeName(node).str() + "/" + std::to_string(calls++) + "/";
    for (const onnx::NodeProto &inner : function.node()) {
      onnx::NodeProto &copy = graph.owned.emplace_back(inner);
      rename(copy, names, prefix);
      bindAttributes(copy, node);
      if (failed(add(copy, function.opset_import(), origin, depth + 1)))
        return failure();
    }
    return success();
  }

  static void rename(onnx::NodeProto &node, llvm::StringMap<std::string> &names,
                     StringRef prefix) {
    auto renamed = [&](const std::string &name) -> std::string {
      if (name.empty())
        return name;
      auto [found, isNew] = names.try_emplace(name);
      if (isNew)
        found->second = (prefix + name).str();
      return found->second;
    };
    node.set_name((prefix + nodeName(node)).str());
    for (std::string &name : *node.mutable_input())
      name = renamed(name);
    for (std::string &name : *node.mutable_output())
      name = renamed(name);
    for (onnx::AttributeProto &attribute : *node.mutable_attribute())
      if (attribute.has_g())
        for (onnx::NodeProto &inner : *attribute.mutable_g()->mutable_node())
          rename(inner, names, prefix);
  }

  /// Fills in attributes that name one of the call's; absent ones fall away.
  static void bindAttributes(onnx::NodeProto &node,
                             const onnx::NodeProto &call) {
    auto *attributes = node.mutable_attribute();
    for (int i = attributes->size() - 1; i >= 0; --i) {
      std::string wanted = attributes->Get(i).ref_attr_name();
      if (wanted.empty())
        continue;
      auto given = llvm::find_if(call.attribute(), [&](const auto &attribute) {
        return attribute.name() == wanted;
      });
      if (given == call.attribute().end()) {
        attributes->DeleteSubrange(i, 1);
        continue;
      }
      std::string name = attributes->Get(i).name();
      *attributes->Mutable(i) = *given;
      attributes->Mutable(i)->set_name(name);
    }
  }

  static std::string key(StringRef domain, StringRef name) {
    return (domain + "\n" + name).str();
  }

  const LoadedModel &model;
  Graph &graph;
  Diagnostics &diagnostics;
  llvm::StringMap<const onnx::FunctionProto *> functions;
  llvm::StringMap<int64_t> sizes;
  int64_t calls = 0;
};

} // namespace

FailureOr<Graph> inlineFunctions(const LoadedModel &model,
                                 Diagnostics &diagnostics) {
  Graph graph;
  if (failed(Inliner(model, graph, diagnostics).run()))
    return failure();
  return graph;
}

} // namespace dlc::frontend
