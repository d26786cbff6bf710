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

/// Bytes by category, in the order of the artifact's enum.
struct MemoryUse {
  std::string category;
  /// Of the states, which live as long as a session.
  uint64_t stateBytes = 0;
  /// Of one program's buffers, which share places when their times allow.
  uint64_t bufferBytes = 0;
};

/// Memory of `program` (null: of the states alone) by category.
std::vector<MemoryUse> memoryByCategory(const rt::Artifact &artifact,
                                        const fb::Program *program);
/// The program whose memory matters most: `step` or else the largest.
const fb::Program *mainProgram(const rt::Artifact &artifact);

/// How an instruction is called in tables: its kernel, or "gemm", "conv" ….
std::string instructionKind(const fb::Instruction &instruction);
std::string kernelName(const rt::Artifact &artifact,
                       const fb::Instruction &instruction);

std::string memoryTable(const rt::Artifact &artifact);
std::string parameterTable(const Report &report);
std::string kernelTable(const rt::Artifact &artifact);
std::string entryTable(const rt::Artifact &artifact);

/// The document of `inspect --json`.
Json inspectJson(const Built &built, const std::string &model);

} // namespace dlc::tools

#endif
