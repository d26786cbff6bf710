//===- ArtifactReport.h - what an artifact is made of -----------*- C++ -*-===//
//
// Reads an artifact's plan into tables for people and JSON for programs. Needs
// no CPU that could run it.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_TOOLS_DLC_ARTIFACTREPORT_H
#define DLC_TOOLS_DLC_ARTIFACTREPORT_H

#include "tools/dlc/Command.h"
#include "tools/model/Model.h"

namespace dlc::tools {

/// How an instruction is called in tables: its kernel, or "gemm", "conv" ….
std::string instructionKind(const fb::Instruction &instruction);
std::string kernelName(const rt::Artifact &artifact,
                       const fb::Instruction &instruction);

/// "cpu", "cuda": what a plan is for.
std::string targetKindOf(const fb::Artifact &plan);
/// The artifact's own plan and its variants.
std::vector<std::shared_ptr<const rt::Artifact>>
plansOf(const std::shared_ptr<const rt::Artifact> &artifact);
/// "cpu znver5, cuda (sm_80, sm_90, compute_80)"
std::string targetsText(const std::shared_ptr<const rt::Artifact> &artifact);

std::string parameterTable(const Report &report);
std::string kernelTable(const rt::Artifact &artifact);
std::string entryTable(const rt::Artifact &artifact);

/// The document of `inspect --json`.
Json inspectJson(const Built &built, const std::string &model);

} // namespace dlc::tools

#endif
