//===- Version.h - which dlc this is ----------------------------*- C++ -*-===//
#ifndef DLC_TOOLS_DLC_VERSION_H
#define DLC_TOOLS_DLC_VERSION_H

#include <string>

namespace dlc::tools {

/// "dlc 0.1.0 (LLVM 22.1.0)"
inline std::string versionText() {
  return "dlc " DLC_VERSION " (LLVM " DLC_LLVM_PACKAGE_VERSION ")";
}

} // namespace dlc::tools

#endif
