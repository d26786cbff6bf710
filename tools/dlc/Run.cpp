//===- Run.cpp - dlc run --------------------------------------------------===//
//
// One call of one entry point. The batch and other dims come from the shapes of
// the arrays; an artifact that was compiled for others is compiled again from
// the model it holds.
//
//===----------------------------------------------------------------------===//
#include "tools/dlc/CompileFlags.h"
#include "tools/dlc/Feeding.h"
#include "tools/dlc/MemoryLimit.h"
#include "tools/dlc/Nonfinite.h"
#include "tools/dlc/TunedArtifact.h"
#include "tools/support/Failure.h"

#include <iostream>

namespace dlc::tools {

namespace {

struct Flags {
  std::string model, entry, inputs, outputs;
  int64_t seed = 0;
  std::optional<double> lr;
  CompileFlags compile;
};

} // namespace

/// An `.npy` file holds one array without a name: that of the only input.
static rt::TensorMap readInputs(const std::string &path, Model &model) {
  rt::TensorMap arrays = check(rt::loadTensors(path));
  if (path.ends_with(".npy") && model.inputs().size() == 1 &&
      !arrays.contains(model.inputs()[0].name)) {
    auto node = arrays.extract("data");
    node.key() = model.inputs()[0].name;
    arrays.insert(std::move(node));
  }
  return arrays;
}

/// What `--entry` is when it is not given.
static std::string defaultEntry(const Model &model) {
  if (!model.isArtifact())
    return "forward";
  ModelOptions options = model.storedOptions();
  for (const char *name : {"forward", "infer"})
    if (options.has(name))
      return name;
  return options.entries.empty() ? "forward" : options.entries.front();
}

/// Whether the arrays have the shapes that the artifact was compiled for.
static bool fits(const rt::Artifact &artifact, const std::string &entry,
                 const rt::TensorMap &arrays) {
  const fb::Program *program = artifact.findProgram(entry);
  if (!program || !program->inputs())
    return true; // loading it says what is wrong
  for (const fb::TensorInfo *input : *program->inputs()) {
    auto it = arrays.find(input->name()->str());
    if (it == arrays.end())
      continue;
    std::vector<int64_t> dims;
    if (input->dims())
      dims.assign(input->dims()->begin(), input->dims()->end());
    if (dims != it->second.dims)
      return false;
  }
  return true;
}

static Built prepare(Model &model, const Flags &flags, const std::string &entry,
                     const rt::TensorMap &arrays) {
  if (model.isArtifact() && !flags.compile.isGiven() &&
      fits(*model.stored().artifact, entry, arrays))
    return model.stored();
  ModelOptions options = model.storedOptions();
  flags.compile.apply(options);
  options.entries = {entry};
  DimBinding::bindFromArrays(model, arrays, /*skipsLeading=*/false, options);
  DimBinding::bindBatch(model, flags.compile.batch, options);
  options.targetShapes.clear();
  for (const auto &[name, array] : arrays)
    if (name.starts_with("target"))
      options.targetShapes[name] = array.dims;
  return compileWithin(model, options);
}

static void runRun(const Flags &flags) {
  flags.compile.checkSupported();
  std::unique_ptr<Model> model = Model::open(flags.model);
  std::string entry = flags.entry.empty() ? defaultEntry(*model) : flags.entry;
  rt::TensorMap arrays = readInputs(flags.inputs, *model);
  Built built = prepare(*model, flags, entry, arrays);
  std::shared_ptr<const rt::LoadedProgram> program = built.load();
  Call call(*check(program->findEntry(entry)));
  call.feed(arrays);
  if (!arrays.contains("lr"))
    call.setLearningRate(
        flags.lr.value_or(defaultLearningRate(built.options.optimizerKind())));
  std::unique_ptr<rt::Session> session =
      check(rt::Session::create(program, {flags.seed, 0}));
  remarkOnChoices(*session, entry);
  runTraced(call, *session, *model, built.options);
  if (flags.outputs.empty())
    std::cout << summaryOf(call.outputs());
  else
    check(rt::saveTensors(flags.outputs, call.outputs()));
}

void addRun(CLI::App &app) {
  auto flags = std::make_shared<Flags>();
  CLI::App *command =
      app.add_subcommand("run", "Call one entry point of a model once");
  command->add_option("MODEL", flags->model, "an .onnx file, or an artifact")
      ->required();
  command->add_option("--entry", flags->entry,
                      "forward, infer, step, grad or eval [forward]");
  command
      ->add_option("--inputs", flags->inputs,
                   "arrays by input name: .npz, .npy or .safetensors")
      ->required();
  command->add_option("--outputs", flags->outputs,
                      "file for the outputs [print a summary]");
  command->add_option("--seed", flags->seed, "of random numbers [0]");
  command->add_option("--lr", flags->lr, "learning rate of a step")
      ->check(CLI::NonNegativeNumber);
  flags->compile.add(*command, /*withEntries=*/false);
  command->callback([flags] { runRun(*flags); });
}

} // namespace dlc::tools
