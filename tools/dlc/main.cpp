//===- main.cpp - dlc: compile, train and run models ----------------------===//
//
// The subcommands are one file each; CommandLine.cpp joins them.
//
//===----------------------------------------------------------------------===//
#include "tools/dlc/Command.h"
#include "tools/dlc/CrashReport.h"

int main(int argc, char **argv) {
  dlc::tools::installCrashReports(argc, argv);
  return dlc::tools::runCommandLine(argc, argv);
}
