//===- Classify.cpp - which initializers train ----------------------------===//
#include "frontends/onnx/Classify.h"

#include "frontends/onnx/Notes.h"
#include "frontends/onnx/OpTable.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/GlobPattern.h"
#include "llvm/Support/Regex.h"
#include <cmath>
#include <cstring>

using namespace mlir;

namespace dlc::frontend {

//===- Uses ---------------------------------------------------------------===//

namespace {

/// Walks nodes from last to first, carrying what each value is used as.
class UseFinder {
public:
  UseFinder(const LoadedModel &model) {
    for (const Weight &weight : model.initializers)
      initializers.insert(weight.name);
    for (const onnx::ValueInfoProto &output : model.proto->graph().output())
      if (isFloat(output.type().tensor_type().elem_type()))
        bits[output.name()] = Differentiable;
  }

  /// Notes which values depend on inputs, in execution order.
  void findDependent(const Graph &graph, const LoadedModel &model) {
    for (const onnx::ValueInfoProto &input : model.proto->graph().input())
      if (!initializers.contains(input.name()))
        dependent.insert(input.name());
    for (const GraphNode &node : graph.nodes) {
      StringRef op = node.proto->op_type();
      bool depends =
          op != "Shape" && op != "Size" &&
          llvm::any_of(node.proto->input(), [&](const std::string &name) {
            return dependent.contains(name);
          });
      if (depends)
        for (const std::string &name : node.proto->output())
          dependent.insert(name);
    }
  }

  void visit(const GraphNode &node) {
    const OpRow *row = OpTable::get().find(node.proto->domain(),
                                           node.proto->op_type(), node.opset);
    unsigned result = resultBits(node);
    for (int i = 0; i < node.proto->input_size(); ++i)
      add(node, i, node.proto->input(i),
          operandBits(row ? operandRole(*row, i) : Role::Data, result));
    for (const onnx::AttributeProto &attribute : node.proto->attribute())
      if (attribute.has_g())
        visitSubgraph(node, attribute.g(), result & Differentiable);
  }

  InitializerUses take() { return std::move(uses); }

private:
  static bool isFloat(int32_t dataType) {
    return dataType == onnx::TensorProto::FLOAT ||
           dataType == onnx::TensorProto::DOUBLE ||
           dataType == onnx::TensorProto::FLOAT16 ||
           dataType == onnx::TensorProto::BFLOAT16 || dataType == 0;
  }

  unsigned resultBits(const GraphNode &node) {
    if (node.proto->op_type() == "Cast")
      for (const onnx::AttributeProto &attribute : node.proto->attribute())
        if (attribute.name() == "to" && !isFloat(int32_t(attribute.i())))
          return NoUse;
    unsigned result = NoUse;
    for (const std::string &name : node.proto->output())
      result |= bits.lookup(name);
    // The angles of rotary embeddings are no parameters: a table of sines that
    // is made of constants alone.
    if ((node.proto->op_type() == "Sin" || node.proto->op_type() == "Cos") &&
        node.proto->input_size() > 0 &&
        !dependent.contains(node.proto->input(0)))
      return NoUse;
    return result;
  }

  static unsigned operandBits(Role role, unsigned result) {
    switch (role) {
    case Role::Data:
      return result & Differentiable;
    case Role::Weight:
      return result & Differentiable ? Differentiable | WeightLike : NoUse;
    case Role::Pass:
      return result;
    case Role::Stat:
      return Statistic;
    case Role::Literal:
      return NoUse;
    }
    llvm_unreachable("a role has five values");
  }

  void add(const GraphNode &node, int operand, const std::string &name,
           unsigned use) {
    if (name.empty())
      return;
    bits[name] |= use;
    if (initializers.contains(name))
      uses[name].push_back({node.origin, node.isInlined ? -1 : operand, use});
  }

  /// Values of the outer graph that a branch reads count as data.
  void visitSubgraph(const GraphNode &node, const onnx::GraphProto &graph,
                     unsigned result) {
    for (const onnx::NodeProto &inner : graph.node()) {
      for (const std::string &name : inner.input())
        add(node, -1, name, result);
      for (const onnx::AttributeProto &attribute : inner.attribute())
        if (attribute.has_g())
          visitSubgraph(node, attribute.g(), result);
    }
    for (const onnx::ValueInfoProto &output : graph.output())
      add(node, -1, output.name(), result);
  }

