//===- CompileFlags.cpp - the options of compiling ------------------------===//
#include "tools/dlc/CompileFlags.h"

#include "compiler/driver/Targets.h"
#include "tools/dlc/MemoryLimit.h"
#include "tools/support/Failure.h"
#include "tools/support/Text.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace dlc::tools {

//===----------------------------------------------------------------------===//
// The options
//===----------------------------------------------------------------------===//

void CompileFlags::addTraining(CLI::App &command) {
  const char *group = "Training";
  command
      .add_option("--loss", loss,
                  "cross-entropy, mse, l1, huber, bce, bce-logits or none, as "
                  "KIND[:output=NAME,axis=N,chunks=N]; terms joined by '+' "
                  "[cross-entropy]")
      ->group(group);
  command
      .add_option("--optimizer", optimizer,
                  "sgd, momentum, adam, adamw, lion or adafactor, as "
                  "KIND[:NAME=NUMBER,...] [adamw]")
      ->group(group);
  command
      .add_option("--weight-decay", weightDecay,
                  "the optimizer's weight decay [as PyTorch]")
      ->check(CLI::NonNegativeNumber)
      ->group(group);
  command
      .add_option("--clip-norm", clipNorm,
                  "largest joint norm of all gradients [no limit]")
      ->check(CLI::NonNegativeNumber)
      ->group(group);
  command
      .add_option("--accumulate", accumulate,
                  "batches whose gradients are averaged into one update [1]")
      ->check(CLI::PositiveNumber)
      ->group(group);
  command
      .add_option("--freeze", freeze,
                  "parameters that do not train, by glob; may be repeated")
      ->allow_extra_args(false)
      ->group(group);
  command
      .add_option("--train-only", trainOnly,
                  "the only parameters that train, by glob; may be repeated")
      ->allow_extra_args(false)
      ->group(group);
  command
      .add_flag("--no-retie", noRetie,
                "keep initializers apart that are equal bit for bit")
      ->group(group);
  command
      .add_flag("--no-fusion", noFusion,
                "one kernel per op, to see what fusion saves")
      ->group(group);
  command
      .add_flag("--fuse-attention", fuseAttention,
                "attention as one kernel or call each, without its scores in "
                "memory [for GPUs]")
      ->group(group);
  command
      .add_flag("--no-fuse-attention", noFuseAttention,
                "attention in parts, also for GPUs")
      ->group(group);
  command
      .add_option("--attention", attention,
                  "generated or cudnn: what computes attention on GPUs. "
                  "Generated kernels need no library; cuDNN's are for f16 and "
                  "bf16, take memory of rows times keys for gradients, and what "
                  "it has none for is generated [generated]")
      ->group(group);
  command
      .add_option("--without", without,
                  "cublas or cudnn: a library that programs for GPUs do "
                  "without; what it would compute is generated; may be "
                  "repeated")
      ->delimiter(',')
      ->group(group);
  command
      .add_option("--batchnorm", batchNorm,
                  "train (batch statistics) or frozen [train]")
      ->check(CLI::IsMember({"train", "frozen"}))
      ->group(group);
}

void CompileFlags::addUnserved(CLI::App &command) {
  const char *group = "Not served by this release";
  command.add_option("--mesh", mesh, "e.g. data=4,model=2")->group(group);
  command.add_option("--pipeline", pipeline, "e.g. stages=2")->group(group);
  command.add_option("--from", from, "phase to begin with")->group(group);
  command.add_option("--to", to, "phase to end with")->group(group);
}

