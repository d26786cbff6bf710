// Opens a `.dlc` file and vouches for it: after open() or fromMemory()
// succeeds, every index, offset, size and stride in the header lies within
// what it refers to, so the executor uses them without looking again. The
// checks run in this order, each with its own error id:
//   DLC5001 file unreadable      DLC5002 not a dlc artifact (magic)
//   DLC5003 format version       DLC5004 preamble or file size
//   DLC5005 header damaged       DLC5006 a section damaged or misplaced
//   DLC5007 states and kernels   DLC5008 buffers and tensors of a program
//   DLC5009 an instruction       DLC5010 export rules
// What the checks cannot see is what generated machine code does: the code
// section is code, to be run only from a source one trusts.
#ifndef DLC_RUNTIME_ARTIFACT_READER_H
#define DLC_RUNTIME_ARTIFACT_READER_H

#include "runtime/artifact/artifact_generated.h"
#include "runtime/core/DType.h"
#include "runtime/core/Status.h"

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dlc::rt {

inline DType toDType(fb::DType type) { return static_cast<DType>(type); }

/// Immutable; any number of threads may read it.
class Artifact {
public:
  /// Maps the file read-only. The file must not be truncated while in use.
  static Result<std::shared_ptr<const Artifact>> open(const std::string &path);
  /// Copies the bytes.
  static Result<std::shared_ptr<const Artifact>> fromMemory(const void *data,
                                                            size_t bytes);
  Artifact(const Artifact &) = delete;
  Artifact &operator=(const Artifact &) = delete;
  ~Artifact();

  /// The plan for targets of kind `kind` ("cpu", "cuda"): `artifact` itself or
  /// one of its variants, which shares its bytes. DLC6004 when there is none.
  static Result<std::shared_ptr<const Artifact>>
  forTarget(const std::shared_ptr<const Artifact> &artifact,
            std::string_view kind);

  const fb::Artifact &header() const { return *root; }
  /// What all plans share: sections, exports, options.
  const fb::Artifact &file() const { return *outer; }
  /// The bytes of the section of that kind; empty when there is none. Aligned
  /// to 64 bytes.
  std::span<const std::byte> section(fb::SectionKind kind) const;
  /// The bytes of one of the file's sections.
  std::span<const std::byte> bytesOf(const fb::Section &section) const {
    return {bytes + section.offset(), section.bytes()};
  }
  /// This plan's code for `arch` (see artifact.fbs); empty when there is none.
  std::span<const std::byte> code(std::string_view arch) const;
  /// What code() takes, in the order of the file.
  std::vector<std::string_view> architectures() const;
  /// Null when there is no program of that name.
  const fb::Program *findProgram(std::string_view name) const;
  /// Tells the system that a section's pages may leave memory; they are read
  /// from the file again when touched.
  void releasePages(fb::SectionKind kind) const;

private:
  Artifact() = default;
  Status load();
  Status checkPreamble() const;
  Status checkSections() const;
  uint64_t checksum(uint64_t offset, uint64_t count) const;

  const std::byte *bytes = nullptr;
  uint64_t size = 0;
  bool isMapped = false;
  const fb::Artifact *root = nullptr, *outer = nullptr;
  /// Of a variant: whose bytes these are, and which it is (from 1 on).
  std::shared_ptr<const Artifact> owner;
  uint32_t variant = 0;
};

} // namespace dlc::rt

#endif // DLC_RUNTIME_ARTIFACT_READER_H