  llvm::StringSet<> initializers, dependent;
  llvm::StringMap<unsigned> bits;
  InitializerUses uses;
};

} // namespace

InitializerUses findUses(const LoadedModel &model, const Graph &graph) {
  UseFinder finder(model);
  finder.findDependent(graph, model);
  for (const GraphNode &node : llvm::reverse(graph.nodes))
    finder.visit(node);
  return finder.take();
}

//===- What an initializer is ---------------------------------------------===//

bool isConstantValued(const Weight &weight) {
  size_t width = elementBytes(weight.type.getElementType());
  return weight.bytes.size() >= width &&
         std::memcmp(weight.bytes.data(), weight.bytes.data() + width,
                     weight.bytes.size() - width) == 0;
}

/// Names that exporters make up for tensors of their own; a parameter keeps its
/// module's name unless its values were rewritten.
static bool isGeneratedName(StringRef name) {
  static const llvm::Regex pattern(
      "^(val_[0-9]+|onnx::.*|p_.*|_to_copy.*|_tensor_constant.*|"
      "c?_?lifted_tensor.*|scalar_tensor.*|_inlfunc_.*|const(ant)?_?[0-9]*|"
      ".*Constant(_[0-9]+)?_output_[0-9]+|.*_cast|[0-9]+)$");
  return pattern.match(name);
}

namespace {
/// The elements of a float tensor as doubles. What the type is, is asked once:
/// a model has 10^8 elements and more.
class Elements {
public:
  explicit Elements(const Weight &weight)
      : bytes(weight.bytes.data()),
        isF32(weight.type.getElementType().isF32()),
        width(elementBytes(weight.type.getElementType())),
        semantics(cast<FloatType>(weight.type.getElementType())
                      .getFloatSemantics()),
        count(weight.type.getNumElements()) {}

  size_t size() const { return count; }

  double operator[](size_t i) const {
    if (!isF32)
      return narrow(i);
    float value;
    std::memcpy(&value, bytes + i * sizeof(value), sizeof(value));
    return value;
  }

private:
  double narrow(size_t i) const {
    uint64_t bits = 0;
    std::memcpy(&bits, bytes + i * width, width);
    return APFloat(semantics, APInt(unsigned(width) * 8, bits))
        .convertToDouble();
  }

