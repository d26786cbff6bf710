//===- Compiler.cpp - from a model file to an artifact --------------------===//
//
// input    the importer makes one function per form of the model
// graph    passes make the entry points in primitive ops
// kernels  ops are grouped into kernels
// exec     kernels and library calls get an order and places in memory
// artifact code is generated and everything is packed
//
//===----------------------------------------------------------------------===//
#include "compiler/driver/Compiler.h"

#include "compiler/codegen/cpu/CpuPipeline.h"
#include "compiler/codegen/cpu/EmitObject.h"
#include "compiler/driver/Decisions.h"
#include "compiler/driver/RegisterAll.h"
#include "compiler/pipeline/Phases.h"
#include "compiler/pipeline/Serialize.h"
#include "passes/recompute/Passes.h"
#include "runtime/artifact/Writer.h"

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
  LogicalResult formKernels();
  LogicalResult plan();
  LogicalResult emitCode();
  void packPlan();
  void packPrograms();
  void packWeights();
  LogicalResult packExports();
  LogicalResult phase(const char *name, LogicalResult (Compilation::*step)());
  void dump(const char *name);
  std::vector<ImportMode> modes() const;

  const OnnxModel &model;
  MLIRContext &context;
  const CompileOptions &options;
  Diagnostics &diagnostics;
  std::unique_ptr<CompiledModel> result;
  OwningOpRef<ModuleOp> module;
  std::unique_ptr<KernelTable> kernels;
  KernelIndices kernelIndices;
  ConstantPool constants;
  cpu::CpuTarget target;
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

LogicalResult Compilation::formKernels() {
  PassManager passes(&context);
  KernelsOptions kernelsOptions;
  kernelsOptions.fuse = options.fuse;
  buildKernelsPipeline(passes, kernelsOptions);
  return passes.run(*module);
}

LogicalResult Compilation::plan() {
  PassManager passes(&context);
  ExecOptions execOptions;
  execOptions.offload = options.offload;
  execOptions.offloadLimit = options.memoryLimit;
  buildExecPipeline(passes, execOptions);
  if (failed(passes.run(*module)))
    return failure();
  // The code decides the grids, so it is emitted before the plan is done.
  FailureOr<cpu::CpuTarget> found =
      cpu::findCpuTarget(options.cpu, module->getLoc());
  if (failed(found))
    return failure();
  target = *found;
  kernels = std::make_unique<KernelTable>(
      &context, emit::VectorTarget{target.vectorBytes, options.traceNonfinite}, 2);
  FailureOr<KernelIndices> emitted = emitKernels(*module, *kernels);
  if (failed(emitted))
    return failure();
  kernelIndices = std::move(*emitted);
  packPlan();
  return success();
}

void Compilation::packPrograms() {
  fb::ArtifactT &artifact = result->artifact;
  artifact.state_bytes = exec::stateBytes(*module);
  artifact.arena_bytes = artifact.state_bytes;
  artifact.host_bytes = exec::hostStateBytes(*module);
  for (exec::ProgramOp program : module->getOps<exec::ProgramOp>()) {
    artifact.arena_bytes =
        std::max<uint64_t>(artifact.arena_bytes, *program.getArena());
    artifact.host_bytes = std::max<uint64_t>(
        artifact.host_bytes, program.getHostArena().value_or(0));
    artifact.programs.push_back(
        serializeProgram(program, kernelIndices, constants));
  }
}

/// Everything that the plan alone decides.
void Compilation::packPlan() {
  fb::ArtifactT &artifact = result->artifact;
  for (const KernelEntry &entry : kernels->entries()) {
    auto kernel = std::make_unique<fb::KernelT>();
    kernel->symbol = entry.symbol;
    kernel->schedule = entry.schedule;
    kernel->hash = entry.hash;
    artifact.kernels.push_back(std::move(kernel));
  }
  artifact.producer = "dlc 0.1.0";
  artifact.model = llvm::sys::path::filename(options.model).str();
  artifact.precision = options.precision;
  artifact.target = std::make_unique<fb::TargetT>();
  artifact.target->kind = "cpu";
  artifact.target->cpu = target.cpu;
  artifact.target->features = target.needs;
  artifact.options = {"loss=" + options.loss, "optimizer=" + options.optimizer};
  packPrograms();
  artifact.states = serializeStates(*module);
  result->constants = std::move(constants.getBytes());
}

LogicalResult Compilation::emitCode() {
  if (!kernels->entries().empty()) {
    FailureOr<std::string> code =
        cpu::emitSharedObject(kernels->getModules(), target);
    if (failed(code))
      return failure();
    result->code = std::move(*code);
  }
  packWeights();
  return packExports();
}

/// The initial values of the states.
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
  for (exec::VariableOp variable : module->getOps<exec::VariableOp>())
    if (auto init = variable.getInit())
      numbers[variable.getName()] = cast<DenseElementsAttr>(*init);
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

void Compilation::dump(const char *name) {
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
  module->print(out);
}

LogicalResult Compilation::phase(const char *name,
                                 LogicalResult (Compilation::*step)()) {
  if (options.onPhase)
    options.onPhase(name);
  auto start = std::chrono::steady_clock::now();
  LogicalResult status = (this->*step)();
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
  module = ModuleOp::create(UnknownLoc::get(&context));
  if (failed(phase("input", &Compilation::import)))
    return nullptr;
  dump("input");
  if (failed(phase("graph", &Compilation::buildGraph)))
    return nullptr;
  dump("graph");
  if (options.recompute != "none" &&
      failed(phase("recompute", &Compilation::recompute)))
    return nullptr;
  if (failed(phase("kernels", &Compilation::formKernels)))
    return nullptr;
  dump("kernels");
  if (failed(phase("exec", &Compilation::plan)))
    return nullptr;
  dump("exec");
  // Code generation decides nothing that a report tells.
  scope.reset();
  if (options.onPlan && !options.onPlan(*result))
    return diagnostics.hasErrors() ? nullptr : std::move(result);
  if (failed(phase("artifact", &Compilation::emitCode)))
    return nullptr;
  if (diagnostics.hasErrors())
    return nullptr;
  return std::move(result);
}

std::vector<std::byte> CompiledModel::toBytes() {
  auto bytesOf = [](const std::string &text) {
    return std::as_bytes(std::span<const char>(text.data(), text.size()));
  };
  std::vector<rt::SectionPayload> sections = {
      {fb::SectionKind::Code, bytesOf(code)},
      {fb::SectionKind::Constants, constants},
      {fb::SectionKind::Weights, {}, weights},
      {fb::SectionKind::SourceModel, bytesOf(sourceModel)}};
  auto bytes = rt::writeArtifact(artifact, sections);
  return bytes.isOk() ? std::move(*bytes) : std::vector<std::byte>();
}

static std::unique_ptr<MLIRContext> createContext() {
  DialectRegistry registry;
  registerAllDialects(registry);
  cpu::registerCpuDialects(registry);
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
