//===- GraphBuilder.cpp - one function from a model's graph ---------------===//
//
// Arguments first (inputs, parameters, running statistics), then one node after
// the other through the op table, then the results. After each node its new ops
// are checked and those over constants are evaluated, so the next node sees
// shapes as numbers. A node that fails does not stop the import: nodes that
// depend on it are passed over, so that independent errors are all found.
//
//===----------------------------------------------------------------------===//
#include "frontends/onnx/GraphBuilder.h"

#include "frontends/onnx/EvaluateConstants.h"
#include "frontends/onnx/NodeContext.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace dlc {

StringRef functionName(ImportMode mode) {
  switch (mode) {
  case ImportMode::Forward:
    return "forward";
  case ImportMode::Infer:
    return "infer";
  case ImportMode::Train:
    return "train";
  case ImportMode::Grad:
    return "grad";
  }
  llvm_unreachable("a mode has four values");
}

} // namespace dlc

namespace dlc::frontend {

RankedTensorType argumentType(const Weight &weight,
                              const ImportOptions &options) {
  bool widens = options.f64 && isa<FloatType>(weight.type.getElementType());
  return widens
             ? RankedTensorType::get(weight.type.getShape(),
                                     Float64Type::get(weight.type.getContext()))
             : weight.type;
}

namespace {

class GraphBuilder {
public:
  GraphBuilder(PreparedModel &prepared, const ImportOptions &options,
               ImportMode mode, ModuleOp module, ImportedModel &imported,
               Diagnostics &diagnostics)
      : prepared(prepared), options(options), imported(imported),
        diagnostics(diagnostics), builder(module.getContext()),
        mode(mode) {
    state.modelName = prepared.model.name;
    Location loc = NameLoc::get(builder.getStringAttr(prepared.model.name));
    function = func::FuncOp::create(loc, functionName(mode),
                                    builder.getFunctionType({}, {}));
    module.push_back(function);
    entry = function.addEntryBlock();
    builder.setInsertionPointToStart(entry);
  }

  LogicalResult build() {
    auto addState = [&](StringRef name, RankedTensorType type) {
      return addArgument(names::state, name, type);
    };
    state.addState = addState;
    addInputs();
    addInitializers();
    for (const GraphNode &node : prepared.graph.nodes)
      importNode(node);
    if (mode == ImportMode::Infer || mode == ImportMode::Grad)
      turnOffDropout();
    if (!diagnostics.hasErrors())
      addResults();
    if (diagnostics.hasErrors()) {
      function.erase();
      return failure();
    }
    eraseUnused();
    recordRanges();
    return success();
  }

private:
  //===- Arguments --------------------------------------------------------===//
  Value addArgument(StringRef kind, StringRef name, RankedTensorType type,
                    StringRef frozen = {}) {
    SmallVector<NamedAttribute> attributes = {
        builder.getNamedAttr(kind, builder.getStringAttr(name))};
    if (!frozen.empty())
      attributes.push_back(
          builder.getNamedAttr(names::frozen, builder.getStringAttr(frozen)));
    unsigned index = function.getNumArguments();
    (void)function.insertArgument(index, type,
                                  builder.getDictionaryAttr(attributes),
                                  NameLoc::get(builder.getStringAttr(name)));
    return function.getArgument(index);
  }

  void addInputs() {
    for (const PortInfo &input : prepared.inputs)
      state.values[input.name] =
          addArgument(names::input, input.name, input.type);
  }

  void addInitializers() {
    const std::vector<Weight> &weights = prepared.model.initializers;
    for (Fate kind : {Fate::Trained, Fate::State})
      for (auto [i, weight] : llvm::enumerate(weights)) {
        const Classified &fate = prepared.fates[i];
        bool isParameter =
            fate.fate == Fate::Trained || fate.fate == Fate::Frozen;
        if (kind == Fate::State ? fate.fate != kind : !isParameter)
          continue;
        state.values[weight.name] = addArgument(
            isParameter ? names::param : names::state, weight.name,
            argumentType(weight, options),
            fate.fate == Fate::Frozen ? StringRef(fate.reason) : StringRef());
      }
    for (auto [i, weight] : llvm::enumerate(weights)) {
      const Classified &fate = prepared.fates[i];
      if (fate.fate == Fate::Tied)
        addTied(weight, fate);
      else if (fate.fate == Fate::Constant)
        addConstant(i);
    }
  }

