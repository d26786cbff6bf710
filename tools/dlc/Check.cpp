//===- Check.cpp - dlc check ----------------------------------------------===//
//
// Compiles without keeping the artifact and lists everything that is wrong with
// the model at once.
//
//===----------------------------------------------------------------------===//
#include "tools/dlc/ArtifactReport.h"
#include "tools/dlc/CompileFlags.h"
#include "tools/dlc/MemoryLimit.h"
#include "tools/support/Failure.h"

#include <iostream>

namespace dlc::tools {

namespace {

struct Flags {
  std::string model;
  bool isJson = false, isTraining = false;
  CompileFlags compile;
};

} // namespace

static Json checkJson(const std::string &model,
                      const std::vector<Problem> &problems,
                      const std::optional<Built> &built) {
  Json json = {
      {"version", kJsonVersion}, {"model", model}, {"ok", problems.empty()}};
  Json &list = json["problems"] = Json::array();
  for (const Problem &problem : problems)
    list.push_back({{"id", problem.id}, {"message", problem.message}});
  if (built) {
    Json inspected = inspectJson(*built, model);
    for (const char *key : {"inputs", "outputs", "parameters", "remarks"})
      json[key] = inspected[key];
  }
  return json;
}

static void runCheck(const Flags &flags) {
  flags.compile.checkSupported();
  std::vector<Problem> problems;
  std::optional<Built> built;
  ModelOptions options;
  try {
    std::unique_ptr<Model> model = Model::open(flags.model);
    options = model->storedOptions();
    flags.compile.apply(options);
    options.entries = {"forward", "infer"};
    if (flags.isTraining)
      options.entries.insert(options.entries.end(), {"step", "grad", "eval"});
    DimBinding::bindBatch(*model, flags.compile.batch, options);
    built = compileWithin(*model, options);
  } catch (const Failure &failure) {
    if (!flags.isJson || failure.exitStatus() == kBug)
      throw;
    problems = failure.problems();
  }
  if (flags.isJson) {
    printJson(checkJson(flags.model, problems, built));
    if (!problems.empty())
      throw Failure({});
    return;
  }
  printRemarks(built->report.remarks);
  std::cout << flags.model << ": "
            << (flags.isTraining ? "can be trained and run" : "can be run")
            << "\n"
            << entryTable(*built->artifact);
  if (flags.isTraining)
    std::cout << parameterTable(built->report);
}

void addCheck(CLI::App &app) {
  auto flags = std::make_shared<Flags>();
  CLI::App *command = app.add_subcommand(
      "check", "List everything about a model that dlc cannot do");
  command->add_option("MODEL", flags->model, "an .onnx file, or an artifact")
      ->required();
  command->add_flag("--train", flags->isTraining,
                    "check training too: loss, gradients, what trains");
  command->add_flag("--json", flags->isJson, "print one JSON document");
  flags->compile.add(*command, /*withEntries=*/false);
  command->callback([flags] { runCheck(*flags); });
}

} // namespace dlc::tools
