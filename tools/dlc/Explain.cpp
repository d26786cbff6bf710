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
#include "tools/report/MemoryText.h"
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
static std::string launchTable(const ProgramFacts &program) {
  Table table("rllll");
  int64_t number = 0;
  for (const InstructionFacts &facts : program.instructions) {
    std::string precision;
    for (const std::string &type : facts.precision)
      precision += (precision.empty() ? "" : " ") + type;
    table.row({std::to_string(number++), facts.kernel,
               formatBytes(facts.bytesMoved()), precision,
               nodesText(facts.nodes, 6)});
  }
  return table.text();
}

/// Why results go through memory that could have stayed in a kernel: one line
/// per reason, with how many there are and the first of them.
static std::string decisionTable(const Document &document,
                                 const std::string &entry) {
  std::map<std::string, std::vector<const Decision *>> byReason;
  for (const Decision &decision : document.report.decisions)
    if (decision.entry == entry)
      byReason[decision.topic + " " + decision.outcome + ", " +
               decision.reason]
          .push_back(&decision);
  Table table("rll");
  for (const auto &[reason, decisions] : byReason)
    table.row({std::to_string(decisions.size()), reason,
               "e.g. " + nodesText(decisions.front()->nodes, 2) + ": " +
                   decisions.front()->message});
  return byReason.empty() ? ""
                          : "decisions for '" + entry + "'\n" + table.text();
}

static void explainModel(const Flags &flags) {
  Built built = openOrCompile(flags.subject, flags.compile);
  Document document = documentOf(built, flags.subject);
  for (const std::string &remark : built.report.remarks)
    std::cout << "remark: " << remark << "\n";
  std::cout << parameterTable(built.report) << memoryTable(document.facts);
  for (const ProgramFacts &program : document.facts.programs)
    std::cout << "\nentry '" << program.name << "'\n"
              << timelineText(program)
              << holdingsTable(document.facts, program, 12)
              << decisionTable(document, program.name)
              << "instructions of '" << program.name
              << "': one kernel or library call each, with the bytes it moves, "
                 "the types it computes in and the nodes fused into it\n"
              << launchTable(program);
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
