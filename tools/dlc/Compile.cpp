//===- Compile.cpp - dlc compile ------------------------------------------===//
#include "tools/dlc/ArtifactReport.h"
#include "tools/dlc/CompileFlags.h"
#include "tools/support/Failure.h"
#include "tools/support/Text.h"

#include "runtime/core/AtomicFile.h"

#include <iostream>

namespace dlc::tools {

namespace {

struct Flags {
  std::string model, output, report;
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
  Json &phases = json["phases_s"] = Json::object();
  for (const auto &[phase, seconds] : built.phases)
    phases[phase] = seconds;
  return json;
}

static void writeReportFile(const std::string &path, const Json &json) {
  std::string text =
      json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
  rt::AtomicFile file = check(rt::AtomicFile::create(path));
  check(file.write(text.data(), text.size()));
  check(file.commit());
}

static void runCompile(const Flags &flags) {
  flags.compile.checkSupported();
  if (!flags.report.empty() && !flags.report.ends_with(".json"))
    fail("DLC4106", "report '", flags.report,
         "' must end in .json in this release, but got another ending");
  std::unique_ptr<Model> model = Model::open(flags.model);
  ModelOptions options = model->storedOptions();
  flags.compile.apply(options);
  DimBinding::bindBatch(*model, flags.compile.batch, options);
  Built built = model->compile(options, flags.output);
  printRemarks(built.report.remarks);
  if (!flags.report.empty())
    writeReportFile(flags.report, compileJson(built, flags.model));
  if (flags.isJson) {
    printJson(compileJson(built, flags.model));
    return;
  }
  std::cout << flags.output << ": " << flags.model << " compiled in "
            << formatSeconds(built.compileSeconds);
  if (options.batch)
    std::cout << ", batch " << *options.batch;
  std::cout << "\n"
            << entryTable(*built.artifact) << memoryTable(*built.artifact)
            << parameterTable(built.report) << kernelTable(*built.artifact);
  if (flags.isTimed)
    std::cout << timeTable(built);
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
                      "write what was compiled to FILE.json");
  command->add_flag("--time-report", flags->isTimed,
                    "print the time of each phase");
  command->add_flag("--json", flags->isJson, "print one JSON document");
  flags->compile.add(*command, /*withEntries=*/true);
  command->callback([flags] { runCompile(*flags); });
}

} // namespace dlc::tools
