//===- MergedInitializers.cpp - equal tensors that exporters stored once --===//
//
//   ones -> LayerNormalization a        ones -> LayerNormalization a
//       \-> LayerNormalization b   ->   ones@b -> LayerNormalization b
//
// In a freshly initialized model all norm scales are ones, and exporters keep
// one copy. Trained as one parameter they would stay equal for ever, so each
// use gets a parameter of its own. A tensor whose elements differ that several
// nodes use was shared on purpose.
//
//===----------------------------------------------------------------------===//
#include "frontends/onnx/Classify.h"

#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace dlc::frontend {

namespace {

class Splitter {
public:
  explicit Splitter(LoadedModel &model) : model(model) {
    for (const Weight &weight : model.initializers)
      names.insert(weight.name);
    for (const onnx::NodeProto &node : graph().node())
      for (const std::string &output : node.output())
        names.insert(output);
  }

  /// Returns how many new initializers initializer `index` gave.
  size_t split(size_t index, llvm::ArrayRef<InitializerUse> uses) {
    std::string reason;
    const Weight weight = model.initializers[index];
    llvm::SmallVector<InitializerUse> owners;
    for (const InitializerUse &use : uses) {
      bool owns = use.bits & Statistic ||
                  (use.bits & Differentiable &&
                   isParameter(weight, use.bits, reason));
      bool isNew = llvm::none_of(owners, [&](const InitializerUse &other) {
        return other.origin == use.origin && other.operand == use.operand;
      });
      if (owns && isNew)
        owners.push_back(use);
    }
    // File order, so that the first use keeps the name.
    llvm::sort(owners, [](const auto &a, const auto &b) {
      return std::pair(a.origin, a.operand) < std::pair(b.origin, b.operand);
    });
    for (const InitializerUse &use : llvm::drop_begin(owners, !owners.empty()))
      redirect(index, use);
    return owners.empty() ? 0 : owners.size() - 1;
  }

private:
  onnx::GraphProto &graph() { return *model.proto->mutable_graph(); }

  void redirect(size_t index, const InitializerUse &use) {
    onnx::NodeProto &node = *graph().mutable_node(use.origin);
    Weight copy = model.initializers[index];
    std::string old = copy.name;
    copy.name = unusedName(old + "@" + nodeName(node).str());
    *graph().add_initializer() = graph().initializer(int(index));
    graph().mutable_initializer()->rbegin()->set_name(copy.name);
    for (int i = 0; i < node.input_size(); ++i)
      if (node.input(i) == old && (use.operand < 0 || use.operand == i))
        node.set_input(i, copy.name);
    model.initializers.push_back(std::move(copy));
  }

  std::string unusedName(std::string name) {
    while (!names.insert(name).second)
      name += "+";
    return name;
  }

  LoadedModel &model;
  llvm::StringSet<> names;
};

} // namespace

void splitMergedInitializers(LoadedModel &model, const InitializerUses &uses,
                             std::vector<std::string> &remarks) {
  Splitter splitter(model);
  for (size_t i = 0, n = model.initializers.size(); i < n; ++i) {
    // `split` grows the list, so nothing in it may be held by reference.
    if (!isa<FloatType>(model.initializers[i].type.getElementType()) ||
        !isConstantValued(model.initializers[i]))
      continue;
    std::string name = model.initializers[i].name;
    if (size_t added = splitter.split(i, uses.lookup(name)))
      remarks.push_back("'" + name + "' is stored once for " +
                        std::to_string(added + 1) +
                        " uses with equal values: each trains on its own");
  }
}

} // namespace dlc::frontend
