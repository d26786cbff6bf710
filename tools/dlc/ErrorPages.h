//===- ErrorPages.h - docs/errors, inside the tool --------------*- C++ -*-===//
#ifndef DLC_TOOLS_DLC_ERRORPAGES_H
#define DLC_TOOLS_DLC_ERRORPAGES_H

#include <span>

namespace dlc::tools {

struct ErrorPage {
  const char *id;   ///< "DLC5120"
  const char *text; ///< Markdown
};

/// Every page of docs/errors, as it was when dlc was built.
std::span<const ErrorPage> errorPages();

} // namespace dlc::tools

#endif
