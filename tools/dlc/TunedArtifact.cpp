//===- TunedArtifact.cpp - what a tuning chose, in an artifact ------------===//
#include "tools/dlc/TunedArtifact.h"

#include "runtime/artifact/Writer.h"
#include "tools/dlc/Command.h"
#include "tools/support/Failure.h"

namespace dlc::tools {

/// The sections of a file as they are.
static std::vector<rt::SectionPayload>
sectionsOf(const rt::Artifact &artifact) {
  std::vector<rt::SectionPayload> sections;
  if (artifact.file().sections())
    for (const fb::Section *section : *artifact.file().sections())
      sections.push_back({section->kind(),
                          artifact.bytesOf(*section),
                          {},
                          section->variant(),
                          section->arch() ? section->arch()->str() : ""});
  return sections;
}

/// `plan` within `file`, unpacked from the same header.
static fb::ArtifactT &planWithin(fb::ArtifactT &file,
                                 const rt::Artifact &plan) {
  const auto *variants = plan.file().variants();
  for (size_t i = 0; i < file.variants.size(); ++i)
    if (variants->Get(static_cast<flatbuffers::uoffset_t>(i)) == &plan.header())
      return *file.variants[i];
  return file;
}

void writeTuned(const rt::Artifact &plan, const PlanChoices &choices,
                const std::string &path) {
  fb::ArtifactT file;
  plan.file().UnPackTo(&file);
  fb::ArtifactT &tuned = planWithin(file, plan);
  tuned.tuning = std::make_unique<fb::TuningT>();
  tuned.tuning->device = choices.device;
  tuned.tuning->libraries.assign(choices.libraries.begin(),
                                 choices.libraries.end());
  for (auto &program : tuned.programs) {
    auto found = choices.byEntry.find(program->name);
    for (size_t i = 0; i < program->instructions.size(); ++i)
      program->instructions[i]->choice = found == choices.byEntry.end()
                                             ? std::vector<uint8_t>()
                                             : found->second[i];
  }
  check(rt::writeArtifactFile(path, file, sectionsOf(plan)));
}

void remarkOnChoices(rt::Session &session, const std::string &entry) {
  rt::Session::Choices choices = check(session.choices(entry));
  const rt::LoadedProgram &program = session.program();
  const fb::Tuning *tuning = program.artifact().header().tuning();
  if (!tuning || choices.taken == choices.stored)
    return;
  std::string libraries;
  if (tuning->libraries())
    for (const flatbuffers::String *library : *tuning->libraries())
      libraries += ", " + library->str();
  printRemarks(
      {"of " + std::to_string(choices.stored) + " tuned calls of '" + entry +
       "' " + std::to_string(choices.taken) +
       " are taken as they were tuned, on " +
       (tuning->device() ? tuning->device()->str() : "another device") +
       libraries + "; run 'dlc tune' on this machine (" +
       program.device().name() + ")"});
}

} // namespace dlc::tools