void CompileFlags::add(CLI::App &command, bool withEntries) {
  const char *group = "Compiling";
  if (withEntries)
    command
        .add_option("--entries", entries,
                    "forward,infer,step,grad,eval: which entry points "
                    "[forward,infer,step,eval]")
        ->group(group);
  command
      .add_option("--batch", batch,
                  "size of the inputs' leading dim [the model's, or 64]")
      ->check(CLI::PositiveNumber)
      ->group(group);
  command
      .add_option("--dim", dims,
                  "NAME=SIZE: size of a symbolic dim; may be repeated")
      ->allow_extra_args(false)
      ->group(group);
  command
      .add_option("--target", target,
                  "cpu, cuda[:sm_80,sm_90], emulated, or several with commas "
                  "[the device of DLC_DEVICE]")
      ->group(group);
  command
      .add_option("--cpu", cpu,
                  "LLVM's name of the CPU to compile for [this machine's]")
      ->group(group);
  command
      .add_option("--precision", precision,
                  "f32, tf32 (contractions on GPUs round their operands, as "
                  "PyTorch's allow_tf32 has it), bf16 or f16 (contractions; "
                  "weights stay f32), or f64 [f32]")
      ->group(group);
  command
      .add_option("--recompute", recompute,
                  "none, cheap, auto or full[:segments=N]: activations "
                  "that are computed twice instead of kept [auto with "
                  "--memory-limit, else none]")
      ->group(group);
  command
      .add_option("--offload", offload,
                  "none, activations, optimizer or all: what is kept in host "
                  "memory while it is not needed [none]")
      ->group(group);
  command
      .add_option("--loss-scale", lossScale,
                  "none or dynamic[:init=N,interval=N] [dynamic for f16]")
      ->group(group);
  command
      .add_option("--keep-f32", keepF32,
                  "GLOB of node names that bf16, f16 and tf32 leave in f32; may "
                  "be repeated")
      ->allow_extra_args(false)
      ->group(group);
  command
      .add_option("--memory-limit", memoryLimit,
                  "SIZE, e.g. 512MiB: refuse a program that needs more, and "
                  "say what would help")
      ->group(group);
  command
      .add_option("--dump-phases", dumpPhases,
                  "folder for the IR after each phase")
      ->group(group);
  command
      .add_flag("--trace-nonfinite", traceNonfinite,
                "look for NaN and infinity in everything that is computed, and "
                "name the op that made the first")
      ->group(group);
  // For tests of the option above.
  command
      .add_option("--inject-nonfinite", injectNonfinite,
                  "FUNCTION:OP:VALUE, a fault in a traced program")
      ->group("");
  addTraining(command);
  addUnserved(command);
}

void CompileFlags::checkSupported() const {
  if (target)
    if (llvm::Error error = parseTargets(*target).takeError())
      fail("DLC4101", llvm::toString(std::move(error)));
  if (precision && *precision != "f32" && *precision != "f64" &&
      *precision != "tf32" && *precision != "bf16" && *precision != "f16")
    fail("DLC4102",
         "precision must be 'f32', 'tf32', 'bf16', 'f16' or 'f64', but got '",
         *precision, "'");
  for (const std::string &library : without)
    if (library != "cublas" && library != "cudnn")
      fail("DLC4108", "library to do without must be 'cublas' or 'cudnn', but "
           "got '", library, "'");
  if (attention && *attention != "generated" && *attention != "cudnn")
    fail("DLC4109", "attention must be 'generated' or 'cudnn', but got '",
         *attention, "'");
  if (attention && *attention == "cudnn" &&
      std::find(without.begin(), without.end(), "cudnn") != without.end())
    fail("DLC4109", "attention by 'cudnn' must be left out with "
                    "--without cudnn, but got both");
  bool isKnown = !recompute || *recompute == "none" || *recompute == "cheap" ||
                 *recompute == "full" || *recompute == "auto" ||
                 recompute->starts_with("full:segments=");
  if (!isKnown)
    fail("DLC2015",
         "recomputation must be 'none', 'cheap', 'auto' or "
         "'full[:segments=N]', but got '",
         *recompute, "'");
  if (offload && *offload != "none" && *offload != "activations" &&
      *offload != "optimizer" && *offload != "all")
    fail("DLC2020",
         "offload must be 'none', 'activations', 'optimizer' or 'all', but "
         "got '",
         *offload, "'");
  if (offload && *offload != "none" && traceNonfinite)
    fail("DLC2020",
         "--offload must be left out with --trace-nonfinite, which goes back to "
         "states that lie in the arena, but got '",
         *offload, "'");
  if (mesh || pipeline)
    fail("DLC3001", mesh ? "--mesh" : "--pipeline",
         " must be left out in this release, which compiles for one device, "
         "but got '",
         mesh ? *mesh : *pipeline, "'");
  if (from || to)
    fail("DLC4104", from ? "--from" : "--to",
         " must be left out in this release (--dump-phases writes every "
         "phase's IR and dlc-opt runs the phases), but got '",
         from ? *from : *to, "'");
  parsedDims();
  parsedLimit();
}