  const char *bytes;
  bool isF32;
  size_t width;
  const llvm::fltSemantics &semantics;
  size_t count;
};
} // namespace

/// A mask that is finite: zeros, and numbers large enough to silence a softmax
/// (shifted windows add -100).
static bool isFiniteMask(const Weight &weight) {
  bool silences = false;
  Elements values(weight);
  for (size_t i = 0; i < values.size(); ++i) {
    double value = values[i];
    if (value != 0 && value > -100)
      return false;
    silences |= value != 0;
  }
  return silences;
}

/// A mask of zeros and ones, both of them and some row with several ones: an
/// identity matrix, which parameters may start as, is none.
static bool isBinaryMask(const Weight &weight) {
  if (weight.type.getRank() < 2)
    return false;
  size_t cols = weight.type.getShape().back();
  bool hasZero = false, hasFullRow = false;
  size_t onesInRow = 0;
  Elements values(weight);
  for (size_t i = 0; i < values.size(); ++i) {
    double value = values[i];
    if (value != 0 && value != 1)
      return false;
    onesInRow = (i % cols ? onesInRow : 0) + (value == 1);
    hasZero |= value == 0;
    hasFullRow |= onesInRow > 1;
  }
  return hasZero && hasFullRow;
}

static bool hasNonFinite(const Weight &weight) {
  Elements values(weight);
  for (size_t i = 0; i < values.size(); ++i)
    if (!std::isfinite(values[i]))
      return true;
  return false;
}

/// Exporters keep one of equal tensors, so that a buffer of zeros may stand for
/// biases too: its note says nothing about those.
static bool mayBeMerged(const Weight &weight, unsigned bits) {
  if (!isConstantValued(weight))
    return false;
  double value = Elements(weight)[0];
  return bits & (Statistic | WeightLike) ||
         (weight.type.getNumElements() > 1 && (value == 0 || value == 1));
}

bool isParameter(const Weight &weight, unsigned bits, std::string &reason,
                 Note note) {
  int64_t elements = weight.type.getNumElements();
  if (!(bits & Differentiable))
    reason = bits & Statistic
                 ? "a running statistic"
                 : "no gradient reaches it: it is used as a shape, bound, "
                   "index or condition, or not at all";
  else if (elements == 0)
    reason = "it has no elements";
  else if (note == Note::Buffer && !mayBeMerged(weight, bits))
    reason = "the exporter noted that it is a buffer, no parameter";
  else if (note == Note::Computed && !mayBeMerged(weight, bits))
    reason = "the exporter noted that it was computed from constants";
  else if (note == Note::Parameter && !hasNonFinite(weight))
    return true;
  else if (elements == 1 && !(bits & WeightLike) &&
           isGeneratedName(weight.name))
    reason = "a literal: one number under a name that the exporter made up";
  else if (elements > 1 && isGeneratedName(weight.name) &&
           isConstantValued(weight) &&
           (Elements(weight)[0] == 1 ||
            (Elements(weight)[0] == 0 && weight.type.getRank() == 1)))
    reason = "a literal: all zeros or ones under a name that the exporter "
             "made up";
  else if (hasNonFinite(weight))
    reason = "it holds numbers that are not finite, as masks do";
  else if (isFiniteMask(weight))
    reason = "a mask: zeros and large negative numbers";
  else if (isBinaryMask(weight))
    reason = "a mask: zeros and ones";
  else
    return true;
  return false;
}

//===- Tables of sines and cosines ----------------------------------------===//

/// Whether a^2 + b^2 = 1 for all `count` pairs: element `a(i)` of `first` and
/// element `b(i)` of `second`.
static bool areOnCircle(const Weight &first, const Weight &second, size_t count,
                        llvm::function_ref<size_t(size_t)> a,
                        llvm::function_ref<size_t(size_t)> b) {
  constexpr double rounding = 1e-5; // of f32, with room; 16-bit tables train
  Elements xs(first), ys(second);
  for (size_t i = 0; i < count; ++i) {
    double x = xs[a(i)], y = ys[b(i)];
    if (!(std::fabs(x * x + y * y - 1) < rounding))
      return false;
  }
  return true;
}

/// A sinusoidal position table: sines and cosines alternate along the last
/// dim, or fill a half of it each.
static bool isPositionTable(const Weight &weight) {
  size_t dim = weight.type.getShape().back(), half = dim / 2;
  if (dim < 2 || dim % 2 != 0)
    return false;
  auto even = [](size_t i) { return 2 * i; };
  auto odd = [](size_t i) { return 2 * i + 1; };
  auto left = [&](size_t i) { return i / half * dim + i % half; };
  auto right = [&](size_t i) { return i / half * dim + half + i % half; };
  size_t count = weight.type.getNumElements() / 2;
  return areOnCircle(weight, weight, count, even, odd) ||
         areOnCircle(weight, weight, count, left, right);
}

/// Position tables, and pairs of equal shape whose squares sum to one (rotary
/// embeddings), are computed, not trained. Norm scales of one beside shifts of
/// zero are constant-valued.
static void keepSineTables(const LoadedModel &model,
                           const llvm::StringMap<Note> &notes,
                           std::vector<Classified> &fates) {
  constexpr int64_t leastElements = 8;
  const std::vector<Weight> &weights = model.initializers;
  std::vector<size_t> candidates;
  for (auto [i, weight] : llvm::enumerate(weights))
    if (fates[i].fate == Fate::Trained && weight.type.getRank() >= 2 &&
        notes.lookup(weight.name) != Note::Parameter &&
        weight.type.getNumElements() >= leastElements &&
        !isConstantValued(weight))
      candidates.push_back(i);
  auto keep = [&](size_t i) {
    fates[i] = {Fate::Constant, "a table of sines and cosines", 0, false};
  };
  auto same = [](size_t i) { return i; };
  for (auto [at, i] : llvm::enumerate(candidates)) {
    if (isPositionTable(weights[i]))
      keep(i);
    for (size_t j : llvm::ArrayRef(candidates).drop_front(at + 1))
      if (weights[i].type == weights[j].type &&
          areOnCircle(weights[i], weights[j], weights[i].type.getNumElements(),
                      same, same)) {
        keep(i);
        keep(j);
      }
  }
}

//===- Tied tensors -------------------------------------------------------===//

/// Smaller tensors are equal by chance or by initialization.
static constexpr int64_t leastTiedElements = 1024;

static bool isTransposeOf(const Weight &a, const Weight &b) {
  if (a.type.getRank() != 2 || b.type.getRank() != 2 ||
      a.type.getElementType() != b.type.getElementType() ||
      a.type.getDimSize(0) != b.type.getDimSize(1) ||
      a.type.getDimSize(1) != b.type.getDimSize(0))
    return false;
  size_t width = elementBytes(a.type.getElementType());
  size_t rows = a.type.getDimSize(0), cols = a.type.getDimSize(1);
  for (size_t i = 0; i < rows; ++i)
    for (size_t j = 0; j < cols; ++j)
      if (std::memcmp(a.bytes.data() + (i * cols + j) * width,
                      b.bytes.data() + (j * rows + i) * width, width) != 0)
        return false;
  return true;
}

/// Ties each parameter to an earlier one that it equals. A name that the
/// exporter made up gives way to one that it did not.
static void tieEqual(const LoadedModel &model, std::vector<Classified> &fates,
                     std::vector<std::string> &remarks) {
  const std::vector<Weight> &weights = model.initializers;
  std::vector<size_t> candidates;
  for (size_t i = 0; i < weights.size(); ++i)
    if (fates[i].fate == Fate::Trained &&
        weights[i].type.getNumElements() >= leastTiedElements &&
        !isConstantValued(weights[i]))
      candidates.push_back(i);
  llvm::stable_sort(candidates, [&](size_t a, size_t b) {
    return isGeneratedName(weights[a].name) < isGeneratedName(weights[b].name);
  });
  for (auto [at, i] : llvm::enumerate(candidates))
    for (size_t j : llvm::ArrayRef(candidates).take_front(at)) {
      if (fates[j].fate == Fate::Tied)
        continue;
      bool isSame = weights[i].type == weights[j].type &&
                    weights[i].bytes == weights[j].bytes;
      if (!isSame && !isTransposeOf(weights[i], weights[j]))
        continue;
      fates[i] = {Fate::Tied, "", j, !isSame};
      remarks.push_back(llvm::formatv(
          "'{0}' equals '{1}'{2}: they train as one parameter "
          "(--no-retie keeps them apart)",
          weights[i].name, weights[j].name, isSame ? "" : " transposed"));
      break;
    }
}

//===- Options ------------------------------------------------------------===//

namespace {
/// Glob patterns of one option, and which of them have matched.
class Patterns {
public:
  Patterns(llvm::ArrayRef<std::string> texts, StringRef option,
           Diagnostics &diagnostics)
      : option(option) {
    for (const std::string &text : texts) {
      auto glob = llvm::GlobPattern::create(text);
      if (glob)
        patterns.push_back({text, std::move(*glob), false});
      else
        diagnostics.error("DLC1014", option + " '" + text +
                                         "' must be a pattern: " +
                                         llvm::toString(glob.takeError()));
    }
  }
  bool empty() const { return patterns.empty(); }
  /// The first pattern that matches, or null.
  const std::string *match(StringRef name) {
    const std::string *first = nullptr;
    for (Pattern &pattern : patterns)
      if (pattern.glob.match(name)) {
        pattern.matched = true;
        first = first ? first : &pattern.text;
      }
    return first;
  }
  void reportUnmatched(Diagnostics &diagnostics) {
    for (const Pattern &pattern : patterns)
      if (!pattern.matched)
        diagnostics.error("DLC1014", option + " '" + pattern.text +
                                         "' must match the name of a "
                                         "parameter, but got none that does");
  }

private:
  struct Pattern {
    std::string text;
    llvm::GlobPattern glob;
    bool matched;
  };
  std::string option;
  std::vector<Pattern> patterns;
};
} // namespace

static void applyPatterns(const LoadedModel &model,
                          const ImportOptions &options,
                          std::vector<Classified> &fates,
                          Diagnostics &diagnostics) {
  Patterns freeze(options.freeze, "--freeze", diagnostics);
  Patterns only(options.trainOnly, "--train-only", diagnostics);
  // A tied tensor is frozen by any of its names.
  for (auto [i, fate] : llvm::enumerate(fates)) {
    if (fate.fate != Fate::Trained && fate.fate != Fate::Tied)
      continue;
    const std::string &name = model.initializers[i].name;
    size_t target = fate.fate == Fate::Tied ? fate.tiedTo : i;
    if (const std::string *pattern = freeze.match(name))
      fates[target] = {Fate::Frozen, "--freeze '" + *pattern + "'", 0, false};
  }
  if (!only.empty()) {
    std::vector<bool> chosen(fates.size());
    for (auto [i, fate] : llvm::enumerate(fates))
      if (only.match(model.initializers[i].name))
        chosen[fate.fate == Fate::Tied ? fate.tiedTo : i] = true;
    for (auto [i, fate] : llvm::enumerate(fates))
      if (fate.fate == Fate::Trained && !chosen[i])
        fate = {Fate::Frozen, "--train-only leaves it out", 0, false};
  }
  freeze.reportUnmatched(diagnostics);
  only.reportUnmatched(diagnostics);
}

std::vector<Classified> classify(const LoadedModel &model,
                                 const InitializerUses &uses,
                                 const ImportOptions &options,
                                 std::vector<std::string> &remarks,
                                 Diagnostics &diagnostics) {
  std::vector<Classified> fates(model.initializers.size());
  llvm::StringMap<Note> notes = readNotes(model.proto->graph());
  for (auto [i, weight] : llvm::enumerate(model.initializers)) {
    unsigned bits = NoUse;
    for (const InitializerUse &use : uses.lookup(weight.name))
      bits |= use.bits;
    Classified &fate = fates[i];
    if (!isa<FloatType>(weight.type.getElementType()))
      fate.reason = "it holds no floats";
    else if (isParameter(weight, bits, fate.reason, notes.lookup(weight.name)))
      fate.fate = Fate::Trained;
    else if (bits & Statistic)
      fate.fate = Fate::State;
  }
  keepSineTables(model, notes, fates);
  if (options.retie)
    tieEqual(model, fates, remarks);
  applyPatterns(model, options, fates, diagnostics);
  return fates;
}

} // namespace dlc::frontend
