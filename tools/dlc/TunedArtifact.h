//===- TunedArtifact.h - what a tuning chose, in an artifact ----*- C++ -*-===//
#ifndef DLC_TOOLS_DLC_TUNEDARTIFACT_H
#define DLC_TOOLS_DLC_TUNEDARTIFACT_H

#include "runtime/executor/Executor.h"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace dlc::tools {

/// The choices for one plan of an artifact.
struct PlanChoices {
  /// What they were measured on.
  std::string device;
  std::set<std::string> libraries;
  /// By entry, for each instruction; empty where there is nothing to choose.
  std::map<std::string, std::vector<std::vector<uint8_t>>> byEntry;
};

/// Writes the file of `plan` to `path`, which may be its own, with these
/// choices in place of the plan's. Other plans of the file keep theirs.
void writeTuned(const rt::Artifact &plan, const PlanChoices &choices,
                const std::string &path);

/// A remark on stderr if the artifact has choices for `entry` that are not
/// taken here, because they were measured on another device or library.
void remarkOnChoices(rt::Session &session, const std::string &entry);

} // namespace dlc::tools

#endif