  void addTied(const Weight &weight, const Classified &fate) {
    Value target =
        state.values[prepared.model.initializers[fate.tiedTo].name];
    if (fate.isTransposed)
      target = TransposeOp::create(
          builder, NameLoc::get(builder.getStringAttr(weight.name)), target,
          ArrayRef<int64_t>{1, 0});
    state.values[weight.name] = target;
  }

  void addConstant(size_t index) {
    const Weight &weight = prepared.model.initializers[index];
    Location loc = NameLoc::get(builder.getStringAttr(weight.name));
    Attribute &cached = prepared.constants[index];
    Value value;
    if (cached) {
      auto elements = cast<ElementsAttr>(cached);
      value = ConstantOp::create(builder, loc,
                                 cast<RankedTensorType>(elements.getType()),
                                 elements);
    } else {
      value = literal(builder, loc, weight, options.f64);
      cached = value.getDefiningOp<ConstantOp>().getValue();
    }
    state.values[weight.name] = value;
  }

  //===- Nodes ------------------------------------------------------------===//
  void importNode(const GraphNode &node) {
    const OpRow *row = OpTable::get().find(node.proto->domain(),
                                           node.proto->op_type(), node.opset);
    assert(row && "unsupported ops are reported before a function is built");
    if (!checkOperands(node, *row) || !checkResults(node)) {
      poison(node);
      return;
    }
    Location loc = NameLoc::get(
        builder.getStringAttr(nodeName(*node.proto)),
        FileLineColLoc::get(builder.getContext(), prepared.model.name,
                            unsigned(node.origin) + 1, 1));
    Operation *last = entry->empty() ? nullptr : &entry->back();
    NodeContext context(node, state, builder, loc);
    if (failed(row->handler(context)) || !finish(node, last))
      poison(node);
  }

  /// Whether all operands are there; silent if one failed before.
  bool checkOperands(const GraphNode &node, const OpRow &row) {
    auto error = [&](StringRef id, const Twine &message) {
      diagnostics.error(id, prepared.model.name + ": " + describe(node) +
                                ": " + message);
      return false;
    };
    auto [least, most] = operandCounts(row);
    size_t count = node.proto->input_size();
    if (count < least || count > most)
      return error("DLC1009",
                   "node must have " +
                       (most == SIZE_MAX
                            ? "at least " + Twine(least).str()
                            : Twine(least).str() + " to " + Twine(most).str()) +
                       " operands, but got " + Twine(count));
    for (size_t i = 0; i < count; ++i) {
      const std::string &name = node.proto->input(int(i));
      if (name.empty()) {
        if (i < least || most == SIZE_MAX)
          return error("DLC1009", "operand " + Twine(i) +
                                      " must be present, but got none");
        continue;
      }
      if (poisoned.contains(name))
        return false;
      bool isKnown =
          state.values.contains(name) || state.sequences.contains(name);
      if (!isKnown && defined.contains(name))
        return error("DLC1017", "operand " + Twine(i) + " reads '" + name +
                                    "', a result that dlc does not compute");
      if (!isKnown)
        return error("DLC1009", "operand " + Twine(i) +
                                    " must be computed before it is used, but "
                                    "got the unknown name '" +
                                    name + "'");
      // Handlers ask for sequences by themselves, as their first operand; all
      // else must be tensors.
      if (!state.values.contains(name) &&
          (i > 0 ||
           !llvm::is_contained({"SequenceAt", "SequenceInsert",
                                "SequenceErase", "ConcatFromSequence",
                                "SequenceLength", "Identity"},
                               node.proto->op_type())))
        return error("DLC1011", "operand " + Twine(i) +
                                    " must be a tensor, but got a sequence");
    }
    return true;
  }

