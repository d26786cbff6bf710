//===- Targets.h - what a program is compiled for ---------------*- C++ -*-===//
#ifndef DLC_COMPILER_DRIVER_TARGETS_H
#define DLC_COMPILER_DRIVER_TARGETS_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace dlc {

/// A kind of plan. GPUs and the emulated one share theirs.
enum class TargetKind { Cpu, Cuda };

/// "cpu" or "cuda".
llvm::StringRef nameOf(TargetKind kind);

struct Targets {
  /// Each once, in the order that they were asked for.
  std::vector<TargetKind> kinds;
  /// Of machine code for GPUs, oldest first ("sm_80").
  std::vector<std::string> architectures;
  /// Code for the emulated device.
  bool isEmulated = false;
};

/// Reads `--target`: "cpu", "cuda", "cuda:sm_80,sm_90", "emulated", or several
/// of them with commas between. The message of DLC4101 if it is none.
llvm::Expected<Targets> parseTargets(llvm::StringRef text);

} // namespace dlc

#endif
