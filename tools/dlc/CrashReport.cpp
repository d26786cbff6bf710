//===- CrashReport.cpp - what a bug leaves behind -------------------------===//
#include "tools/dlc/CrashReport.h"

#include "tools/dlc/Version.h"
#include "tools/support/Failure.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

namespace dlc::tools {

// Filled at start: a signal handler may not allocate.
static std::string folder, path, head;

static void put(int descriptor, const char *text) {
  ssize_t ignored = write(descriptor, text, std::strlen(text));
  (void)ignored;
}

void writeCrashReport(const char *reason) {
  if (folder.empty())
    return;
  mkdir(folder.c_str(), 0755);
  int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0)
    return;
  put(file, head.c_str());
  put(file, "reason: ");
  put(file, reason);
  put(file, "\n");
  close(file);
  put(STDERR_FILENO, "this is a bug of dlc; a report is in ");
  put(STDERR_FILENO, path.c_str());
  put(STDERR_FILENO, "\n");
}

static const char *signalName(int number) {
  switch (number) {
  case SIGSEGV:
    return "invalid memory access (SIGSEGV)";
  case SIGBUS:
    return "invalid memory access (SIGBUS)";
  case SIGILL:
    return "invalid instruction (SIGILL)";
  case SIGFPE:
    return "arithmetic fault (SIGFPE)";
  default:
    return "aborted (SIGABRT)";
  }
}

static void onFatalSignal(int number) {
  put(STDERR_FILENO, "internal error: ");
  put(STDERR_FILENO, signalName(number));
  put(STDERR_FILENO, "\n");
  writeCrashReport(signalName(number));
  _exit(kBug);
}

static bool hasSanitizer() {
#if defined(__SANITIZE_ADDRESS__)
  return true;
#elif defined(__has_feature)
  return __has_feature(address_sanitizer);
#else
  return false;
#endif
}

void installCrashReports(int argc, char **argv) {
  std::string command;
  for (int i = 0; i < argc; ++i)
    command += (i ? " '" : "'") + std::string(argv[i]) + "'";
  char name[40];
  std::snprintf(
      name, sizeof name, "dlc-crash-%08x",
      static_cast<unsigned>(XXH3_64bits(command.data(), command.size())));
  folder = name;
  path = folder + "/report.txt";
  head = "version: " + versionText() + "\ncommand: " + command + "\n";
  if (hasSanitizer())
    return; // its own report says more
  struct sigaction action {};
  action.sa_handler = onFatalSignal;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (int number : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT})
    sigaction(number, &action, nullptr);
}

} // namespace dlc::tools
