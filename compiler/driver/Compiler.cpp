//===- Compiler.cpp - from a model file to an artifact --------------------===//
//
// input    the importer makes one function per form of the model
// graph    passes make the entry points in primitive ops
// kernels  ops are grouped into kernels
// exec     kernels and library calls get an order and places in memory
// artifact code is generated and everything is packed
// The last three once for each kind of target (TargetPlan.h).
//
//===----------------------------------------------------------------------===//
#include "compiler/driver/Compiler.h"

#include "compiler/driver/Decisions.h"
#include "compiler/driver/RegisterAll.h"
#include "compiler/driver/TargetPlan.h"
#include "compiler/pipeline/Phases.h"
#include "passes/recompute/Passes.h"

#include "mlir/IR/Verifier.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"

#include <chrono>

using namespace mlir;

namespace dlc {

namespace {

/// One run of the phases. Errors that passes report as MLIR diagnostics are
/// collected beside the importer's.
class Compilation {
public:
  Compilation(const OnnxModel &model, MLIRContext &context,
              const CompileOptions &options, Diagnostics &diagnostics)
      : model(model), context(context), options(options),
        diagnostics(diagnostics), result(std::make_unique<CompiledModel>()) {}

  std::unique_ptr<CompiledModel> run();

private:
  LogicalResult import();
  LogicalResult buildGraph();
  LogicalResult recompute();
  LogicalResult planTargets();
  LogicalResult emitCode();
  void packWeights();
  LogicalResult packExports();
  LogicalResult phase(const std::string &name,
                      llvm::function_ref<LogicalResult()> step);
  void dump(const std::string &name, ModuleOp module);
  std::vector<ImportMode> modes() const;

