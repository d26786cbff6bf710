// NaN and infinity in a traced program: what a session found, and how it says
// so. See docs/rationale/nonfinite.md.
#ifndef DLC_RUNTIME_EXECUTOR_FAULTS_H
#define DLC_RUNTIME_EXECUTOR_FAULTS_H

#include "runtime/artifact/artifact_generated.h"
#include "runtime/core/FiniteScan.h"
#include "runtime/core/Status.h"

#include <string>
#include <vector>

namespace dlc::rt {

/// The state that a dynamic loss scale is kept in.
inline constexpr std::string_view lossScaleState = "loss-scale";

/// A call of a traced program that computed a number which it should not.
struct Fault {
  std::string entry;
  /// The first instruction that did, in the order of execution.
  size_t instruction = 0;
  /// How many steps in a row were left out because scaled gradients
  /// overflowed; 0: it is no such overflow.
  int64_t skipped = 0;
  /// What was not finite before the call: "input 'x' (3 NaN)".
  std::vector<std::string> sources;
};

/// What an instruction read and wrote, a range per tensor of its check: taken
/// before it ran for those that it reads, after for those that it writes.
struct Probe {
  size_t instruction = 0;
  std::vector<ValueRange> tensors;
};

/// "3 NaN, 1 inf, 2 -inf"; "none" if all are finite.
std::string nonfiniteText(const ValueRange &range);
/// "forward", "backward", "update".
std::string_view partName(fb::StepPart part);

/// DLC6020, from what the artifact says of the instruction.
Status faultError(const fb::Program &program, const Fault &fault);

} // namespace dlc::rt

#endif // DLC_RUNTIME_EXECUTOR_FAULTS_H
