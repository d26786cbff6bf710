//===- Explain.cpp - dlc explain ------------------------------------------===//
//
// An error id prints its page, a pass its description, a model how its kernels
// came about.
//
//===----------------------------------------------------------------------===//
#include "tools/dlc/ArtifactReport.h"
#include "tools/dlc/CompileFlags.h"
#include "tools/dlc/ErrorPages.h"
#include "tools/model/PassText.h"
#include "tools/support/Failure.h"
#include "tools/support/Text.h"

#include <iostream>
#include <regex>

namespace dlc::tools {

namespace {

struct Flags {
  std::string subject;
  CompileFlags compile;
};

} // namespace

static bool explainError(const std::string &id) {
  for (const ErrorPage &page : errorPages())
    if (id == page.id) {
      std::cout << page.text;
      return true;
    }
  return false;
}

/// One line per instruction: the kernel, and the nodes that became part of it.
static std::string launchTable(const rt::Artifact &artifact,
                               const fb::Program &program) {
  Table table("rllll");
  int64_t number = 0;
  if (program.instructions())
    for (const fb::Instruction *instruction : *program.instructions()) {
      std::string nodes;
      size_t count = instruction->nodes() ? instruction->nodes()->size() : 0;
      for (size_t i = 0; i < std::min<size_t>(count, 6); ++i)
        nodes +=
            (i ? ", " : "") + instruction->nodes()
                                  ->Get(static_cast<flatbuffers::uoffset_t>(i))
                                  ->str();
      if (count > 6)
        nodes += " and " + std::to_string(count - 6) + " more";
      table.row({std::to_string(number++), kernelName(artifact, *instruction),
                 instruction->label() ? instruction->label()->str() : "",
                 formatBytes(instruction->bytes_read() +
                             instruction->bytes_written()),
                 nodes});
    }
  return table.text();
}

static void explainModel(const Flags &flags) {
  Built built = openOrCompile(flags.subject, flags.compile);
  for (const std::string &remark : built.report.remarks)
    std::cout << "remark: " << remark << "\n";
  std::cout << parameterTable(built.report);
  if (const auto *programs = built.artifact->header().programs())
    for (const fb::Program *program : *programs)
      std::cout << "entry '" << program->name()->str()
                << "': each line is one kernel or library call, with the bytes "
                   "it moves and the nodes fused into it\n"
                << launchTable(*built.artifact, *program);
}

static void runExplain(const Flags &flags) {
  static const std::regex idForm("DLC[0-9]{4}");
  if (std::regex_match(flags.subject, idForm)) {
    if (!explainError(flags.subject))
      fail("DLC5136", "error id must be one that dlc reports, but got '",
           flags.subject, "'");
    return;
  }
  std::string pass = passText(flags.subject);
  if (!pass.empty()) {
    std::cout << pass;
    return;
  }
  if (flags.subject.starts_with("dlc-") &&
      flags.subject.find('.') == std::string::npos)
    fail("DLC5136", "pass must be one that dlc-opt lists, but got '",
         flags.subject, "'");
  explainModel(flags);
}

void addExplain(CLI::App &app) {
  auto flags = std::make_shared<Flags>();
  CLI::App *command = app.add_subcommand(
      "explain", "Explain an error id, a pass, or a model's kernels");
  command
      ->add_option("SUBJECT", flags->subject,
                   "DLCnnnn, the name of a pass, an .onnx file or an artifact")
      ->required();
  flags->compile.add(*command, /*withEntries=*/true);
  command->callback([flags] { runExplain(*flags); });
}

} // namespace dlc::tools
