//===- Failure.h - how a tool stops -----------------------------*- C++ -*-===//
//
// A tool that cannot go on throws a Failure: a list of problems, each with its
// stable id, that main prints on stderr. Nothing of the runtime or the compiler
// throws; `check` turns their Status into a Failure at the tool's edge.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_TOOLS_SUPPORT_FAILURE_H
#define DLC_TOOLS_SUPPORT_FAILURE_H

#include "runtime/core/Status.h"

#include <exception>
#include <string>
#include <vector>

namespace dlc::tools {

/// The exit status of a tool.
enum ExitStatus {
  kDone = 0,
  kFault = 1, ///< the model, the data or the machine is at fault
  kUsage = 2, ///< the command line is
  kBug = 3,   ///< dlc is
};

struct Problem {
  std::string id;      ///< "DLC5120"
  std::string message; ///< without the id
};

class Failure : public std::exception {
public:
  explicit Failure(std::vector<Problem> problems, ExitStatus status = kFault)
      : list(std::move(problems)), status(status) {}
  const std::vector<Problem> &problems() const { return list; }
  ExitStatus exitStatus() const { return status; }
  /// Lines that follow the problems: tables that explain them.
  const std::string &details() const { return more; }
  void setDetails(std::string lines) { more = std::move(lines); }
  const char *what() const noexcept override {
    return list.empty() ? "" : list.front().message.c_str();
  }

private:
  std::vector<Problem> list;
  ExitStatus status;
  std::string more;
};

inline void check(const rt::Status &status) {
  if (!status.isOk())
    throw Failure({{status.id(), status.message()}},
                  status.code() == rt::StatusCode::Internal ? kBug : kFault);
}

template <typename T> T check(rt::Result<T> result) {
  check(result.status());
  return std::move(result.value());
}

/// fail("DLC5120", "data must have array '", name, "', but got none")
template <typename... Args>
[[noreturn]] void fail(const char *id, const Args &...args) {
  throw Failure({{id, rt::concat(args...)}});
}

} // namespace dlc::tools

#endif
