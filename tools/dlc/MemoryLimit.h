//===- MemoryLimit.h - fit the limit, or say why not ------------*- C++ -*-===//
//
// `--memory-limit SIZE`: a program that needs more is refused before any code
// is generated, with the parts that sum to what it needs, what takes most, and
// what would help.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_TOOLS_DLC_MEMORYLIMIT_H
#define DLC_TOOLS_DLC_MEMORYLIMIT_H

#include "tools/model/Model.h"
#include "tools/report/Document.h"
#include "tools/support/Failure.h"

namespace dlc::tools {

/// DLC4110, with everything that a report tells.
struct OverLimitFailure : Failure {
  OverLimitFailure(Document document);
  Document document;
};

/// Model::compile, throwing OverLimitFailure above the limit.
Built compileWithin(Model &model, const ModelOptions &options,
                    const std::string &path = "");

} // namespace dlc::tools

#endif
