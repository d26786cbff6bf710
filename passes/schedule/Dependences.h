//===- Dependences.h - which instruction waits for which --------*- C++ -*-===//
#ifndef DLC_PASSES_SCHEDULE_DEPENDENCES_H
#define DLC_PASSES_SCHEDULE_DEPENDENCES_H

#include "dialects/exec/IR/Exec.h"

namespace dlc {

/// The order that instructions must keep, by their numbers in the program:
/// reads after the write that they see, writes after the reads and writes
/// before them.
struct Dependences {
  explicit Dependences(llvm::ArrayRef<exec::Instruction> instructions);

  /// Per instruction, without repetition: what must run before and after it.
  std::vector<llvm::SmallVector<unsigned>> before, after;
};

} // namespace dlc

#endif