  bool checkResults(const GraphNode &node) {
    for (const std::string &name : node.proto->output())
      if (!name.empty() && !defined.insert(name).second) {
        diagnostics.error("DLC1009", prepared.model.name + ": " +
                                         describe(node) +
                                         ": result must have a name of its "
                                         "own, but got '" +
                                         name + "', which is taken");
        return false;
      }
    return true;
  }

  void poison(const GraphNode &node) {
    for (const std::string &name : node.proto->output())
      poisoned.insert(name);
  }

  /// Checks the ops after `last` and evaluates those over constants.
  bool finish(const GraphNode &node, Operation *last) {
    llvm::SmallDenseMap<Value, Value> folded;
    Operation *op = last ? last->getNextNode()
                         : (entry->empty() ? nullptr : &entry->front());
    while (op) {
      Operation *next = op->getNextNode();
      if (!check(node, op))
        return false;
      Value before = op->getNumResults() ? op->getResult(0) : Value();
      if (Value constant = foldToConstant(op))
        folded[before] = constant;
      op = next;
    }
    for (const std::string &name : node.proto->output()) {
      auto remap = [&](Value &value) {
        if (Value constant = folded.lookup(value))
          value = constant;
      };
      if (auto value = state.values.find(name); value != state.values.end())
        remap(value->second);
      if (auto all = state.sequences.find(name); all != state.sequences.end())
        llvm::for_each(all->second, remap);
    }
    return true;
  }

  bool check(const GraphNode &node, Operation *op) {
    std::string why;
    for (Type type : op->getResultTypes())
      if (!checkedElements(cast<RankedTensorType>(type).getShape()))
        why = "result must have at most 2^40 elements, but got more";
    if (why.empty()) {
      ScopedDiagnosticHandler handler(
          op->getContext(), [&](mlir::Diagnostic &diagnostic) {
            if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
              why += (why.empty() ? "" : "; ") + diagnostic.str();
            return success();
          });
      if (succeeded(mlir::verify(op)))
        return true;
    }
    diagnostics.error("DLC1011", prepared.model.name + ": " + describe(node) +
                                     ": " + why);
    return false;
  }

  //===- Dropout in small ops ---------------------------------------------===//
  // Exporters spell dropout and stochastic depth as
  //   x * (cast(uniform < keep) / keep)
  // With the cast replaced by `keep` that is x, whatever the order of the
  // product and the division.
  void turnOffDropout() {
    SmallVector<RandomUniformOp> draws(entry->getOps<RandomUniformOp>());
    for (RandomUniformOp draw : draws) {
      for (Operation *user : llvm::make_early_inc_range(draw->getUsers()))
        if (auto compare = dyn_cast<CompareOp>(user))
          replaceMask(compare, draw.getResult());
      eraseIfUnused(draw);
    }
    if (state.rng && state.rng.use_empty()) {
      (void)function.eraseArgument(
          cast<BlockArgument>(state.rng).getArgNumber());
      state.rng = {};
    }
  }

  void replaceMask(CompareOp compare, Value draw) {
    std::optional<double> bound = splatValue(compare.getRhs());
    if (compare.getLhs() != draw || !bound)
      return;
    ComparePredicate predicate = compare.getPredicate();
    bool isBelow = predicate == ComparePredicate::LT ||
                   predicate == ComparePredicate::LE;
    double keep = isBelow ? *bound : 1 - *bound;
    for (Operation *user : llvm::make_early_inc_range(compare->getUsers())) {
      auto cast = dyn_cast<CastOp>(user);
      if (!cast || !isa<FloatType>(elementTypeOf(cast)) || keep <= 0)
        continue;
      OpBuilder at(cast);
      cast->replaceAllUsesWith(
          splat(at, cast.getLoc(), tensorType(cast), keep).getDefiningOp());
      eraseIfUnused(cast);
    }
    eraseIfUnused(compare);
  }

