#include "runtime/artifact/Reader.h"

#include "runtime/artifact/Format.h"
#include "runtime/artifact/Verify.h"
#include "runtime/core/CheckedMath.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <set>
#include <sys/mman.h>
#include <sys/stat.h>
#include <tuple>
#include <unistd.h>

namespace dlc::rt {

// The two enums are one list.
static_assert(int(fb::DType::MAX) + 1 == dtypeCount);
static_assert(int(fb::DType::F64) == int(DType::F64));
static_assert(int(fb::DType::BF16) == int(DType::BF16));
static_assert(int(fb::DType::I1) == int(DType::I1));
static_assert(int(fb::DType::I64) == int(DType::I64));

Artifact::~Artifact() {
  if (!bytes || owner)
    return;
  if (isMapped)
    munmap(const_cast<std::byte *>(bytes), size);
  else
    std::free(const_cast<std::byte *>(bytes));
}

Result<std::shared_ptr<const Artifact>>
Artifact::open(const std::string &path) {
  std::string where = concat("artifact '", path, "'");
  // O_NONBLOCK: opening a FIFO must not wait for a writer.
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return DLC_ERROR(NotFound, "DLC5001", where, " must be readable, but got '",
                     std::strerror(errno), "'");
  struct stat info {};
  int failed = fstat(fd, &info);
  if (failed || !S_ISREG(info.st_mode)) {
    close(fd);
    return DLC_ERROR(InvalidArgument, "DLC5001", where,
                     " must be a regular file, but got another kind");
  }
  std::shared_ptr<Artifact> artifact(new Artifact());
  artifact->size = static_cast<uint64_t>(info.st_size);
  if (artifact->size != 0) {
    void *p = mmap(nullptr, artifact->size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED) {
      close(fd);
      return DLC_ERROR(Io, "DLC5001", where, " must be mappable, but got '",
                       std::strerror(errno), "'");
    }
    artifact->bytes = static_cast<const std::byte *>(p);
    artifact->isMapped = true;
  }
  close(fd);
  if (Status status = artifact->load(); !status.isOk())
    return std::move(status).withContext(where);
  return std::shared_ptr<const Artifact>(std::move(artifact));
}

Result<std::shared_ptr<const Artifact>> Artifact::fromMemory(const void *data,
                                                             size_t count) {
  std::shared_ptr<Artifact> artifact(new Artifact());
  size_t padded = alignUp(count + 1, sectionAlignment);
  auto *copy =
      static_cast<std::byte *>(std::aligned_alloc(sectionAlignment, padded));
  if (!copy)
    return DLC_ERROR(OutOfMemory, "DLC6002", "artifact copy needs ", count,
                     " bytes, but got none from the system");
  if (count != 0)
    std::memcpy(copy, data, count);
  artifact->bytes = copy;
  artifact->size = count;
  DLC_RETURN_IF_ERROR(artifact->load());
  return std::shared_ptr<const Artifact>(std::move(artifact));
}

Status Artifact::checkPreamble() const {
  if (size < sizeof(Preamble) ||
      std::memcmp(bytes, artifactMagic, sizeof(artifactMagic)) != 0)
    return DLC_ERROR(Corrupt, "DLC5002",
                     "file must start with the mark of a "
                     "dlc artifact, but got other bytes (",
                     size, " in all)");
  Preamble preamble;
  std::memcpy(&preamble, bytes, sizeof(preamble));
  if (preamble.major != artifactMajor)
    return DLC_ERROR(Unsupported, "DLC5003", "format version must be ",
                     artifactMajor, ".x, but got ", preamble.major, ".",
                     preamble.minor);
  if (preamble.preambleHash !=
      XXH3_64bits(bytes, offsetof(Preamble, preambleHash)))
    return DLC_ERROR(Corrupt, "DLC5004",
                     "preamble must match its checksum, "
                     "but got other bytes");
  if (uint64_t unknown = preamble.requiredFeatures & ~knownFeatures)
    return DLC_ERROR(Unsupported, "DLC5003",
                     "required features must be known "
                     "to this runtime, but got unknown bits ",
                     unknown);
  if (preamble.fileBytes != size)
    return DLC_ERROR(Corrupt, "DLC5004", "file must have ", preamble.fileBytes,
                     " bytes, but got ", size);
  if (preamble.preambleBytes != sizeof(Preamble) ||
      !isWithin(sizeof(Preamble), preamble.headerBytes, size) ||
      preamble.headerBytes > FLATBUFFERS_MAX_BUFFER_SIZE)
    return DLC_ERROR(Corrupt, "DLC5004", "header must lie within the file's ",
                     size, " bytes, but got ", preamble.headerBytes,
                     " bytes of header");
  if (preamble.headerHash !=
      XXH3_64bits(bytes + sizeof(Preamble), preamble.headerBytes))
    return DLC_ERROR(Corrupt, "DLC5005",
                     "header must match its checksum, but "
                     "got other bytes");
  return Status::ok();
}

/// Drops the pages of a file that lie wholly within `range`.
static void dropPages(std::span<const std::byte> range) {
  constexpr uint64_t page = 4096;
  auto first = reinterpret_cast<uint64_t>(range.data());
  uint64_t begin = alignUp(first, page);
  uint64_t end = (first + range.size()) / page * page;
  if (begin < end)
    madvise(reinterpret_cast<void *>(begin), end - begin, MADV_DONTNEED);
}

/// In pieces, so that a large file is never in this process' memory as a whole.
uint64_t Artifact::checksum(uint64_t offset, uint64_t count) const {
  constexpr uint64_t piece = 16 << 20;
  XXH3_state_t state;
  XXH3_64bits_reset(&state);
  for (uint64_t done = 0; done < count; done += piece) {
    std::span range(bytes + offset + done, std::min(piece, count - done));
    XXH3_64bits_update(&state, range.data(), range.size());
    if (isMapped && range.size() == piece)
      dropPages(range);
  }
  return XXH3_64bits_digest(&state);
}

Status Artifact::checkSections() const {
  if (!root->sections())
    return Status::ok();
  std::set<std::tuple<int, uint32_t, std::string_view>> seen;
  for (const fb::Section *section : *root->sections()) {
    int kind = static_cast<int>(section->kind());
    if (kind < int(fb::SectionKind::MIN) || kind > int(fb::SectionKind::MAX))
      return DLC_ERROR(Corrupt, "DLC5006", "section kind must be at most ",
                       int(fb::SectionKind::MAX), ", but got ", kind);
    std::string name =
        concat("section '", fb::EnumNameSectionKind(section->kind()), "'");
    std::string_view arch =
        section->arch() ? section->arch()->string_view() : "";
    if (!seen.insert({kind, section->variant(), arch}).second)
      return DLC_ERROR(Corrupt, "DLC5006", name,
                       " must occur once, but got it twice");
    bool isCode = section->kind() == fb::SectionKind::Code;
    size_t variants = root->variants() ? root->variants()->size() : 0;
    if (section->variant() > (isCode ? variants : 0))
      return DLC_ERROR(Corrupt, "DLC5006", name,
                       " must be of one of the artifact's ", variants,
                       " variants, but got ", section->variant());
    if (section->offset() % sectionAlignment != 0 ||
        !isWithin(section->offset(), section->bytes(), size))
      return DLC_ERROR(Corrupt, "DLC5006", name,
                       " must be aligned to 64 and lie within ", size,
                       " bytes, but got offset ", section->offset(), " and ",
                       section->bytes(), " bytes");
    if (checksum(section->offset(), section->bytes()) != section->xxh3())
      return DLC_ERROR(Corrupt, "DLC5006", name,
                       " must match its checksum, but got other bytes");
  }
  return Status::ok();
}

Status Artifact::load() {
  DLC_RETURN_IF_ERROR(checkPreamble());
  Preamble preamble;
  std::memcpy(&preamble, bytes, sizeof(preamble));
  auto *header = reinterpret_cast<const uint8_t *>(bytes + sizeof(Preamble));
  // Depth and table count bound the work that a crafted header can cause.
  flatbuffers::Verifier verifier(header, preamble.headerBytes,
                                 /*max_depth=*/64, /*max_tables=*/4000000);
  if (preamble.headerBytes < 8 || !fb::VerifyArtifactBuffer(verifier))
    return DLC_ERROR(Corrupt, "DLC5005",
                     "header must be a well-formed "
                     "FlatBuffer of schema DLC1, but got other bytes");
  root = outer = fb::GetArtifact(header);
  DLC_RETURN_IF_ERROR(checkSections());
  return verifyPlan(*root, section(fb::SectionKind::Constants).size(),
                    section(fb::SectionKind::Weights).size());
}

static std::string_view kindOf(const fb::Artifact &plan) {
  const fb::Target *target = plan.target();
  return target && target->kind() ? target->kind()->string_view() : "cpu";
}

Result<std::shared_ptr<const Artifact>>
Artifact::forTarget(const std::shared_ptr<const Artifact> &artifact,
                    std::string_view kind) {
  const fb::Artifact &outer = *artifact->outer;
  std::vector<std::string_view> kinds = {kindOf(outer)};
  if (kinds.front() == kind)
    return artifact;
  for (uint32_t i = 0; outer.variants() && i < outer.variants()->size(); ++i) {
    kinds.push_back(kindOf(*outer.variants()->Get(i)));
    if (kinds.back() != kind)
      continue;
    std::shared_ptr<Artifact> plan(new Artifact());
    plan->bytes = artifact->bytes;
    plan->size = artifact->size;
    plan->isMapped = artifact->isMapped;
    plan->root = outer.variants()->Get(i);
    plan->outer = &outer;
    plan->owner = artifact->owner ? artifact->owner : artifact;
    plan->variant = i + 1;
    return std::shared_ptr<const Artifact>(std::move(plan));
  }
  return DLC_ERROR(Unsupported, "DLC6004", "artifact compiled for ",
                   listOf(kinds), " must run there, but got a device for '",
                   kind, "' programs");
}

std::span<const std::byte> Artifact::section(fb::SectionKind kind) const {
  if (kind == fb::SectionKind::Code)
    return code("");
  if (outer->sections())
    for (const fb::Section *section : *outer->sections())
      if (section->kind() == kind)
        return bytesOf(*section);
  return {};
}

std::span<const std::byte> Artifact::code(std::string_view arch) const {
  if (outer->sections())
    for (const fb::Section *section : *outer->sections())
      if (section->kind() == fb::SectionKind::Code &&
          section->variant() == variant &&
          (section->arch() ? section->arch()->string_view() : "") == arch)
        return bytesOf(*section);
  return {};
}

std::vector<std::string_view> Artifact::architectures() const {
  std::vector<std::string_view> found;
  if (outer->sections())
    for (const fb::Section *section : *outer->sections())
      if (section->kind() == fb::SectionKind::Code &&
          section->variant() == variant)
        found.push_back(section->arch() ? section->arch()->string_view() : "");
  return found;
}

const fb::Program *Artifact::findProgram(std::string_view name) const {
  if (root->programs())
    for (const fb::Program *program : *root->programs())
      if (name == program->name()->string_view())
        return program;
  return nullptr;
}

void Artifact::releasePages(fb::SectionKind kind) const {
  std::span<const std::byte> range = section(kind);
  if (isMapped && !range.empty())
    dropPages(range);
}

} // namespace dlc::rt
