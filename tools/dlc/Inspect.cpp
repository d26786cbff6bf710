//===- Inspect.cpp - dlc inspect ------------------------------------------===//
#include "tools/dlc/ArtifactReport.h"
#include "tools/dlc/CompileFlags.h"
#include "tools/report/MemoryText.h"

#include <iostream>

namespace dlc::tools {

namespace {

struct Flags {
  std::string model;
  bool isJson = false;
  CompileFlags compile;
};

} // namespace

static void runInspect(const Flags &flags) {
  Built built = openOrCompile(flags.model, flags.compile);
  if (flags.isJson) {
    printJson(inspectJson(built, flags.model));
    return;
  }
  const fb::Artifact &header = built.artifact->header();
  std::cout << flags.model;
  if (header.target() && header.target()->kind() && header.target()->cpu())
    std::cout << ": for " << header.target()->kind()->str() << " "
              << header.target()->cpu()->str();
  std::cout << "\n"
            << entryTable(*built.artifact) << memoryTable(documentOf(built, flags.model).facts)
            << parameterTable(built.report) << kernelTable(*built.artifact);
  printRemarks(built.report.remarks);
}

void addInspect(CLI::App &app) {
  auto flags = std::make_shared<Flags>();
  CLI::App *command = app.add_subcommand(
      "inspect", "Show inputs, outputs, parameters, memory and kernels");
  command->add_option("MODEL", flags->model, "an artifact, or an .onnx file")
      ->required();
  command->add_flag("--json", flags->isJson, "print one JSON document");
  flags->compile.add(*command, /*withEntries=*/true);
  command->callback([flags] { runInspect(*flags); });
}

} // namespace dlc::tools
