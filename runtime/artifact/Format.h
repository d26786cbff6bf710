// The first 64 bytes of a `.dlc` file, before its FlatBuffer.
//
//   offset  0  magic "DLCART\0\1"
//           8  u16 major, u16 minor       of the format
//          12  u32 preamble bytes         64
//          16  u64 header bytes           the FlatBuffer, right after this
//          24  u64 XXH3-64 of the header
//          32  u64 file bytes             a shorter file is a cut one
//          40  u64 required features      bits that a reader must know
//          48  u64 reserved               zero
//          56  u64 XXH3-64 of bytes 0..55
// Little endian. A reader accepts its own major version with any minor: new
// fields only ever append, and one whose meaning a reader must not miss sets a
// feature bit, which an older reader refuses by number.
#ifndef DLC_RUNTIME_ARTIFACT_FORMAT_H
#define DLC_RUNTIME_ARTIFACT_FORMAT_H

#include <cstdint>

namespace dlc::rt {

inline constexpr unsigned char artifactMagic[8] = {'D', 'L', 'C',  'A',
                                                   'R', 'T', '\0', '\1'};
inline constexpr uint16_t artifactMajor = 1;
inline constexpr uint16_t artifactMinor = 0;
inline constexpr uint64_t knownFeatures = 0;
inline constexpr uint64_t sectionAlignment = 64;

struct Preamble {
  unsigned char magic[8];
  uint16_t major, minor;
  uint32_t preambleBytes;
  uint64_t headerBytes;
  uint64_t headerHash;
  uint64_t fileBytes;
  uint64_t requiredFeatures;
  uint64_t reserved;
  uint64_t preambleHash;
};
static_assert(sizeof(Preamble) == 64);

} // namespace dlc::rt

#endif // DLC_RUNTIME_ARTIFACT_FORMAT_H