std::optional<uint64_t> CompileFlags::parsedLimit() const {
  if (!memoryLimit)
    return std::nullopt;
  std::optional<uint64_t> bytes = parseSize(*memoryLimit);
  if (!bytes)
    throw CLI::ValidationError("--memory-limit",
                               "must be a size such as 512MiB, but got '" +
                                   *memoryLimit + "'");
  return bytes;
}

std::map<std::string, int64_t> CompileFlags::parsedDims() const {
  std::map<std::string, int64_t> sizes;
  for (const std::string &text : dims) {
    size_t at = text.rfind('=');
    std::string value = at == std::string::npos ? "" : text.substr(at + 1);
    if (value.find("..") != std::string::npos)
      fail("DLC4105",
           "--dim must give one size in this release, as NAME=SIZE, "
           "but got '",
           text, "'");
    int64_t size = 0;
    const char *end = value.data() + value.size();
    auto [rest, error] = std::from_chars(value.data(), end, size);
    if (error != std::errc() || rest != end || size < 1 || at == 0)
      throw CLI::ValidationError(
          "--dim", "must be NAME=SIZE with a size of at least 1, but got '" +
                       text + "'");
    sizes[text.substr(0, at)] = size;
  }
  return sizes;
}

/// What the device runs that models run on without `--target`.
static std::string targetOfDevice() {
  const char *device = std::getenv("DLC_DEVICE");
  // "cuda:1" is the second GPU.
  std::string kind = std::string(device ? device : "").substr(0, 4);
  return kind == "cuda" ? "cuda" : kind == "emul" ? "emulated" : "cpu";
}

bool CompileFlags::isGiven() const {
  return batch || !dims.empty() || target || cpu || loss || optimizer || precision ||
         entries || batchNorm || dumpPhases || weightDecay || clipNorm ||
         accumulate || !freeze.empty() || !trainOnly.empty() || !keepF32.empty() ||
         lossScale || recompute || offload || noRetie || memoryLimit ||
         traceNonfinite || fuseAttention || noFuseAttention ||
         attention || !without.empty();
}

void CompileFlags::apply(ModelOptions &options) const {
  if (entries) {
    options.entries = splitList(*entries, ',');
    for (const std::string &entry : options.entries)
      if (entry != "forward" && entry != "infer" && entry != "step" &&
          entry != "grad" && entry != "eval")
        throw CLI::ValidationError(
            "--entries",
            "must be of forward, infer, step, grad, eval, but got '" + entry +
                "'");
  }
  if (loss)
    options.loss = *loss;
  if (optimizer)
    options.optimizer = *optimizer;
  if (weightDecay)
    options.setOptimizerNumber("weight-decay", *weightDecay);
  if (clipNorm)
    options.clipNorm = *clipNorm;
  if (accumulate)
    options.accumulate = *accumulate;
  if (!freeze.empty())
    options.freeze = freeze;
  if (!trainOnly.empty())
    options.trainOnly = trainOnly;
  if (noRetie)
    options.retie = false;
  if (noFusion)
    options.fuse = false;
  if (traceNonfinite)
    options.traceNonfinite = true;
  if (injectNonfinite)
    options.injectNonfinite = *injectNonfinite;
  if (batchNorm)
    options.batchNormTrains = *batchNorm == "train";
  if (precision)
    options.precision = *precision;
  if (!keepF32.empty())
    options.keepF32 = keepF32;
  if (lossScale)
    options.lossScale = *lossScale;
  if (recompute)
    options.recompute = *recompute;
  if (offload)
    options.offload = *offload;
  options.target = target ? *target : targetOfDevice();
  // A GPU would spend half of a transformer's step on moving the scores.
  bool isForGpu = options.target.find("cuda") != std::string::npos ||
                  options.target.find("emulated") != std::string::npos;
  if (!without.empty())
    options.without = without;
  if (attention)
    options.attentionBy = *attention;
  options.attention = fuseAttention || (isForGpu && !noFuseAttention);
  if (cpu)
    options.cpu = *cpu;
  if (std::optional<uint64_t> limit = parsedLimit())
    options.memoryLimit = limit;
  if (dumpPhases)
    options.dumpPhases = *dumpPhases;
  for (const auto &[name, size] : parsedDims())
    options.dims[name] = size;
  if (batch)
    options.batch = batch;
}

