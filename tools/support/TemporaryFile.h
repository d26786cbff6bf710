//===- TemporaryFile.h - a path that is removed again -----------*- C++ -*-===//
#ifndef DLC_TOOLS_SUPPORT_TEMPORARYFILE_H
#define DLC_TOOLS_SUPPORT_TEMPORARYFILE_H

#include <string>

namespace dlc::tools {

/// Reserves a file in $TMPDIR, or /tmp, that only this user can read, and
/// removes it on destruction. Throws Failure (DLC5110) if it cannot be made.
class TemporaryFile {
public:
  explicit TemporaryFile(const std::string &ending);
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile &) = delete;
  TemporaryFile &operator=(const TemporaryFile &) = delete;
  const std::string &path() const { return name; }

private:
  std::string name;
};

} // namespace dlc::tools

#endif
