// The header holds the sections' offsets, and the offsets depend on how long
// the header is. Offsets are fixed-width fields, so one provisional pass gives
// the length; the loop only repeats if a checksum or offset of zero, which
// FlatBuffers leaves out, made the two passes differ.

#include "runtime/artifact/Writer.h"

#include "runtime/artifact/Format.h"
#include "runtime/core/AtomicFile.h"
#include "runtime/core/CheckedMath.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstring>

namespace dlc::rt {

namespace {
struct Layout {
  flatbuffers::FlatBufferBuilder header;
  // As artifact.sections.
  std::vector<SectionPayload> stored;
  uint64_t fileBytes = 0;
};
} // namespace

static void placeSections(fb::ArtifactT &artifact, uint64_t headerBytes,
                          Layout &layout) {
  uint64_t offset = sizeof(Preamble) + headerBytes;
  for (size_t i = 0; i < layout.stored.size(); ++i) {
    offset = alignUp(offset, sectionAlignment);
    artifact.sections[i]->offset = offset;
    offset += artifact.sections[i]->bytes;
  }
  layout.fileBytes = offset;
}

/// Calls take(bytes) for the pieces of a section in order.
template <typename Take>
static Status forEachPiece(const SectionPayload &payload, Take &&take) {
  if (!payload.bytes.empty())
    DLC_RETURN_IF_ERROR(take(payload.bytes));
  for (std::span<const std::byte> piece : payload.rest)
    if (!piece.empty())
      DLC_RETURN_IF_ERROR(take(piece));
  return Status::ok();
}

/// The length and checksum of a section.
static Status measure(const SectionPayload &payload, fb::SectionT &section) {
  XXH3_state_t state;
  XXH3_64bits_reset(&state);
  DLC_RETURN_IF_ERROR(
      forEachPiece(payload, [&](std::span<const std::byte> piece) {
        section.bytes += piece.size();
        XXH3_64bits_update(&state, piece.data(), piece.size());
        return Status::ok();
      }));
  section.xxh3 = XXH3_64bits_digest(&state);
  return Status::ok();
}

static Status buildHeader(fb::ArtifactT &artifact,
                          std::span<const SectionPayload> sections,
                          Layout &layout) {
  artifact.sections.clear();
  for (const SectionPayload &payload : sections) {
    auto section = std::make_unique<fb::SectionT>();
    section->kind = payload.kind;
    section->variant = payload.variant;
    section->arch = payload.arch;
    DLC_RETURN_IF_ERROR(measure(payload, *section));
    if (section->bytes == 0)
      continue;
    artifact.sections.push_back(std::move(section));
    layout.stored.push_back(payload);
  }
  uint64_t headerBytes = 1;
  for (int attempt = 0; attempt < 4; ++attempt) {
    placeSections(artifact, headerBytes, layout);
    layout.header.Clear();
    fb::FinishArtifactBuffer(
        layout.header, fb::Artifact::Pack(layout.header, &artifact, nullptr));
    if (layout.header.GetSize() == headerBytes)
      return Status::ok();
    headerBytes = layout.header.GetSize();
  }
  return DLC_ERROR(Internal, "DLC5099",
                   "artifact header must reach a fixed size, but got ",
                   headerBytes, " bytes after four passes");
}

static Preamble makePreamble(const Layout &layout) {
  Preamble preamble{};
  std::memcpy(preamble.magic, artifactMagic, sizeof(artifactMagic));
  preamble.major = artifactMajor;
  preamble.minor = artifactMinor;
  preamble.preambleBytes = sizeof(Preamble);
  preamble.headerBytes = layout.header.GetSize();
  preamble.headerHash =
      XXH3_64bits(layout.header.GetBufferPointer(), layout.header.GetSize());
  preamble.fileBytes = layout.fileBytes;
  preamble.preambleHash =
      XXH3_64bits(&preamble, offsetof(Preamble, preambleHash));
  return preamble;
}

/// Calls write(pointer, bytes) for the pieces of the file in order.
template <typename Write>
static Status emit(const fb::ArtifactT &artifact, const Layout &layout,
                   Write &&write) {
  Preamble preamble = makePreamble(layout);
  DLC_RETURN_IF_ERROR(write(&preamble, sizeof(preamble)));
  DLC_RETURN_IF_ERROR(
      write(layout.header.GetBufferPointer(), layout.header.GetSize()));
  uint64_t position = sizeof(Preamble) + layout.header.GetSize();
  static const char zeros[sectionAlignment] = {};
  for (size_t i = 0; i < layout.stored.size(); ++i) {
    uint64_t offset = artifact.sections[i]->offset;
    DLC_RETURN_IF_ERROR(write(zeros, offset - position));
    DLC_RETURN_IF_ERROR(
        forEachPiece(layout.stored[i], [&](std::span<const std::byte> piece) {
          return write(piece.data(), piece.size());
        }));
    position = offset + artifact.sections[i]->bytes;
  }
  return Status::ok();
}

Result<std::vector<std::byte>>
writeArtifact(fb::ArtifactT &artifact,
              std::span<const SectionPayload> sections) {
  Layout layout;
  DLC_RETURN_IF_ERROR(buildHeader(artifact, sections, layout));
  std::vector<std::byte> file;
  file.reserve(layout.fileBytes);
  DLC_RETURN_IF_ERROR(
      emit(artifact, layout, [&](const void *data, uint64_t bytes) {
        auto *first = static_cast<const std::byte *>(data);
        file.insert(file.end(), first, first + bytes);
        return Status::ok();
      }));
  return file;
}

Status writeArtifactFile(const std::string &path, fb::ArtifactT &artifact,
                         std::span<const SectionPayload> sections) {
  Layout layout;
  DLC_RETURN_IF_ERROR(buildHeader(artifact, sections, layout));
  DLC_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::create(path));
  DLC_RETURN_IF_ERROR(
      emit(artifact, layout, [&](const void *data, uint64_t bytes) {
        return file.write(data, bytes);
      }));
  return file.commit(Durability::Eventual);
}

} // namespace dlc::rt