  const OnnxModel &model;
  MLIRContext &context;
  const CompileOptions &options;
  Diagnostics &diagnostics;
  std::unique_ptr<CompiledModel> result;
  OwningOpRef<ModuleOp> module;
  Targets targets;
  std::vector<std::unique_ptr<TargetPlan>> plans;
  unsigned numDumps = 0;
};

constexpr const char *gradModel = "grad_model";

bool contains(const std::vector<std::string> &names, StringRef name) {
  return llvm::is_contained(names, name);
}

} // namespace

std::vector<ImportMode> Compilation::modes() const {
  std::vector<ImportMode> modes;
  if (contains(options.entries, "forward"))
    modes.push_back(ImportMode::Forward);
  if (contains(options.entries, "infer") || contains(options.entries, "eval"))
    modes.push_back(ImportMode::Infer);
  if (contains(options.entries, "step"))
    modes.push_back(ImportMode::Train);
  if (contains(options.entries, "grad"))
    modes.push_back(ImportMode::Grad);
  return modes;
}

LogicalResult Compilation::import() {
  ImportOptions importOptions = options.import;
  importOptions.modes = modes();
  FailureOr<ImportedModel> imported =
      importOnnx(model, importOptions, *module, diagnostics);
  if (failed(imported))
    return failure();
  result->imported = std::move(*imported);
  // The model form for gradients makes room for the entry of that name.
  for (func::FuncOp function : module->getOps<func::FuncOp>())
    if (function.getName() == functionName(ImportMode::Grad))
      function.setName(gradModel);
  return verify(*module);
}

LogicalResult Compilation::buildGraph() {
  PassManager passes(&context);
  GraphOptions graph;
  std::vector<std::string> entries = options.entries;
  if (options.accumulate > 1 && contains(entries, "step"))
    entries.push_back("accumulate");
  for (const std::string &entry : entries)
    graph.entries.push_back(entry);
  graph.loss = options.loss;
  graph.optimizer = options.optimizer;
  graph.clipNorm = options.clipNorm;
  graph.accumulate = options.accumulate;
  graph.gradFrom = gradModel;
  graph.precision = options.precision;
  bool isScaled = options.precision == "f16" && options.lossScale.empty();
  graph.lossScale = isScaled ? "dynamic"
                    : options.lossScale.empty() ? "none"
                                                : options.lossScale;
  for (const std::string &glob : options.keepF32)
    graph.keepF32.push_back(glob);
  graph.attention = options.attention;
  graph.traceNonfinite = options.traceNonfinite;
  graph.inject = options.injectNonfinite;
  for (auto &[name, shape] : options.targetShapes)
    graph.targetShapes.push_back(
        name + "=" +
        llvm::join(
            llvm::map_range(shape,
                            [](int64_t size) { return std::to_string(size); }),
            "x"));
  buildGraphPipeline(passes, graph);
  return passes.run(*module);
}

/// Chooses what to compute again, and lets the training programs do so.
LogicalResult Compilation::recompute() {
  RecomputeRequest request;
  request.mode = options.recompute;
  request.memoryLimit = options.memoryLimit;
  request.fuse = options.fuse;
  request.offload = options.offload;
  // What passes say of candidates is not what they do to the program.
  size_t decisions = result->decisions.size();
  FailureOr<RecomputePlan> plan =
      chooseRecompute(*module, request, result->recomputePlans);
  result->decisions.resize(decisions);
  if (failed(plan))
    return failure();
  result->recompute = plan->mode;
  if (plan->mode == "none")
    return success();
  PassManager passes(&context);
  RecomputePassOptions pass;
  pass.mode = plan->mode;
  passes.addNestedPass<func::FuncOp>(createRecomputePass(pass));
  return passes.run(*module);
}

/// "kernels", or "kernels-cuda" where there are several plans or it is not the
/// CPU's.
static std::string phaseName(const char *phase, TargetKind kind) {
  std::string name = phase;
  return kind == TargetKind::Cpu ? name : name + "-" + nameOf(kind).str();
}

LogicalResult Compilation::planTargets() {
  ConstantPool constants;
  for (TargetKind kind : targets.kinds) {
    // The last plan takes the graph itself.
    bool isLast = kind == targets.kinds.back();
    OwningOpRef<ModuleOp> graph =
        isLast ? std::move(module) : OwningOpRef<ModuleOp>(module->clone());
    plans.push_back(std::make_unique<TargetPlan>(kind, std::move(graph),
                                                 options, targets));
    TargetPlan &plan = *plans.back();
    fb::ArtifactT *artifact = &result->artifact;
    if (plans.size() > 1)
      artifact = artifact->variants
                     .emplace_back(std::make_unique<fb::ArtifactT>())
                     .get();
    std::string kernels = phaseName("kernels", kind);
    if (failed(phase(kernels, [&] { return plan.formKernels(); })))
      return failure();
    dump(kernels, plan.getModule());
    std::string exec = phaseName("exec", kind);
    if (failed(phase(exec, [&] { return plan.plan(*artifact, constants); })))
      return failure();
    dump(exec, plan.getModule());
  }
  fb::ArtifactT &artifact = result->artifact;
  artifact.producer = "dlc 0.1.0";
  artifact.model = llvm::sys::path::filename(options.model).str();
  artifact.options = {"loss=" + options.loss, "optimizer=" + options.optimizer};
  result->constants = std::move(constants.getBytes());
  return success();
}

LogicalResult Compilation::emitCode() {
  for (unsigned i = 0; i < plans.size(); ++i) {
    fb::ArtifactT &artifact =
        i == 0 ? result->artifact : *result->artifact.variants[i - 1];
    size_t first = result->code.size();
    if (failed(plans[i]->emitCode(artifact, result->code,
                                  result->imported.remarks)))
      return failure();
    for (CodeImage &image : llvm::drop_begin(result->code, first))
      image.variant = i;
  }
  packWeights();
  return packExports();
}

/// The initial values of the states, which all plans share.
void Compilation::packWeights() {
  constexpr size_t alignment = 64;
  static const std::byte zeros[alignment] = {};
  size_t position = 0;
  auto append = [&](std::span<const std::byte> bytes) {
    position += bytes.size();
    result->weights.push_back(bytes);
  };
  auto addWeight = [&](fb::StateT &state, ArrayRef<char> bytes) {
    state.init = fb::StateInit::Constant;
    state.init_offset = position;
    append(std::as_bytes(std::span(bytes.data(), bytes.size())));
    append(std::span(zeros).first(
        llvm::offsetToAlignment(position, llvm::Align(alignment))));
  };
  // Bytes of attributes live as long as the context.
  llvm::StringMap<DenseElementsAttr> numbers;
  for (exec::VariableOp variable :
       plans.front()->getModule().getOps<exec::VariableOp>())
    if (auto init = variable.getInit())
      numbers[variable.getName()] = cast<DenseElementsAttr>(*init);
  llvm::StringMap<const fb::StateT *> packed;
  for (std::unique_ptr<fb::StateT> &state : result->artifact.states) {
    if (state->role == fb::StateRole::Random) {
      state->init = fb::StateInit::Seed;
    } else if (const Weight *weight =
                   result->imported.weights.find(state->name)) {
      addWeight(*state, weight->bytes);
    } else if (DenseElementsAttr number = numbers.lookup(state->name)) {
      addWeight(*state, number.getRawData());
    } else {
      state->init = fb::StateInit::Zero;
    }
    packed[state->name] = state.get();
  }
  for (std::unique_ptr<fb::ArtifactT> &variant : result->artifact.variants)
    for (std::unique_ptr<fb::StateT> &state : variant->states) {
      const fb::StateT &same = *packed.at(state->name);
      state->init = same.init;
      state->init_offset = same.init_offset;
    }
}

/// Rules for the states that the artifact has; values of other initializers
/// (running statistics that no entry reads) go into the source model.
LogicalResult Compilation::packExports() {
  std::vector<ExportInfo> unread;
  for (const ExportInfo &info : result->imported.exports) {
    auto state = llvm::find_if(result->artifact.states, [&](const auto &entry) {
      return entry->name == info.state;
    });
    if (state == result->artifact.states.end()) {
      unread.push_back(info);
      continue;
    }
    auto rule = std::make_unique<fb::ExportRuleT>();
    rule->initializer = info.initializer;
    rule->state = state - result->artifact.states.begin();
    rule->steps = info.steps;
    result->artifact.exports.push_back(std::move(rule));
  }
  const WeightStore &weights = result->imported.weights;
  auto model = exportOnnx(
      result->imported.strippedModel, unread,
      [&](StringRef name) { return weights.find(name); }, &context,
      diagnostics);
  if (failed(model))
    return failure();
  result->sourceModel = std::move(*model);
  return success();
}

void Compilation::dump(const std::string &name, ModuleOp module) {
  if (options.dumpPhases.empty())
    return;
  (void)llvm::sys::fs::create_directories(options.dumpPhases);
  std::string path =
      llvm::formatv("{0}/{1}-{2}.mlir", options.dumpPhases, ++numDumps, name)
          .str();
  std::error_code error;
  llvm::raw_fd_ostream out(path, error);
  if (error) {
    diagnostics.error("DLC4007", "'--dump-phases' expects a folder that can "
                                 "be written, but got '" +
                                     options.dumpPhases + "'");
    return;
  }
  module.print(out);
}

LogicalResult
Compilation::phase(const std::string &name,
                   llvm::function_ref<LogicalResult()> step) {
  if (options.onPhase)
    options.onPhase(name);
  auto start = std::chrono::steady_clock::now();
  LogicalResult status = step();
  std::chrono::duration<double> seconds =
      std::chrono::steady_clock::now() - start;
  result->times.emplace_back(name, seconds.count());
  return status;
}

std::unique_ptr<CompiledModel> Compilation::run() {
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() == DiagnosticSeverity::Remark) {
      // Each entry's copy of the model says the same.
      std::vector<std::string> &remarks = result->imported.remarks;
      if (!llvm::is_contained(remarks, diagnostic.str()))
        remarks.push_back(diagnostic.str());
      return success();
    }
    if (diagnostic.getSeverity() != DiagnosticSeverity::Error)
      return success();
    // "… [DLCnnnn]" or "DLCnnnn: …": the id goes apart.
    std::string text = diagnostic.str(), id = "DLC2000";
    StringRef rest(text);
    if (rest.starts_with("DLC") && rest.size() > 8 && rest[7] == ':') {
      id = rest.take_front(7).str();
      text = rest.drop_front(9).str();
    } else if (size_t at = rest.rfind(" [DLC"); at != StringRef::npos) {
      id = rest.substr(at + 2, 7).str();
      text = rest.take_front(at).str();
    }
    diagnostics.error(id,
                      llvm::sys::path::filename(options.model) + ": " + text);
    return success();
  });
  std::optional<DecisionScope> scope(std::in_place, context,
                                     result->decisions);
  llvm::Expected<Targets> wanted = parseTargets(options.target);
  if (!wanted) {
    emitError(UnknownLoc::get(&context))
        << llvm::toString(wanted.takeError()) << " [DLC4101]";
    return nullptr;
  }
  targets = std::move(*wanted);
  module = ModuleOp::create(UnknownLoc::get(&context));
  if (failed(phase("input", [&] { return import(); })))
    return nullptr;
  dump("input", *module);
  if (failed(phase("graph", [&] { return buildGraph(); })))
    return nullptr;
  dump("graph", *module);
  if (options.recompute != "none" &&
      failed(phase("recompute", [&] { return recompute(); })))
    return nullptr;
  if (failed(planTargets()))
    return nullptr;
  // Code generation decides nothing that a report tells.
  scope.reset();
  if (options.onPlan && !options.onPlan(*result))
    return diagnostics.hasErrors() ? nullptr : std::move(result);
  if (failed(phase("artifact", [&] { return emitCode(); })))
    return nullptr;
  if (diagnostics.hasErrors())
    return nullptr;
  return std::move(result);
}

