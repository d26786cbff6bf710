//===- Compile.cpp - dlc compile ------------------------------------------===//
#include "tools/dlc/ArtifactReport.h"
#include "tools/dlc/CompileFlags.h"
#include "tools/dlc/MemoryLimit.h"
#include "tools/report/MemoryText.h"
#include "tools/support/Failure.h"
#include "tools/support/Text.h"

#include <iostream>

namespace dlc::tools {

namespace {

struct Flags {
  std::string model, output, report, machine;
  bool isJson = false, isTimed = false;
  CompileFlags compile;
};

} // namespace

static std::string timeTable(const Built &built) {
  Table table("lr");
  double known = 0;
  for (const auto &[phase, seconds] : built.phases) {
    table.row({phase, formatSeconds(seconds)});
    known += seconds;
  }
  table.row({"write and reopen",
             formatSeconds(std::max(built.compileSeconds - known, 0.0))});
  table.row({"total", formatSeconds(built.compileSeconds)});
  return "time\n" + table.text();
}

static Json compileJson(const Built &built, const std::string &model) {
  Json json = inspectJson(built, model);
  json["compile_s"] = built.compileSeconds;
  json["cached"] = built.isCached;
  Json &phases = json["phases_s"] = Json::object();
  for (const auto &[phase, seconds] : built.phases)
    phases[phase] = seconds;
  return json;
}

static void writeReport(const Flags &flags, Document document) {
  document.machine =
      flags.machine.empty()
          ? measureMachine(
                rt::dtypeFromName(document.precision).value_or(rt::DType::F32))
          : parseMachine(flags.machine);
  writeReportFile(flags.report, document);
}

/// The refusal is a result too: it goes where results were asked for.
[[noreturn]] static void reportRefusal(const Flags &flags,
                                       const OverLimitFailure &failure) {
  if (!flags.report.empty())
    writeReport(flags, *failure.document);
  if (flags.isJson) {
    Json json = {{"version", kJsonVersion},
                 {"error", failure.problems().front().id},
                 {"message", failure.problems().front().message}};
    Json document = documentJson(*failure.document);
    for (const char *key : {"memory", "fixes"})
      json[key] = document.contains(key) ? document[key] : Json::array();
    printJson(json);
  }
  throw failure;
}

static void printTables(const Flags &flags, const Built &built,
                        const Document &document) {
  std::cout << flags.output << ": " << flags.model << " compiled in "
            << formatSeconds(built.compileSeconds)
            << (built.isCached ? " (from the cache)" : "");
  if (built.options.batch)
    std::cout << ", batch " << *built.options.batch;
  std::cout << "\n"
            << entryTable(*built.artifact) << memoryTable(document.facts)
            << parameterTable(built.report) << kernelTable(*built.artifact);
  if (flags.isTimed)
    std::cout << timeTable(built);
}

static void runCompile(const Flags &flags) {
  flags.compile.checkSupported();
  checkWritable(flags.output);
  if (!flags.report.empty())
    checkReportPath(flags.report);
  if (!flags.machine.empty())
    parseMachine(flags.machine);
  std::unique_ptr<Model> model = Model::open(flags.model);
  ModelOptions options = model->storedOptions();
  flags.compile.apply(options);
  DimBinding::bindBatch(*model, flags.compile.batch, options);
  Built built;
  try {
    built = compileWithin(*model, options, flags.output);
  } catch (const OverLimitFailure &failure) {
    reportRefusal(flags, failure);
  }
  printRemarks(built.report.remarks);
  Document document = documentOf(built, flags.model);
  if (!flags.report.empty())
    writeReport(flags, document);
  if (flags.isJson)
    printJson(compileJson(built, flags.model));
  else
    printTables(flags, built, document);
}

void addCompile(CLI::App &app) {
  auto flags = std::make_shared<Flags>();
  CLI::App *command =
      app.add_subcommand("compile", "Compile a model into an artifact");
  command->add_option("MODEL", flags->model, "an .onnx file, or an artifact")
      ->required();
  command->add_option("-o,--output", flags->output, "the artifact, OUT.dlc")
      ->required();
  command->add_option("--report", flags->report,
                      "write memory, kernels and decisions to FILE.html or "
                      "FILE.json");
  command->add_option("--machine", flags->machine,
                      "GFLOPS,GBYTES per second, or a device's name (h200): "
                      "what the report's roofline is for [this machine, "
                      "measured]");
  command->add_flag("--time-report", flags->isTimed,
                    "print the time of each phase");
  command->add_flag("--json", flags->isJson, "print one JSON document");
  flags->compile.add(*command, /*withEntries=*/true);
  command->callback([flags] { runCompile(*flags); });
}

} // namespace dlc::tools
