//===- Model.cpp - a model or an artifact, ready to compile ---------------===//
#include "tools/model/Model.h"

#include "compiler/driver/Compiler.h"
#include "compiler/driver/RegisterAll.h"
#include "frontends/onnx/Signature.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/TargetParser/Host.h"
#include "mlir/IR/MLIRContext.h"
#include "runtime/artifact/Writer.h"
#include "runtime/core/AtomicFile.h"
#include "runtime/core/ThreadPool.h"
#include "tools/model/CompileCache.h"
#include "tools/model/ReportSection.h"
#include "tools/support/Failure.h"
#include "tools/support/TemporaryFile.h"
#include "tools/support/Text.h"

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <unistd.h>

namespace dlc::tools {

struct Model::Source {
  Source() : context(makeRegistry()) { context.loadAllAvailableDialects(); }
  static mlir::DialectRegistry makeRegistry() {
    mlir::DialectRegistry registry;
    registerAllDialects(registry);
    registerCodegenDialects(registry);
    return registry;
  }

  mlir::MLIRContext context;
  std::shared_ptr<OnnxModel> model;
  std::vector<Port> inputs, outputs;
};

[[noreturn]] static void failWith(const Diagnostics &diagnostics) {
  std::vector<Problem> problems;
  for (const ReportedError &error : diagnostics.errors())
    problems.push_back({error.id, error.message});
  if (problems.empty())
    throw Failure({{"DLC6005", "a failed compilation must say why, but got no "
                               "error from it"}},
                  kBug);
  throw Failure(std::move(problems));
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

static rt::DType dtypeFor(mlir::Type type) {
  if (type.isF64())
    return rt::DType::F64;
  if (type.isF16())
    return rt::DType::F16;
  if (type.isBF16())
    return rt::DType::BF16;
  if (type.isInteger(1))
    return rt::DType::I1;
  if (type.isInteger(8))
    return type.isUnsignedInteger() ? rt::DType::UI8 : rt::DType::I8;
  if (type.isInteger(16))
    return rt::DType::I16;
  if (type.isInteger(32))
    return rt::DType::I32;
  return type.isInteger(64) ? rt::DType::I64 : rt::DType::F32;
}

static mlir::Type floatTypeFor(rt::DType dtype, mlir::MLIRContext *context) {
  switch (dtype) {
  case rt::DType::F64:
    return mlir::Float64Type::get(context);
  case rt::DType::F32:
    return mlir::Float32Type::get(context);
  case rt::DType::F16:
    return mlir::Float16Type::get(context);
  case rt::DType::BF16:
    return mlir::BFloat16Type::get(context);
  default:
    return nullptr;
  }
}

static std::vector<Port> portsOf(const std::vector<DeclaredPort> &declared) {
  std::vector<Port> ports;
  for (const DeclaredPort &one : declared)
    ports.push_back(
        {one.name, one.elementType ? dtypeFor(one.elementType) : rt::DType::F32,
         one.dims, one.dimNames, one.hasShape});
  return ports;
}

//===----------------------------------------------------------------------===//
// Built
//===----------------------------------------------------------------------===//

std::shared_ptr<const rt::LoadedProgram> Built::load() const {
  return check(rt::LoadedProgram::load(artifact));
}

Built Built::on(const rt::Device &device) const {
  Built result = *this;
  result.artifact =
      check(rt::Artifact::forTarget(artifact, device.targetKind()));
  return result;
}

static std::vector<std::string> optionLines(const rt::Artifact &artifact) {
  std::vector<std::string> lines;
  if (const auto *options = artifact.file().options())
    for (const auto *line : *options)
      lines.push_back(line->str());
  return lines;
}

std::map<std::string, int64_t> Built::ranges() const {
  std::map<std::string, int64_t> ranges;
  for (const std::string &line : optionLines(*artifact))
    if (line.starts_with("range/"))
      if (size_t at = line.rfind('='); at != std::string::npos)
        ranges[line.substr(6, at - 6)] = std::atoll(line.c_str() + at + 1);
  return ranges;
}

//===----------------------------------------------------------------------===//
// Model
//===----------------------------------------------------------------------===//

Model::Model() = default;
Model::~Model() = default;

std::unique_ptr<Model> Model::open(const std::string &path) {
  std::unique_ptr<Model> model(new Model());
  model->file = path;
  if (path.ends_with(".pt2") || path.ends_with(".mlir") ||
      path.ends_with(".pt"))
    fail("DLC5130", "model '", path,
         "' must be an .onnx file or a .dlc artifact in this release, but got "
         "another kind");
  // Whatever else it is called, its first bytes say whether it is an artifact.
  if (path.ends_with(".onnx"))
    model->readSource();
  else
    model->artifact = check(rt::Artifact::open(path));
  return model;
}

std::string Model::stem() const {
  return std::filesystem::path(file).stem().string();
}

void Model::readSource() {
  if (source)
    return;
  auto fresh = std::make_unique<Source>();
  Diagnostics diagnostics;
  if (isArtifact()) {
    auto bytes = std::make_shared<const std::string>(
        exportOnnx(*artifact, initialState(*artifact)));
    const auto *name = artifact->header().model();
    fresh->model = OnnxModel::parse(*bytes, name ? name->str() : file, "",
                                    &fresh->context, diagnostics, bytes);
  } else {
    fresh->model = OnnxModel::load(file, &fresh->context, diagnostics);
  }
  if (!fresh->model)
    failWith(diagnostics);
  ModelSignature signature = signatureOf(*fresh->model);
  fresh->inputs = portsOf(signature.inputs);
  fresh->outputs = portsOf(signature.outputs);
  source = std::move(fresh);
}

const std::vector<Port> &Model::inputs() {
  readSource();
  return source->inputs;
}

const std::vector<Port> &Model::outputs() {
  readSource();
  return source->outputs;
}

std::string Model::firstFloatOutput() {
  for (const Port &port : outputs())
    if (rt::isFloat(port.dtype))
      return port.name;
  return "";
}

ModelOptions Model::storedOptions() const {
  return isArtifact() ? ModelOptions::fromLines(optionLines(*artifact))
                      : ModelOptions();
}

Built Model::stored() const {
  return {artifact, storedOptions(), readReport(*artifact), {}, 0};
}

static CompileOptions toCompileOptions(const ModelOptions &options,
                                       const std::string &path) {
  CompileOptions result;
  result.model = path;
  result.entries = options.entries;
  result.loss = options.loss;
  result.optimizer = options.optimizer;
  result.clipNorm = options.clipNorm;
  result.accumulate = options.accumulate;
  result.targetShapes = options.targetShapes;
  result.import.dims = options.dims;
  result.import.batch = options.batch;
  result.import.freeze = options.freeze;
  result.import.trainOnly = options.trainOnly;
  result.import.retie = options.retie;
  result.fuse = options.fuse;
  result.attention = options.attention;
  result.attentionBy = options.attentionBy;
  result.without = options.without;
  result.offload = options.offload;
  result.import.batchNormTrains = options.batchNormTrains;
  result.import.f64 = options.precision == "f64";
  result.precision = options.precision;
  result.keepF32 = options.keepF32;
  result.lossScale = options.lossScale;
  result.memoryLimit = options.memoryLimit.value_or(0);
  result.recompute = !options.recompute.empty() ? options.recompute
                     : options.memoryLimit      ? "auto"
                                                : "none";
  result.traceNonfinite = options.traceNonfinite;
  result.injectNonfinite = options.injectNonfinite;
  result.target = options.target;
  result.cpu = options.cpu;
  result.dumpPhases = options.dumpPhases;
  return result;
}

/// What each way to recompute would need, where several were planned.
static std::string recomputeRemark(const CompiledModel &compiled) {
  std::string tried;
  for (const RecomputePlan &plan : compiled.recomputePlans)
    tried += (tried.empty() ? "'" : ", '") + plan.mode + "' " +
             formatCount(plan.bytes) + " B";
  return tried.empty() ? ""
                       : "recomputation '" + compiled.recompute +
                             "' was chosen; planned were " + tried;
}

static Report reportOf(const CompiledModel &compiled) {
  const ImportedModel &imported = compiled.imported;
  Report report;
  for (const ParameterInfo &info : imported.parameters)
    report.parameters.push_back(
        {info.name, dtypeFor(info.type.getElementType()),
         info.type.getShape().vec(), info.trained, info.reason});
  report.remarks = imported.remarks;
  if (std::string remark = recomputeRemark(compiled); !remark.empty())
    report.remarks.push_back(std::move(remark));
  for (const PassDecision &decision : compiled.decisions)
    report.decisions.push_back({decision.topic,
                                decision.isPassed ? "passed" : "missed",
                                decision.entry, decision.reason,
                                decision.message, decision.nodes});
  return report;
}

/// Classes of the targets of each cross-entropy: the elements of the output
/// per element of the target.
static void addTargetRanges(const CompiledModel &compiled,
                            const ModelOptions &options,
                            std::map<std::string, int64_t> &ranges) {
  std::string first;
  std::map<std::string, int64_t> elements;
  for (const PortInfo &port : compiled.imported.outputs) {
    elements[port.name] = port.type.getNumElements();
    if (first.empty() && mlir::isa<mlir::FloatType>(port.type.getElementType()))
      first = port.name;
  }
  for (const LossTerm &term : lossTerms(options.loss, first))
    for (const auto &program : compiled.artifact.programs)
      for (const auto &input : program->inputs)
        if (term.takesClasses() && input->name == term.target) {
          int64_t count = 1;
          for (int64_t dim : input->dims)
            count *= dim;
          if (count > 0)
            ranges[term.target] = elements[term.output] / count;
        }
}

static void addOptionLines(CompiledModel &compiled,
                           const ModelOptions &options) {
  std::map<std::string, int64_t> ranges;
  for (const IndexRange &range : compiled.imported.ranges)
    ranges[range.input] = range.size;
  addTargetRanges(compiled, options, ranges);
  compiled.artifact.options = options.toLines();
  for (const auto &[name, size] : ranges)
    compiled.artifact.options.push_back("range/" + name + "=" +
                                        std::to_string(size));
}

static std::span<const std::byte> bytesOf(const std::string &text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

/// Writes the artifact and opens it; a temporary file vanishes once mapped.
static std::shared_ptr<const rt::Artifact>
writeAndOpen(CompiledModel &compiled, const std::string &report,
             const std::string &path) {
  std::vector<rt::SectionPayload> sections = compiled.sections();
  sections.push_back({fb::SectionKind::Report, bytesOf(report)});
  if (!path.empty()) {
    check(rt::writeArtifactFile(path, compiled.artifact, sections));
    return check(rt::Artifact::open(path));
  }
  TemporaryFile file(".dlc");
  check(rt::writeArtifactFile(file.path(), compiled.artifact, sections));
  return check(rt::Artifact::open(file.path()));
}

uint64_t scratchBytesPerThread(const fb::Artifact &header) {
  uint64_t most = 0;
  if (header.programs())
    for (const fb::Program *program : *header.programs())
      most = std::max(most, program->scratch_bytes());
  return most;
}

/// The header as a reader sees it, so that reports need one form only.
static Plan planOf(const CompiledModel &compiled) {
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(fb::Artifact::Pack(builder, &compiled.artifact),
                 fb::ArtifactIdentifier());
  Plan plan;
  auto *data = reinterpret_cast<const std::byte *>(builder.GetBufferPointer());
  plan.header.assign(data, data + builder.GetSize());
  plan.constantBytes = compiled.constants.size();
  plan.report = reportOf(compiled);
  plan.phases = compiled.times;
  return plan;
}

uint64_t Plan::totalBytes() const {
  return artifact().arena_bytes() + constantBytes +
         scratchBytesPerThread(artifact()) *
             static_cast<uint64_t>(rt::defaultThreadCount());
}

Plan Model::plan(const ModelOptions &options) {
  readSource();
  Diagnostics diagnostics;
  CompileOptions compileOptions = toCompileOptions(options, file);
  compileOptions.dumpPhases.clear();
  compileOptions.onPlan = [](const CompiledModel &) { return false; };
  std::unique_ptr<CompiledModel> compiled = dlc::compile(
      *source->model, source->context, compileOptions, diagnostics);
  if (!compiled)
    failWith(diagnostics);
  return planOf(*compiled);
}

/// The artifact of an earlier compilation; none if it is damaged.
static std::optional<Built> openCached(const CompileCache &cache,
                                       const std::string &key,
                                       const ModelOptions &options,
                                       const std::string &path) {
  std::string from = cache.pathOf(key);
  auto artifact = rt::Artifact::open(from);
  if (!artifact.isOk()) {
    std::remove(from.c_str());
    return std::nullopt;
  }
  // The copy has the bytes that were just checked: it need not be read again.
  if (!path.empty())
    check(rt::copyFile(from, path));
  Built built;
  built.artifact = check(std::move(artifact));
  built.options = options;
  built.report = readReport(*built.artifact);
  built.isCached = true;
  return built;
}

/// All that an artifact depends on: the model's files, its name, which the
/// artifact holds, the options and the CPU.
std::string Model::cacheKey(const ModelOptions &options) const {
  std::vector<std::string> lines = options.toLines();
  lines.push_back("model=" + std::filesystem::path(file).filename().string());
  lines.push_back("machine=" + llvm::sys::getHostCPUName().str());
  for (const auto &feature : llvm::sys::getHostCPUFeatures())
    if (feature.second)
      lines.push_back("feature=" + feature.first().str());
  // A limit counts the scratch of every thread, and so chooses by them.
  if (options.memoryLimit)
    lines.push_back("threads=" + std::to_string(rt::defaultThreadCount()));
  std::sort(lines.begin(), lines.end());
  auto own = llvm::MemoryBuffer::getFile(file, /*IsText=*/false,
                                         /*RequiresNullTerminator=*/false);
  std::vector<std::string_view> files;
  if (own)
    files.push_back((*own)->getBuffer());
  for (llvm::StringRef bytes : source->model->contents())
    files.push_back(bytes);
  return CompileCache::keyOf(files, lines);
}

Built Model::compile(const ModelOptions &options, const std::string &path,
                     std::function<void(const std::string &)> onPhase) {
  readSource();
  auto start = std::chrono::steady_clock::now();
  auto secondsPassed = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() -
                                         start)
        .count();
  };
  std::string why;
  std::optional<CompileCache> cache;
  // Dumps are of a compilation that happens; faults are for tests.
  if (options.dumpPhases.empty() && options.injectNonfinite.empty())
    cache = CompileCache::open(why);
  std::string key = cache ? cacheKey(options) : "";
  if (cache && cache->has(key))
    if (std::optional<Built> found = openCached(*cache, key, options, path)) {
      source->model->releasePages();
      found->compileSeconds = secondsPassed();
      return std::move(*found);
    }
  Diagnostics diagnostics;
  CompileOptions compileOptions = toCompileOptions(options, file);
  const char *level = std::getenv("DLC_LOG");
  bool isLogging = level && *level;
  compileOptions.onPhase = [&](const std::string &phase) {
    if (isLogging)
      std::fprintf(stderr, "compile: phase '%s'\n", phase.c_str());
    if (onPhase)
      onPhase(phase);
  };
  bool isOver = false;
  compileOptions.onPlan = [&](const CompiledModel &planned) {
    isOver = options.memoryLimit &&
             planOf(planned).totalBytes() > *options.memoryLimit;
    return !isOver;
  };
  std::unique_ptr<CompiledModel> compiled = dlc::compile(
      *source->model, source->context, compileOptions, diagnostics);
  if (!compiled)
    failWith(diagnostics);
  if (isOver)
    throw OverLimit(planOf(*compiled), *options.memoryLimit);
  addOptionLines(*compiled, options);
  Built built;
  built.options = options;
  built.report = reportOf(*compiled);
  built.phases = compiled->times;
  if (isLogging)
    for (const auto &[phase, seconds] : built.phases)
      std::fprintf(stderr, "compile: %s took %.1f ms\n", phase.c_str(),
                   seconds * 1000);
  if (!why.empty())
    built.report.remarks.push_back(why);
  // Without a path of its own it is read from the cache.
  bool isInCache = cache && path.empty();
  built.artifact = writeAndOpen(*compiled, writeReport(built.report),
                                isInCache ? cache->pathOf(key) : path);
  compiled.reset();
  if (cache && !isInCache)
    cache->add(key, path);
  if (cache)
    cache->shrink(key);
  source->model->releasePages();
  built.compileSeconds = secondsPassed();
  return built;
}

//===----------------------------------------------------------------------===//
// Values back into files
//===----------------------------------------------------------------------===//

static bool isSaved(fb::StateRole role) {
  return role == fb::StateRole::Parameter || role == fb::StateRole::Statistic;
}

rt::TensorMap initialState(const rt::Artifact &artifact) {
  rt::TensorMap values;
  std::span<const std::byte> weights =
      artifact.section(fb::SectionKind::Weights);
  if (!artifact.header().states())
    return values;
  for (const fb::State *state : *artifact.header().states()) {
    if (!isSaved(state->role()))
      continue;
    std::vector<int64_t> dims;
    if (state->dims())
      dims.assign(state->dims()->begin(), state->dims()->end());
    auto value = rt::Tensor::zeros(rt::toDType(state->dtype()), dims);
    if (state->init() == fb::StateInit::Constant)
      std::copy_n(weights.begin() +
                      static_cast<ptrdiff_t>(state->init_offset()),
                  value.data.size(), value.data.begin());
    values.emplace(state->name()->str(), std::move(value));
  }
  return values;
}

static std::vector<ExportInfo> exportRules(const rt::Artifact &artifact) {
  std::vector<ExportInfo> rules;
  if (!artifact.file().exports())
    return rules;
  for (const fb::ExportRule *rule : *artifact.file().exports()) {
    ExportInfo info{
        rule->initializer()->str(),
        artifact.header().states()->Get(rule->state())->name()->str(),
        {}};
    if (rule->steps())
      for (const auto *step : *rule->steps())
        info.steps.push_back(step->str());
    rules.push_back(std::move(info));
  }
  return rules;
}

std::string exportOnnx(const rt::Artifact &artifact,
                       const rt::TensorMap &state) {
  std::span<const std::byte> model =
      artifact.section(fb::SectionKind::SourceModel);
  if (model.empty())
    fail("DLC5131", "artifact must hold the model that it was compiled from, "
                    "but got none");
  mlir::MLIRContext context;
  std::map<std::string, Weight> weights;
  for (const auto &[name, tensor] : state)
    if (mlir::Type type = floatTypeFor(tensor.dtype, &context))
      weights[name] = {name,
                       mlir::RankedTensorType::get(tensor.dims, type),
                       {reinterpret_cast<const char *>(tensor.data.data()),
                        tensor.data.size()},
                       nullptr};
  auto find = [&](llvm::StringRef name) -> const Weight * {
    auto it = weights.find(name.str());
    return it == weights.end() ? nullptr : &it->second;
  };
  Diagnostics diagnostics;
  auto bytes = dlc::exportOnnx(
      {reinterpret_cast<const char *>(model.data()), model.size()},
      exportRules(artifact), find, &context, diagnostics);
  if (mlir::failed(bytes))
    failWith(diagnostics);
  return std::move(*bytes);
}

void checkSavePath(const std::string &path) {
  if (!path.ends_with(".onnx") && !path.ends_with(".safetensors"))
    fail("DLC5135", "file '", path,
         "' must end in .onnx or .safetensors, but got another ending");
  checkWritable(path);
}

void checkWritable(const std::string &path) {
  std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (access(folder.empty() ? "." : folder.c_str(), W_OK) != 0)
    fail("DLC5110", "file '", path, "' must be writable, but got '",
         std::strerror(errno), "'");
}

void saveState(const rt::Artifact &artifact, const rt::TensorMap &state,
               const std::string &path) {
  checkSavePath(path);
  if (path.ends_with(".safetensors")) {
    check(rt::saveTensors(path, state));
    return;
  }
  Diagnostics diagnostics;
  if (mlir::failed(
          writeFileAtomically(path, exportOnnx(artifact, state), diagnostics)))
    failWith(diagnostics);
}

} // namespace dlc::tools
