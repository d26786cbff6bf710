//===- Diagnostics.h - errors and remarks of a frontend ---------*- C++ -*-===//
//
// A frontend reports everything that is wrong with a model at once, so errors
// are collected in a list that the caller prints. Each has a stable id, whose
// page is docs/errors/<id>.md.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_FRONTENDS_DIAGNOSTICS_H
#define DLC_FRONTENDS_DIAGNOSTICS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/Twine.h"
#include <string>
#include <vector>

namespace dlc {

/// One error: `<file>: <what is wrong>` without the id, which is apart.
struct ReportedError {
  std::string id;
  std::string message;

  /// `<message> [<id>]`
  std::string text() const { return message + " [" + id + "]"; }
};

/// A list of errors. Not synchronized: one list belongs to one thread.
class Diagnostics {
public:
  /// Adds an error; more than `limit` are counted but not kept.
  void error(llvm::StringRef id, const llvm::Twine &message);
  bool hasErrors() const { return count != 0; }
  llvm::ArrayRef<ReportedError> errors() const { return kept; }
  /// One line per error, and a last one for those that were not kept.
  std::string text() const;

  static constexpr size_t limit = 100;

private:
  std::vector<ReportedError> kept;
  size_t count = 0;
};

} // namespace dlc

#endif