//===----------------------------------------------------------------------===//
// Sizes of dims
//===----------------------------------------------------------------------===//

std::optional<int64_t> DimBinding::fixedBatch(Model &model) {
  for (const Port &port : model.inputs())
    if (!port.dims.empty() && port.dims[0] < 0)
      return std::nullopt;
  for (const Port &port : model.inputs())
    if (!port.dims.empty())
      return port.dims[0];
  return std::nullopt;
}

void DimBinding::bindBatch(Model &model, std::optional<int64_t> batch,
                           ModelOptions &options) {
  if (std::optional<int64_t> fixed = fixedBatch(model)) {
    if (batch && *batch != *fixed)
      fail("DLC5132", "batch of model '", model.path(), "' must be ", *fixed,
           ", which the file fixes, but got ", *batch);
    options.batch.reset();
    return;
  }
  bool isOpen = false;
  for (const Port &port : model.inputs())
    isOpen |= !port.dims.empty() && port.dims[0] < 0 &&
              !options.dims.contains(port.dimNames[0]);
  if (batch || isOpen)
    options.batch = batch.value_or(options.batch.value_or(kDefaultBatch));
}

void DimBinding::bindFromArrays(Model &model, const rt::TensorMap &arrays,
                                bool skipsLeading, ModelOptions &options) {
  for (const Port &port : model.inputs()) {
    auto it = arrays.find(port.name);
    if (it == arrays.end() || !port.hasShape)
      continue;
    const std::vector<int64_t> &dims = it->second.dims;
    bool fits = dims.size() == port.dims.size();
    for (size_t i = 0; fits && i < dims.size(); ++i)
      fits = (i == 0 && skipsLeading) || port.dims[i] < 0 ||
             port.dims[i] == dims[i];
    if (!fits) {
      std::string wanted;
      for (size_t i = 0; i < port.dims.size(); ++i)
        wanted +=
            (i ? "x" : "") + (port.dims[i] < 0 ? "<" + port.dimNames[i] + ">"
                                               : std::to_string(port.dims[i]));
      fail("DLC5122", "array '", port.name, "' must have shape ",
           wanted.empty() ? "scalar" : wanted, ", but got ", formatDims(dims));
    }
    for (size_t i = skipsLeading ? 1 : 0; i < dims.size(); ++i)
      if (port.dims[i] < 0)
        options.dims[port.dimNames[i]] = dims[i];
  }
}

Built openOrCompile(const std::string &path, const CompileFlags &flags) {
  flags.checkSupported();
  std::unique_ptr<Model> model = Model::open(path);
  if (model->isArtifact() && !flags.isGiven())
    return model->stored();
  ModelOptions options = model->storedOptions();
  flags.apply(options);
  DimBinding::bindBatch(*model, flags.batch, options);
  return compileWithin(*model, options);
}

} // namespace dlc::tools