std::vector<rt::SectionPayload> CompiledModel::sections() const {
  auto bytesOf = [](const std::string &text) {
    return std::as_bytes(std::span<const char>(text.data(), text.size()));
  };
  std::vector<rt::SectionPayload> sections;
  for (const CodeImage &image : code)
    sections.push_back({fb::SectionKind::Code, bytesOf(image.bytes), {},
                        image.variant, image.arch});
  sections.push_back({fb::SectionKind::Constants, constants});
  sections.push_back({fb::SectionKind::Weights, {}, weights});
  sections.push_back({fb::SectionKind::SourceModel, bytesOf(sourceModel)});
  return sections;
}

std::vector<std::byte> CompiledModel::toBytes() {
  auto bytes = rt::writeArtifact(artifact, sections());
  return bytes.isOk() ? std::move(*bytes) : std::vector<std::byte>();
}

static std::unique_ptr<MLIRContext> createContext() {
  DialectRegistry registry;
  registerAllDialects(registry);
  registerCodegenDialects(registry);
  auto context = std::make_unique<MLIRContext>(registry);
  context->loadAllAvailableDialects();
  return context;
}

std::unique_ptr<CompiledModel> compile(const OnnxModel &model,
                                       MLIRContext &context,
                                       const CompileOptions &options,
                                       Diagnostics &diagnostics) {
  return Compilation(model, context, options, diagnostics).run();
}

std::unique_ptr<CompiledModel> compile(const CompileOptions &options,
                                       Diagnostics &diagnostics) {
  std::shared_ptr<MLIRContext> context = createContext();
  std::shared_ptr<OnnxModel> model =
      OnnxModel::load(options.model, context.get(), diagnostics);
  if (!model)
    return nullptr;
  std::unique_ptr<CompiledModel> compiled =
      compile(*model, *context, options, diagnostics);
  // What was imported refers to types of the context.
  if (compiled)
    compiled->context = context;
  return compiled;
}

} // namespace dlc
