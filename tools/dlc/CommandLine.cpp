//===- CommandLine.cpp - the subcommands, joined --------------------------===//
//
// Parses, runs one subcommand, and turns whatever goes wrong into an exit
// status and lines on stderr: usage errors are 2, Failures say their own,
// anything else is a bug (3) with a crash report.
//
//===----------------------------------------------------------------------===//
#include "tools/dlc/Command.h"
#include "tools/dlc/CrashReport.h"
#include "tools/dlc/Version.h"
#include "tools/support/Failure.h"

#include <iostream>

namespace dlc::tools {

std::unique_ptr<CLI::App> makeCommandLine() {
  auto app = std::make_unique<CLI::App>(
      "dlc: compiles ONNX models for training, trains and runs them\n", "dlc");
  app->set_version_flag("-v,--version", versionText(), "Print the version");
  app->set_help_flag("-h,--help", "Print this help");
  app->require_subcommand(1);
  app->set_config("--config", "",
                  "Options from a TOML file, one table per subcommand");
  app->failure_message(CLI::FailureMessage::simple);
  app->footer("Exit status: 0 done, 1 the model, data or machine is at fault, "
              "2 wrong usage, 3 a bug of dlc.\n"
              "Environment: DLC_NUM_THREADS, DLC_DEVICE, DLC_LOG, DLC_CACHE_DIR (a folder for\n"
              "what was compiled: the same model and options are not compiled again).\n"
              "'dlc explain DLC5120' explains an error id.");
  addCheck(*app);
  addCompile(*app);
  addTrain(*app);
  addRun(*app);
  addBench(*app);
  addTune(*app);
  addInspect(*app);
  addExplain(*app);
  addExport(*app);
  for (CLI::App *command : app->get_subcommands({})) {
    command->fallthrough();
    command->set_help_flag("-h,--help", "Print this help");
    command->footer("");
    command->configurable();
  }
  return app;
}

static int usageError(const CLI::App &app, const CLI::ParseError &error) {
  std::cerr << "error: " << error.what() << "\n";
  std::string command;
  for (const CLI::App *used : app.get_subcommands())
    command = " " + used->get_name();
  std::cerr << "run 'dlc" << command << " --help' for the usage\n";
  return kUsage;
}

int runCommandLine(int argc, char **argv) {
  std::unique_ptr<CLI::App> app = makeCommandLine();
  try {
    app->parse(argc, argv);
    std::cout.flush();
    return kDone;
  } catch (const CLI::Success &success) {
    return app->exit(success);
  } catch (const CLI::ParseError &error) {
    return usageError(*app, error);
  } catch (const Failure &failure) {
    for (const Problem &problem : failure.problems())
      std::cerr << "error " << problem.id << ": " << problem.message << "\n";
    std::cerr << failure.details();
    if (failure.exitStatus() == kBug)
      writeCrashReport(failure.what());
    return failure.exitStatus();
  } catch (const std::bad_alloc &) {
    std::cerr << "error DLC6002: the command needs memory, but got none from "
                 "the system\n";
    return kFault;
  } catch (const std::exception &error) {
    std::cerr << "internal error: " << error.what() << "\n";
    writeCrashReport(error.what());
    return kBug;
  }
}

void printJson(const Json &json) {
  // Names in a model file need not be UTF-8.
  std::cout << json.dump(1, ' ', false, Json::error_handler_t::replace) << "\n";
}

void printRemarks(const std::vector<std::string> &remarks) {
  for (const std::string &remark : remarks)
    std::cerr << "remark: " << remark << "\n";
}

} // namespace dlc::tools