  void eraseIfUnused(Operation *op) {
    if (op->use_empty() && !isNamed(op->getResult(0)))
      op->erase();
  }

  /// Whether an output of the model is `value`.
  bool isNamed(Value value) {
    return llvm::any_of(prepared.model.proto->graph().output(),
                        [&](const onnx::ValueInfoProto &output) {
                          return state.values.lookup(output.name()) == value;
                        });
  }

  //===- Results ----------------------------------------------------------===//
  void addResults() {
    SmallVector<Value> results;
    SmallVector<DictionaryAttr> attributes;
    auto attribute = [&](StringRef name, Attribute value) {
      attributes.push_back(
          builder.getDictionaryAttr(builder.getNamedAttr(name, value)));
    };
    imported.outputs.clear();
    for (const onnx::ValueInfoProto &output :
         prepared.model.proto->graph().output()) {
      Value value = state.values.lookup(output.name());
      if (!value) {
        diagnostics.error("DLC1009", prepared.model.name + ": output '" +
                                         output.name() +
                                         "' must be a tensor that a node "
                                         "computes, but got none");
        continue;
      }
      results.push_back(value);
      attribute(names::output, builder.getStringAttr(output.name()));
      imported.outputs.push_back(
          {output.name(), tensorType(value), dimNames(output, value)});
    }
    if (state.rng && state.mode != ImportMode::Grad)
      state.newStates[state.rng] = AddOp::create(
          builder, function.getLoc(), state.rng,
          i64Constant(builder, function.getLoc(), {0, 1}));
    for (auto [argument, value] : state.newStates) {
      results.push_back(value);
      attribute(names::alias,
                builder.getI64IntegerAttr(
                    cast<BlockArgument>(argument).getArgNumber()));
    }
    func::ReturnOp::create(builder, function.getLoc(), results);
    function.setType(builder.getFunctionType(
        function.getArgumentTypes(), ValueRange(results).getTypes()));
    for (auto [i, dictionary] : llvm::enumerate(attributes))
      function.setResultAttrs(unsigned(i), dictionary);
  }

  static std::vector<std::string> dimNames(const onnx::ValueInfoProto &output,
                                           Value value) {
    std::vector<std::string> dims(rankOf(value));
    const auto &shape = output.type().tensor_type().shape();
    if (shape.dim_size() == rankOf(value))
      for (auto [i, dim] : llvm::enumerate(shape.dim()))
        dims[i] = dim.dim_param();
    return dims;
  }

  void eraseUnused() {
    for (Operation &op :
         llvm::make_early_inc_range(llvm::reverse(entry->getOperations())))
      if (isOpTriviallyDead(&op))
        op.erase();
  }

  void recordRanges() {
    for (auto &[input, size] : state.ranges) {
      auto known = llvm::find_if(imported.ranges, [&](const IndexRange &range) {
        return range.input == input;
      });
      if (known == imported.ranges.end())
        imported.ranges.push_back({input.str(), size});
      else
        known->size = std::min(known->size, size);
    }
  }

  PreparedModel &prepared;
  const ImportOptions &options;
  ImportedModel &imported;
  Diagnostics &diagnostics;
  OpBuilder builder;
  ImportMode mode;
  FunctionState state{mode, options, diagnostics};
  func::FuncOp function;
  Block *entry;
  llvm::StringSet<> poisoned, defined;
};

} // namespace

LogicalResult buildFunction(PreparedModel &prepared,
                            const ImportOptions &options, ImportMode mode,
                            ModuleOp module, ImportedModel &imported,
                            Diagnostics &diagnostics) {
  return GraphBuilder(prepared, options, mode, module, imported, diagnostics)
      .build();
}

} // namespace dlc::frontend
