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
#include "tools/support/Failure.h"

namespace dlc::tools {

struct Document;

/// DLC4110, with everything that a report tells.
struct OverLimitFailure : Failure {
  explicit OverLimitFailure(std::shared_ptr<const Document> document);
  std::shared_ptr<const Document> document;
};

/// Model::compile, throwing OverLimitFailure above the limit.
Built compileWithin(Model &model, const ModelOptions &options,
                    const std::string &path = "");

} // namespace dlc::tools

#endif
