// The command line: what it refuses and how, and that docs/reference/cli.md is
// what --help prints. With DLC_UPDATE_DOCS set the page is written anew.
#include "tools/dlc/Command.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

using namespace dlc::tools;

namespace {

int statusOf(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "dlc");
  std::vector<char *> argv;
  for (std::string &argument : arguments)
    argv.push_back(argument.data());
  return runCommandLine(static_cast<int>(argv.size()), argv.data());
}

/// Status and stderr of a run that must not succeed.
std::pair<int, std::string> failureOf(const std::vector<std::string> &line) {
  testing::internal::CaptureStderr();
  int status = statusOf(line);
  return {status, testing::internal::GetCapturedStderr()};
}

std::string reference() {
  std::unique_ptr<CLI::App> app = makeCommandLine();
  std::ostringstream out;
  out << "# dlc: command line\n\nWhat `dlc --help` and the help of each "
         "subcommand print.\n\n```\n"
      << app->help() << "```\n";
  for (CLI::App *command : app->get_subcommands({}))
    out << "\n## dlc " << command->get_name() << "\n\n```\n"
        << command->help("dlc") << "```\n";
  return out.str();
}

} // namespace

TEST(CommandLine, WrongUsage_EndsWithTwo) {
  EXPECT_EQ(failureOf({}).first, 2);
  EXPECT_EQ(failureOf({"nonsense"}).first, 2);
  EXPECT_EQ(failureOf({"compile", "m.onnx"}).first, 2);
  EXPECT_EQ(
      failureOf({"train", "m.onnx", "--data", "d.npz", "--epochs", "0"}).first,
      2);
  EXPECT_EQ(failureOf({"train", "m.onnx", "--data", "d.npz", "--epochs", "1",
                       "--steps", "1"})
                .first,
            2);
  EXPECT_EQ(failureOf({"compile", "m.onnx", "-o", "m.dlc", "--dim", "n"}).first,
            2);
}

TEST(CommandLine, WhatThisReleaseLacks_IsAnErrorWithAnId) {
  auto idOf = [](std::vector<std::string> options) {
    options.insert(options.begin(), {"compile", "m.onnx", "-o", "m.dlc"});
    auto [status, text] = failureOf(options);
    EXPECT_EQ(status, 1) << text;
    return text.substr(0, 13);
  };
  EXPECT_EQ(idOf({"--target", "cuda:sm_70"}), "error DLC4101");
  EXPECT_EQ(idOf({"--precision", "fp8"}), "error DLC4102");
  EXPECT_EQ(idOf({"--recompute", "some"}), "error DLC2015");
  EXPECT_EQ(idOf({"--attention", "flash"}), "error DLC4109");
  EXPECT_EQ(idOf({"--attention", "cudnn", "--without", "cublas,cudnn"}),
            "error DLC4109");
  EXPECT_EQ(idOf({"--mesh", "data=2"}), "error DLC3001");
  EXPECT_EQ(idOf({"--to", "graph"}), "error DLC4104");
  EXPECT_EQ(idOf({"--dim", "n=1..4"}), "error DLC4105");
}

TEST(CommandLine, Report_IsCheckedBeforeTheModelIsRead) {
  auto lineOf = [](std::vector<std::string> options) {
    options.insert(options.begin(), {"compile", "m.onnx", "-o", "m.dlc"});
    return failureOf(options);
  };
  EXPECT_EQ(lineOf({"--report", "r.txt"}).second.substr(0, 13),
            "error DLC4106");
  EXPECT_EQ(
      lineOf({"--report", "r.json", "--machine", "9"}).second.substr(0, 13),
      "error DLC4111");
  EXPECT_EQ(lineOf({"--memory-limit", "much"}).first, 2);
}

TEST(CommandLine, Roofline_NamesAreChecked) {
  std::string model = DLC_SOURCE_FOLDER "/tests/fixtures/mlp_small.default.onnx";
  auto idOf = [&](std::vector<std::string> options) {
    options.insert(options.begin(), {"inspect", model});
    return failureOf(options).second.substr(0, 13);
  };
  EXPECT_EQ(idOf({"--roofline", "h300"}), "error DLC5301");
  EXPECT_EQ(idOf({"--roofline", "h200", "--entry", "grad"}), "error DLC5302");
  // Usage: these say nothing without a device.
  EXPECT_EQ(failureOf({"inspect", model, "--all"}).first, 2);
}

TEST(CommandLine, MissingModel_IsAnErrorWithAnId) {
  auto [status, text] = failureOf({"inspect", "/no/such/file.dlc"});
  EXPECT_EQ(status, 1);
  EXPECT_EQ(text.substr(0, 13), "error DLC5001");
  EXPECT_EQ(failureOf({"inspect", "model.pt2"}).second.substr(0, 13),
            "error DLC5130");
}

TEST(CommandLine, Explain_ErrorId_PrintsItsPage) {
  testing::internal::CaptureStdout();
  int status = statusOf({"explain", "DLC5120"});
  std::string text = testing::internal::GetCapturedStdout();
  EXPECT_EQ(status, 0);
  EXPECT_EQ(text.substr(0, 10), "# DLC5120:");
  EXPECT_EQ(failureOf({"explain", "DLC0000"}).first, 1);
}

TEST(CommandLine, Config_TomlFile_GivesOptions) {
  std::string path = testing::TempDir() + "dlc-config.toml";
  std::ofstream(path) << "[compile]\nprecision = \"fp8\"\n";
  auto [status, text] =
      failureOf({"--config", path, "compile", "m.onnx", "-o", "m.dlc"});
  EXPECT_EQ(text.substr(0, 13), "error DLC4102") << text;
  EXPECT_EQ(status, 1);
  auto after =
      failureOf({"compile", "m.onnx", "-o", "m.dlc", "--config", path});
  EXPECT_EQ(after.second.substr(0, 13), "error DLC4102") << after.second;
}

TEST(CommandLine, Reference_IsWhatHelpPrints) {
  std::string path = DLC_SOURCE_FOLDER "/docs/reference/cli.md";
  if (std::getenv("DLC_UPDATE_DOCS")) {
    std::ofstream(path) << reference();
    return;
  }
  std::ifstream file(path);
  std::stringstream found;
  found << file.rdbuf();
  EXPECT_EQ(found.str(), reference())
      << "run this test with DLC_UPDATE_DOCS=1 to write the page anew";
}
