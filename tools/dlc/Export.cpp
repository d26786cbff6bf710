//===- Export.cpp - dlc export --------------------------------------------===//
#include "runtime/artifact/Reader.h"
#include "tools/dlc/CompileFlags.h"
#include "tools/dlc/MemoryLimit.h"
#include "tools/support/Failure.h"
#include "tools/support/Text.h"
#include "tools/trainer/Checkpoint.h"

#include <filesystem>
#include <iostream>

namespace dlc::tools {

namespace {

struct Flags {
  std::string source, output, model;
};

} // namespace

/// The parameters and statistics of `artifact` from `values`, which may hold
/// more; DLC5134 where one is missing or has another shape.
static rt::TensorMap select(const rt::Artifact &artifact,
                            rt::TensorMap values) {
  rt::TensorMap selected;
  for (auto &[name, initial] : initialState(artifact)) {
    auto it = values.find(name);
    if (it == values.end())
      fail("DLC5134", "weights must have a tensor '", name,
           "' of the model, but got none of that name");
    if (it->second.dims != initial.dims || !rt::isFloat(it->second.dtype))
      fail("DLC5134", "weight '", name, "' must hold floats of shape ",
           formatDims(initial.dims), ", but got ",
           rt::dtypeName(it->second.dtype), " ", formatDims(it->second.dims));
    selected[name] = std::move(it->second);
  }
  return selected;
}

static Built openModel(const std::string &path) {
  std::unique_ptr<Model> model = Model::open(path);
  if (model->isArtifact())
    return model->stored();
  ModelOptions options;
  options.entries = {"infer"};
  DimBinding::bindBatch(*model, std::nullopt, options);
  return compileWithin(*model, options);
}

static void runExport(const Flags &flags) {
  checkSavePath(flags.output);
  bool isFolder = std::filesystem::is_directory(flags.source);
  bool isWeights = flags.source.ends_with(".safetensors");
  if ((isFolder || isWeights) && flags.model.empty())
    throw CLI::ValidationError("--model",
                               "is needed to export weights or a checkpoint");
  Built built = openModel(isFolder || isWeights ? flags.model : flags.source);
  rt::TensorMap state;
  if (isFolder) {
    std::optional<Checkpoint> checkpoint = loadCheckpoint(flags.source);
    if (!checkpoint)
      fail("DLC5140", "folder '", flags.source,
           "' must hold a whole checkpoint, but got none");
    state = select(*built.artifact, std::move(checkpoint->state));
  } else if (isWeights) {
    state = select(*built.artifact, check(rt::loadTensors(flags.source)));
  } else {
    state = initialState(*built.artifact);
  }
  saveState(*built.artifact, state, flags.output);
  std::cout << flags.output << ": " << state.size() << " tensors\n";
}

void addExport(CLI::App &app) {
  auto flags = std::make_shared<Flags>();
  CLI::App *command = app.add_subcommand(
      "export", "Write weights back under their original names");
  command
      ->add_option("SOURCE", flags->source,
                   "an artifact, a checkpoint folder, or .safetensors weights")
      ->required();
  command
      ->add_option("-o,--output", flags->output, "OUT.onnx or OUT.safetensors")
      ->required();
  command->add_option("--model", flags->model,
                      "the model or artifact that a checkpoint or weights "
                      "belong to");
  command->callback([flags] { runExport(*flags); });
}

} // namespace dlc::tools
