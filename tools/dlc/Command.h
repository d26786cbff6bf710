//===- Command.h - the subcommands of dlc -----------------------*- C++ -*-===//
//
// Each subcommand adds itself to the command line: its options, and what runs
// once they are parsed. Results go to stdout, everything else to stderr.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_TOOLS_DLC_COMMAND_H
#define DLC_TOOLS_DLC_COMMAND_H

#include <CLI/CLI.hpp>

#include <nlohmann/json.hpp>

namespace dlc::tools {

using Json = nlohmann::ordered_json;

void addCheck(CLI::App &app);
void addCompile(CLI::App &app);
void addTrain(CLI::App &app);
void addRun(CLI::App &app);
void addBench(CLI::App &app);
void addTune(CLI::App &app);
void addInspect(CLI::App &app);
void addExplain(CLI::App &app);
void addExport(CLI::App &app);

/// The whole command line. It refers to nothing outside itself.
std::unique_ptr<CLI::App> makeCommandLine();

/// Parses and runs; returns the exit status. Catches everything.
int runCommandLine(int argc, char **argv);

/// The version of the schemas that --json prints.
inline constexpr int kJsonVersion = 1;
/// Prints one document on stdout.
void printJson(const Json &json);
/// "remark: …" lines on stderr.
void printRemarks(const std::vector<std::string> &remarks);

} // namespace dlc::tools

#endif
