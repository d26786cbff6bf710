// Turns a filled `fb::ArtifactT` and the bytes of its sections into the bytes
// of a `.dlc` file. The compiler calls it; the runtime's tests do as well.
#ifndef DLC_RUNTIME_ARTIFACT_WRITER_H
#define DLC_RUNTIME_ARTIFACT_WRITER_H

#include "runtime/artifact/artifact_generated.h"
#include "runtime/core/Status.h"

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace dlc::rt {

/// One section to store: `bytes`, then the pieces of `rest`, without gaps. All
/// stay the caller's until the call returns.
struct SectionPayload {
  fb::SectionKind kind;
  std::span<const std::byte> bytes;
  std::span<const std::span<const std::byte>> rest = {};
  /// Of code: see artifact.fbs.
  uint32_t variant = 0;
  std::string arch = {};
};

/// The whole file in memory. `artifact.sections` is replaced by what
/// `sections` gives: offsets, sizes and checksums are computed here. Empty
/// payloads are left out. Nothing else of `artifact` is checked; the Reader
/// does that.
Result<std::vector<std::byte>>
writeArtifact(fb::ArtifactT &artifact,
              std::span<const SectionPayload> sections);

/// Writes the same bytes to `path` through a temporary file beside it and a
/// rename: a reader sees the old file or the whole new one. Sections are
/// streamed, so weights are not held twice. The disk may lag behind (there is
/// no fsync): an artifact can be made again, and its checksums tell.
Status writeArtifactFile(const std::string &path, fb::ArtifactT &artifact,
                         std::span<const SectionPayload> sections);

} // namespace dlc::rt

#endif // DLC_RUNTIME_ARTIFACT_WRITER_H
