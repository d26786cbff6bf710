//===- CrashReport.h - what a bug leaves behind -----------------*- C++ -*-===//
//
// A bug of dlc (a fatal signal, an exception that nobody expected) leaves a
// folder `dlc-crash-<hash>` in the current one: command, version and what
// happened. The hash is of the command, so a repeated crash is one folder.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_TOOLS_DLC_CRASHREPORT_H
#define DLC_TOOLS_DLC_CRASHREPORT_H

namespace dlc::tools {

/// Prepares everything, so that the handler of a fatal signal only writes.
/// Call once, first thing; `argv` must outlive the process.
void installCrashReports(int argc, char **argv);
/// Writes the report and says where it is, on stderr.
void writeCrashReport(const char *reason);

} // namespace dlc::tools

#endif
