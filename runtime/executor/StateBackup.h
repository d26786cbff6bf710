// The states that a program writes, as they were before a call.
//
// Updates are done in place, so a step that turned out to be wrong has
// destroyed what it began with, unless that was kept. Only traced programs
// have a backup; it doubles the memory of their states.
#ifndef DLC_RUNTIME_EXECUTOR_STATEBACKUP_H
#define DLC_RUNTIME_EXECUTOR_STATEBACKUP_H

#include "runtime/artifact/Reader.h"
#include "runtime/device/Stream.h"

#include <cstddef>
#include <memory>
#include <vector>

namespace dlc::rt {

class StateBackup {
public:
  /// Finds the states by the checks of `program`, in an arena at `arena`.
  StateBackup(const fb::Program &program, uint64_t stateBytes,
              std::byte *arena);

  Status save(Stream &stream);
  Status restore(Stream &stream) const;
  /// What was saved of the bytes at `offset` of the arena; null: they are not
  /// written.
  const std::byte *find(uint64_t offset) const;

private:
  struct Piece {
    uint64_t offset, bytes;
    size_t position; // in `copy`
  };
  std::byte *arena;
  std::vector<Piece> pieces;
  uint64_t total = 0;
  // Not a vector, whose bytes would be zeroed and so be touched here.
  std::unique_ptr<std::byte[]> copy;
};

} // namespace dlc::rt

#endif // DLC_RUNTIME_EXECUTOR_STATEBACKUP_H
