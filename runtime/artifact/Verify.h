// The semantic checks of a header that FlatBuffers has already verified.
#ifndef DLC_RUNTIME_ARTIFACT_VERIFY_H
#define DLC_RUNTIME_ARTIFACT_VERIFY_H

#include "runtime/artifact/artifact_generated.h"
#include "runtime/core/Status.h"

#include <cstdint>

namespace dlc::rt {

/// Checks every index, offset, size and stride of `artifact`, given how many
/// bytes its constants and weights sections hold. The errors name the program,
/// instruction and field. Also run by the compiler on what it has built.
Status verifyPlan(const fb::Artifact &artifact, uint64_t constantBytes,
                  uint64_t weightBytes);

} // namespace dlc::rt

#endif // DLC_RUNTIME_ARTIFACT_VERIFY_H
