//===- TemporaryFile.cpp - a path that is removed again -------------------===//
#include "tools/support/TemporaryFile.h"

#include "tools/support/Failure.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

namespace dlc::tools {

TemporaryFile::TemporaryFile(const std::string &ending) {
  const char *folder = std::getenv("TMPDIR");
  name =
      std::string(folder && *folder ? folder : "/tmp") + "/dlc-XXXXXX" + ending;
  int descriptor = mkstemps(name.data(), static_cast<int>(ending.size()));
  if (descriptor < 0)
    fail("DLC5110", "temporary file '", name, "' must be writable, but got '",
         std::strerror(errno), "'");
  close(descriptor);
}

TemporaryFile::~TemporaryFile() { unlink(name.c_str()); }

} // namespace dlc::tools
